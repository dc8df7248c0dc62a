//! Two pools. A guaranteed part of our upload goes to everybody in turn, whether it gives or not: an equal part for each
//! identity, a piece at a time. The rest goes to those that gave, in the order of what part of it they got back (after
//! `PropShare`: Levin et al., "BitTorrent is an auction", 2008), so that nothing has to be estimated, and who gives little
//! cannot take much. When we need nothing, one half is shared out in turn among all, the other among those that gave us
//! something or pass on what they get: to whoever has least.
//!
//! The parts are kept in bytes, not in slots: what was sent beyond the guaranteed part, or below it, is made good by
//! fewer or more turns.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Candidate, Choice, LONGEST_TURN, Policy, Served, Share, Terms};
use crate::identity::Account;
use crate::input::PeerKey;
use crate::time::Time;

#[derive(Debug)]
pub(super) struct BaseShare {
    share: Share,
    /// Bytes that the guaranteed pool is owed; negative: it had too much.
    owed: i64,
    /// What was counted of each candidate so far.
    counted: BTreeMap<PeerKey, Counted>,
    /// Bytes that each got from the guaranteed pool, from where the pool stood when it came.
    had: BTreeMap<Account, Had>,
    /// Turns that go on: what the peer had taken when it began.
    turns: BTreeMap<PeerKey, u64>,
}

/// What was counted of a peer, when it last wanted something.
#[derive(Debug, Clone, Copy)]
struct Counted {
    taken: u64,
    gifts: u64,
    seen: Time,
}

/// What an account got from the guaranteed pool, and when a peer of it last wanted something.
#[derive(Debug, Clone, Copy)]
struct Had {
    bytes: u64,
    seen: Time,
}

/// Who wants nothing for so long is forgotten.
const KEPT: Duration = Duration::from_mins(1);
/// The pool makes good this many quanta at most, so that a quiet hour is not paid back at once.
const MOST_OWED: i64 = 8;
/// What it had too much is made good up to this part of what we send in a minute, or a quantum: so that whatever came
/// before, no minute is short of more.
const MOST_HAD: Share = Share(10);

impl BaseShare {
    pub(super) fn new(share: Share) -> Self {
        Self {
            share,
            owed: 0,
            counted: BTreeMap::new(),
            had: BTreeMap::new(),
            turns: BTreeMap::new(),
        }
    }

    /// Books what was sent since the last choice, also to those that have lost their slot meanwhile.
    fn book(&mut self, now: Time, candidates: &[Candidate], quantum: u64) {
        let start = self.had.values().map(|had| had.bytes).min().unwrap_or(0);
        let (mut sent, mut in_turn) = (0, 0);
        for peer in candidates {
            let here = Counted {
                taken: peer.taken,
                gifts: peer.gifts,
                seen: now,
            };
            let before = self.counted.insert(peer.key, here).unwrap_or(here);
            let gifts = peer.gifts.saturating_sub(before.gifts);
            sent += peer.taken.saturating_sub(before.taken);
            in_turn += gifts;
            let newcomer = Had {
                bytes: start,
                seen: now,
            };
            let had = self.had.entry(peer.account).or_insert(newcomer);
            (had.bytes, had.seen) = (had.bytes + gifts, now);
        }
        self.counted.retain(|_, peer| now.since(peer.seen) < KEPT);
        self.had.retain(|_, had| now.since(had.seen) < KEPT);
        let change = to_i64(self.share.of(sent)) - to_i64(in_turn);
        let minute = 60 * candidates.iter().map(|peer| peer.takes).sum::<u64>();
        let most_had = quantum.max(MOST_HAD.of(minute));
        self.owed = (self.owed + change).clamp(-to_i64(most_had), MOST_OWED * to_i64(quantum));
    }

    /// Bytes that all of its account got from the guaranteed pool.
    fn had(&self, peer: &Candidate) -> u64 {
        self.had.get(&peer.account).map_or(0, |had| had.bytes)
    }

    /// Slots for turns while we need something ourselves.
    fn usual_turns(&self, terms: Terms) -> usize {
        let usual = self.share.of(terms.slots as u64 * 1_000);
        let usual = (usual.div_ceil(1_000) as usize).min(terms.slots);
        let quantum = to_i64(terms.quantum);
        if self.owed > quantum {
            (usual + 1).min(terms.slots)
        } else if self.owed < 0 {
            usual.saturating_sub(1)
        } else {
            usual
        }
    }

