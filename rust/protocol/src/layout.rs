//! All arithmetic between pieces, blocks and file spans: it lives here and nowhere else.
//!
//! A torrent is one virtual run of bytes, cut into pieces. [`Span`]s cover it without gap or overlap; each is a user
//! file or padding. v1 torrents are what their file list says (BEP 47 pads may stand anywhere), hybrids the same, and
//! v2 torrents get the padding that BEP 52 implies: each file starts on a piece boundary. Empty files have no span.
//! Pad files have no [`FileIndex`]; nothing above this file knows them except as slices without a file.
//!
//! A layout is small and shared: cloning one copies a pointer. Lookups are binary searches.

use std::ops::Range;
use std::sync::Arc;

use crate::index::{BLOCK, BlockIndex, BlockSpan, FileIndex, PieceIndex};

/// More pieces than this are refused: with 16 MiB pieces they hold 64 TiB. Without a bound, a short v2 torrent could
/// claim so many that every per-piece table of a client is a giant one.
pub const MAX_PIECES: u32 = 1 << 22;

/// Longest span that is served in one piece message: what clients in the wild ask for at most.
pub const MAX_SERVED: u32 = 128 * 1024;

/// Largest accepted piece length.
pub const MAX_PIECE_LENGTH: u32 = 1 << 30;

/// A run of bytes in one user file, or of padding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FileSlice {
    /// The file; `None` is padding, which reads as zeros and is never written.
    pub file: Option<FileIndex>,
    /// First byte, from the start of the file (of the padding run, where it is padding).
    pub offset: u64,
    /// Bytes; never zero.
    pub length: u32,
}

/// One entry of the virtual byte range, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Span {
    /// The next user file, of this length. Files are numbered in the order given.
    File(u64),
    /// Padding of this length.
    Pad(u64),
}

/// Why spans make no layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LayoutError {
    /// Zero or too large.
    #[error("piece length {0} is not between 1 and {MAX_PIECE_LENGTH}")]
    PieceLength(u64),
    /// The sum of the lengths does not fit.
    #[error("the lengths of the files add up to more than {max} bytes", max = i64::MAX)]
    Overflow,
    /// There would be more than [`MAX_PIECES`].
    #[error("the torrent has {0} pieces, more than {MAX_PIECES}")]
    Pieces(u64),
    /// There are more files than indices.
    #[error("the torrent has {0} files, more than {max}", max = u32::MAX - 1)]
    Files(usize),
}

/// Where the pieces and blocks of a torrent lie in its files. See the module's text for the model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout(Arc<Inner>);

#[derive(Debug, PartialEq, Eq)]
struct Inner {
    piece_length: u32,
    pieces: u32,
    total: u64,
    user_size: u64,
    /// Non-empty spans, sorted by start.
    spans: Vec<Placed>,
    /// Every user file, empty ones too.
    files: Vec<PlacedFile>,
}

/// `file` is `PAD` for padding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Placed {
    start: u64,
    file: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct PlacedFile {
    start: u64,
    length: u64,
}

const PAD: u32 = u32::MAX;

impl Layout {
    /// The layout of spans as a v1 or hybrid file list names them.
    pub fn new(
        piece_length: u32,
        spans: impl IntoIterator<Item = Span>,
    ) -> Result<Self, LayoutError> {
        let mut builder = Builder::new(piece_length)?;
        for span in spans {
            match span {
                Span::File(length) => builder.file(length)?,
                Span::Pad(length) => builder.pad(length)?,
            }
        }
        builder.finish()
    }

    /// The layout of a v2 torrent: each file that is not empty starts on a piece boundary (BEP 52); the last is not
    /// padded.
    pub fn aligned(
        piece_length: u32,
        lengths: impl IntoIterator<Item = u64>,
    ) -> Result<Self, LayoutError> {
        let mut builder = Builder::new(piece_length)?;
        for length in lengths {
            if length > 0 {
                let past = builder.total % u64::from(piece_length);
                if past > 0 {
                    builder.pad(u64::from(piece_length) - past)?;
                }
            }
            builder.file(length)?;
        }
        builder.finish()
    }

