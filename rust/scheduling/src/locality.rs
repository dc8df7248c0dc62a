//! Locality first: of the peers at one site, one fetches each piece from outside, and the others have it from there.
//!
//! Who fetches from outside makes itself known to its neighbours at the site, and they to theirs. All of them draw for
//! each piece (rendezvous hashing, Thaler and Ravishankar 1998), so that they agree without asking: the first of the
//! draw may fetch it at once, and each further one after so many [`TURN`]s more. Whoever begins claims the piece, and
//! nobody else fetches it from outside while the claim lives. So an importer that is slow to begin costs a turn, one that
//! goes costs [`PARTING`], and one that stalls costs [`CLAIM`].
//!
//! The rule has a limit: who gets much less from the site than could come from outside, although the site has what it
//! needs, or nothing for very long, because it has nothing although others claim to fetch it, is free to fetch anything
//! from anywhere, until the site gives again.

mod claims;
mod members;
pub mod site;

use std::time::Duration;

use p2pcore_protocol::{Member, Says, SiteNews};

use self::claims::Claims;
use self::members::Members;
use crate::bitfield::Bitfield;
use crate::holdings::Holdings;
use crate::time::Time;

/// How long the next of the draw waits for the one before it to begin.
const TURN: Duration = Duration::from_millis(250);
/// Below this a site is no site: what is saved is not worth what is waited.
const FEWEST: usize = 3;
/// The site has what we need and gives nothing of it, or [`FASTER`] times less than could come from outside, for so long:
/// it cannot be waited for.
const PATIENCE: Duration = Duration::from_secs(5);
const FASTER: u64 = 4;
/// What is said is heard by the whole site after so long.
const HEARD: Duration = Duration::from_millis(150);
/// Pieces at once that we say so of.
const RESERVED: usize = 2;
/// Pieces compared before one is reserved.
const COMPARED: usize = 64;
/// It has nothing, and nothing comes from anywhere for so long: those that claim to fetch may be liars.
const LONGEST: Duration = Duration::from_mins(2);
/// Pieces looked at in one tick at most: three milliseconds in a large site.
const LOOKED_AT: usize = 16_384;
/// What keeps being said, so that who is silent is forgotten.
const SAY_EVERY: Duration = Duration::from_mins(1);

/// What one Swarm knows of its site.
#[derive(Debug)]
pub(crate) struct Locality {
    me: Member,
    members: Members,
    claims: Claims,
    /// Since when each piece can be had outside; empty while the rule is off.
    seen: Vec<Option<Time>>,
    /// Pieces that we may fetch from outside.
    open: Bitfield,
    /// Pieces that we would fetch next, if we were the first to say so.
    turn: Bitfield,
    /// Those that we said so of, and when.
    said_of: Vec<(u32, Time)>,
    /// The rule holds: we fetch from outside, and there are enough of us.
    active: bool,
    /// When we last said that we are here.
    said: Option<Time>,
    /// When something last came, or the rule began to hold.
    fed: Time,
    /// Since when it has something that we need and gives us too little of it.
    slow: Option<Time>,
    /// Where the next look at the pieces begins.
    next: u32,
}

/// Who may fetch a piece from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    /// We, at once.
    Ours,
    /// We, if nobody else says so first.
    IfFirst,
    Others,
}

/// What a look at everything is given.
pub(crate) struct Surroundings<'a> {
    pub(crate) need: &'a Bitfield,
    /// What the peers at our site have.
    pub(crate) inside: &'a Bitfield,
    /// What the others have.
    pub(crate) outside: &'a Bitfield,
    /// Pieces with a deadline: anybody fetches them from anywhere.
    pub(crate) urgent: &'a [u32],
    /// There are peers that are not of our site, and we need something.
    pub(crate) fetching: bool,
    /// Peers of our site.
    pub(crate) neighbours: usize,
    /// One of them has something that we need.
    pub(crate) waiting: bool,
    /// Bytes per second that our site gives us, and that the best of those outside could.
    pub(crate) rates: (u64, u64),
}

impl Locality {
    pub(crate) fn new(me: Member, pieces: u32) -> Self {
        Self {
            me,
            members: Members::default(),
            claims: Claims::default(),
            seen: Vec::new(),
            open: Bitfield::new(pieces),
            turn: Bitfield::new(pieces),
            said_of: Vec::new(),
            active: false,
            said: None,
            fed: Time::ZERO,
            slow: None,
            next: 0,
        }
    }

