//! Making bytes and the memory of them durable, and the end: closing or removing.

use std::collections::BTreeSet;

use p2pcore_protocol::FileIndex;

use super::handles::HANDLES;
use super::resume::{self, FileNote, Notes, Record};
use super::{FileState, OnDisk, PARTS, State, Storage, lock, sys};
use crate::error::StorageError;

impl Storage {
    /// Flushes what was written, then notes the pieces that are durable by it.
    pub fn flush(&self) -> Result<(), StorageError> {
        let _flushing = lock(&self.flushing);
        self.flush_now()?;
        if lock(&self.state).is_whole() {
            self.checkpoint(true)?; // nothing will be added: no journal is kept open
        }
        Ok(())
    }

    /// Whether there is anything to flush or to note.
    pub fn is_flushed(&self) -> bool {
        let state = lock(&self.state);
        state.pending.is_empty() && state.dirty.is_empty()
    }

    /// Flushes, and writes the resume data of a clean end. The storage can still be read.
    pub fn close(&self) -> Result<(), StorageError> {
        let _flushing = lock(&self.flushing);
        self.flush_now()?;
        let in_use = lock(&self.state).files.iter().any(|entry| entry.in_parts);
        HANDLES.close_all(self.id);
        self.checkpoint(false)?;
        if let (Some(parts), false) = (&self.parts, in_use) {
            resume::delete(parts).map_err(|error| StorageError::new("delete", parts, &error))?;
        }
        *lock(&self.resume) = None;
        Ok(())
    }

    /// Forgets the torrent: deletes its resume data and parts, and, with `delete_files`, the files and (if then empty)
    /// folders that we created.
    pub fn remove(&self, delete_files: bool) -> Result<(), StorageError> {
        let _flushing = lock(&self.flushing);
        HANDLES.close_all(self.id);
        if let Some(parts) = &self.parts {
            resume::delete(parts).map_err(|error| StorageError::new("delete", parts, &error))?;
        }
        if delete_files {
            self.delete_created()?;
        }
        if let Some(mut resume) = lock(&self.resume).take() {
            resume.delete()?;
        }
        Ok(())
    }

    /// The caller holds `flushing`.
    pub(super) fn flush_now(&self) -> Result<(), StorageError> {
        // Pieces first: what they wrote was called dirty before.
        let (pending, dirty) = {
            let mut state = lock(&self.state);
            (
                std::mem::take(&mut state.pending),
                std::mem::take(&mut state.dirty),
            )
        };
        let records: Vec<Record> = pending.iter().copied().map(Record::Flushed).collect();
        let durable = self
            .sync(&dirty)
            .and_then(|()| match &mut *lock(&self.resume) {
                Some(resume) if !records.is_empty() => resume.append(&records, true),
                _ => Ok(()),
            });
        if let Err(error) = durable {
            let mut state = lock(&self.state);
            state.pending.extend(pending);
            state.dirty.extend(dirty);
            return Err(error);
        }
        let mut state = lock(&self.state);
        for piece in pending {
            state.flushed.set(piece);
        }
        Ok(())
    }

    fn sync(&self, dirty: &BTreeSet<u32>) -> Result<(), StorageError> {
        let files = dirty.iter().filter(|number| **number != PARTS);
        let at_once = match (self.places.root(), self.places.folder()) {
            (Some(root), Some(into)) if files.clone().count() > MANY => sys::sync_file_system(root)
                .map_err(|error| StorageError::new("flush", into, &error))?,
            _ => false,
        };
        for number in dirty.iter().copied() {
            if at_once && number != PARTS {
                continue;
            }
            let file = FileIndex::new(if number == PARTS { 0 } else { number });
            let handle = self.readable(file, number)?;
            handle
                .file
                .sync_data()
                .map_err(|error| self.error("flush", file, number, &error))?;
        }
        Ok(())
    }

    /// Replaces the notes by what is true now. The caller holds `flushing`, and has flushed.
    pub(super) fn checkpoint(&self, go_on: bool) -> Result<(), StorageError> {
        let _creating = lock(&self.creating);
        let mut resume = lock(&self.resume);
        let Some(resume) = &mut *resume else {
            return Ok(());
        };
        let mut notes = lock(&self.state).notes(go_on);
        resume.save(&mut notes, go_on)?;
        lock(&self.state).generation = notes.generation;
        Ok(())
    }

    fn delete_created(&self) -> Result<(), StorageError> {
        let (files, mut folders) = {
            let state = lock(&self.state);
            let created: Vec<OnDisk> = state.files.iter().map(|entry| entry.on_disk).collect();
            (created, state.folders.clone())
        };
        for (number, on_disk) in files.into_iter().enumerate() {
            let OnDisk::Ours(inode) = on_disk else {
                continue;
            };
            let file = FileIndex::new(number as u32);
            if self
                .places
                .find(file)?
                .is_none_or(|found| found.inode != inode)
            {
                continue; // what stands there now is somebody else's
            }
            self.places
                .delete_file(file)
                .map_err(|error| StorageError::new("delete", self.places.path(file), &error))?;
            lock(&self.state).files[number].on_disk = OnDisk::Absent;
        }
        folders.sort_unstable_by_key(|(_, depth)| std::cmp::Reverse(*depth));
        for (file, depth) in folders {
            self.places.delete_folder(FileIndex::new(file), depth);
        }
        Ok(())
    }
}

impl State {
    /// What is true now. If writing goes on, the looks of unfinished files are not worth noting.
    pub(super) fn notes(&self, go_on: bool) -> Notes {
        let file = |entry: &FileState| FileNote {
            created: match entry.on_disk {
                OnDisk::Ours(inode) => Some(inode),
                OnDisk::Absent | OnDisk::Foreign => None,
            },
            intended: false,
            in_parts: entry.in_parts,
            stamp: entry
                .looks
                .known()
                .filter(|found| found.regular && !entry.in_parts)
                .filter(|_| !go_on || entry.missing == 0 || entry.on_disk == OnDisk::Foreign)
                .map(|found| (found.size, found.mtime_ns)),
        };
        Notes {
            generation: self.generation,
            files: self.files.iter().map(file).collect(),
            good: self.flushed.clone(),
            folders: self.folders.clone(),
            settled: self.unchecked == 0 && (!go_on || self.is_whole()),
        }
    }

    /// Every piece is there, and was flushed.
    fn is_whole(&self) -> bool {
        self.pending.is_empty() && self.files.iter().all(|entry| entry.missing == 0)
    }
}

/// With more files than this to flush, the whole file system is flushed at once.
const MANY: usize = 64;
