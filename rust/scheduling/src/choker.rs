//! Whom to unchoke: a pure function over what is known of the peers that want something.
//!
//! While we fetch, those who give us most are served (tit for tat), plus one more in turn, so that newcomers can show
//! what they have (the optimistic slot). When we are done nobody pays, and the turns go round: whoever has had its
//! time makes room for the one that waited longest.

use std::cmp::Reverse;
use std::time::Duration;

use crate::input::PeerKey;
use crate::time::Time;

/// How often the choice is made anew.
pub(crate) const EVERY: Duration = Duration::from_secs(10);
/// How long the optimistic slot stays with one peer.
pub(crate) const OPTIMISTIC_FOR: Duration = Duration::from_secs(30);
/// How long a turn lasts while we seed.
const TURN: Duration = Duration::from_secs(30);

/// A peer that wants something and may have a slot.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Candidate {
    pub(crate) key: PeerKey,
    /// Payload bytes per second that it sends us.
    pub(crate) gives: u64,
    /// Payload bytes per second that we send it.
    pub(crate) takes: u64,
    pub(crate) unchoked: bool,
    /// When it was last unchoked.
    pub(crate) unchoked_at: Option<Time>,
    /// It owes us blocks and does not deliver.
    pub(crate) snubs: bool,
}

/// What the choice depends on besides the peers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terms {
    /// Peers served at once, without the optimistic one.
    pub(crate) slots: usize,
    /// We need nothing.
    pub(crate) seeding: bool,
    /// Who has the optimistic slot, if that is not due.
    pub(crate) optimistic: Option<PeerKey>,
}

/// Who is served now.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Choice {
    /// All that are to be unchoked, by key.
    pub(crate) unchoked: Vec<PeerKey>,
    /// Which of them has the optimistic slot.
    pub(crate) optimistic: Option<PeerKey>,
}

/// Chooses.
pub(crate) fn choke(candidates: &[Candidate], terms: Terms, now: Time) -> Choice {
    let mut ranked: Vec<&Candidate> = candidates.iter().collect();
    if terms.seeding {
        ranked.sort_by_key(|peer| seeding_rank(peer, now));
    } else {
        ranked.sort_by_key(|peer| (peer.snubs, Reverse(peer.gives), !peer.unchoked, peer.key));
    }
    let (served, rest) = ranked.split_at(ranked.len().min(terms.slots));
    let kept = rest.iter().find(|peer| Some(peer.key) == terms.optimistic);
    let optimistic = kept
        .or_else(|| rest.iter().min_by_key(|peer| (peer.unchoked_at, peer.key)))
        .map(|peer| peer.key);
    let mut unchoked: Vec<PeerKey> = served.iter().map(|peer| peer.key).collect();
    unchoked.extend(optimistic);
    unchoked.sort_unstable();
    Choice {
        unchoked,
        optimistic,
    }
}

/// Those whose turn lasts, then those who wait (longest first), then those whose turn is over (fastest first).
fn seeding_rank(peer: &Candidate, now: Time) -> (u8, Option<Time>, Reverse<u64>, PeerKey) {
    let lasts = peer.unchoked_at.is_some_and(|at| now.since(at) < TURN);
    match (peer.unchoked, lasts) {
        (true, true) => (0, None, Reverse(0), peer.key),
        (false, _) => (1, peer.unchoked_at, Reverse(0), peer.key),
        (true, false) => (2, None, Reverse(peer.takes), peer.key),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Time {
        Time::new(Duration::from_secs(seconds))
    }

    fn candidate(key: u64, gives: u64) -> Candidate {
        Candidate {
            key: PeerKey(key),
            gives,
            takes: 0,
            unchoked: false,
            unchoked_at: None,
            snubs: false,
        }
    }

    fn keys(choice: &Choice) -> Vec<u64> {
        choice.unchoked.iter().map(|key| key.0).collect()
    }

    const LEECHING: Terms = Terms {
        slots: 2,
        seeding: false,
        optimistic: None,
    };

    #[test]
    fn the_most_generous_are_served_and_one_more() {
        let peers = [
            candidate(1, 10),
            candidate(2, 500),
            candidate(3, 0),
            candidate(4, 80),
            candidate(5, 0),
        ];
        let choice = choke(&peers, LEECHING, at(10));
        assert_eq!(keys(&choice), [1, 2, 4]);
        assert_eq!(choice.optimistic, Some(PeerKey(1)));
        let kept = Terms {
            optimistic: Some(PeerKey(5)),
            ..LEECHING
        };
        assert_eq!(keys(&choke(&peers, kept, at(10))), [2, 4, 5]);
    }

    #[test]
    fn a_peer_that_snubs_us_has_no_slot_of_its_own() {
        let mut peers = [
            candidate(1, 500),
            candidate(2, 1),
            candidate(3, 2),
            candidate(4, 0),
        ];
        peers[0].snubs = true;
        let choice = choke(&peers, LEECHING, at(10));
        assert!(choice.unchoked.contains(&PeerKey(2)) && choice.unchoked.contains(&PeerKey(3)));
    }

    #[test]
    fn everyone_has_a_turn_when_seeding() {
        let terms = Terms {
            seeding: true,
            ..LEECHING
        };
        let mut peers: Vec<Candidate> = (1..=9).map(|key| candidate(key, 0)).collect();
        let mut served = std::collections::BTreeSet::new();
        let mut optimistic = None;
        for round in 1..=20 {
            let now = at(round * 10);
            let choice = choke(
                &peers,
                Terms {
                    optimistic,
                    ..terms
                },
                now,
            );
            assert_eq!(choice.unchoked.len(), 3);
            for peer in &mut peers {
                let chosen = choice.unchoked.contains(&peer.key);
                if chosen && !peer.unchoked {
                    peer.unchoked_at = Some(now);
                }
                peer.unchoked = chosen;
            }
            optimistic = choice.optimistic.filter(|_| round % 3 != 0);
            served.extend(choice.unchoked);
        }
        assert_eq!(served.len(), 9);
    }

    #[test]
    fn nobody_is_left_out_while_there_is_room() {
        let peers = [candidate(1, 0), candidate(2, 0), candidate(3, 0)];
        assert_eq!(keys(&choke(&peers, LEECHING, at(0))), [1, 2, 3]);
        assert_eq!(choke(&[], LEECHING, at(0)), Choice::default());
    }
}
