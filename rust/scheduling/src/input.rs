//! What can happen to a Swarm: everything it learns comes through one of these.

use std::net::SocketAddr;
use std::time::Duration;

use p2pcore_protocol::extension::Coming;
use p2pcore_protocol::holepunch::Holepunch;
use p2pcore_protocol::message::Message;
use p2pcore_protocol::pex::Exchange;
use p2pcore_protocol::{BlockSpan, Member, PieceIndex, SiteNews, Verified};

use crate::output::CloseReason;

/// A connected peer, named by the driver. The driver never uses a key twice within one Swarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeerKey(pub u64);

/// Names payload that the driver holds: the Swarm never sees the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);

/// A hash of one block's bytes under a key that is the driver's secret. Two blocks are compared by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Print(pub u64);

/// What the handshakes said of a peer.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools)] // Independent facts, not one state.
pub struct PeerInfo {
    /// The address it is connected from (or that we dialled).
    pub addr: SocketAddr,
    /// We dialled it.
    pub outgoing: bool,
    /// Its 20-byte peer id.
    pub peer_id: [u8; 20],
    /// Both sides speak BEP 6.
    pub fast: bool,
    /// Both sides speak BEP 10.
    pub extended: bool,
    /// The connection speaks v2 (BEP 52): hash messages may be used.
    pub v2: bool,
}

/// Where an address came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PeerSource {
    /// The user named it: it is kept and dialled again.
    User,
    /// It dialled us.
    Incoming,
    /// It told the local network that it takes part.
    Local,
    /// A peer told us of it (BEP 11).
    Exchange,
}

/// What a peer's extension handshakes offer beyond BEP 3, as far as it said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Extensions {
    /// To it, `not interested` and `interested` at once pass a slot on (`p2_pass`).
    pub passes: bool,
    /// Its id for the message that a piece is gone (`lt_donthave`, BEP 54).
    pub dont_have: Option<u8>,
    /// Its id for the message of the other seeds that we see (`p2_seeds`).
    pub seeds: Option<u8>,
    /// Its id for the message of the peers that we know (`ut_pex`, BEP 11).
    pub exchange: Option<u8>,
    /// Its id for the message by which two are told to dial each other (`p2_punch`).
    pub punch: Option<u8>,
    /// Its id for the message that a piece comes (`p2_coming`).
    pub coming: Option<u8>,
    /// Where it takes connections (`p`, BEP 10).
    pub listen_port: Option<u16>,
}

/// The verdict on a piece that [`Output::Check`](crate::Output::Check) asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It hashes as the metainfo says, and the operating system has taken the bytes: it can be served.
    Good(Verified),
    /// It does not.
    Bad {
        /// The piece.
        piece: PieceIndex,
        /// Where the leaf hashes name the bad blocks (v2 with known leaves): exactly those. Empty: unknown.
        bad_blocks: Vec<BlockSpan>,
    },
}

