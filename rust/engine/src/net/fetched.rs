//! Pieces that were fetched and wait for a thread of the pool: first to be hashed, then to be written.
//!
//! A job takes all that wait, as far as they hash well side by side, and goes on while any do. While one is at work a
//! second one is called only where it fills its lanes, or where much waits: pieces alone cost four times as much. A lone
//! piece waits for nobody.
//!
//! One thread at a time writes to a file, because a file system lets no second one in: it would only spin at the door.
//! Whoever hashed a piece of a file that is being written to leaves it to who writes there, and hashes the next. Pieces
//! that follow each other are written as one.

use std::collections::{BTreeMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use p2pcore_hashing::LANES;
use p2pcore_protocol::{FileIndex, Layout, Metainfo, Mismatch, PieceIndex, Verified, check_pieces};
use tokio::sync::mpsc::UnboundedSender;

use super::Net;
use super::jobs::{Done, JobResult, PieceOutcome, fatal};
use crate::api::TorrentId;
use crate::error::StorageError;
use crate::prints::Printer;
use crate::storage::Storage;

/// One torrent's pieces on their way to its files.
#[derive(Debug, Default)]
pub(super) struct Fetched(Mutex<Waiting>);

#[derive(Debug, Default)]
struct Waiting {
    to_hash: VecDeque<Piece>,
    /// Jobs that were called and have not ended.
    jobs: usize,
    /// Of each file that a thread writes to, what comes next there.
    to_write: BTreeMap<Door, VecDeque<(Piece, Verified)>>,
}

/// The first file of a piece, which stands for all of its files; `None` for a piece of padding.
type Door = Option<FileIndex>;

/// A piece whose blocks are all there.
#[derive(Debug)]
pub(super) struct Piece {
    pub index: PieceIndex,
    pub blocks: Vec<Vec<u8>>,
    /// Take prints of the blocks also if it is good.
    pub prints: bool,
}

impl Fetched {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues a piece to be hashed; whether a job must be called, because none is there or this is too much for it.
    fn push(&self, piece: Piece) -> bool {
        let mut waiting = self.lock();
        waiting.to_hash.push_back(piece);
        let calls = waiting.jobs == 0 || waiting.is_much();
        waiting.jobs += usize::from(calls);
        calls
    }

    /// What a job hashes next, side by side; nothing: it has ended, and whoever is still at work takes the rest.
    fn take(&self) -> Vec<Piece> {
        let mut waiting = self.lock();
        if waiting.to_hash.is_empty() || waiting.jobs > 1 && !waiting.is_much() {
            waiting.jobs -= 1;
            return Vec::new();
        }
        let count = waiting.to_hash.len().min(LANES);
        waiting.to_hash.drain(..count).collect()
    }

    /// Queues a good piece to be written; whether nobody writes there, so that the caller must.
    fn queue(&self, door: Door, piece: Piece, verified: Verified) -> bool {
        let to_write = &mut self.lock().to_write;
        let is_free = !to_write.contains_key(&door);
        to_write
            .entry(door)
            .or_default()
            .push_back((piece, verified));
        is_free
    }

    /// What the thread that writes to a file writes next, in a row without padding in between. Nothing: it is done, and
    /// the door is free.
    fn next(&self, door: Door, layout: &Layout) -> Vec<(Piece, Verified)> {
        let to_write = &mut self.lock().to_write;
        let Some(queue) = to_write.get_mut(&door) else {
            return Vec::new();
        };
        let mut blocks = 0;
        let follows = |piece: &Piece, next: &Piece| {
            let is_full = layout.data_size(piece.index) == layout.piece_length();
            is_full && piece.index.get() + 1 == next.index.get()
        };
        let run = (0..queue.len()).take_while(|&at| {
            blocks += queue[at].0.blocks.len();
            at == 0 || blocks <= RUN && follows(&queue[at - 1].0, &queue[at].0)
        });
        let count = run.count();
        if count == 0 {
            to_write.remove(&door);
            return Vec::new();
        }
        queue.drain(..count).collect()
    }
}

impl Waiting {
    /// Enough to keep a job of its own busy.
    fn is_much(&self) -> bool {
        let blocks = self.to_hash.iter().map(|piece| piece.blocks.len());
        self.to_hash.len() >= LANES || blocks.sum::<usize>() >= MUCH
    }
}

/// Hashes a fetched piece and writes it if it is good: no unverified byte reaches a file.
pub(super) fn store(
    net: &Net,
    torrent: TorrentId,
    fetched: &Arc<Fetched>,
    meta: Arc<Metainfo>,
    storage: Arc<Storage>,
    piece: Piece,
) {
    if !fetched.push(piece) {
        return;
    }
    let worker = Worker {
        torrent,
        fetched: Arc::clone(fetched),
        meta,
        storage,
        printer: net.printer.clone(),
        done: net.done.clone(),
    };
    net.pool.submit(move || worker.run());
}

/// What a job needs. Every piece that it takes is answered, also where a thread panics: otherwise the torrent would
/// wait for ever.
struct Worker {
    torrent: TorrentId,
    fetched: Arc<Fetched>,
    meta: Arc<Metainfo>,
    storage: Arc<Storage>,
    printer: Printer,
    done: UnboundedSender<Done>,
}

impl Worker {
    fn run(&self) {
        loop {
            let pieces = self.fetched.take();
            if pieces.is_empty() {
                return;
            }
            for door in self.hash(pieces) {
                self.write_all(door);
            }
        }
    }

    /// Until nothing waits at this door.
    fn write_all(&self, door: Door) {
        loop {
            let run = self.fetched.next(door, self.meta.layout());
            if run.is_empty() {
                return;
            }
            let write = || self.write(&run);
            let outcomes = catch_unwind(AssertUnwindSafe(write)).unwrap_or_default();
            let mut outcomes = outcomes.into_iter();
            for (piece, _) in run {
                self.answer(piece, outcomes.next().unwrap_or_else(panicked));
            }
        }
    }

    /// Queues what is good, and answers for the rest. Where this thread must write.
    fn hash(&self, pieces: Vec<Piece>) -> Vec<Door> {
        let mut checked = self.check(&pieces).into_iter();
        let mut doors = Vec::new();
        for piece in pieces {
            match checked.next() {
                Some(Ok(verified)) => {
                    let door = self.meta.layout().piece_files(piece.index).next();
                    if self.fetched.queue(door, piece, verified) {
                        doors.push(door);
                    }
                }
                Some(Err(mismatch)) => {
                    let bad = || PieceOutcome::Bad(self.printer.prints(&piece.blocks));
                    let outcome = fatal(mismatch).map_or_else(bad, PieceOutcome::Failed);
                    self.answer(piece, outcome);
                }
                None => self.answer(piece, panicked()),
            }
        }
        doors
    }

    /// Nothing where hashing panicked.
    fn check(&self, pieces: &[Piece]) -> Vec<Result<Verified, Mismatch>> {
        let check = || {
            let pieces: Vec<_> = pieces
                .iter()
                .map(|piece| (piece.index, &piece.blocks[..]))
                .collect();
            check_pieces(&self.meta, &pieces)
        };
        catch_unwind(AssertUnwindSafe(check)).unwrap_or_default()
    }

    /// An outcome for each.
    fn write(&self, run: &[(Piece, Verified)]) -> Vec<PieceOutcome> {
        let pieces: Vec<PieceIndex> = run.iter().map(|(_, verified)| verified.piece()).collect();
        let blocks = run.iter().flat_map(|(piece, _)| &piece.blocks);
        let slices: Vec<&[u8]> = blocks.map(Vec::as_slice).collect();
        let written = self.storage.write_pieces(&pieces, &slices);
        let outcome = |(piece, verified): &(Piece, Verified)| match &written {
            Ok(()) => {
                self.storage.mark_good(verified.piece());
                let prints = piece.prints.then(|| self.printer.prints(&piece.blocks));
                PieceOutcome::Stored(*verified, prints.unwrap_or_default())
            }
            Err(error) => PieceOutcome::Failed(error.clone().into()),
        };
        run.iter().map(outcome).collect()
    }

    fn answer(&self, piece: Piece, outcome: PieceOutcome) {
        let result = JobResult::Piece {
            piece: piece.index,
            blocks: piece.blocks,
            outcome,
        };
        let torrent = self.torrent;
        let _ = self.done.send(Done { torrent, result }); // the session may be gone
    }
}

fn panicked() -> PieceOutcome {
    PieceOutcome::Failed(StorageError::panicked().into())
}

/// Blocks that are written by one call.
const RUN: usize = 64;

/// Blocks that are worth a second thread though they are of few pieces: 16 MiB, so that large pieces do not wait.
const MUCH: usize = 1024;

#[cfg(test)]
mod tests {
    use p2pcore_protocol::BLOCK;

    use super::*;

    fn piece(number: u32, blocks: usize) -> Piece {
        Piece {
            index: PieceIndex::new(number),
            blocks: vec![Vec::new(); blocks],
            prints: false,
        }
    }

    fn queue(fetched: &Fetched, file: u32, number: u32) -> bool {
        let verified = Verified::resumed(PieceIndex::new(number));
        fetched.queue(Some(FileIndex::new(file)), piece(number, 1), verified)
    }

    /// Of files whose pieces are full but for the tenth of each.
    fn next(fetched: &Fetched, file: u32) -> Vec<u32> {
        let length = 9 * u64::from(BLOCK) + 1;
        let layout = Layout::aligned(BLOCK, (0..9).map(|_| length)).unwrap();
        let next = fetched.next(Some(FileIndex::new(file)), &layout);
        next.iter().map(|(piece, _)| piece.index.get()).collect()
    }

    #[test]
    fn a_second_job_is_called_only_where_it_fills_its_lanes() {
        let fetched = Fetched::default();
        let push = || fetched.push(piece(0, 1));
        assert!(push(), "a lone piece waits for nobody");
        assert_eq!(fetched.take().len(), 1);
        assert!((1..LANES).all(|_| !push()), "too few for a second job");
        assert!(push());
        assert_eq!(fetched.take().len(), LANES, "it takes them");
        assert!(!push(), "two are at work");
        assert_eq!(fetched.take().len(), 0, "one ends");
        assert_eq!(fetched.take().len(), 1, "the last one goes on");
        assert_eq!(fetched.take().len(), 0, "until there is nothing");
        assert!(push(), "and is called again");
    }

    #[test]
    fn a_large_piece_does_not_wait_for_others() {
        let fetched = Fetched::default();
        assert!((0..3).all(|_| fetched.push(piece(0, MUCH))));
    }

    #[test]
    fn one_at_a_time_writes_to_a_file() {
        let fetched = Fetched::default();
        assert!(queue(&fetched, 0, 0), "nobody writes there");
        assert!(!queue(&fetched, 0, 1), "the first one will");
        assert!(queue(&fetched, 1, 2), "another file is another door");
        assert_eq!(next(&fetched, 0), [0, 1]);
        assert!(!queue(&fetched, 0, 3), "it is still being written to");
        assert_eq!(next(&fetched, 0), [3]);
        assert_eq!(next(&fetched, 0), []);
        assert!(queue(&fetched, 0, 4), "the door is free again");
        assert_eq!(next(&fetched, 1), [2], "its own writer has it");
    }

    #[test]
    fn what_is_written_as_one_is_in_a_row_without_padding_and_short() {
        let fetched = Fetched::default();
        for number in [4, 5, 7, 6, 8, 9, 10, 11] {
            queue(&fetched, 0, number);
        }
        assert_eq!(next(&fetched, 0), [4, 5]);
        assert_eq!(next(&fetched, 0), [7]);
        assert_eq!(next(&fetched, 0), [6]);
        assert_eq!(next(&fetched, 0), [8, 9], "padding follows");
        assert_eq!(next(&fetched, 0), [10, 11]);
        let verified = |number| Verified::resumed(PieceIndex::new(number));
        for number in 0..4 {
            let piece = piece(number, RUN / 2);
            fetched.queue(Some(FileIndex::new(0)), piece, verified(number));
        }
        assert_eq!(next(&fetched, 0), [0, 1]);
        assert_eq!(next(&fetched, 0), [2, 3]);
    }
}
