//! What is known of one connected peer.

use std::net::SocketAddr;
use std::time::Duration;

use p2pcore_protocol::extension::Coming;
use p2pcore_protocol::{Layout, Member};

use crate::belief::Belief;
use crate::blame::Parole;
use crate::exchange::Acquaintance;
use crate::forwarding::Forwarding;
use crate::holdings::Holdings;
use crate::identity::{Account, Identity};
use crate::input::{PeerInfo, PeerKey};
use crate::offers::Offers;
use crate::origin::Shown;
use crate::patience::Patience;
use crate::rates::RateMeter;
use crate::requests::Requests;
use crate::snapshot::PeerSnapshot;
use crate::stall::Stall;
use crate::tally::Amounts;
use crate::time::Time;
use crate::uploader::{Candidate, Served};
use crate::uploads::Uploads;
use crate::window::Window;

/// One connected peer.
#[derive(Debug)]
#[repr(C)] // Ordered by use: what a HAVE, and what a block touches, are few cache lines together.
#[allow(clippy::struct_excessive_bools)] // Independent facts, not one state.
pub(crate) struct Peer {
    pub(crate) key: PeerKey,
    pub(crate) heard: Time,
    pub(crate) spoken: Time,
    pub(crate) holds: Holdings,
    /// The picker's generation at which nothing was found for it.
    pub(crate) dry: u64,
    /// Pieces that it has and we need.
    pub(crate) useful: u32,
    /// The piece that it announced last.
    pub(crate) announced: Option<u32>,
    pub(crate) belief: Belief,
    /// We choke it.
    pub(super) choking: bool,
    /// It chokes us.
    pub(super) choked: bool,
    /// We told it that we are interested.
    pub(crate) interested: bool,
    /// It told us that it is interested.
    pub(crate) wants: bool,
    /// It sent its bitfield (or have-all, have-none).
    pub(crate) map_said: bool,
    /// It understands that we pass on a slot of its that we cannot use now.
    pub(crate) passes: bool,
    /// It left the slot that it has to others.
    pub(crate) yields: bool,
    /// It said that it only uploads (BEP 21).
    pub(crate) upload_only: bool,
    pub(crate) place: Place,
    /// Why it has a slot, while it has one.
    pub(crate) served: Option<Served>,
    /// Its id for the message that a piece is gone (BEP 54).
    pub(crate) dont_have: Option<u8>,
    /// Its id for the message that a piece comes.
    pub(crate) told_coming: Option<u8>,
    /// Its id for the news of a site.
    pub(crate) news: Option<u8>,
    /// How often it had no leaves of a piece for us.
    pub(crate) leaves_refused: u8,
    /// Pieces that it may ask us for while we choke it, see `swarm/offering.rs`.
    pub(crate) offers: Offers,
    /// Pieces that we may ask for while choked (BEP 6); at most [`ALLOWED_FAST_KEPT`], further ones are ignored.
    pub(crate) allowed_fast: Vec<u32>,
    /// While we hide pieces from it (origin mode).
    pub(crate) shown: Option<Shown>,
    pub(crate) requests: Requests,
    /// The piece that it was asked for last.
    pub(crate) current: Option<u32>,
    /// The picker's generation when we passed on our slot there, and when.
    pub(crate) passed: (u64, Time),
    /// Until when it is not known whether the slot that we passed on there was taken; zero: none was, that we still have.
    pub(crate) passing: Time,
    pub(crate) window: Window,
    pub(crate) stall: Stall,
    pub(crate) patience: Patience,
    pub(crate) uploads: Uploads,
    /// Pieces that we told it of, and that are still to come.
    pub(crate) awaits: Vec<u32>,
    /// Pieces among those that it holds that still come to it; at most [`COMING_KEPT`], further ones are ignored.
    pub(crate) coming: Vec<Coming>,
    pub(crate) downloaded: u64,
    pub(crate) uploaded: u64,
    /// Bytes of it that were not owed to it.
    pub(crate) gifts: u64,
    pub(super) account: Account,
    /// Other connected peers that share it.
    pub(super) sharers: u32,
    /// One that shares it had a slot.
    pub(super) account_served: bool,
    /// When it got or lost its slot, or came.
    pub(crate) turned: Time,
    /// When that was with the last of all that share its account: they wait for one turn.
    pub(crate) account_turned: Time,
    pub(crate) down: RateMeter,
    pub(crate) up: RateMeter,
    pub(crate) parole: Parole,
    pub(crate) info: PeerInfo,
    pub(crate) seeds: Seeds,
    pub(crate) acquaintance: Acquaintance,
    /// We reached it with the help of others, if we did.
    pub(crate) helped: bool,
    /// What the tally was told of these.
    pub(crate) booked: Amounts,
}

