//! Buffers of blocks, kept for use again.

use p2pcore_protocol::BLOCK;

/// Buffers as long as a block, whatever they hold.
#[derive(Debug, Default)]
pub(super) struct Spare(Vec<Vec<u8>>);

impl Spare {
    /// A buffer of this length. What it holds is of no meaning.
    pub fn take(&mut self, length: u32) -> Vec<u8> {
        let spare = if length <= BLOCK { self.0.pop() } else { None };
        let mut block = spare.unwrap_or_else(|| vec![0; length.max(BLOCK) as usize]);
        block.truncate(length as usize);
        block
    }

    /// Keeps a buffer, if it is one for a block and there are not too many.
    pub fn give(&mut self, mut block: Vec<u8>) {
        if self.0.len() < MOST && block.capacity() == BLOCK as usize {
            block.resize(BLOCK as usize, 0);
            self.0.push(block);
        }
    }
}

/// 16 MiB, what two pieces of 8 MiB need.
const MOST: usize = 1024;
