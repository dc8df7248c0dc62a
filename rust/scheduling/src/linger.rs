//! When a peer that has everything may leave: not before the swarm got one piece more from it, as long as somebody here
//! wants one. Where everybody leaves at once, a swarm that grows faster than its seeds can serve never ends; with one
//! more piece from each it always does (Hajek and Zhu, "The missing piece syndrome in peer-to-peer communication", 2010).

use std::time::Duration;

use crate::time::Time;

/// Waits from completion until leaving does no harm.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Linger {
    completed: Time,
    uploaded: u64,
}

/// What the connected peers want of us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Demand {
    /// Some of it.
    Something,
    /// Nothing now; they may, once they heard what we have.
    NothingYet,
    /// Nothing, now or later, or there are none.
    Nothing,
}

/// Peers hear of the last piece, and say that they want it, in less.
const HEARD: Duration = Duration::from_secs(2);

impl Linger {
    /// Everything is there, and so many bytes were handed out before.
    pub(crate) fn new(completed: Time, uploaded: u64) -> Self {
        Self {
            completed,
            uploaded,
        }
    }

    /// Whether leaving does no harm now.
    pub(crate) fn is_over(self, now: Time, uploaded: u64, piece: u64, demand: Demand) -> bool {
        let passed_on = uploaded.saturating_sub(self.uploaded) >= piece;
        let wanted = match demand {
            Demand::Something => true,
            Demand::NothingYet => now.since(self.completed) < HEARD,
            Demand::Nothing => false,
        };
        passed_on || !wanted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PIECE: u64 = 1_000;

    fn at(seconds: u64) -> Time {
        Time::new(Duration::from_secs(seconds))
    }

    #[test]
    fn one_more_piece_is_passed_on_while_it_is_wanted() {
        let linger = Linger::new(at(5), 70);
        assert!(!linger.is_over(at(500), 69 + PIECE, PIECE, Demand::Something));
        assert!(linger.is_over(at(5), 70 + PIECE, PIECE, Demand::Something));
    }

    #[test]
    fn nobody_is_waited_for_who_wants_nothing() {
        let linger = Linger::new(at(5), 0);
        assert!(linger.is_over(at(5), 0, PIECE, Demand::Nothing));
        assert!(!linger.is_over(at(6), 0, PIECE, Demand::NothingYet));
        assert!(linger.is_over(at(7), 0, PIECE, Demand::NothingYet));
    }
}