    /// The number of pieces.
    pub fn piece_count(&self) -> u32 {
        self.0.pieces
    }

    /// The index, where it is in range.
    pub fn piece(&self, raw: u32) -> Option<PieceIndex> {
        (raw < self.0.pieces).then(|| PieceIndex::new(raw))
    }

    /// All pieces in order.
    pub fn pieces(&self) -> impl ExactSizeIterator<Item = PieceIndex> + use<> {
        (0..self.0.pieces).map(PieceIndex::new)
    }

    /// Bytes of every piece but the last.
    pub fn piece_length(&self) -> u32 {
        self.0.piece_length
    }

    /// Bytes of the virtual range, padding included.
    pub fn total(&self) -> u64 {
        self.0.total
    }

    /// Bytes of user files.
    pub fn user_size(&self) -> u64 {
        self.0.user_size
    }

    /// The number of user files.
    pub fn file_count(&self) -> u32 {
        self.0.files.len() as u32
    }

    /// Bytes of a user file; 0 where there is no such file.
    pub fn file_size(&self, file: FileIndex) -> u64 {
        self.0
            .files
            .get(file.as_usize())
            .map_or(0, |placed| placed.length)
    }

    /// Bytes of the piece on the wire and under its v1 hash, padding included. 0 for a piece out of range.
    pub fn piece_size(&self, piece: PieceIndex) -> u32 {
        let start = self.piece_start(piece);
        (self.piece_end(piece) - start.min(self.0.total)) as u32
    }

    /// Bytes of the piece without the padding at its end: what we request. 0 only where all of it is padding.
    pub fn data_size(&self, piece: PieceIndex) -> u32 {
        let start = self.piece_start(piece);
        let end = self.piece_end(piece);
        if end <= start {
            return 0;
        }
        let last = self.span_at(end - 1);
        let Some(placed) = self.0.spans.get(last) else {
            return 0;
        };
        if placed.file == PAD {
            // Pads that follow each other are one span, so what stands before this one is data.
            placed.start.saturating_sub(start) as u32
        } else {
            (end - start) as u32
        }
    }

    /// The number of blocks that are requested of the piece.
    pub fn block_count(&self, piece: PieceIndex) -> u32 {
        self.data_size(piece).div_ceil(BLOCK)
    }

    /// The span of a block; the last of a piece ends with the piece's data. The block must be in range.
    pub fn block(&self, piece: PieceIndex, block: BlockIndex) -> BlockSpan {
        let size = self.data_size(piece);
        let begin = block.get().saturating_mul(BLOCK).min(size);
        BlockSpan {
            piece,
            begin,
            length: (size - begin).min(BLOCK),
        }
    }

    /// All blocks of a piece in order.
    pub fn blocks(&self, piece: PieceIndex) -> impl Iterator<Item = BlockSpan> + use<> {
        let size = self.data_size(piece);
        (0..size)
            .step_by(BLOCK as usize)
            .map(move |begin| BlockSpan {
                piece,
                begin,
                length: (size - begin).min(BLOCK),
            })
    }

    /// The block that is exactly this run, if one is.
    pub fn block_at(&self, piece: PieceIndex, begin: u32, length: u32) -> Option<BlockIndex> {
        let size = self.data_size(piece);
        let exact =
            begin.is_multiple_of(BLOCK) && begin < size && length == (size - begin).min(BLOCK);
        exact.then(|| BlockIndex::new(begin / BLOCK))
    }

    /// A run as a peer asked for it, where it lies within one piece and is 1 byte to [`MAX_SERVED`] long.
    pub fn check_span(&self, piece: u32, begin: u32, length: u32) -> Option<BlockSpan> {
        let piece = self.piece(piece)?;
        let end = begin.checked_add(length)?;
        let fits = (1..=MAX_SERVED).contains(&length) && end <= self.piece_size(piece);
        fits.then_some(BlockSpan {
            piece,
            begin,
            length,
        })
    }

