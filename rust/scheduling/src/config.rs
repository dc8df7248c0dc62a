//! The numbers that a user may turn. Everything else is a constant beside the code that uses it, with its reason.

use p2pcore_protocol::Member;

use crate::uploader::{Share, UploaderPolicy};

/// What a Swarm is started with. The defaults suit a machine with a few hundred megabytes to spare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SwarmConfig {
    /// Connected peers at most; further ones are closed with `TooManyPeers`.
    pub max_peers: usize,
    /// With so many connected peers nobody is dialled of whom only other peers told us.
    pub neighbours: usize,
    /// Peers are told of each other, and believed (BEP 11). Never for a private torrent (BEP 27).
    pub exchange: bool,
    /// Dials under way at once.
    pub max_dials: usize,
    /// Addresses kept for dialling; further ones are dropped unless the user named them.
    pub max_candidates: usize,
    /// How the upload is shared out.
    pub uploader: UploaderPolicy,
    /// The part of it that is guaranteed to everybody in turn ([`UploaderPolicy::BaseShare`]).
    pub base_share: Share,
    /// Peers unchoked at once at most; fewer are where few fill our link.
    pub unchoke_slots: usize,
    /// A seed that knows no other shows each peer a few pieces at a time (BEP 16), so that none is sent twice before each
    /// was sent once.
    pub origin: bool,
    /// Who we are to others: what they know of our peer id.
    pub me: Member,
    /// Of the peers at our site one fetches each piece from outside; otherwise everybody fetches everything from anywhere.
    pub locality: bool,
    /// Requests that we queue for one peer: what the driver advertises as `reqq` (BEP 10). Further ones are rejected.
    pub upload_queue: u32,
    /// Blocks outstanding at one peer at most, however fast it is.
    pub max_outstanding: u32,
    /// Bytes of the maps of what peers have, at most. Of further peers only the number of pieces is kept: they are served,
    /// and asked for nothing.
    pub max_map_bytes: u64,
    /// Bytes of pieces that are begun or being checked at most (the driver may hold them in memory). Two pieces are
    /// always allowed.
    pub max_partial_bytes: u64,
}

impl Default for SwarmConfig {
    fn default() -> Self {
        Self {
            max_peers: 200,
            neighbours: 40,
            exchange: true,
            max_dials: 20,
            max_candidates: 1_000,
            uploader: UploaderPolicy::default(),
            base_share: Share::default(),
            unchoke_slots: 50,
            origin: true,
            me: Member(0),
            locality: false,
            upload_queue: 2_000,
            max_outstanding: 2_000,
            max_map_bytes: 64 << 20,
            max_partial_bytes: 96 << 20,
        }
    }
}
