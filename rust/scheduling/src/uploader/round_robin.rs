//! Everybody in turn, whether it gives or not: uniform service.

use super::{Candidate, Choice, Policy, Served, Terms, in_turn};
use crate::time::Time;

#[derive(Debug)]
pub(super) struct RoundRobin;

impl Policy for RoundRobin {
    fn choose(&mut self, now: Time, candidates: &[Candidate], terms: Terms) -> Choice {
        let mut ranked: Vec<&Candidate> = candidates.iter().collect();
        ranked.sort_by_key(|peer| in_turn(peer, now, terms.quantum));
        let served = ranked.iter().take(terms.slots);
        served.map(|peer| (peer.key, Served::Turn)).collect()
    }
}