    /// Takes those out whose turn it is: of the best class, those whose turn goes on, then who is in most need, then who
    /// had least, and of these first those that came alone. Each with what it had taken when its turn began.
    fn take_turns(
        &self,
        (now, quantum): (Time, u64),
        waiting: &mut Vec<&Candidate>,
        slots: usize,
        rank: impl Fn(&Candidate) -> (Class, Has),
    ) -> Vec<(PeerKey, u64)> {
        let goes_on = |peer: &Candidate, began: u64| {
            let turn = now.since(peer.since);
            let took = peer.taken.saturating_sub(began);
            let idle = took == 0 && turn >= IDLE_TURN;
            took < quantum && turn < LONGEST_TURN && !idle
        };
        let began = |peer: &Candidate| {
            let began = self.turns.get(&peer.key).copied();
            began.filter(|began| goes_on(peer, *began))
        };
        waiting.sort_by_cached_key(|peer| {
            let had = self.had(peer);
            let ends = began(peer).is_none();
            let (class, has) = rank(peer);
            let waits = (peer.company, peer.waits_since());
            (class, ends, has, had, waits, peer.key)
        });
        let chosen = waiting.drain(..slots.min(waiting.len()));
        chosen
            .map(|peer| (peer.key, began(peer).unwrap_or(peer.taken)))
            .collect()
    }
}

impl Policy for BaseShare {
    fn choose(&mut self, now: Time, candidates: &[Candidate], terms: Terms) -> Choice {
        self.book(now, candidates, terms.quantum);
        let mut waiting: Vec<&Candidate> = candidates.iter().collect();
        let usual = if terms.seeding {
            terms.slots.div_ceil(2)
        } else {
            self.usual_turns(terms)
        };
        let at = (now, terms.quantum);
        let alike = |_: &Candidate| (Class::Gave, Has(0));
        let mut turns = self.take_turns(at, &mut waiting, usual, alike);
        let served = |why| move |(peer, _): &(PeerKey, u64)| (*peer, why);
        let mut choice: Choice = turns.iter().map(served(Served::Turn)).collect();
        let rest = terms.slots - choice.len();
        if terms.seeding {
            let rank = |peer: &Candidate| (class(peer), Has(peer.holds.max(peer.account_taken)));
            let others = self.take_turns(at, &mut waiting, rest, rank);
            choice.extend(others.iter().map(served(Served::PassesOn)));
            turns.extend(others);
        } else {
            waiting.sort_by_cached_key(|peer| least_returned(peer, self.had(peer), at));
            let owed = waiting.iter().take(rest);
            choice.extend(owed.map(|peer| {
                let gave = peer.given > 0;
                (peer.key, if gave { Served::Gave } else { Served::Room })
            }));
        }
        self.turns = turns.into_iter().collect();
        choice
    }
}

/// Bytes that a peer has, or more: what all of its account took from us counts, whatever it says.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Has(u64);

/// What a peer is worth to a seed, which is owed nothing.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Class {
    /// It gave us something while we needed it.
    Gave,
    /// It may pass on what it gets.
    Promising,
    /// It passes nothing on, as far as we saw, or newcomers mostly do not.
    Takes,
}

fn class(peer: &Candidate) -> Class {
    if peer.given > 0 {
        Class::Gave
    } else if peer.passes_on {
        Class::Promising
    } else {
        Class::Takes
    }
}

/// The order of those that are owed something: who got back the smallest part of what it gave comes first. Those that
/// gave nothing come last, of these who had least.
fn least_returned(
    peer: &Candidate,
    had: u64,
    (now, quantum): (Time, u64),
) -> (bool, (u64, u64), u32, (Time, Time), PeerKey) {
    let inertia = if peer.served.is_some() { quantum } else { 0 };
    let taken = peer.taken.saturating_sub(inertia);
    let returned = taken.saturating_mul(1_024).checked_div(peer.given);
    let slot = peer.served.map(|_| now.since(peer.since));
    let idles = peer.takes == 0 && slot.is_some_and(|slot| slot >= IDLE_TURN);
    let useless = peer.snubs || idles;
    let returned = match returned {
        Some(part) => (part, 0),
        None => (u64::MAX, had.saturating_sub(inertia)),
    };
    let waits = peer.waits_since();
    (useless, returned, peer.company, waits, peer.key)
}

/// A turn of which nothing is taken for so long ends.
const IDLE_TURN: Duration = Duration::from_secs(2);

fn to_i64(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX / 4)
}
