//! One pass over files that are only read: every byte once, all cores, bounded memory.
//!
//! Workers take pieces in order from one counter, several at a time, and read them side by side in runs, so that pieces of
//! any length cost one buffer and fill the lanes of the hashes. Where digests of whole files are asked for too, workers
//! read runs of whole pieces instead, whose bytes stand in the order of the files.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use p2pcore_hashing::LANES;
use p2pcore_protocol::check::{PieceHashes, PiecesHasher};
use p2pcore_protocol::{BlockSpan, FileSlice, Format, Layout, PieceIndex};

use crate::aligned::PageBuffer;
use crate::digests::{DigestKinds, Digester, FileDigests};
use crate::error::StorageError;

/// Tells how far the work is, (bytes done, bytes in all); false stops it.
pub type Progress<'a> = &'a (dyn Fn(u64, u64) -> bool + Sync);

/// Why a pass ended early.
#[derive(Debug)]
pub(crate) enum PassError {
    Storage(StorageError),
    Stopped,
}

/// One pass: what is read, how, and who is told.
pub(crate) struct Pass<'a> {
    pub layout: &'a Layout,
    pub format: Format,
    /// Where the files are.
    pub paths: &'a [PathBuf],
    /// 0: one for each core.
    pub threads: usize,
    /// Digests of whole files to take too.
    pub digests: DigestKinds,
    pub progress: Progress<'a>,
}

impl Pass<'_> {
    /// Hashes every piece; `take` gets each, in any order, from any thread. `None` stands for a piece that could not be
    /// read whole because a file is short or missing. Answers the digests of the files: none where none are asked for.
    pub fn run(
        &self,
        take: &(dyn Fn(PieceIndex, Option<PieceHashes>) + Sync),
    ) -> Result<Vec<FileDigests>, PassError> {
        if self.digests.is_empty() {
            return hash_pieces(self, None, take).map(|()| Vec::new());
        }
        let digester = Digester::new(self.layout, self.digests);
        hash_pieces(self, Some(&digester), take)?;
        Ok(digester.finish(self.layout))
    }
}

