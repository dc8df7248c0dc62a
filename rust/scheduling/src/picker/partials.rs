//! Pieces that are begun: which blocks are free, asked for, or stored, and who sent each.
//!
//! Invariants: `free` counts the free blocks and `stored` the stored ones; a piece is in the `open` list exactly while
//! it has a free block and is not being checked. Slots are reused with their buffers, so that beginning a piece
//! allocates nothing once a transfer runs.

use p2pcore_protocol::{BLOCK, BlockSpan, PieceIndex};

use crate::input::PeerKey;

/// The state of one block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Block {
    /// Nobody was asked.
    Free,
    /// So many peers were asked and have not answered.
    Asked(u8),
    /// The driver holds its bytes.
    Stored,
}

/// One piece that is begun.
#[derive(Debug)]
pub(crate) struct Partial {
    /// The piece.
    pub(crate) piece: u32,
    /// Bytes to fetch.
    size: u32,
    blocks: Vec<Block>,
    senders: Vec<PeerKey>,
    /// Stored blocks that are known to be right before the whole is.
    proven: Vec<bool>,
    free: u32,
    stored: u32,
    /// Blocks before this one are not free.
    cursor: u32,
    /// Only this peer may be asked (its blocks are evidence).
    pub(crate) sole: Option<PeerKey>,
    /// All stored; the driver hashes it.
    pub(crate) checking: bool,
    listed: bool,
}

impl Partial {
    /// The number of blocks.
    pub(crate) fn len(&self) -> u32 {
        self.blocks.len() as u32
    }

    /// Blocks that nobody was asked for.
    pub(crate) fn free(&self) -> u32 {
        self.free
    }

    /// Blocks that the driver holds.
    pub(crate) fn stored(&self) -> u32 {
        self.stored
    }

    /// Blocks that somebody was asked for.
    pub(crate) fn asked(&self) -> u32 {
        self.len() - self.free - self.stored
    }

    /// Whether a run of bytes may go on to others already. Padding at the end is not there before the piece is.
    pub(crate) fn is_proven(&self, span: BlockSpan) -> bool {
        let end = span.begin.saturating_add(span.length);
        let blocks = (span.begin / BLOCK) as usize..end.div_ceil(BLOCK) as usize;
        let proven = self.proven.get(blocks);
        let there = end <= self.size && !self.checking;
        there && proven.is_some_and(|blocks| blocks.iter().all(|proven| *proven))
    }

    /// Bytes that the driver holds, to within a block.
    pub(crate) fn stored_bytes(&self) -> u64 {
        (u64::from(self.stored) * u64::from(BLOCK)).min(u64::from(self.size))
    }

    /// The state of a block; `None` out of range.
    pub(crate) fn block(&self, block: u32) -> Option<Block> {
        self.blocks.get(block as usize).copied()
    }

    /// The run of bytes of a block in range.
    pub(crate) fn span(&self, block: u32) -> BlockSpan {
        let begin = block.saturating_mul(BLOCK).min(self.size);
        BlockSpan {
            piece: PieceIndex::new(self.piece),
            begin,
            length: (self.size - begin).min(BLOCK),
        }
    }

    /// Who sent the stored blocks, without repetition, by key.
    pub(crate) fn senders(&self) -> Vec<PeerKey> {
        let mut senders: Vec<PeerKey> = self.stored_by().map(|(_, sender)| sender).collect();
        senders.sort_unstable();
        senders.dedup();
        senders
    }

    /// Who sent blocks that overlap one of these runs, without repetition.
    pub(crate) fn senders_of(&self, spans: &[BlockSpan]) -> Vec<PeerKey> {
        let overlaps = |block: u32| {
            let own = self.span(block);
            spans.iter().any(|span| {
                span.begin < own.begin + own.length
                    && own.begin < span.begin.saturating_add(span.length)
            })
        };
        let mut senders: Vec<PeerKey> = self
            .stored_by()
            .filter(|&(block, _)| overlaps(block))
            .map(|(_, sender)| sender)
            .collect();
        senders.sort_unstable();
        senders.dedup();
        senders
    }

