//! What a Swarm asks of its driver. The driver carries each out in order and decides nothing.

use std::net::SocketAddr;
use std::time::Duration;

use p2pcore_protocol::message::Message;
use p2pcore_protocol::{BlockSpan, PieceIndex};

use crate::bans::BanReason;
use crate::input::{PeerKey, Ticket};
use crate::time::Time;

/// Why a peer is closed or banned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum CloseReason {
    /// A message broke the protocol: a bad length, an index out of range, a message out of place.
    #[error("protocol error")]
    ProtocolError,
    /// It sent data that fails its hash.
    #[error("sent corrupt data")]
    CorruptData,
    /// It sent more than we asked for, again and again.
    #[error("flooded us")]
    Flooded,
    /// Neither side wants anything of the other (two seeds).
    #[error("nothing to trade")]
    NothingToTrade,
    /// Nothing came for too long.
    #[error("timed out")]
    TimedOut,
    /// The same peer is connected already.
    #[error("duplicate connection")]
    Duplicate,
    /// The remote is ourselves.
    #[error("connected to self")]
    OwnSelf,
    /// No room for another peer.
    #[error("too many peers")]
    TooManyPeers,
    /// The torrent was paused or removed.
    #[error("torrent stopped")]
    Stopped,
    /// The remote closed, or the socket failed.
    #[error("connection closed")]
    Closed,
    /// The address is banned.
    #[error("banned")]
    Banned,
}

impl CloseReason {
    /// Every reason, in the order of the declaration.
    pub const ALL: [Self; 11] = [
        Self::ProtocolError,
        Self::CorruptData,
        Self::Flooded,
        Self::NothingToTrade,
        Self::TimedOut,
        Self::Duplicate,
        Self::OwnSelf,
        Self::TooManyPeers,
        Self::Stopped,
        Self::Closed,
        Self::Banned,
    ];
}

/// A fact that the user may be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact {
    /// A piece was verified and can be served.
    PieceVerified(PieceIndex),
    /// A piece failed its hash and is fetched again.
    PieceFailed(PieceIndex),
    /// A peer is banned.
    PeerBanned {
        /// Its address.
        addr: SocketAddr,
        /// Why.
        reason: BanReason,
        /// Until when.
        until: Time,
    },
    /// Every wanted piece is there.
    Completed,
    /// After completion one more piece was handed out, or no connected peer wants any: leaving does no harm.
    MayLeave,
}

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Send a message without payload.
    Send {
        /// To whom.
        peer: PeerKey,
        /// What.
        message: Message,
    },
    /// Send these bytes as a piece message: of a piece that we have, or a block that was stored and proven. Pad bytes are
    /// zero.
    Serve {
        /// To whom.
        peer: PeerKey,
        /// Which bytes.
        span: BlockSpan,
    },
    /// Ask the peer for the leaves of a piece (v2), compare with them the blocks that are stored and those that come, and
    /// say which are proven. Where there are none to ask for, nothing follows.
    AskLeaves {
        /// Whom.
        peer: PeerKey,
        /// The piece.
        piece: PieceIndex,
    },
    /// Keep the payload as part of its piece.
    Store {
        /// Names the payload.
        ticket: Ticket,
        /// Its place.
        span: BlockSpan,
    },
    /// Drop the payload (unwanted, duplicate, or of a closed peer).
    Discard {
        /// Names the payload.
        ticket: Ticket,
    },
    /// Every block of this piece is stored: hash it, write it, answer with `Input::Checked`.
    Check {
        /// The piece.
        piece: PieceIndex,
        /// Take prints of its blocks also if it is good: there are others to compare them with.
        prints: bool,
    },
    /// Forget the stored blocks of this piece: they are fetched anew.
    Drop {
        /// The piece.
        piece: PieceIndex,
    },
    /// Connect to this address; `PeerConnected` or `DialFailed` follows.
    Dial {
        /// The address.
        addr: SocketAddr,
        /// Longer it is not worth waiting for, where the driver's own limit is later.
        within: Option<Duration>,
    },
    /// Close this peer; `PeerDisconnected` follows.
    Close {
        /// Whom.
        peer: PeerKey,
        /// Why.
        reason: CloseReason,
    },
    /// Tell the user.
    Fact(Fact),
}