    /// The rule holds.
    pub(crate) fn is_active(&self) -> bool {
        self.active
    }

    /// Nothing is known of anybody.
    pub(crate) fn is_fresh(&self) -> bool {
        self.members.is_empty() && self.claims.is_empty() && self.said.is_none()
    }

    /// The site is gone: nobody of it is connected.
    pub(crate) fn reset(&mut self) {
        *self = Self::new(self.me, self.open.len());
    }

    /// The pieces that may be fetched from outside now; none: any.
    pub(crate) fn limit(&self, now: Time) -> Option<&Bitfield> {
        let kept_waiting = self.slow.is_some_and(|at| now.since(at) >= PATIENCE);
        (self.active && !kept_waiting && !self.is_starved(now)).then_some(&self.open)
    }

    /// Whether a peer outside has anything that we may fetch, or might soon.
    pub(crate) fn is_of_use(&self, now: Time, holds: &Holdings) -> bool {
        let few =
            |limit: &Bitfield| holds.count_common(limit) > 0 || holds.count_common(&self.turn) > 0;
        self.limit(now).is_none_or(few)
    }

    /// Everything that we know, for somebody new.
    pub(crate) fn everything(&self, now: Time) -> Vec<SiteNews> {
        let mut news: Vec<SiteNews> = self.members.iter().map(here).collect();
        news.extend(self.said.map(|_| here(self.me)));
        for (member, pieces) in self.claims.by_member(now) {
            news.push(SiteNews {
                member,
                says: Says::Here(pieces),
            });
        }
        news
    }

    /// Takes in what was said; what of it is worth passing on. Pieces that we had claimed, too, and now another has, are
    /// `lost`.
    pub(crate) fn hear(
        &mut self,
        now: Time,
        teller: Member,
        news: SiteNews,
        lost: &mut Vec<u32>,
    ) -> Option<SiteNews> {
        let SiteNews { member, says } = news;
        if member == self.me {
            return None;
        }
        match says {
            Says::Gone => self.depart(now, member),
            Says::Here(pieces) => {
                let is_new = self.members.hear(now, member, member == teller)?;
                let count = self.open.len();
                let mut claimed = |piece: &u32| {
                    let ours = self.claims.is_of(now, *piece, self.me);
                    let is_new = *piece < count && self.claims.hear(now, *piece, member);
                    if is_new {
                        self.close(*piece);
                        lost.extend(ours.then_some(*piece));
                    }
                    is_new
                };
                let pieces: Vec<u32> = pieces.into_iter().filter(|piece| claimed(piece)).collect();
                (is_new || !pieces.is_empty()).then_some(SiteNews {
                    member,
                    says: Says::Here(pieces),
                })
            }
        }
    }

    /// Somebody left; the news, if it is.
    pub(crate) fn depart(&mut self, now: Time, member: Member) -> Option<SiteNews> {
        if !self.members.remove(now, member) {
            return None;
        }
        self.claims.orphan(now, member);
        let says = Says::Gone;
        Some(SiteNews { member, says })
    }

    /// We begin pieces that nobody claimed, at the only source there is; the news, if the site has to know.
    pub(crate) fn claim(&mut self, now: Time, pieces: &[u32]) -> Option<SiteNews> {
        self.said?;
        let mine = |piece: &&u32| self.claims.claim(now, **piece, self.me);
        let pieces: Vec<u32> = pieces.iter().filter(mine).copied().collect();
        (!pieces.is_empty()).then_some(SiteNews {
            member: self.me,
            says: Says::Here(pieces),
        })
    }

    /// A peer outside has nothing for us among what is open: one more piece is claimed, of those whose turn it is. If
    /// nobody was faster, it is open at one of the next looks.
    pub(crate) fn reserve(&mut self, now: Time, holds: &Holdings) -> Option<SiteNews> {
        if !self.active || self.said_of.len() >= RESERVED {
            return None;
        }
        let free = |piece: &u32| holds.contains(*piece) && self.claims.owner(now, *piece).is_none();
        let ours = self.turn.iter().filter(free).take(COMPARED);
        let piece = ours.min_by_key(|piece| self.members.rank(self.me, *piece))?;
        let news = self.claim(now, &[piece])?;
        self.said_of.push((piece, now));
        Some(news)
    }

    /// Somebody fetches the piece for the site.
    pub(crate) fn is_claimed(&self, now: Time, piece: u32) -> bool {
        self.claims.owner(now, piece).is_some()
    }

