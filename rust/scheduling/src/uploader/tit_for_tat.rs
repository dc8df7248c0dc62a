//! Tit for tat as BEP 3 has it: four peers that send us most, and one in turn for half a minute (the optimistic slot),
//! so that newcomers can show what they have. When we need nothing nobody pays, and the turns go round.

use std::cmp::Reverse;
use std::time::Duration;

use super::{Candidate, Choice, Policy, Served, Terms};
use crate::input::PeerKey;
use crate::time::Time;

#[derive(Debug, Default)]
pub(super) struct TitForTat {
    optimistic: Option<(PeerKey, Time)>,
}

const EVERY: Duration = Duration::from_secs(10);
const SLOTS: usize = 5;
/// How long the optimistic slot stays with one peer.
const OPTIMISTIC_FOR: Duration = Duration::from_secs(30);
/// How long a turn lasts while we seed.
const TURN: Duration = Duration::from_secs(30);

impl Policy for TitForTat {
    fn every(&self) -> Duration {
        EVERY
    }

    fn slots(&self) -> Option<usize> {
        Some(SLOTS)
    }

    fn choose(&mut self, now: Time, candidates: &[Candidate], terms: Terms) -> Choice {
        let mut ranked: Vec<&Candidate> = candidates.iter().collect();
        if terms.seeding {
            ranked.sort_by_key(|peer| seeding_rank(peer, now));
            let served = ranked.iter().take(terms.slots);
            return served.map(|peer| (peer.key, Served::Turn)).collect();
        }
        ranked.sort_by_key(|peer| {
            let waits = peer.served.is_none();
            (peer.snubs, Reverse(peer.gives), waits, peer.key)
        });
        let regular = terms.slots.saturating_sub(1).min(ranked.len());
        let (generous, rest) = ranked.split_at(regular);
        let kept = self.optimistic.filter(|(key, since)| {
            now.since(*since) < OPTIMISTIC_FOR && rest.iter().any(|peer| peer.key == *key)
        });
        self.optimistic = kept.or_else(|| {
            let next = rest.iter().min_by_key(|peer| waited(peer))?;
            Some((next.key, now))
        });
        let generous = generous.iter().map(|peer| (peer.key, Served::Gave));
        let optimistic = self.optimistic.map(|(key, _)| (key, Served::Turn));
        generous.chain(optimistic).collect()
    }
}

/// Those without a slot first, longest wait first.
fn waited(peer: &Candidate) -> (bool, Time, PeerKey) {
    (peer.served.is_some(), peer.since, peer.key)
}

/// Those whose turn lasts, then those who wait (longest first), then those whose turn is over (fastest first).
fn seeding_rank(peer: &Candidate, now: Time) -> (u8, Time, Reverse<u64>, PeerKey) {
    match peer.served {
        Some(_) if now.since(peer.since) < TURN => (0, Time::ZERO, Reverse(0), peer.key),
        None => (1, peer.since, Reverse(0), peer.key),
        Some(_) => (2, Time::ZERO, Reverse(peer.takes), peer.key),
    }
}
