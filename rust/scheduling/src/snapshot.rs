//! Plain values copied out of a Swarm for people to look at.

use std::net::SocketAddr;

use crate::explain::Why;
use crate::input::PeerKey;
use crate::output::CloseReason;

/// One connected peer at one moment.
#[derive(Debug, Clone, PartialEq)]
#[allow(clippy::struct_excessive_bools)] // Independent facts, not one state.
pub struct PeerSnapshot {
    /// The driver's name for it.
    pub key: PeerKey,
    /// Its address.
    pub addr: SocketAddr,
    /// We dialled it.
    pub outgoing: bool,
    /// Share of the pieces that it has, 0 to 1.
    pub progress: f64,
    /// It has every piece.
    pub seed: bool,
    /// Payload bytes received from it.
    pub downloaded: u64,
    /// Payload bytes handed to its connection.
    pub uploaded: u64,
    /// Bytes per second received from it.
    pub download_rate: u64,
    /// Bytes per second sent to it.
    pub upload_rate: u64,
    /// We choke it.
    pub choking: bool,
    /// It chokes us.
    pub choked: bool,
    /// We want something that it has.
    pub interested: bool,
    /// It wants something that we have.
    pub wanting: bool,
    /// It stalled, and gets one request at a time until it delivers.
    pub snubbed: bool,
    /// Blocks asked of it and not yet received.
    pub outstanding: u32,
    /// Blocks that may be outstanding at it.
    pub window: u32,
    /// Requests of its own that wait here.
    pub queued: u32,
    /// Why it is treated as it is.
    pub why: Why,
}

/// Sums over the life of a Swarm.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Counters {
    /// Payload bytes received from peers, useful or not.
    pub downloaded: u64,
    /// Payload bytes handed to connections.
    pub uploaded: u64,
    /// Payload bytes received in vain: duplicates, unasked blocks, failed pieces.
    pub wasted: u64,
    /// Pieces that failed their hash.
    pub pieces_failed: u64,
    /// Blocks asked of a second peer in the endgame.
    pub duplicates: u64,
    /// Blocks asked of a second peer because they would have come after their piece's deadline.
    pub hedges: u64,
    /// Stalls: a peer lost its requests because nothing came.
    pub stalls: u64,
    /// Requests of peers that were refused.
    pub requests_refused: u64,
    closed: [u64; CloseReason::ALL.len()],
}

impl Counters {
    /// How many peers were closed (by us or by the driver) for this reason.
    pub fn closed(&self, reason: CloseReason) -> u64 {
        self.closed[reason as usize]
    }

    /// Every reason with its count, in a fixed order.
    pub fn closings(&self) -> impl Iterator<Item = (CloseReason, u64)> + '_ {
        CloseReason::ALL.into_iter().zip(self.closed)
    }

    pub(crate) fn count_close(&mut self, reason: CloseReason) {
        self.closed[reason as usize] += 1;
    }
}
