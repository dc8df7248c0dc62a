//! Whether what a peer says it has is believed.
//!
//! A peer that announces pieces and does not deliver what is asked of it, because it stalls or refuses again and again,
//! is not counted where the rarity of pieces is: a piece that only such peers have would look common and be fetched too
//! late. It is asked now and then all the same, and blocks make it believed again; more of them each time.

/// What is thought of one peer's word.
#[derive(Debug, Clone, Default)]
pub(crate) struct Belief {
    /// Refusals since the last block.
    refusals: u32,
    /// How often it was doubted.
    doubts: u32,
    /// Blocks that it has to send before it is believed again.
    owes: u32,
}

/// A request may cross a choke or the loss of a piece; more in a row than these did not.
const REFUSALS: u32 = 8;
const MOST_DOUBLINGS: u32 = 8;

/// What an incident changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    /// Nothing.
    None,
    /// It is not believed from now on.
    Doubted,
    /// It is believed again.
    Believed,
}

impl Belief {
    /// What it says it has counts.
    pub(crate) fn is_firm(&self) -> bool {
        self.owes == 0
    }

    /// It owes blocks, and nothing came for too long.
    pub(crate) fn on_stall(&mut self) -> Change {
        self.refusals = 0;
        let change = if self.is_firm() {
            Change::Doubted
        } else {
            Change::None
        };
        self.owes = 1 << self.doubts.min(MOST_DOUBLINGS);
        self.doubts += u32::from(change == Change::Doubted);
        change
    }

    /// It refused a block although it does not choke us.
    pub(crate) fn on_refusal(&mut self) -> Change {
        self.refusals += 1;
        if self.refusals < REFUSALS {
            return Change::None;
        }
        self.on_stall()
    }

    /// It sent a block that was asked for.
    pub(crate) fn on_block(&mut self) -> Change {
        self.refusals = 0;
        let was = self.is_firm();
        self.owes = self.owes.saturating_sub(1);
        if !was && self.is_firm() {
            Change::Believed
        } else {
            Change::None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stall_makes_doubts_and_blocks_end_them_later_each_time() {
        let mut belief = Belief::default();
        for times in 0..4 {
            assert_eq!(belief.on_stall(), Change::Doubted);
            assert_eq!(belief.on_stall(), Change::None);
            let blocks = (1..1_000).find(|_| belief.on_block() == Change::Believed);
            assert_eq!(blocks, Some(1 << (times + 1)));
            assert_eq!(belief.on_block(), Change::None);
        }
    }

    #[test]
    fn only_refusals_in_a_row_make_doubts() {
        let mut belief = Belief::default();
        for _ in 0..3 {
            assert!((1..REFUSALS).all(|_| belief.on_refusal() == Change::None));
            assert_eq!(belief.on_block(), Change::None);
        }
        assert!((1..REFUSALS).all(|_| belief.on_refusal() == Change::None));
        assert_eq!(belief.on_refusal(), Change::Doubted);
        assert!(!belief.is_firm());
        assert!((1..REFUSALS).all(|_| belief.on_refusal() == Change::None));
    }
}
