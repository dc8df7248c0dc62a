//! One pass over files that are only read: every byte once, all cores, bounded memory.
//!
//! Workers take pieces in order from one counter and read them in runs, so that a piece of any length costs one buffer.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use p2pcore_protocol::check::{PieceHasher, PieceHashes};
use p2pcore_protocol::{BlockSpan, FileSlice, Format, Layout, PieceIndex};

use crate::error::StorageError;

/// Tells how far the work is, (bytes done, bytes in all); false stops it.
pub type Progress<'a> = &'a (dyn Fn(u64, u64) -> bool + Sync);

/// Why a pass ended early.
#[derive(Debug)]
pub(crate) enum PassError {
    Storage(StorageError),
    Stopped,
}

/// Hashes every piece of `layout`, whose files are at `paths`; `take` gets each piece, in any order, from any thread.
/// `None` stands for a piece that could not be read whole because a file is short or missing.
pub(crate) fn hash_pieces(
    layout: &Layout,
    format: Format,
    paths: &[PathBuf],
    threads: usize,
    progress: Progress<'_>,
    take: &(dyn Fn(PieceIndex, Option<PieceHashes>) + Sync),
) -> Result<(), PassError> {
    let next = AtomicUsize::new(0);
    let done = AtomicU64::new(0);
    let stop = AtomicBool::new(false);
    let failed = Mutex::new(None);
    let work = || {
        let mut reader = Reader::new(paths);
        while !stop.load(Ordering::Relaxed) {
            let Some(piece) = layout.piece(next.fetch_add(1, Ordering::Relaxed) as u32) else {
                return;
            };
            match reader.hash(layout, format, piece) {
                Ok(hashes) => take(piece, hashes),
                Err(error) => {
                    let mut first = failed.lock().unwrap_or_else(PoisonError::into_inner);
                    first.get_or_insert(PassError::Storage(error));
                    stop.store(true, Ordering::Relaxed);
                }
            }
            let size = u64::from(layout.data_size(piece));
            let so_far = done.fetch_add(size, Ordering::Relaxed) + size;
            if !progress(so_far, layout.user_size()) {
                stop.store(true, Ordering::Relaxed);
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..thread_count(threads) {
            scope.spawn(work);
        }
        work();
    });
    let failed = failed.into_inner().unwrap_or_else(PoisonError::into_inner);
    match failed {
        Some(error) => Err(error),
        None if stop.into_inner() => Err(PassError::Stopped),
        None => Ok(()),
    }
}

/// One for each core where none is asked for.
fn thread_count(asked: usize) -> usize {
    match asked {
        0 => std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        count => count,
    }
}

/// A worker's open files and buffer.
struct Reader<'a> {
    paths: &'a [PathBuf],
    open: BTreeMap<usize, File>,
    buffer: Vec<u8>,
}

impl<'a> Reader<'a> {
    fn new(paths: &'a [PathBuf]) -> Self {
        Self {
            paths,
            open: BTreeMap::new(),
            buffer: vec![0; RUN],
        }
    }

    fn hash(
        &mut self,
        layout: &Layout,
        format: Format,
        piece: PieceIndex,
    ) -> Result<Option<PieceHashes>, StorageError> {
        let mut hasher = PieceHasher::new(layout, piece, format);
        let size = layout.data_size(piece);
        for begin in (0..size).step_by(RUN) {
            let length = (size - begin).min(RUN as u32);
            let span = BlockSpan {
                piece,
                begin,
                length,
            };
            let mut at = 0;
            for slice in layout.slices(span) {
                let end = at + slice.length as usize;
                if !self.read(slice, at, end)? {
                    return Ok(None);
                }
                at = end;
            }
            hasher.update(&self.buffer[..at]);
        }
        Ok(Some(hasher.finish()))
    }

    /// Fills part of the buffer; false where the file has no such bytes.
    fn read(&mut self, slice: FileSlice, at: usize, end: usize) -> Result<bool, StorageError> {
        let out = &mut self.buffer[at..end];
        let Some(file) = slice.file else {
            out.fill(0);
            return Ok(true);
        };
        let path = &self.paths[file.as_usize()];
        let open = match self.open.entry(file.as_usize()) {
            std::collections::btree_map::Entry::Occupied(open) => open.into_mut(),
            std::collections::btree_map::Entry::Vacant(_) => match File::open(path) {
                Ok(opened) => {
                    // Pieces come in order: the first files are the ones that are done with.
                    if self.open.len() >= MAX_OPEN {
                        self.open.pop_first();
                    }
                    self.open.entry(file.as_usize()).or_insert(opened)
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
                Err(error) => return Err(StorageError::new("open", path, &error)),
            },
        };
        match open.read_exact_at(out, slice.offset) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
            Err(error) => Err(StorageError::new("read", path, &error)),
        }
    }
}

/// Bytes read at a time: many blocks to a call, and they are still in the cache when they are hashed.
const RUN: usize = 256 * 1024;

/// Files that one worker holds open.
const MAX_OPEN: usize = 64;