    /// The file runs and padding under a span, in order. They cover it exactly where it lies within its piece.
    pub fn slices(&self, span: BlockSpan) -> impl Iterator<Item = FileSlice> + use<'_> {
        let start = self.piece_start(span.piece) + u64::from(span.begin);
        let end = (start + u64::from(span.length)).min(self.0.total);
        let mut at = start;
        let mut next = self.span_at(start);
        std::iter::from_fn(move || {
            if at >= end {
                return None;
            }
            let placed = self.0.spans.get(next)?;
            next += 1;
            let upto = self.span_start(next).min(end);
            let slice = FileSlice {
                file: (placed.file != PAD).then(|| FileIndex::new(placed.file)),
                offset: at - placed.start,
                length: (upto - at) as u32,
            };
            at = upto;
            Some(slice)
        })
    }

    /// The whole data of a piece as one span, without the padding at its end (it may be longer than [`MAX_SERVED`]).
    pub fn data_span(&self, piece: PieceIndex) -> BlockSpan {
        BlockSpan {
            piece,
            begin: 0,
            length: self.data_size(piece),
        }
    }

    /// The pieces that hold bytes of a file; empty for an empty file.
    pub fn file_pieces(&self, file: FileIndex) -> Range<u32> {
        let Some(placed) = self.0.files.get(file.as_usize()) else {
            return 0..0;
        };
        if placed.length == 0 {
            return 0..0;
        }
        let piece_length = u64::from(self.0.piece_length);
        let first = placed.start / piece_length;
        let last = (placed.start + placed.length - 1) / piece_length;
        first as u32..last as u32 + 1
    }

    /// The files that have bytes in a piece, in order.
    pub fn piece_files(&self, piece: PieceIndex) -> impl Iterator<Item = FileIndex> + use<'_> {
        let end = self.piece_end(piece);
        let first = self.span_at(self.piece_start(piece));
        let spans = self.0.spans.get(first..).unwrap_or_default();
        spans
            .iter()
            .take_while(move |placed| placed.start < end)
            .filter(|placed| placed.file != PAD)
            .map(|placed| FileIndex::new(placed.file))
    }

    /// Where a file starts in the virtual range. Empty files stand where the next byte would.
    pub fn file_start(&self, file: FileIndex) -> u64 {
        self.0
            .files
            .get(file.as_usize())
            .map_or(self.0.total, |placed| placed.start)
    }

    /// Where a piece starts in the virtual range.
    pub fn piece_start(&self, piece: PieceIndex) -> u64 {
        u64::from(piece.get()) * u64::from(self.0.piece_length)
    }

    fn piece_end(&self, piece: PieceIndex) -> u64 {
        (self.piece_start(piece) + u64::from(self.0.piece_length)).min(self.0.total)
    }

    /// The number of the span that holds this byte; one past the last where none does.
    fn span_at(&self, byte: u64) -> usize {
        if byte >= self.0.total {
            return self.0.spans.len();
        }
        self.0
            .spans
            .partition_point(|placed| placed.start <= byte)
            .saturating_sub(1)
    }

    fn span_start(&self, number: usize) -> u64 {
        self.0
            .spans
            .get(number)
            .map_or(self.0.total, |placed| placed.start)
    }
}

struct Builder {
    piece_length: u32,
    total: u64,
    user_size: u64,
    spans: Vec<Placed>,
    files: Vec<PlacedFile>,
}

impl Builder {
    fn new(piece_length: u32) -> Result<Self, LayoutError> {
        if piece_length == 0 || piece_length > MAX_PIECE_LENGTH {
            return Err(LayoutError::PieceLength(u64::from(piece_length)));
        }
        Ok(Self {
            piece_length,
            total: 0,
            user_size: 0,
            spans: Vec::new(),
            files: Vec::new(),
        })
    }

    fn file(&mut self, length: u64) -> Result<(), LayoutError> {
        let number = self.files.len();
        let file = u32::try_from(number).ok().filter(|&file| file < PAD - 1);
        let file = file.ok_or(LayoutError::Files(number + 1))?;
        self.files.push(PlacedFile {
            start: self.total,
            length,
        });
        if length > 0 {
            self.spans.push(Placed {
                start: self.total,
                file,
            });
        }
        self.user_size = self.user_size.saturating_add(length);
        self.grow(length)
    }