    /// The stored blocks in order, each with its sender.
    pub(crate) fn stored_by(&self) -> impl Iterator<Item = (u32, PeerKey)> + '_ {
        (0..)
            .zip(self.blocks.iter().zip(&self.senders))
            .filter(|(_, (state, _))| **state == Block::Stored)
            .map(|(block, (_, sender))| (block, *sender))
    }
}

/// All pieces that are begun.
#[derive(Debug)]
pub(crate) struct Partials {
    slots: Vec<Partial>,
    vacant: Vec<u32>,
    /// Per piece: its slot, or `NONE`.
    slot_of: Vec<u32>,
    /// Slots with a free block.
    open: Vec<u32>,
    bytes: u64,
}

const NONE: u32 = u32::MAX;

impl Partials {
    pub(crate) fn new(pieces: u32) -> Self {
        Self {
            slots: Vec::new(),
            vacant: Vec::new(),
            slot_of: vec![NONE; pieces as usize],
            open: Vec::new(),
            bytes: 0,
        }
    }

    /// How many pieces are begun (or being checked).
    pub(crate) fn count(&self) -> usize {
        self.slots.len() - self.vacant.len()
    }

    /// The bytes of those pieces.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The piece, where it is begun.
    pub(crate) fn get(&self, piece: u32) -> Option<&Partial> {
        let slot = *self.slot_of.get(piece as usize)?;
        self.slots.get(slot as usize)
    }

