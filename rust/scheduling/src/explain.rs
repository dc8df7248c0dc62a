//! Why the Swarm does with a peer what it does: plain values for people to look at, which nothing else depends on.

use std::fmt;
use std::time::Duration;

use crate::forwarding::Forwarding;
use crate::identity::Identity;
use crate::peers::Peer;
use crate::time::Time;
use crate::uploader::{Served, Share, UploaderPolicy};

/// How a torrent's upload is shared out now.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sharing {
    /// The way.
    pub policy: UploaderPolicy,
    /// The part that everybody gets in turn ([`UploaderPolicy::BaseShare`]).
    pub base_share: Share,
    /// Peers served at once.
    pub slots: usize,
    /// At most so many.
    pub most_slots: usize,
    /// We are the only source, and show the pieces one by one.
    pub origin: bool,
}

/// One peer, explained.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Why {
    /// Who it counts as when shares are counted.
    pub identity: Identity,
    /// It is at our site.
    pub local: bool,
    /// Whether it is served, and why or why not.
    pub standing: Standing,
    /// How long ago it got or lost its slot, or came.
    pub since: Duration,
    /// What is known of the path, and how many blocks it is asked for at once.
    pub path: PathModel,
    /// What is held against it.
    pub trust: Trust,
    /// How long after it got a piece from us that nobody else had, that piece shows up at another peer. Five seconds: it
    /// did not. `None`: nothing was seen yet.
    pub passes_on_after: Option<Duration>,
    /// Pieces that it was shown and has not taken yet; `None` where nothing is hidden from it.
    pub shown: Option<u32>,
}

/// Whether a peer is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It has a slot.
    Served(Served),
    /// It needs none: it may ask for what it is shown (origin mode).
    Shown,
    /// It has none.
    Choked(Choked),
}

/// Why a peer is not served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choked {
    /// It has everything.
    Complete,
    /// It said that it only uploads (BEP 21).
    UploadOnly,
    /// It did not say that it wants anything.
    NotInterested,
    /// It owes us blocks and does not deliver; others go first.
    Snubs,
    /// It waits for a slot.
    Waits,
}

impl fmt::Display for Choked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Complete => "it has everything",
            Self::UploadOnly => "it only uploads",
            Self::NotInterested => "it is not interested",
            Self::Snubs => "it snubs us",
            Self::Waits => "no slot: it waits for its turn",
        })
    }
}

/// A path, as measured, and the window that follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PathModel {
    /// Blocks that may be outstanding.
    pub blocks: u32,
    /// Blocks that the peer takes at most.
    pub limit: u32,
    /// The best bandwidth lately, bytes per second; 0: not known yet.
    pub rate: u64,
    /// The shortest round trip; `None`: not known yet.
    pub round_trip: Option<Duration>,
    /// How much the times between two arrivals vary: when it counts as stalled depends on that.
    pub jitter: Duration,
    /// Added to the round trip.
    pub margin: Duration,
    /// What the window follows from.
    pub sized_by: SizedBy,
}

/// What a window follows from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SizedBy {
    /// The start: it doubles with each round trip.
    Start,
    /// Bandwidth times delay.
    Model,
    /// It is never less.
    Least,
    /// The peer takes no more.
    Limit,
    /// It stalled, and is asked for one block now and then.
    Stall,
}

impl fmt::Display for SizedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Start => "start: doubles with each round trip",
            Self::Model => "rate times round trip and margin",
            Self::Least => "never less",
            Self::Limit => "the peer takes no more",
            Self::Stall => "stalled: one block now and then",
        })
    }
}

/// What is held against a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trust {
    /// Failed pieces in which it had a part.
    pub suspected: u32,
    /// Those of which it is not known yet who sent what was wrong. Meanwhile its blocks are not mixed with others'.
    pub parole: u32,
}

impl Peer {
    /// Why it is treated as it is.
    pub(crate) fn why(&self, now: Time, forwarding: &Forwarding) -> Why {
        let hidden = self.shown.as_ref().filter(|_| self.is_hidden_from());
        Why {
            identity: Identity::of(self.addr().ip()),
            local: self.is_local(),
            standing: self.standing(),
            since: now.since(self.turned),
            path: self.path(),
            trust: self.parole.trust(),
            passes_on_after: forwarding.known(self.account()),
            shown: hidden.map(|shown| shown.promised().len() as u32),
        }
    }

    fn standing(&self) -> Standing {
        if self.is_hidden_from() {
            return Standing::Shown;
        }
        // One that is not choked and has no slot was let in before there were any to give.
        let served = self.served.or((!self.choking()).then_some(Served::Room));
        if let Some(served) = served {
            return Standing::Served(served);
        }
        Standing::Choked(if self.holds.is_all() {
            Choked::Complete
        } else if self.upload_only {
            Choked::UploadOnly
        } else if !self.wants {
            Choked::NotInterested
        } else if self.stall.is_stalled() {
            Choked::Snubs
        } else {
            Choked::Waits
        })
    }

    fn path(&self) -> PathModel {
        let mut path = self.window.explain();
        path.jitter = self.stall.jitter();
        if self.stall.is_stalled() {
            path.sized_by = SizedBy::Stall;
        }
        path
    }
}