fn hash_pieces(
    pass: &Pass<'_>,
    digester: Option<&Digester>,
    take: &(dyn Fn(PieceIndex, Option<PieceHashes>) + Sync),
) -> Result<(), PassError> {
    let &Pass {
        layout,
        format,
        paths,
        progress,
        ..
    } = pass;
    let threads = thread_count(pass.threads);
    let next = AtomicU32::new(0);
    let done = AtomicU64::new(0);
    let stop = AtomicBool::new(false);
    let failed = Mutex::new(None);
    // As many pieces side by side as there are lanes; less where some threads would get none.
    let count = layout.piece_count();
    let batch = count.div_ceil(threads as u32).clamp(1, LANES as u32);
    let (batch, buffer) = match digester {
        Some(_) => whole_pieces(batch, layout.piece_length(), threads),
        None => (batch, BUFFER),
    };
    let advance = |bytes| {
        let so_far = done.fetch_add(bytes, Ordering::Relaxed) + bytes;
        if !progress(so_far, layout.user_size()) {
            stop.store(true, Ordering::Relaxed);
        }
        !stop.load(Ordering::Relaxed)
    };
    let work = || {
        let mut reader = Reader::new(paths, buffer, digester);
        loop {
            let first = next.fetch_add(batch, Ordering::Relaxed);
            let pieces = first..count.min(first.saturating_add(batch));
            let pieces: Vec<_> = pieces.filter_map(|piece| layout.piece(piece)).collect();
            if pieces.is_empty() || stop.load(Ordering::Relaxed) {
                break;
            }
            match reader.hash(layout, format, &pieces, &advance) {
                Ok(hashes) => {
                    let pieces = pieces.into_iter().zip(hashes);
                    pieces.for_each(|(piece, hashes)| take(piece, hashes));
                }
                Err(error) => {
                    let mut first = failed.lock().unwrap_or_else(PoisonError::into_inner);
                    first.get_or_insert(PassError::Storage(error));
                    stop.store(true, Ordering::Relaxed);
                }
            }
        }
        if let (Some(digester), true) = (digester, stop.load(Ordering::Relaxed)) {
            digester.stop(); // whoever waits for our bytes waits in vain
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..threads {
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
pub(crate) fn thread_count(asked: usize) -> usize {
    match asked {
        0 => std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        count => count,
    }
}

/// A worker's open files and buffer.
struct Reader<'a> {
    paths: &'a [PathBuf],
    open: BTreeMap<usize, File>,
    buffer: PageBuffer,
    digester: Option<&'a Digester>,
}

impl<'a> Reader<'a> {
    fn new(paths: &'a [PathBuf], buffer: usize, digester: Option<&'a Digester>) -> Self {
        Self {
            paths,
            open: BTreeMap::new(),
            buffer: PageBuffer::new(buffer),
            digester,
        }
    }

    /// Hashes pieces side by side. Where `advance` (told the bytes of each round) answers false, none of them.
    fn hash(
        &mut self,
        layout: &Layout,
        format: Format,
        pieces: &[PieceIndex],
        advance: &dyn Fn(u64) -> bool,
    ) -> Result<Vec<Option<PieceHashes>>, StorageError> {
        let mut hasher = PiecesHasher::new(layout, pieces, format);
        let mut whole = vec![true; pieces.len()];
        let run = self.buffer.len() / pieces.len().next_power_of_two();
        let longest = pieces.iter().map(|piece| layout.data_size(*piece)).max();
        for begin in (0..longest.unwrap_or(0)).step_by(run) {
            let mut lengths = vec![0; pieces.len()];
            for (number, &piece) in pieces.iter().enumerate() {
                let left = layout.data_size(piece).saturating_sub(begin);
                let length = left.min(run as u32);
                if length == 0 || !whole[number] && self.digester.is_none() {
                    continue; // others may wait for what a digester is fed
                }
                let mut at = number * run;
                for slice in layout.slices(BlockSpan {
                    piece,
                    begin,
                    length,
                }) {
                    let end = at + slice.length as usize;
                    let there = self.read(slice, at, end)?;
                    if let (Some(digester), Some(file)) = (self.digester, slice.file) {
                        let bytes = there.then_some(&self.buffer[at..end]);
                        digester.feed(file, slice.offset, bytes);
                    }
                    whole[number] &= there;
                    at = end;
                }
                lengths[number] = length as usize;
            }
            let part = |(number, length)| &self.buffer[number * run..][..length];
            let row: Vec<&[u8]> = lengths.iter().copied().enumerate().map(part).collect();
            hasher.update(&[&row]);
            if !advance(lengths.iter().sum::<usize>() as u64) {
                return Ok(Vec::new());
            }
        }
        let hashes = hasher.finish().into_iter().zip(whole);
        Ok(hashes
            .map(|(hashes, whole)| whole.then_some(hashes))
            .collect())
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

/// Pieces to a batch, and bytes to a buffer, where a buffer holds whole pieces one after the other. A piece that is
/// longer than a buffer is read in runs, alone.
fn whole_pieces(batch: u32, piece_length: u32, threads: usize) -> (u32, usize) {
    let most = (ALL_BUFFERS / threads).clamp(BUFFER, MOST_BUFFER);
    let fitting = (most as u32 / piece_length).clamp(1, batch);
    let batch = 1 << fitting.ilog2();
    (batch, most.min((batch * piece_length) as usize))
}

/// Bytes of all buffers that hold whole pieces, and of the largest of them.
const ALL_BUFFERS: usize = 32 << 20;
const MOST_BUFFER: usize = 8 << 20;

/// Bytes read at a time, of all pieces together: they are still in the second-level cache when they are hashed.
const BUFFER: usize = 512 * 1024;

/// Files that one worker holds open.
const MAX_OPEN: usize = 64;
