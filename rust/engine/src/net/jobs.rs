//! What the pool's threads do for the network thread, and what they send back.
//!
//! A job holds only what it needs (`Arc<Storage>`, owned buffers), never the network thread's state. Each job of a
//! torrent ends with exactly one [`Done`], so that the torrent can count what is under way.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use p2pcore_hashing::LANES;
use p2pcore_protocol::{Metainfo, Mismatch, PieceIndex, Verified};
use p2pcore_scheduling::Print;

use tokio::sync::Semaphore;

use super::Net;
use crate::aligned::PageBuffer;
use crate::api::{Target, TorrentId};
use crate::error::{StorageError, TorrentError};
use crate::shared::TorrentShared;
use crate::storage::{self, Existing, Storage};

/// The end of a job.
pub(super) struct Done {
    pub torrent: TorrentId,
    pub result: JobResult,
}

/// What came of it.
pub(super) enum JobResult {
    /// Files were opened (or could not be).
    Opened(Result<(Arc<Storage>, Existing), StorageError>),
    /// One of the check's workers ended; the pieces that it found good.
    Checked(Result<Vec<Verified>, TorrentError>),
    /// A piece was hashed and, if good, written.
    Piece {
        piece: PieceIndex,
        blocks: Vec<Vec<u8>>,
        outcome: PieceOutcome,
    },
    /// Files were flushed, or wanted files changed.
    Flushed(Result<(), StorageError>),
    /// The storage is closed; nothing of the torrent is under way any more.
    Closed(Result<(), StorageError>),
}

/// What a piece turned out to be.
pub(super) enum PieceOutcome {
    Stored(Verified, Vec<Print>),
    Bad(Vec<Print>),
    Failed(TorrentError),
}

/// Opens a torrent's files, after closing what it had open before.
pub(super) fn open(
    net: &Net,
    torrent: TorrentId,
    before: Option<Arc<Storage>>,
    meta: Arc<Metainfo>,
    target: Target,
    wanted: Vec<bool>,
) {
    let state_dir = net.config.state_dir.clone();
    submit(net, torrent, move || {
        // The one before knows which files are ours, also where no state folder does.
        let opened = match before {
            Some(storage) => storage.reopen(&wanted),
            None => Storage::open(meta, &target, &wanted, state_dir.as_deref()),
        };
        JobResult::Opened(opened.map(|(storage, existing)| (Arc::new(storage), existing)))
    });
}

/// Hashes pieces that are on disk, on all threads but one (so that other torrents go on). Each worker sends one
/// `Checked`; answers how many workers there are.
pub(super) fn check(
    net: &Net,
    torrent: TorrentId,
    shared: &Arc<TorrentShared>,
    storage: &Arc<Storage>,
    pieces: Vec<PieceIndex>,
    stop: &Arc<AtomicBool>,
) -> usize {
    let workers = net
        .pool
        .threads()
        .saturating_sub(1)
        .clamp(1, pieces.len().max(1));
    let pieces = Arc::new(pieces);
    let next = Arc::new(AtomicUsize::new(0));
    for _ in 0..workers {
        let (shared, storage) = (Arc::clone(shared), Arc::clone(storage));
        let (pieces, next, stop) = (Arc::clone(&pieces), Arc::clone(&next), Arc::clone(stop));
        submit(net, torrent, move || {
            JobResult::Checked(check_some(&shared, &storage, &pieces, &next, &stop))
        });
    }
    workers
}

fn check_some(
    shared: &TorrentShared,
    storage: &Storage,
    pieces: &[PieceIndex],
    next: &AtomicUsize,
    stop: &AtomicBool,
) -> Result<Vec<Verified>, TorrentError> {
    let mut good = Vec::new();
    let mut scratch = PageBuffer::default();
    while !stop.load(Ordering::Relaxed) {
        let first = next.fetch_add(LANES, Ordering::Relaxed).min(pieces.len());
        let batch = &pieces[first..pieces.len().min(first + LANES)];
        if batch.is_empty() {
            break;
        }
        for checked in storage::check_on_disk(storage, &shared.meta, batch, &mut scratch)? {
            match checked {
                Ok(verified) => {
                    storage.mark_good(verified.piece());
                    good.push(verified);
                }
                Err(mismatch) => fatal(mismatch).map_or(Ok(()), Err)?,
            }
        }
        let size = |piece: &PieceIndex| u64::from(shared.meta.layout().data_size(*piece));
        let bytes = batch.iter().map(size).sum();
        shared.checked.fetch_add(bytes, Ordering::Relaxed);
    }
    Ok(good)
}

/// Makes what is written durable, and notes it in the resume data.
pub(super) fn flush(net: &Net, torrent: TorrentId, storage: Arc<Storage>) {
    submit(net, torrent, move || JobResult::Flushed(storage.flush()));
}

/// Tells storage which files are wanted.
pub(super) fn set_wanted(net: &Net, torrent: TorrentId, storage: Arc<Storage>, wanted: Vec<bool>) {
    submit(net, torrent, move || {
        JobResult::Flushed(storage.set_wanted(&wanted))
    });
}

/// Ends a torrent's storage; deletes what it created where asked to.
pub(super) fn close(
    net: &Net,
    torrent: TorrentId,
    storage: Option<Arc<Storage>>,
    delete: Option<bool>,
) {
    submit(net, torrent, move || {
        let closed = match (storage, delete) {
            (None, _) => Ok(()),
            (Some(storage), Some(true)) => storage.remove(true),
            (Some(storage), _) => storage.close(),
        };
        JobResult::Closed(closed)
    });
}

/// Reads for a peer on a thread of its own, apart from the pool, which a disk that hangs would hold up for all; `None`
/// where it died. Waits for its turn where a torrent has [`READS`] under way.
pub(super) async fn read<T: Send + 'static>(
    turns: &Arc<Semaphore>,
    work: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    let turn = Arc::clone(turns).acquire_owned().await.ok()?;
    let reading = tokio::task::spawn_blocking(move || {
        let _turn = turn; // held to the end, also where nobody waits because the connection is gone
        work()
    });
    reading.await.ok()
}

/// Contradictions in the torrent itself: no other peer's bytes can mend them.
pub(super) fn fatal(mismatch: Mismatch) -> Option<TorrentError> {
    match mismatch {
        Mismatch::Disagree { piece, .. } => {
            Some(TorrentError::HashesDisagree { piece: piece.get() })
        }
        Mismatch::Unknown(_) => Some(TorrentError::NoPieceLayers),
        Mismatch::Hash(_) | Mismatch::Length { .. } => None,
    }
}

/// Every job answers, also one that panics: otherwise its torrent would wait for ever.
fn submit(net: &Net, torrent: TorrentId, work: impl FnOnce() -> JobResult + Send + 'static) {
    let done = net.done.clone();
    net.pool.submit(move || {
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
        let result = result.unwrap_or_else(|_| JobResult::Flushed(Err(StorageError::panicked())));
        let _ = done.send(Done { torrent, result }); // the session may be gone
    });
}

/// Reads of one torrent that wait for a disk at once: enough for a disk to choose their order.
pub(super) const READS: usize = 8;

/// Threads that wait for disks, in all: as many torrents as these are turns for can hang, and the next still reads.
/// They are started when they are needed, and end when they are not.
pub(super) const READERS: usize = 128;