    fn pad(&mut self, length: u64) -> Result<(), LayoutError> {
        if length > 0 && self.spans.last().is_none_or(|last| last.file != PAD) {
            self.spans.push(Placed {
                start: self.total,
                file: PAD,
            });
        }
        self.grow(length)
    }

    fn grow(&mut self, length: u64) -> Result<(), LayoutError> {
        let total = self
            .total
            .checked_add(length)
            .filter(|&total| i64::try_from(total).is_ok());
        self.total = total.ok_or(LayoutError::Overflow)?;
        Ok(())
    }

    fn finish(self) -> Result<Layout, LayoutError> {
        let pieces = self.total.div_ceil(u64::from(self.piece_length));
        let count = u32::try_from(pieces)
            .ok()
            .filter(|&count| count <= MAX_PIECES);
        Ok(Layout(Arc::new(Inner {
            piece_length: self.piece_length,
            pieces: count.ok_or(LayoutError::Pieces(pieces))?,
            total: self.total,
            user_size: self.user_size,
            spans: self.spans,
            files: self.files,
        })))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn slices(
        layout: &Layout,
        piece: u32,
        begin: u32,
        length: u32,
    ) -> Vec<(Option<u32>, u64, u32)> {
        let span = BlockSpan {
            piece: PieceIndex::new(piece),
            begin,
            length,
        };
        layout
            .slices(span)
            .map(|slice| (slice.file.map(FileIndex::get), slice.offset, slice.length))
            .collect()
    }

    #[test]
    fn v2_files_start_on_piece_boundaries() {
        let layout = Layout::aligned(32_768, [5, 0, 32_768, 40_000]).unwrap();
        assert_eq!(layout.piece_count(), 4);
        assert_eq!(layout.total(), 65_536 + 40_000);
        assert_eq!(layout.user_size(), 5 + 32_768 + 40_000);
        let first = PieceIndex::new(0);
        assert_eq!(layout.piece_size(first), 32_768);
        assert_eq!(layout.data_size(first), 5);
        assert_eq!(layout.block_count(first), 1);
        assert_eq!(layout.block(first, BlockIndex::new(0)).length, 5);
        assert_eq!(layout.file_pieces(FileIndex::new(1)), 0..0);
        assert_eq!(layout.file_pieces(FileIndex::new(3)), 2..4);
        assert_eq!(layout.data_size(PieceIndex::new(3)), 40_000 - 32_768);
        assert_eq!(
            slices(&layout, 0, 0, 32_768),
            [(Some(0), 0, 5), (None, 0, 32_763)]
        );
        assert_eq!(slices(&layout, 3, 0, 10), [(Some(3), 32_768, 10)]);
    }

    #[test]
    fn pads_in_the_middle_of_a_piece_are_requested_and_at_its_end_are_not() {
        use Span::{File, Pad};
        let layout =
            Layout::new(100, [File(10), Pad(5), Pad(5), File(10), Pad(270), File(1)]).unwrap();
        let sizes: Vec<_> = layout
            .pieces()
            .map(|piece| layout.data_size(piece))
            .collect();
        assert_eq!(sizes, [30, 0, 0, 1]);
        assert_eq!(
            slices(&layout, 0, 5, 20),
            [(Some(0), 5, 5), (None, 0, 10), (Some(1), 0, 5)]
        );
        assert_eq!(layout.block_count(PieceIndex::new(1)), 0);
        assert_eq!(layout.piece_files(PieceIndex::new(0)).count(), 2);
        assert_eq!(layout.piece_files(PieceIndex::new(1)).count(), 0);
    }

    #[test]
    fn only_whole_blocks_are_ours_but_any_run_in_a_piece_is_served() {
        let layout = Layout::new(40_000, [Span::File(70_000)]).unwrap();
        let (first, last) = (PieceIndex::new(0), PieceIndex::new(1));
        assert_eq!(
            layout.block_at(first, BLOCK, BLOCK),
            Some(BlockIndex::new(1))
        );
        assert_eq!(
            layout.block_at(first, 2 * BLOCK, 40_000 - 2 * BLOCK),
            Some(BlockIndex::new(2))
        );
        assert_eq!(layout.block_at(first, 2 * BLOCK, BLOCK), None);
        assert_eq!(layout.block_at(first, 1, BLOCK), None);
        assert_eq!(layout.block_at(last, 30_000, 0), None);
        assert!(layout.check_span(1, 29_999, 1).is_some());
        assert!(layout.check_span(1, 29_999, 2).is_none());
        assert!(layout.check_span(1, u32::MAX, 2).is_none());
        assert!(layout.check_span(0, 3, 0).is_none());
        assert!(layout.check_span(2, 0, 1).is_none());
        let large = Layout::new(1 << 20, [Span::File(1 << 20)]).unwrap();
        assert!(large.check_span(0, 7, MAX_SERVED).is_some());
        assert!(large.check_span(0, 7, MAX_SERVED + 1).is_none());
    }

    #[test]
    fn claims_beyond_the_limits_are_refused() {
        assert_eq!(Layout::new(0, []), Err(LayoutError::PieceLength(0)));
        let huge = [Span::File(i64::MAX as u64), Span::Pad(1)];
        assert_eq!(Layout::new(1 << 30, huge), Err(LayoutError::Overflow));
        assert_eq!(
            Layout::new(1, [Span::File(1 << 23)]),
            Err(LayoutError::Pieces(1 << 23))
        );
        let empty = Layout::new(7, [Span::File(0)]).unwrap();
        assert_eq!((empty.piece_count(), empty.file_count()), (0, 1));
        assert_eq!(empty.piece_size(PieceIndex::new(3)), 0);
        assert_eq!(empty.data_size(PieceIndex::new(3)), 0);
    }

    fn spans() -> impl Strategy<Value = Vec<Span>> {
        let span = prop_oneof![
            3 => (0_u64..200_000).prop_map(Span::File),
            1 => (0_u64..70_000).prop_map(Span::Pad),
        ];
        prop::collection::vec(span, 0..20)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn slices_cover_every_block_exactly(spans in spans(), piece_length in 1_u32..100_000) {
            let piece_length = piece_length.max(1000);
            let layout = Layout::new(piece_length, spans.clone()).unwrap();
            let mut next: Vec<u64> = vec![0; layout.file_count() as usize];
            let mut whole = 0;
            for piece in layout.pieces() {
                whole += u64::from(layout.piece_size(piece));
                let mut at = 0;
                for number in 0..layout.block_count(piece) {
                    let span = layout.block(piece, BlockIndex::new(number));
                    prop_assert_eq!(span.begin, at);
                    prop_assert_eq!(
                        layout.block_at(piece, span.begin, span.length),
                        Some(BlockIndex::new(number))
                    );
                    let mut covered = 0;
                    for slice in layout.slices(span) {
                        covered += slice.length;
                        if let Some(file) = slice.file {
                            prop_assert!(layout.file_pieces(file).contains(&piece.get()));
                            prop_assert_eq!(slice.offset, next[file.as_usize()]);
                            next[file.as_usize()] += u64::from(slice.length);
                        }
                    }
                    prop_assert_eq!(covered, span.length);
                    at += span.length;
                }
                prop_assert_eq!(at, layout.data_size(piece));
                prop_assert_eq!(layout.blocks(piece).count() as u32, layout.block_count(piece));
                for file in layout.piece_files(piece) {
                    prop_assert!(layout.file_pieces(file).contains(&piece.get()));
                }
            }
            prop_assert_eq!(whole, layout.total());
            let lengths: Vec<u64> = spans
                .iter()
                .filter_map(|span| match span { Span::File(n) => Some(*n), Span::Pad(_) => None })
                .collect();
            prop_assert_eq!(layout.user_size(), lengths.iter().sum::<u64>());
            prop_assert_eq!(next, lengths);
        }

        #[test]
        fn aligned_pieces_hold_one_file(lengths in prop::collection::vec(0_u64..200_000, 0..12)) {
            let layout = Layout::aligned(32_768, lengths).unwrap();
            for piece in layout.pieces() {
                prop_assert_eq!(layout.piece_files(piece).count(), 1);
                prop_assert!(layout.data_size(piece) > 0);
            }
        }
    }
}