    /// A piece was entrusted to us from outside, or has a deadline.
    pub(crate) fn open(&mut self, piece: u32) {
        self.open.insert(piece);
    }

    /// Somebody at the site has the piece, or we do.
    pub(crate) fn close(&mut self, piece: u32) {
        self.open.remove(piece);
        self.turn.remove(piece);
    }

    /// The piece can be had outside; whether we may fetch it there from now on, and might not before.
    pub(crate) fn see(&mut self, now: Time, piece: u32) -> bool {
        let Some(seen) = self.seen.get_mut(piece as usize) else {
            return false;
        };
        let since = *seen.get_or_insert(now);
        self.turn_of(now, piece, since) == Turn::Ours && self.open.insert(piece)
    }

    /// Something came, from the site or from outside. Who gave up waiting for the site goes on until the site gives.
    pub(crate) fn feed(&mut self, now: Time, from_site: bool) {
        if from_site || !self.is_starved(now) {
            self.fed = now;
        }
    }

    fn is_starved(&self, now: Time) -> bool {
        now.since(self.fed) >= LONGEST
    }

    /// Looks at everything; what to say.
    pub(crate) fn look(
        &mut self,
        now: Time,
        around: &Surroundings,
        stored: impl Fn(u32) -> Option<u32>,
    ) -> Vec<SiteNews> {
        self.members.expire(now);
        self.claims.expire(now);
        let (here, there) = around.rates;
        let slow = around.waiting && (here == 0 || there / FASTER > here);
        self.slow = slow.then(|| self.slow.unwrap_or(now));
        self.active = around.fetching && around.neighbours + 1 >= FEWEST;
        if !self.active {
            self.seen = Vec::new();
            self.fed = now;
        } else if self.seen.is_empty() {
            self.seen = vec![None; self.open.len() as usize];
            self.open = Bitfield::new(self.open.len());
            self.turn = Bitfield::new(self.open.len());
        }
        let heard = |at: Time| now.since(at) >= HEARD;
        self.said_of.retain(|(_, at)| !heard(*at));
        if self.active {
            self.look_at_pieces(now, around);
        }
        self.what_to_say(now, around.fetching, stored)
    }

    fn look_at_pieces(&mut self, now: Time, around: &Surroundings) {
        let mut last = None;
        let from = self.next;
        for piece in around.need.iter_from(from).take(LOOKED_AT) {
            last = Some(piece);
            if around.outside.contains(piece) {
                self.seen[piece as usize].get_or_insert(now);
            }
            let turn = match self.seen[piece as usize] {
                _ if around.inside.contains(piece) => Turn::Others,
                Some(since) => self.turn_of(now, piece, since),
                None => Turn::Others,
            };
            let waits = self.said_of.iter().any(|(said_of, _)| *said_of == piece);
            self.open.set(piece, turn == Turn::Ours && !waits);
            self.turn.set(piece, turn == Turn::IfFirst || waits);
        }
        self.next = last.map_or(0, |last| (last + 1) % self.open.len());
        for &piece in around.urgent {
            self.open.insert(piece);
        }
    }

    /// Whose turn it is to fetch a piece that can be had outside since then.
    fn turn_of(&self, now: Time, piece: u32, since: Time) -> Turn {
        match self.claims.owner(now, piece) {
            Some(owner) if owner == self.me => Turn::Ours,
            Some(_) => Turn::Others,
            None => {
                let turns = now.since(since).as_nanos() / TURN.as_nanos();
                match self.members.rank(self.me, piece) as u128 {
                    0 => Turn::Ours,
                    rank if rank <= turns => Turn::IfFirst,
                    _ => Turn::Others,
                }
            }
        }
    }

    fn what_to_say(
        &mut self,
        now: Time,
        fetching: bool,
        stored: impl Fn(u32) -> Option<u32>,
    ) -> Vec<SiteNews> {
        let mut says = None;
        if fetching {
            let renewed = self.claims.renew(now, self.me, stored);
            let due = |said: Time| now.since(said) >= SAY_EVERY;
            if !renewed.is_empty() || self.said.is_none_or(due) {
                self.said = Some(now);
                says = Some(Says::Here(renewed));
            }
        } else if self.said.take().is_some() {
            says = Some(Says::Gone);
        }
        let member = self.me;
        let news = says.map(|says| SiteNews { member, says });
        news.into_iter().collect()
    }
}

fn here(member: Member) -> SiteNews {
    SiteNews {
        member,
        says: Says::Here(Vec::new()),
    }
}
