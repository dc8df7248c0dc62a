//! Prints of blocks: which of two attempts at a piece differ, and where, is seen without keeping their bytes.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};

use p2pcore_scheduling::Print;

/// Makes prints under a key of its own, which no peer can know.
#[derive(Debug, Clone, Default)]
pub(crate) struct Printer(RandomState);

impl Printer {
    /// One for each block.
    pub fn prints(&self, blocks: &[Vec<u8>]) -> Vec<Print> {
        let print = |block: &Vec<u8>| {
            let mut hasher = self.0.build_hasher();
            hasher.write(block);
            Print(hasher.finish())
        };
        blocks.iter().map(print).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_differ_where_blocks_do_and_by_key() {
        let printer = Printer::default();
        let mut blocks = vec![vec![1; 16_384], vec![1; 16_384], vec![1; 16_383]];
        let first = printer.prints(&blocks);
        assert!(first[0] == first[1] && first[1] != first[2]);
        blocks[1][16_383] ^= 1;
        let second = printer.prints(&blocks);
        assert!(first[0] == second[0] && first[1] != second[1] && first[2] == second[2]);
        assert_ne!(Printer::default().prints(&blocks), second);
    }
}
