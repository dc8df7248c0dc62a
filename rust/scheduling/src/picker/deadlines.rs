//! The order of streaming: pieces that are to be there by a time, soonest first. They go before every other order,
//! whatever their rarity and priority; those whose time has passed go first of all.

use std::collections::{BTreeMap, BTreeSet};

use crate::time::Time;

/// When pieces are due.
#[derive(Debug, Default)]
pub(crate) struct Deadlines {
    due: BTreeMap<u32, Time>,
    order: BTreeSet<(Time, u32)>,
}

impl Deadlines {
    /// The piece is due at that time, or (`None`) not at any.
    pub(super) fn set(&mut self, piece: u32, due: Option<Time>) {
        let before = match due {
            Some(due) => self.due.insert(piece, due),
            None => self.due.remove(&piece),
        };
        if let Some(before) = before {
            self.order.remove(&(before, piece));
        }
        if let Some(due) = due {
            self.order.insert((due, piece));
        }
    }

    /// Nothing is due at any time.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Nothing is due: what every pick asks first.
    pub(crate) fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// The pieces that are due first, each with its time.
    pub(crate) fn first(&self) -> impl Iterator<Item = (Time, u32)> + '_ {
        self.order.iter().take(SEEN).copied()
    }
}

/// Pieces looked at for one pick: what a window covers, and some that the peer lacks.
const SEEN: usize = 256;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_soonest_comes_first_and_a_piece_is_due_once() {
        let at = |seconds| Time::new(Duration::from_secs(seconds));
        let mut deadlines = Deadlines::default();
        for (piece, due) in [(4, 9), (7, 3), (2, 3), (4, 1)] {
            deadlines.set(piece, Some(at(due)));
        }
        let order: Vec<u32> = deadlines.first().map(|(_, piece)| piece).collect();
        assert_eq!(order, [4, 2, 7]);
        deadlines.set(2, None);
        deadlines.set(2, None);
        let order: Vec<u32> = deadlines.first().map(|(_, piece)| piece).collect();
        assert_eq!(order, [4, 7]);
        deadlines.clear();
        assert!(deadlines.is_empty());
    }

    #[test]
    fn only_so_many_are_looked_at() {
        let mut deadlines = Deadlines::default();
        (0..1_000).for_each(|piece| deadlines.set(piece, Some(Time::ZERO)));
        assert_eq!(deadlines.first().count(), SEEN);
    }
}
