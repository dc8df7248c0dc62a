//! What we asked of one peer: the blocks outstanding, oldest first, and those no longer counted on.
//!
//! Answers mostly come in the order of the requests, so the front is where a block is found. A block whose request was
//! taken back (a stall, a cancel, a choke) may still come: it is remembered for a while and not held against the peer.

use std::collections::VecDeque;

use crate::time::Time;

/// One block of one piece, by numbers.
pub(crate) type BlockName = (u32, u32);

/// The requests to one peer.
#[derive(Debug, Default)]
pub(crate) struct Requests {
    queue: VecDeque<(BlockName, Time)>,
    late: VecDeque<BlockName>,
}

/// How a block that came was expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expected {
    /// It was outstanding.
    Outstanding,
    /// Its request was taken back.
    Late,
    /// It was not asked for.
    Never,
}

/// Requests taken back that are remembered; beyond, the oldest is forgotten (its block would count as not asked for).
const LATE_KEPT: usize = 4_096;

impl Requests {
    /// Blocks outstanding.
    pub(crate) fn len(&self) -> usize {
        self.queue.len()
    }

    /// The outstanding blocks, oldest first.
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = BlockName> + '_ {
        self.queue.iter().map(|(name, _)| *name)
    }

    /// When the oldest outstanding block was asked for.
    pub(crate) fn oldest(&self) -> Option<Time> {
        self.queue.front().map(|(_, at)| *at)
    }

    /// Whether a block is outstanding.
    pub(crate) fn contains(&self, name: BlockName) -> bool {
        self.find(name).is_some()
    }

    /// A block is asked for.
    pub(crate) fn push(&mut self, name: BlockName, now: Time) {
        self.queue.push_back((name, now));
    }

    /// A block came: it is not expected any more.
    pub(crate) fn take(&mut self, name: BlockName) -> Expected {
        if self.remove(name) {
            Expected::Outstanding
        } else if self.forget(name) {
            Expected::Late
        } else {
            Expected::Never
        }
    }

    /// Takes one request back; whether it was outstanding.
    pub(crate) fn withdraw(&mut self, name: BlockName) -> bool {
        let was = self.remove(name);
        if was {
            self.remember(name);
        }
        was
    }

    /// Takes the oldest request back.
    pub(crate) fn withdraw_next(&mut self) -> Option<BlockName> {
        let (name, _) = self.queue.pop_front()?;
        self.remember(name);
        Some(name)
    }

    /// The peer refuses a block; whether it was outstanding.
    pub(crate) fn refuse(&mut self, name: BlockName) -> bool {
        self.remove(name) || {
            self.forget(name);
            false
        }
    }

    /// The peer will not send anything that was asked for before.
    pub(crate) fn forget_late(&mut self) {
        self.late.clear();
    }

    fn find(&self, name: BlockName) -> Option<usize> {
        self.queue.iter().position(|(other, _)| *other == name)
    }

    fn remove(&mut self, name: BlockName) -> bool {
        self.find(name)
            .and_then(|at| self.queue.remove(at))
            .is_some()
    }

    fn remember(&mut self, name: BlockName) {
        if self.late.len() == LATE_KEPT {
            self.late.pop_front();
        }
        self.late.push_back(name);
    }

    fn forget(&mut self, name: BlockName) -> bool {
        let at = self.late.iter().position(|other| *other == name);
        at.and_then(|at| self.late.remove(at)).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_outstanding_then_late_then_never() {
        let mut requests = Requests::default();
        requests.push((1, 0), Time::ZERO);
        requests.push((1, 1), Time::ZERO);
        assert_eq!(requests.take((1, 1)), Expected::Outstanding);
        assert_eq!(requests.take((1, 1)), Expected::Never);
        assert!(requests.withdraw((1, 0)));
        assert_eq!(requests.len(), 0);
        assert_eq!(requests.take((1, 0)), Expected::Late);
        assert_eq!(requests.take((1, 0)), Expected::Never);
    }

    #[test]
    fn late_blocks_are_bounded() {
        let mut requests = Requests::default();
        for block in 0..10_000 {
            requests.push((0, block), Time::ZERO);
        }
        while requests.withdraw_next().is_some() {}
        assert_eq!(requests.late.len(), LATE_KEPT);
        assert_eq!(requests.take((0, 0)), Expected::Never);
        assert_eq!(requests.take((0, 9_999)), Expected::Late);
    }
}
