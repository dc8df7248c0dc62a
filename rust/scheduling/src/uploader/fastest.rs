//! Those that take fastest, and one in turn, so that a newcomer can show how fast it is.

use std::cmp::Reverse;
use std::time::Duration;

use super::{Candidate, Choice, Policy, Served, Terms, in_turn};
use crate::time::Time;

#[derive(Debug)]
pub(super) struct Fastest;

/// Rates are known after some seconds.
const EVERY: Duration = Duration::from_secs(5);

impl Policy for Fastest {
    fn every(&self) -> Duration {
        EVERY
    }

    fn choose(&mut self, now: Time, candidates: &[Candidate], terms: Terms) -> Choice {
        let mut ranked: Vec<&Candidate> = candidates.iter().collect();
        ranked.sort_by_key(|peer| (Reverse(peer.takes), peer.key));
        let fast = terms.slots.saturating_sub(1).min(ranked.len());
        let (fastest, rest) = ranked.split_at(fast);
        let next = rest
            .iter()
            .min_by_key(|peer| in_turn(peer, now, terms.quantum));
        let fastest = fastest.iter().map(|peer| (peer.key, Served::Fast));
        let next = next.map(|peer| (peer.key, Served::Turn));
        fastest.chain(next).collect()
    }
}
