//! A torrent's bytes on disk: reads, writes of verified pieces, and the memory of both between sessions.
//!
//! All is synchronous and may be called from many threads at once. No file is written, cut, renamed or deleted that we
//! did not create, unless the user said `overwrite`; nothing outside the download's folder is touched, whatever links
//! are planted in it. A file is created at its first write. Bytes that wanted pieces share with unwanted files go to a
//! sparse parts file. Padding is never stored. Whether bytes are good is not decided here: callers pass verified pieces
//! only. The locks are ordered: `flushing`, `gate`, `creating`, `resume`, `state`.

mod bits;
mod check;
mod durable;
mod files;
mod handles;
mod open;
mod place;
mod resume;
mod sys;
#[cfg(test)]
mod tests;
mod watch;

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, IoSlice};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, TryLockError};
use std::time::Instant;

use p2pcore_protocol::{BlockSpan, FileIndex, FileSlice, Metainfo, PieceIndex};

use self::bits::Bits;
pub use self::check::{check_on_disk, leaves_on_disk};
use self::handles::{HANDLES, Handle, Key};
pub use self::open::Existing;
use self::place::Places;
use self::resume::Resume;
use self::watch::Looks;
use crate::api::Target;
use crate::error::StorageError;

/// The bytes of one torrent at one target.
#[derive(Debug)]
pub struct Storage {
    id: u64,
    meta: Arc<Metainfo>,
    target: Target,
    state_dir: Option<PathBuf>,
    places: Places,
    /// `None` for seeds.
    parts: Option<PathBuf>,
    started: Instant,
    /// Held by whoever makes things durable.
    flushing: Mutex<()>,
    /// Held shared by reads and writes; alone by who moves bytes between the parts file and files.
    gate: RwLock<()>,
    /// Held by whoever creates files.
    creating: Mutex<()>,
    /// `None` where nothing is kept between sessions.
    resume: Mutex<Option<Resume>>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    files: Vec<FileState>,
    /// Verified.
    good: Bits,
    /// On disk, verified or about to be called so.
    stored: Bits,
    /// Good and flushed: what the resume data says.
    flushed: Bits,
    /// Good and not yet flushed.
    pending: Vec<u32>,
    /// Written since the last flush.
    dirty: BTreeSet<u32>,
    /// Folders that we made: (a file below, depth).
    folders: Vec<(u32, u32)>,
    generation: u64,
    /// Pieces that were to be checked at the start and are not yet.
    unchecked: usize,
}

#[derive(Debug, Clone, Copy)]
struct FileState {
    on_disk: OnDisk,
    /// Its bytes are in the parts file.
    in_parts: bool,
    /// Pieces that are not good.
    missing: u32,
    looks: Looks,
}

