//! Two pools. A guaranteed part of our upload goes to everybody in turn, whether it gives or not: an equal part for each
//! identity, a piece at a time. The rest goes to whom we owe most: bytes that it sent us less bytes that we sent it
//! (Sherman, Nieh and Stein, "`FairTorrent`", 2012), so that nothing has to be estimated. When we need nothing nobody is
//! owed, and everything is shared out in turn.
//!
//! The parts are kept in bytes, not in slots: what was sent beyond the guaranteed part, or below it, is made good by
//! fewer or more turns.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::time::Duration;

use super::{Candidate, Choice, LONGEST_TURN, Policy, Served, Share, Terms};
use crate::identity::Identity;
use crate::input::PeerKey;
use crate::time::Time;

#[derive(Debug)]
pub(super) struct BaseShare {
    share: Share,
    /// Bytes that the guaranteed pool is owed; negative: it had too much.
    owed: i64,
    /// What was counted of each candidate so far.
    counted: BTreeMap<PeerKey, u64>,
    /// Bytes that each got from the guaranteed pool, from where the pool stood when it came.
    had: BTreeMap<Account, u64>,
    /// Turns that go on: what the peer had taken when it began.
    turns: BTreeMap<PeerKey, u64>,
}

/// Peers behind one prefix of the open Internet share one account; a private host has one for each connection.
type Account = (Identity, Option<PeerKey>);

/// The pool makes good this many quanta at most, so that a quiet hour is not paid back at once.
const MOST_OWED: i64 = 8;
/// A peer that is served stays ahead of one that is owed this many quanta more: each change costs a round trip.
const INERTIA: i64 = 1;

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

    /// Books what was sent since the last choice.
    fn book(&mut self, candidates: &[Candidate], quantum: u64) {
        let newest = candidates
            .iter()
            .filter_map(|peer| self.had.get(&account(peer)))
            .min();
        let start = newest.copied().unwrap_or(0);
        let mut counted = BTreeMap::new();
        let mut had = BTreeMap::new();
        let (mut sent, mut in_turn) = (0, 0);
        for peer in candidates {
            let before = self.counted.get(&peer.key).copied();
            let bytes = peer.taken.saturating_sub(before.unwrap_or(peer.taken));
            sent += bytes;
            let own = had.entry(account(peer)).or_insert_with(|| {
                let known = self.had.get(&account(peer));
                known.copied().unwrap_or(start)
            });
            if peer.served == Some(Served::Turn) {
                in_turn += bytes;
                *own += bytes;
            }
            counted.insert(peer.key, peer.taken);
        }
        let limit = MOST_OWED * to_i64(quantum);
        let change = to_i64(self.share.of(sent)) - to_i64(in_turn);
        self.owed = (self.owed + change).clamp(-limit, limit);
        (self.counted, self.had) = (counted, had);
    }

    /// Slots for turns now.
    fn turns_now(&self, terms: Terms) -> usize {
        if terms.seeding {
            return terms.slots;
        }
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
}

impl Policy for BaseShare {
    fn choose(&mut self, now: Time, candidates: &[Candidate], terms: Terms) -> Choice {
        self.book(candidates, terms.quantum);
        let slots = self.turns_now(terms);
        let goes_on = |peer: &Candidate, began: &u64| {
            let turn = now.since(peer.since);
            let took = peer.taken.saturating_sub(*began);
            let idle = took == 0 && turn >= IDLE_TURN;
            took < terms.quantum && turn < LONGEST_TURN && !idle
        };
        let mut ranked: Vec<(bool, u64, Time, PeerKey)> = candidates
            .iter()
            .map(|peer| {
                let began = self.turns.get(&peer.key);
                let waits = !began.is_some_and(|began| goes_on(peer, began));
                let had = self.had.get(&account(peer)).copied().unwrap_or(0);
                (waits, had, peer.since, peer.key)
            })
            .collect();
        ranked.sort_unstable();
        let in_turn: Vec<PeerKey> = ranked.iter().take(slots).map(|turn| turn.3).collect();
        let turns = in_turn.iter().map(|key| {
            let went_on = ranked.iter().any(|turn| turn.3 == *key && !turn.0);
            let began = self.turns.get(key).copied().filter(|_| went_on);
            let taken = self.counted.get(key).copied().unwrap_or(0);
            (*key, began.unwrap_or(taken))
        });
        self.turns = turns.collect();
        let mut rest: Vec<&Candidate> = candidates
            .iter()
            .filter(|peer| !self.turns.contains_key(&peer.key))
            .collect();
        let inertia = INERTIA * to_i64(terms.quantum);
        rest.sort_by_key(|peer| {
            let kept = i64::from(peer.served.is_some()) * inertia;
            let owed = to_i64(peer.given) - to_i64(peer.taken) + kept;
            let slot = peer.served.map(|_| now.since(peer.since));
            let idles = peer.takes == 0 && slot.is_some_and(|slot| slot >= IDLE_TURN);
            (peer.snubs || idles, Reverse(owed), peer.since, peer.key)
        });
        let owed = rest.iter().take(terms.slots - in_turn.len());
        let owed = owed.map(|peer| (peer.key, Served::Gave));
        let in_turn = in_turn.iter().map(|key| (*key, Served::Turn));
        in_turn.chain(owed).collect()
    }
}

/// A turn of which nothing is taken for so long ends.
const IDLE_TURN: Duration = Duration::from_secs(2);

fn account(peer: &Candidate) -> Account {
    let own = peer.identity.is_host().then_some(peer.key);
    (peer.identity, own)
}

fn to_i64(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX / 4)
}
