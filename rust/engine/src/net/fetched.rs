//! Pieces that were fetched and wait for a thread of the pool.
//!
//! Each piece brings a job, but a job takes all that wait, as far as they hash well side by side: under load the lanes
//! of the hashes fill by themselves, and a lone piece waits for nobody. Jobs whose pieces were taken find nothing.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};

use p2pcore_hashing::LANES;
use p2pcore_protocol::{Metainfo, Mismatch, PieceIndex, Verified, check_pieces};

use super::Net;
use super::jobs::{Done, JobResult, PieceOutcome, fatal};
use crate::api::TorrentId;
use crate::error::StorageError;
use crate::prints::Printer;
use crate::storage::Storage;

/// One torrent's queue.
#[derive(Debug, Default)]
pub(super) struct Fetched(Mutex<VecDeque<Piece>>);

/// A piece whose blocks are all there.
#[derive(Debug)]
pub(super) struct Piece {
    pub index: PieceIndex,
    pub blocks: Vec<Vec<u8>>,
    /// Take prints of the blocks also if it is good.
    pub prints: bool,
}

impl Fetched {
    fn push(&self, piece: Piece) {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.push_back(piece);
    }

    fn take(&self) -> Vec<Piece> {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = waiting.len().min(LANES);
        waiting.drain(..count).collect()
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
    fetched.push(piece);
    let fetched = Arc::clone(fetched);
    let (done, printer) = (net.done.clone(), net.printer.clone());
    net.pool.submit(move || {
        let pieces = fetched.take();
        // Every piece is answered, also where a thread panics: otherwise its torrent would wait for ever.
        let checked = catch_unwind(AssertUnwindSafe(|| {
            let pieces: Vec<_> = pieces
                .iter()
                .map(|piece| (piece.index, &piece.blocks[..]))
                .collect();
            check_pieces(&meta, &pieces)
        }));
        let mut checked = checked.unwrap_or_default().into_iter();
        for piece in pieces {
            let finish = || {
                checked
                    .next()
                    .map(|checked| finish(&storage, checked, &piece, &printer))
            };
            let outcome = catch_unwind(AssertUnwindSafe(finish)).ok().flatten();
            let result = JobResult::Piece {
                piece: piece.index,
                blocks: piece.blocks,
                outcome: outcome
                    .unwrap_or_else(|| PieceOutcome::Failed(StorageError::panicked().into())),
            };
            let _ = done.send(Done { torrent, result }); // the session may be gone
        }
    });
}

fn finish(
    storage: &Storage,
    checked: Result<Verified, Mismatch>,
    piece: &Piece,
    printer: &Printer,
) -> PieceOutcome {
    let blocks = &piece.blocks;
    let verified = match checked {
        Ok(verified) => verified,
        Err(mismatch) => {
            let bad = || PieceOutcome::Bad(printer.prints(blocks));
            return fatal(mismatch).map_or_else(bad, PieceOutcome::Failed);
        }
    };
    let slices: Vec<&[u8]> = blocks.iter().map(Vec::as_slice).collect();
    match storage.write_piece(verified.piece(), &slices) {
        Ok(()) => {
            storage.mark_good(verified.piece());
            let prints = piece.prints.then(|| printer.prints(blocks));
            PieceOutcome::Stored(verified, prints.unwrap_or_default())
        }
        Err(error) => PieceOutcome::Failed(error.into()),
    }
}