    /// The pieces with a free block, in no particular but a defined order.
    pub(crate) fn open(&self) -> impl Iterator<Item = &Partial> + '_ {
        self.open.iter().map(|&slot| &self.slots[slot as usize])
    }

    /// No begun piece has a free block.
    pub(crate) fn none_open(&self) -> bool {
        self.open.is_empty()
    }

    /// Every begun piece, in no particular but a defined order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Partial> + '_ {
        (0..)
            .zip(&self.slots)
            .filter(|(slot, partial)| self.slot_of.get(partial.piece as usize) == Some(slot))
            .map(|(_, partial)| partial)
    }

    /// Begins a piece of `size` bytes that is not begun. Without a block it is checked at once.
    pub(crate) fn begin(&mut self, piece: u32, size: u32, sole: Option<PeerKey>) {
        let blocks = size.div_ceil(BLOCK);
        let slot = self.vacant.pop().unwrap_or_else(|| {
            self.slots.push(Partial {
                piece,
                size: 0,
                blocks: Vec::new(),
                senders: Vec::new(),
                proven: Vec::new(),
                free: 0,
                stored: 0,
                cursor: 0,
                sole: None,
                checking: false,
                listed: false,
            });
            self.slots.len() as u32 - 1
        });
        let partial = &mut self.slots[slot as usize];
        partial.piece = piece;
        partial.size = size;
        partial.blocks.clear();
        partial.blocks.resize(blocks as usize, Block::Free);
        partial.senders.clear();
        partial.senders.resize(blocks as usize, PeerKey(0));
        partial.proven.clear();
        partial.proven.resize(blocks as usize, false);
        (partial.free, partial.stored, partial.cursor) = (blocks, 0, 0);
        partial.sole = sole;
        partial.checking = blocks == 0;
        partial.listed = false;
        self.slot_of[piece as usize] = slot;
        self.bytes += u64::from(size);
        self.list(slot);
    }

    /// Forgets a piece; what it was.
    pub(crate) fn end(&mut self, piece: u32) -> Option<&Partial> {
        let slot = std::mem::replace(self.slot_of.get_mut(piece as usize)?, NONE);
        if slot == NONE {
            return None;
        }
        self.unlist(slot);
        self.vacant.push(slot);
        self.bytes -= u64::from(self.slots[slot as usize].size);
        self.slots.get(slot as usize)
    }

    /// Marks up to `room` free blocks of a piece as asked for and names them, lowest first.
    pub(crate) fn ask(
        &mut self,
        piece: u32,
        room: u32,
        mut named: impl FnMut(BlockSpan, u32),
    ) -> u32 {
        let Some(partial) = self.get_mut(piece) else {
            return 0;
        };
        let mut count = 0;
        while count < room && partial.free > 0 {
            let at = partial.cursor;
            let Some(state) = partial.blocks.get_mut(at as usize) else {
                break;
            };
            partial.cursor += 1;
            if *state == Block::Free {
                *state = Block::Asked(1);
                partial.free -= 1;
                count += 1;
                named(partial.span(at), at);
            }
        }
        if partial.free == 0 {
            self.unlist(self.slot_of[piece as usize]);
        }
        count
    }

    /// One more peer is asked for a block that is asked for already.
    pub(crate) fn ask_again(&mut self, piece: u32, block: u32) {
        if let Some(Block::Asked(count)) = self.block_mut(piece, block) {
            *count = count.saturating_add(1);
        }
    }

    /// One peer fewer is asked for a block. Whether the piece now has neither a block stored nor one asked for.
    pub(crate) fn release(&mut self, piece: u32, block: u32) -> bool {
        let Some(state) = self.block_mut(piece, block) else {
            return false;
        };
        match *state {
            Block::Asked(count) if count > 1 => *state = Block::Asked(count - 1),
            Block::Asked(_) => {
                *state = Block::Free;
                let slot = self.slot_of[piece as usize];
                let partial = &mut self.slots[slot as usize];
                partial.free += 1;
                partial.cursor = partial.cursor.min(block);
                self.list(slot);
            }
            Block::Free | Block::Stored => return false,
        }
        self.get(piece)
            .is_some_and(|partial| partial.free == partial.len())
    }

    /// The driver stores a block that is not stored. Whether the piece is now whole (it is then being checked).
    pub(crate) fn store(&mut self, piece: u32, block: u32, sender: PeerKey) -> bool {
        let Some(state) = self.block_mut(piece, block) else {
            return false;
        };
        let was = std::mem::replace(state, Block::Stored);
        let slot = self.slot_of[piece as usize];
        let partial = &mut self.slots[slot as usize];
        partial.senders[block as usize] = sender;
        partial.stored += 1;
        if was == Block::Free {
            partial.free -= 1;
        }
        partial.checking = partial.stored == partial.len();
        if partial.free == 0 {
            self.unlist(slot);
        }
        self.slots[slot as usize].checking
    }

    /// A stored block is known to be right.
    pub(crate) fn prove(&mut self, piece: u32, block: u32) {
        if let Some(partial) = self.get_mut(piece)
            && partial.block(block) == Some(Block::Stored)
        {
            partial.proven[block as usize] = true;
        }
    }

    /// Anyone may be asked for the piece from now on.
    pub(crate) fn share(&mut self, piece: u32) {
        if let Some(partial) = self.get_mut(piece) {
            partial.sole = None;
        }
    }

    fn get_mut(&mut self, piece: u32) -> Option<&mut Partial> {
        let slot = *self.slot_of.get(piece as usize)?;
        self.slots.get_mut(slot as usize)
    }

    fn block_mut(&mut self, piece: u32, block: u32) -> Option<&mut Block> {
        self.get_mut(piece)?.blocks.get_mut(block as usize)
    }

    fn list(&mut self, slot: u32) {
        let partial = &mut self.slots[slot as usize];
        if !partial.listed && partial.free > 0 {
            partial.listed = true;
            self.open.push(slot);
        }
    }

    fn unlist(&mut self, slot: u32) {
        let partial = &mut self.slots[slot as usize];
        if std::mem::take(&mut partial.listed)
            && let Some(at) = self.open.iter().rposition(|&other| other == slot)
        {
            self.open.swap_remove(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(partials: &mut Partials, piece: u32, room: u32) -> Vec<u32> {
        let mut blocks = Vec::new();
        partials.ask(piece, room, |span, block| {
            assert_eq!(span.begin, block * BLOCK);
            blocks.push(block);
        });
        blocks
    }

    #[test]
    fn blocks_go_from_free_to_stored_and_back() {
        let mut partials = Partials::new(4);
        partials.begin(2, 3 * BLOCK + 5, None);
        assert_eq!(ask(&mut partials, 2, 3), [0, 1, 2]);
        assert_eq!(ask(&mut partials, 2, 3), [3]);
        assert!(partials.none_open());
        assert_eq!(partials.get(2).map(|p| p.span(3).length), Some(5));
        assert!(!partials.release(2, 1));
        assert_eq!(partials.open().count(), 1);
        assert_eq!(ask(&mut partials, 2, 9), [1]);
        let done: Vec<bool> = (0..4)
            .map(|block| partials.store(2, block, PeerKey(u64::from(block % 2))))
            .collect();
        assert_eq!(done, [false, false, false, true]);
        let partial = partials.end(2).unwrap();
        assert_eq!(partial.senders(), [PeerKey(0), PeerKey(1)]);
        let second = BlockSpan {
            piece: PieceIndex::new(2),
            begin: BLOCK,
            length: 1,
        };
        assert_eq!(partial.senders_of(&[second]), [PeerKey(1)]);
        assert!(partials.get(2).is_none());
        assert_eq!((partials.count(), partials.bytes()), (0, 0));
    }

    #[test]
    fn a_run_is_proven_where_all_its_blocks_are() {
        let mut partials = Partials::new(1);
        partials.begin(0, 3 * BLOCK, None);
        let is_proven = |partials: &Partials, begin, length| {
            let piece = PieceIndex::new(0);
            let span = BlockSpan {
                piece,
                begin,
                length,
            };
            partials
                .get(0)
                .is_some_and(|partial| partial.is_proven(span))
        };
        partials.prove(0, 1);
        assert!(!is_proven(&partials, BLOCK, BLOCK), "it is not there");
        for block in [1, 2] {
            partials.store(0, block, PeerKey(1));
        }
        partials.prove(0, 1);
        assert!(is_proven(&partials, BLOCK, BLOCK));
        assert!(is_proven(&partials, BLOCK + 5, BLOCK - 5));
        for (begin, length) in [
            (BLOCK, BLOCK + 1),
            (BLOCK - 1, 2),
            (2 * BLOCK, BLOCK),
            (9 * BLOCK, 1),
        ] {
            assert!(!is_proven(&partials, begin, length));
        }
        partials.prove(0, 2);
        assert!(is_proven(&partials, BLOCK, 2 * BLOCK));
        partials.end(0);
        partials.begin(0, 3 * BLOCK, None);
        partials.store(0, 1, PeerKey(1));
        assert!(!is_proven(&partials, BLOCK, BLOCK), "it begins anew");
    }

    #[test]
    fn padding_is_not_proven() {
        let mut partials = Partials::new(1);
        partials.begin(0, BLOCK + 100, None);
        partials.store(0, 1, PeerKey(1));
        partials.prove(0, 1);
        let is_proven = |length| {
            let piece = PieceIndex::new(0);
            let begin = BLOCK;
            let span = BlockSpan {
                piece,
                begin,
                length,
            };
            partials.get(0).unwrap().is_proven(span)
        };
        assert!(is_proven(100) && !is_proven(101) && !is_proven(BLOCK));
    }

    #[test]
    fn a_piece_of_which_everything_was_given_back_is_untouched() {
        let mut partials = Partials::new(1);
        partials.begin(0, 2 * BLOCK, None);
        ask(&mut partials, 0, 2);
        partials.ask_again(0, 0);
        assert!(!partials.release(0, 0));
        assert!(!partials.release(0, 1));
        assert!(partials.release(0, 0));
    }

    #[test]
    fn a_piece_without_data_is_checked_at_once() {
        let mut partials = Partials::new(1);
        partials.begin(0, 0, None);
        assert!(partials.get(0).is_some_and(|partial| partial.checking));
        assert!(partials.none_open());
    }
}