/// What is said of seeds.
#[derive(Debug, Default)]
pub(crate) struct Seeds {
    /// The peer's id for the message of the seeds that we see.
    pub(crate) id: Option<u8>,
    /// Those that we told it of.
    pub(crate) told: Vec<Member>,
    /// Those that it told us of.
    pub(crate) seen: Vec<Member>,
}

/// Where a peer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// It was not yet said.
    Unknown,
    /// At our site.
    Local,
    /// Elsewhere.
    Outside,
}

/// Whoever comes with others waits behind those that come alone for no longer than this.
const LONGEST_IN_COMPANY: Duration = Duration::from_secs(10);
/// More pieces are not on their way to anybody at once that all were asked for.
pub(crate) const COMING_KEPT: usize = 64;
/// The fast sets of other clients have at most 10 pieces.
pub(crate) const ALLOWED_FAST_KEPT: usize = 32;

impl Peer {
    pub(crate) fn new(key: PeerKey, info: PeerInfo, now: Time) -> Self {
        Self {
            key,
            account: Account::of(Identity::of(info.addr.ip()), key),
            info,
            holds: Holdings::Nothing,
            map_said: false,
            useful: 0,
            announced: None,
            choking: true,
            choked: true,
            interested: false,
            wants: false,
            passes: false,
            dont_have: None,
            told_coming: None,
            coming: Vec::new(),
            seeds: Seeds::default(),
            acquaintance: Acquaintance::default(),
            helped: false,
            place: Place::Unknown,
            news: None,
            passed: (0, Time::ZERO),
            passing: Time::ZERO,
            yields: false,
            upload_only: false,
            served: None,
            turned: now,
            account_turned: now,
            requests: Requests::default(),
            window: Window::new(),
            stall: Stall::new(),
            uploads: Uploads::default(),
            awaits: Vec::new(),
            down: RateMeter::new(),
            up: RateMeter::new(),
            downloaded: 0,
            uploaded: 0,
            gifts: 0,
            sharers: 0,
            account_served: false,
            booked: Amounts::default(),
            heard: now,
            spoken: now,
            allowed_fast: Vec::new(),
            offers: Offers::default(),
            leaves_refused: 0,
            current: None,
            dry: 0,
            parole: Parole::default(),
            belief: Belief::default(),
            patience: Patience::new(now),
            shown: None,
        }
    }

    /// Where it takes connections, if that is known: we dialled it there, or it said so.
    pub(crate) fn listens(&self) -> Option<SocketAddr> {
        if self.info.outgoing {
            return Some(self.seen_at());
        }
        let port = self.acquaintance.port?;
        Some(SocketAddr::new(self.info.addr.ip().to_canonical(), port))
    }

    /// Where it is seen: what its firewall makes of the port that it dials from, which with us is the one where it listens.
    pub(crate) fn seen_at(&self) -> SocketAddr {
        let addr = self.info.addr;
        SocketAddr::new(addr.ip().to_canonical(), addr.port())
    }

    /// It wants nothing of us, now or later.
    pub(crate) fn wants_nothing(&self) -> bool {
        self.holds.is_all() || self.upload_only
    }

    /// We choke it.
    pub(crate) fn choking(&self) -> bool {
        self.choking
    }

    /// It chokes us.
    pub(crate) fn choked(&self) -> bool {
        self.choked
    }

    /// It may ask us for a piece, if we have it.
    pub(crate) fn may_fetch(&self, piece: u32) -> bool {
        !self.choking || self.offers.cover(piece)
    }

    /// It takes requests, if only for some pieces.
    pub(crate) fn may_be_asked(&self) -> bool {
        !self.choked || !self.allowed_fast.is_empty()
    }

    /// We passed on the slot that we have there, and do not know yet whether it was taken.
    pub(crate) fn is_passing(&self, now: Time) -> bool {
        !self.choked && now < self.passing
    }