impl FileState {
    fn has_size(&self, size: u64) -> bool {
        let known = self.looks.known();
        known.is_some_and(|found| found.regular && found.size == size)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum OnDisk {
    Absent,
    /// We created it; its inode.
    Ours(u64),
    /// Somebody else did, or we do not know.
    Foreign,
}

impl Storage {
    /// Reads a run of a piece; padding reads as zeros. `out` is as long as the span.
    pub fn read(&self, span: BlockSpan, out: &mut [u8]) -> Result<(), StorageError> {
        let _gate = self.gate.read().unwrap_or_else(PoisonError::into_inner);
        for (slice, out) in split(self.meta.layout().slices(span), out) {
            let Some((file, number, offset)) = self.locate(slice) else {
                out.fill(0);
                continue;
            };
            let handle = self.readable(file, number)?;
            self.look("read", &handle, file, number)?;
            self.read_from(&handle, file, number, out, offset)?;
            self.unchanged("read", &handle, file, number)?;
        }
        Ok(())
    }

    /// Reads if that takes no waiting for a disk; `None` where it would (or might): also when it is time to look at the
    /// path, because a file system that hangs holds up whoever does.
    pub fn read_now(&self, span: BlockSpan, out: &mut [u8]) -> Option<Result<(), StorageError>> {
        let _gate = match self.gate.try_read() {
            Ok(gate) => gate,
            Err(TryLockError::Poisoned(gate)) => gate.into_inner(),
            Err(TryLockError::WouldBlock) => return None,
        };
        for (slice, out) in split(self.meta.layout().slices(span), out) {
            let Some((file, number, offset)) = self.locate(slice) else {
                out.fill(0);
                continue;
            };
            let handle = HANDLES.get(self.key(number), false)?;
            if number != PARTS && handle.is_due(self.now_ms()) {
                return None;
            }
            if !handle.instant.read(&handle.file, out, offset) {
                return None;
            }
            if let Err(error) = self.unchanged("read", &handle, file, number) {
                return Some(Err(error));
            }
        }
        Some(Ok(()))
    }

    /// Writes verified pieces that follow each other, without padding in between: their data in order, cut anywhere,
    /// without the padding at the end of the last.
    pub fn write_pieces(
        &self,
        pieces: &[PieceIndex],
        blocks: &[&[u8]],
    ) -> Result<(), StorageError> {
        let layout = self.meta.layout();
        let Some(&first) = pieces.first() else {
            return Ok(());
        };
        let span = BlockSpan {
            piece: first,
            begin: 0,
            length: pieces.iter().map(|piece| layout.data_size(*piece)).sum(),
        };
        let given: usize = blocks.iter().map(|block| block.len()).sum();
        if given != span.length as usize {
            let message = format!(
                "{} pieces from {first} on have {} bytes of data, given {given}",
                pieces.len(),
                span.length
            );
            return Err(StorageError::refused(
                "write",
                self.meta.name(),
                None,
                message,
            ));
        }
        let _gate = self.gate.read().unwrap_or_else(PoisonError::into_inner);
        let mut source = blocks.iter().copied().filter(|block| !block.is_empty());
        let mut rest: &[u8] = &[];
        for slice in layout.slices(span) {
            let mut parts = Vec::new();
            let mut left = slice.length as usize;
            while left > 0 {
                if rest.is_empty() {
                    let Some(next) = source.next() else {
                        break; // cannot be: the sums agree
                    };
                    rest = next;
                }
                let (now, later) = rest.split_at(rest.len().min(left));
                parts.push(IoSlice::new(now));
                left -= now.len();
                rest = later;
            }
            if let Some((file, number, offset)) = self.locate(slice) {
                if number != PARTS && self.is_closed(file) {
                    self.compare(file, &parts, offset)?;
                } else {
                    self.write_at(file, number, &mut parts, offset)?;
                }
            }
        }
        let mut state = lock(&self.state);
        for piece in pieces {
            state.stored.set(piece.get());
        }
        Ok(())
    }

    /// Says that a piece was verified and is on disk.
    pub fn mark_good(&self, piece: PieceIndex) {
        let mut state = lock(&self.state);
        state.stored.set(piece.get());
        if !state.good.set(piece.get()) {
            return;
        }
        state.pending.push(piece.get());
        for file in self.meta.layout().piece_files(piece) {
            let entry = &mut state.files[file.as_usize()];
            entry.missing = entry.missing.saturating_sub(1);
        }
    }

    /// The file that holds a slice, its number among the handles, and the offset there; `None` for padding.
    fn locate(&self, slice: FileSlice) -> Option<(FileIndex, u32, u64)> {
        let file = slice.file?;
        if lock(&self.state).files[file.as_usize()].in_parts {
            Some((
                file,
                PARTS,
                self.meta.layout().file_start(file) + slice.offset,
            ))
        } else {
            Some((file, file.get(), slice.offset))
        }
    }

    fn readable(&self, file: FileIndex, number: u32) -> Result<Arc<Handle>, StorageError> {
        if let Some(handle) = HANDLES.get(self.key(number), false) {
            return Ok(handle);
        }
        if number == PARTS {
            return self.open_parts();
        }
        // What may be written is opened for both at once.
        let write = matches!(
            lock(&self.state).files[file.as_usize()].on_disk,
            OnDisk::Ours(_)
        );
        let opened = self
            .places
            .open_file(file, write)
            .map_err(|error| StorageError::new("open", self.places.path(file), &error))?;
        Ok(self.keep(file, opened, write))
    }

    /// Keeps a file open. Its path was walked just now: the next look at it is due later, where an open file that is not
    /// ours would be known by its looks.
    fn keep(&self, file: FileIndex, opened: File, writable: bool) -> Arc<Handle> {
        let handle = Handle::new(opened, writable);
        if self.looks(file).known().is_some() {
            handle.due(self.now_ms());
        }
        HANDLES.put(self.key(file.get()), handle)
    }

    fn read_from(
        &self,
        handle: &Handle,
        file: FileIndex,
        number: u32,
        mut out: &mut [u8],
        mut offset: u64,
    ) -> Result<(), StorageError> {
        while !out.is_empty() {
            match handle.file.read_at(out, offset) {
                Ok(0) => return Err(self.too_short(handle, file, number)),
                Ok(count) => {
                    out = &mut out[count..];
                    offset += count as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.error("read", file, number, &error)),
            }
        }
        Ok(())
    }

    fn too_short(&self, handle: &Handle, file: FileIndex, number: u32) -> StorageError {
        let size = self.meta.layout().file_size(file);
        let now = handle.file.metadata().map_or(0, |metadata| metadata.len());
        let message = format!("file changed underneath: size {size} is now {now}");
        StorageError::refused("read", self.path_of(file, number), None, message)
    }

    /// On the storage's clock.
    fn now_ms(&self) -> u64 {
        self.started.elapsed().as_millis() as u64
    }

    fn key(&self, number: u32) -> Key {
        (self.id, number)
    }

    fn path_of(&self, file: FileIndex, number: u32) -> PathBuf {
        match &self.parts {
            Some(parts) if number == PARTS => parts.clone(),
            _ => self.places.path(file),
        }
    }

    fn error(
        &self,
        operation: &'static str,
        file: FileIndex,
        number: u32,
        error: &io::Error,
    ) -> StorageError {
        StorageError::new(operation, self.path_of(file, number), error)
    }
}

impl Drop for Storage {
    fn drop(&mut self) {
        HANDLES.close_all(self.id);
    }
}

/// Gives each slice its part of the buffer.
fn split(
    slices: impl Iterator<Item = FileSlice>,
    mut out: &mut [u8],
) -> impl Iterator<Item = (FileSlice, &mut [u8])> {
    slices.map(move |slice| {
        let rest = std::mem::take(&mut out);
        let (now, later) = rest.split_at_mut(rest.len().min(slice.length as usize));
        out = later;
        (slice, now)
    })
}

/// What a panicking thread left is consistent enough: every change under these locks is a plain assignment.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The parts file's number among the handles.
const PARTS: u32 = u32::MAX;
