//! Digests of equal parts of a buffer or a file, and the Merkle root over it: hashing without a torrent.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use p2pcore_hashing::{LANES, Sha1Many, Sha256Digest, Sha256Many, merkle};

use crate::aligned::PageBuffer;
use crate::error::StorageError;
use crate::sources::{PassError, Progress, thread_count};

/// What is hashed.
#[derive(Debug, Clone)]
pub enum Input<'a> {
    /// Bytes in memory.
    Bytes(&'a [u8]),
    /// A file, read in runs.
    Path(PathBuf),
}

/// Which digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Digest {
    /// SHA-1, 20 bytes.
    Sha1,
    /// SHA-256, 32 bytes.
    Sha256,
}

impl Digest {
    /// Bytes of a digest.
    pub fn size(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
        }
    }
}

/// Why there are no digests.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HashError {
    /// A file could not be read.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The caller's progress function said so.
    #[error("stopped")]
    Stopped,
}

/// The digest of each piece of `piece_length` bytes (at least 1), one after the other; the last piece may be shorter.
/// No bytes, no digests. All cores where `threads` is 0.
pub fn hash_pieces(
    input: &Input<'_>,
    piece_length: u64,
    digest: Digest,
    threads: usize,
    progress: Progress<'_>,
) -> Result<Vec<u8>, HashError> {
    let source = Source::open(input)?;
    let piece_length = piece_length.max(1);
    let count = usize::try_from(source.size.div_ceil(piece_length)).unwrap_or(usize::MAX);
    let threads = thread_count(threads);
    let batch = count.div_ceil(threads).clamp(1, LANES);
    let mut digests = vec![0; count * digest.size()];
    let slots = Mutex::new(digests.chunks_mut(batch * digest.size()).enumerate());
    let (done, stop) = (AtomicU64::new(0), AtomicBool::new(false));
    let failed = Mutex::new(None);
    let advance = |bytes: u64| {
        let so_far = done.fetch_add(bytes, Ordering::Relaxed) + bytes;
        if !progress(so_far, source.size) {
            stop.store(true, Ordering::Relaxed);
        }
        !stop.load(Ordering::Relaxed)
    };
    let work = || {
        let mut buffer = PageBuffer::default();
        while !stop.load(Ordering::Relaxed) {
            let next = slots.lock().unwrap_or_else(PoisonError::into_inner).next();
            let Some((number, slot)) = next else { return };
            let first = number as u64 * batch as u64;
            let starts = (0..slot.len() / digest.size()).map(|i| (first + i as u64) * piece_length);
            let ends = |start: u64| (start + piece_length).min(source.size);
            let pieces: Vec<_> = starts.map(|start| (start, ends(start))).collect();
            match source.hash(&pieces, digest, &mut buffer, &advance) {
                Ok(hashes) => slot.copy_from_slice(&hashes),
                Err(error) => {
                    stop.store(true, Ordering::Relaxed);
                    let mut first = failed.lock().unwrap_or_else(PoisonError::into_inner);
                    first.get_or_insert(error);
                }
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..threads.min(count.div_ceil(batch)) {
            scope.spawn(work);
        }
        work();
    });
    match failed.into_inner().unwrap_or_else(PoisonError::into_inner) {
        Some(PassError::Storage(error)) => Err(error.into()),
        Some(PassError::Stopped) => Err(HashError::Stopped),
        None if stop.into_inner() => Err(HashError::Stopped),
        None => Ok(digests),
    }
}

/// The root of the tree over 16 KiB leaves (BEP 52's `pieces root`); 32 zero bytes where there are no bytes.
pub fn merkle_root(
    input: &Input<'_>,
    threads: usize,
    progress: Progress<'_>,
) -> Result<Sha256Digest, HashError> {
    let leaves = hash_pieces(
        input,
        merkle::LEAF as u64,
        Digest::Sha256,
        threads,
        progress,
    )?;
    Ok(merkle::root(leaves.as_chunks().0, 0, 1))
}

/// Opened, and its size known.
struct Source<'a> {
    size: u64,
    place: Place<'a>,
}

enum Place<'a> {
    Bytes(&'a [u8]),
    File(File, &'a Path),
}

impl<'a> Source<'a> {
    fn open(input: &'a Input<'_>) -> Result<Self, StorageError> {
        match input {
            Input::Bytes(bytes) => Ok(Self {
                size: bytes.len() as u64,
                place: Place::Bytes(bytes),
            }),
            Input::Path(path) => {
                let error = |error| StorageError::new("open", path, &error);
                let file = File::open(path).map_err(error)?;
                let metadata = file.metadata().map_err(error)?;
                if metadata.is_dir() {
                    let error = std::io::Error::from(std::io::ErrorKind::IsADirectory);
                    return Err(StorageError::new("open", path, &error));
                }
                let size = metadata.len();
                let place = Place::File(file, path);
                Ok(Self { size, place })
            }
        }
    }

    /// Pieces, as (start, end), side by side.
    fn hash(
        &self,
        pieces: &[(u64, u64)],
        digest: Digest,
        buffer: &mut PageBuffer,
        advance: &dyn Fn(u64) -> bool,
    ) -> Result<Vec<u8>, PassError> {
        let mut streams = match digest {
            Digest::Sha1 => Streams::Sha1(Sha1Many::new(pieces.len())),
            Digest::Sha256 => Streams::Sha256(Sha256Many::new(pieces.len())),
        };
        let run = BUFFER / pieces.len().next_power_of_two();
        let longest = pieces.iter().map(|(start, end)| end - start).max();
        for begin in (0..longest.unwrap_or(0)).step_by(run) {
            let spans = pieces.iter().map(|(start, end)| {
                let from = (start + begin).min(*end);
                (from, (*end - from).min(run as u64) as usize)
            });
            let row = self.row(spans, run, buffer)?;
            let bytes: usize = row.iter().map(|part| part.len()).sum();
            streams.update(&row);
            if !advance(bytes as u64) {
                return Err(PassError::Stopped);
            }
        }
        Ok(streams.finish())
    }

    fn row<'b>(
        &'b self,
        spans: impl Iterator<Item = (u64, usize)>,
        run: usize,
        buffer: &'b mut PageBuffer,
    ) -> Result<Vec<&'b [u8]>, PassError> {
        match &self.place {
            Place::Bytes(bytes) => {
                let part = |(from, length)| &bytes[from as usize..][..length];
                Ok(spans.map(part).collect())
            }
            Place::File(file, path) => {
                buffer.grow(BUFFER);
                let parts = buffer.chunks_mut(run).zip(spans);
                let read = parts.map(|(part, (from, length))| {
                    let part = &mut part[..length];
                    match file.read_exact_at(part, from) {
                        Ok(()) => Ok(&*part),
                        Err(error) => Err(StorageError::new("read", *path, &error)),
                    }
                });
                read.collect::<Result<_, _>>().map_err(PassError::Storage)
            }
        }
    }
}

enum Streams {
    Sha1(Sha1Many),
    Sha256(Sha256Many),
}

impl Streams {
    fn update(&mut self, row: &[&[u8]]) {
        match self {
            Self::Sha1(many) => many.update(row),
            Self::Sha256(many) => many.update(row),
        }
    }

    fn finish(self) -> Vec<u8> {
        match self {
            Self::Sha1(many) => many.finish().into_flattened(),
            Self::Sha256(many) => many.finish().into_flattened(),
        }
    }
}

/// Bytes read at a time, of all pieces together: they are still in the second-level cache when they are hashed.
const BUFFER: usize = 512 * 1024;