    /// A piece that we told it of came, or does not come; whether it was told.
    pub(crate) fn stop_awaiting(&mut self, piece: u32) -> bool {
        let at = self.awaits.iter().position(|awaited| *awaited == piece);
        at.map(|at| self.awaits.swap_remove(at)).is_some()
    }

    /// It can be told of a piece that comes: it is in need of pieces, can be told otherwise (BEP 54), and does not only take.
    pub(crate) fn hears_ahead(&self) -> bool {
        let corrigible = self.info.fast && self.dont_have.is_some();
        let only_takes = self.downloaded == 0 && self.uploaded > 0;
        corrigible && !only_takes && !self.holds.is_all()
    }

    /// By how many peers a piece that it holds passes before it has it; none, if it has it.
    pub(crate) fn hops(&self, piece: u32) -> u8 {
        let coming = self.coming.iter().find(|coming| coming.piece == piece);
        coming.map_or(0, |coming| coming.hops)
    }

    /// A piece that it has not is on its way to it.
    pub(crate) fn comes(&self, piece: u32) -> bool {
        self.coming.iter().any(|coming| coming.piece == piece)
    }

    /// A piece came to it, or does not come; whether it was coming.
    pub(crate) fn stop_coming(&mut self, piece: u32) -> bool {
        let at = self.coming.iter().position(|coming| coming.piece == piece);
        at.map(|at| self.coming.swap_remove(at)).is_some()
    }

    /// It is at our site.
    pub(crate) fn is_local(&self) -> bool {
        self.place == Place::Local
    }

    /// It is at no site of ours.
    pub(crate) fn is_outside(&self) -> bool {
        self.place == Place::Outside
    }

    /// We hide pieces from it. Such a peer is never choked: there is nothing to ask for but what it is shown.
    pub(crate) fn is_hidden_from(&self) -> bool {
        let shown = self.shown.as_ref();
        shown.is_some_and(|shown| shown.everything.is_none())
    }

    /// It competes for an unchoke slot.
    pub(crate) fn is_candidate(&self) -> bool {
        self.wants && !self.wants_nothing() && !self.is_hidden_from()
    }

    /// Other connected peers that share its account.
    pub(crate) fn sharers(&self) -> u32 {
        self.sharers
    }

    /// Other peers that came with it: those that share its account, for a while and until one of them had a slot.
    pub(crate) fn company(&self, now: Time) -> u32 {
        let waited = now.since(self.account_turned) >= LONGEST_IN_COMPANY;
        if self.account_served || waited {
            0
        } else {
            self.sharers
        }
    }

    /// Whose share its is.
    pub(crate) fn account(&self) -> Account {
        self.account
    }

    /// What a policy is told of it.
    pub(crate) fn candidate(
        &self,
        now: Time,
        layout: &Layout,
        forwarding: &Forwarding,
    ) -> Candidate {
        let pieces = self.holds.count(layout.piece_count());
        Candidate {
            key: self.key,
            account: self.account(),
            company: self.company(now),
            gives: self.down.rate(now),
            takes: self.up.rate(now),
            given: self.downloaded,
            taken: self.uploaded,
            gifts: self.gifts,
            account_taken: 0,
            holds: u64::from(pieces) * u64::from(layout.piece_length()),
            served: self.served,
            since: self.turned,
            account_since: self.account_turned,
            passes_on: forwarding.is_promising(self.account()),
            snubs: self.stall.is_stalled(),
        }
    }

    /// What people may see.
    pub(crate) fn snapshot(&self, now: Time, pieces: u32, forwarding: &Forwarding) -> PeerSnapshot {
        let seed = self.holds.is_all();
        let share = f64::from(self.holds.count(pieces)) / f64::from(pieces.max(1));
        PeerSnapshot {
            key: self.key,
            addr: self.addr(),
            outgoing: self.info.outgoing,
            progress: if seed { 1.0 } else { share },
            seed,
            downloaded: self.downloaded,
            uploaded: self.uploaded,
            download_rate: self.down.rate(now),
            upload_rate: self.up.rate(now),
            choking: self.choking,
            choked: self.choked,
            interested: self.interested,
            wanting: self.wants,
            snubbed: self.stall.is_stalled(),
            outstanding: self.requests.len() as u32,
            window: self.window.blocks(),
            queued: self.uploads.len() as u32,
            why: self.why(now, forwarding),
        }
    }

    /// Its address.
    pub(crate) fn addr(&self) -> SocketAddr {
        self.info.addr
    }
}