/// One thing that happened.
#[derive(Debug, Clone)]
pub enum Input {
    /// A handshake was completed; nothing has been sent after it yet (the Swarm sends the bitfield).
    PeerConnected {
        /// The driver's new name for it.
        peer: PeerKey,
        /// What the handshake said.
        info: PeerInfo,
    },
    /// The connection ended (ours or theirs). The Swarm forgets the key and releases its requests.
    PeerDisconnected {
        /// The peer.
        peer: PeerKey,
    },
    /// The remote's extension handshake said how many requests it queues (`reqq`), BEP 10.
    PeerRequestLimit {
        /// The peer.
        peer: PeerKey,
        /// Requests outstanding that it accepts.
        reqq: u32,
    },
    /// The remote's extension handshake said that it only uploads (BEP 21).
    PeerUploadOnly {
        /// The peer.
        peer: PeerKey,
        /// It wants nothing.
        upload_only: bool,
    },
    /// What the peer's extension handshake offers beyond BEP 3.
    PeerExtensions {
        /// The peer.
        peer: PeerKey,
        /// All of it, also what was said before.
        said: Extensions,
    },
    /// A peer said which others it is connected with, and not any more (`ut_pex`, BEP 11). Nothing in it is checked.
    Exchanged {
        /// From whom.
        peer: PeerKey,
        /// What.
        exchange: Exchange,
    },
    /// A peer asks us to bring it together with another, or tells us to dial one (`p2_punch`). Nothing in it is checked.
    Punched {
        /// From whom.
        peer: PeerKey,
        /// What.
        said: Holepunch,
    },
    /// A peer said which other seeds it sees (`p2_seeds`). Nothing in it is checked.
    SeedsSeen {
        /// From whom.
        peer: PeerKey,
        /// Which.
        seeds: Vec<Member>,
    },
    /// Where the peer is. Until this is said it counts as elsewhere.
    PeerSite {
        /// The peer.
        peer: PeerKey,
        /// At our site ([`Site::is_with`](crate::Site::is_with)).
        local: bool,
        /// Its id for the message of who fetches what for a site (`p2_site`).
        news: Option<u8>,
    },
    /// A peer said who fetches what for its site (`p2_site`). Nothing in it is checked.
    SiteNews {
        /// From whom.
        peer: PeerKey,
        /// What.
        news: Vec<SiteNews>,
    },
    /// A message without payload arrived.
    Message {
        /// From whom.
        peer: PeerKey,
        /// What; indices not yet checked.
        message: Message,
    },
    /// A piece message arrived whole; the payload waits under `ticket` until `Store` or `Discard` names it.
    BlockArrived {
        /// From whom.
        peer: PeerKey,
        /// The header as sent, unchecked.
        piece: u32,
        /// The header as sent, unchecked.
        begin: u32,
        /// Payload bytes.
        length: u32,
        /// It has its leaf (v2): where it is stored, it may go on to others before its piece is whole.
        proven: bool,
        /// Names the payload.
        ticket: Ticket,
    },
    /// Part of a block's payload arrived (progress for timeouts on slow links, and for rates).
    Progress {
        /// From whom.
        peer: PeerKey,
        /// Bytes of payload just received, also for blocks still incomplete. The sum over a block is its length.
        bytes: u32,
    },
    /// The peer's send queue in the driver has room for about `room` more payload bytes.
    Writable {
        /// The peer.
        peer: PeerKey,
        /// Bytes.
        room: u32,
    },
    /// The check that `Output::Check` asked for is done.
    Checked {
        /// What it found.
        verdict: Verdict,
        /// A print of each block of the piece, in order, where it is bad or `Output::Check` asked for them. Without them
        /// only the sender of a whole bad piece is found out.
        prints: Vec<Print>,
    },
    /// The peer gave the leaves that [`Output::AskLeaves`](crate::Output::AskLeaves) asked for.
    LeavesCame {
        /// The peer.
        peer: PeerKey,
        /// Of which piece.
        piece: PieceIndex,
        /// The numbers of those stored blocks that have their leaves: they may go on to others before the piece is whole.
        proven: Vec<u32>,
    },
    /// The peer gave no leaves where [`Output::AskLeaves`](crate::Output::AskLeaves) asked for them.
    LeavesRefused {
        /// The peer.
        peer: PeerKey,
    },
    /// Pieces that storage already holds, checked before (resume, or the first hash check of a seed).
    Had(Vec<Verified>),
    /// Priority of each piece: 0 is unwanted; 1 to 255, higher is sooner. Length: the number of pieces.
    Priorities(Vec<u8>),
    /// Pieces in order (streaming) instead of rarest first.
    Sequential(bool),
    /// A piece is due so long from now (streaming), or (`None`) not at any time. Pieces that are due go before all others,
    /// soonest first, and late ones are asked of two peers. Those that are not wanted are not fetched.
    Deadline {
        /// The piece; one that is out of range or had is passed over.
        piece: u32,
        /// From now.
        within: Option<Duration>,
    },
    /// Nothing is due at any time.
    NoDeadlines,
    /// Addresses worth dialling.
    Addresses(Vec<(SocketAddr, PeerSource)>),
    /// A dial ended without a handshake; `None` when the remote turned out to be ourselves or already connected.
    DialFailed {
        /// The address.
        addr: SocketAddr,
        /// Do not try it again.
        for_good: bool,
    },
    /// The peer gave up a piece that it had announced (`lt_donthave`, BEP 54). The index is not yet checked.
    PeerLacks {
        /// The peer.
        peer: PeerKey,
        /// The piece.
        piece: u32,
    },
    /// A piece comes to the peer (`p2_coming`). The index is not yet checked.
    PeerComing {
        /// The peer.
        peer: PeerKey,
        /// What it said.
        coming: Coming,
    },
    /// Storage lost the blocks of a piece (a failed write): it is missing again. No verdict follows for it.
    StoreFailed {
        /// The piece.
        piece: PieceIndex,
    },
    /// The driver closed a peer for a reason the Swarm keeps count of (protocol errors seen by the codec).
    Misbehaved {
        /// The peer.
        peer: PeerKey,
        /// Why.
        reason: CloseReason,
    },
    /// Stop requesting and serving, close peers, dial nobody.
    Pause,
    /// Go on.
    Resume,
    /// Nothing else happened; the deadline of `poll_timeout` passed.
    Tick,
}
