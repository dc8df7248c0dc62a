//! Files come into being: at their first write, or, where they have no bytes, when they become wanted.

use std::fs::File;
use std::io::{self, IoSlice};
use std::os::unix::fs::FileExt;
use std::sync::{Arc, PoisonError};

use p2pcore_protocol::{BlockSpan, FileIndex, PieceIndex};

use super::handles::{HANDLES, Handle};
use super::place::Found;
use super::resume::Record;
use super::{OnDisk, PARTS, Storage, lock, sys};
use crate::aligned::PageBuffer;
use crate::api::Target;
use crate::error::StorageError;
use crate::links::is_link;

impl Storage {
    /// Says which files are wanted: bytes of them that are in the parts file move to their places.
    pub fn set_wanted(&self, wanted: &[bool]) -> Result<(), StorageError> {
        if self.places.folder().is_none() {
            return Ok(());
        }
        let _flushing = lock(&self.flushing);
        {
            let _gate = self.gate.write().unwrap_or_else(PoisonError::into_inner);
            self.apply_wanted(wanted)?;
        }
        self.flush_now()?;
        self.checkpoint(true)
    }

    /// The same without making it durable; the caller holds the gate, or nobody else has the storage yet.
    pub(super) fn apply_wanted(&self, wanted: &[bool]) -> Result<(), StorageError> {
        for (number, wanted) in wanted.iter().take(self.meta.files().len()).enumerate() {
            let file = FileIndex::new(number as u32);
            let entry = lock(&self.state).files[number];
            if *wanted && entry.in_parts {
                self.move_in(file)?;
            } else if !*wanted && !entry.in_parts && entry.on_disk == OnDisk::Absent {
                lock(&self.state).files[number].in_parts = true;
            }
            if *wanted && self.meta.files()[number].length == 0 {
                self.make_empty(file)?;
            }
        }
        Ok(())
    }

    /// A handle that can be written to; creates the file if it is not there.
    pub(super) fn writable(
        &self,
        file: FileIndex,
        number: u32,
    ) -> Result<Arc<Handle>, StorageError> {
        if let Some(handle) = HANDLES.get(self.key(number), true) {
            return Ok(handle);
        }
        if number == PARTS {
            return self.open_parts();
        }
        let _creating = lock(&self.creating);
        if let Some(handle) = HANDLES.get(self.key(number), true) {
            return Ok(handle);
        }
        let on_disk = lock(&self.state).files[file.as_usize()].on_disk;
        let opened = match on_disk {
            OnDisk::Absent => self.create(file)?,
            OnDisk::Ours(_) => self.open_again(file)?,
            OnDisk::Foreign if self.may_overwrite() => self.open_again(file)?,
            OnDisk::Foreign => return Err(self.not_ours(file)),
        };
        Ok(self.keep(file, opened, true))
    }

    pub(super) fn open_parts(&self) -> Result<Arc<Handle>, StorageError> {
        let Some(path) = &self.parts else {
            return Err(StorageError::refused(
                "open",
                self.meta.name(),
                None,
                "seeds have no parts",
            ));
        };
        let _creating = lock(&self.creating);
        if let Some(handle) = HANDLES.get(self.key(PARTS), true) {
            return Ok(handle);
        }
        let opened = open_own(path).map_err(|error| StorageError::new("open", path, &error))?;
        Ok(HANDLES.put(self.key(PARTS), Handle::new(opened, true)))
    }

    fn may_overwrite(&self) -> bool {
        matches!(
            self.target,
            Target::Download {
                overwrite: true,
                ..
            }
        )
    }

    /// Whether we may not write to a file, because it is not ours.
    pub(super) fn is_closed(&self, file: FileIndex) -> bool {
        let on_disk = lock(&self.state).files[file.as_usize()].on_disk;
        on_disk == OnDisk::Foreign && !self.may_overwrite()
    }

    /// In place of a write: a file that has the bytes already needs none.
    pub(super) fn compare(
        &self,
        file: FileIndex,
        parts: &[IoSlice<'_>],
        mut offset: u64,
    ) -> Result<(), StorageError> {
        let handle = self.readable(file, file.get())?;
        let size = self.meta.layout().file_size(file);
        if !lock(&self.state).files[file.as_usize()].has_size(size) {
            return Err(self.not_ours(file));
        }
        for part in parts {
            let mut there = vec![0; part.len()];
            let read = handle.file.read_exact_at(&mut there, offset);
            if read.is_err() || there != **part {
                return Err(self.not_ours(file));
            }
            offset += part.len() as u64;
        }
        Ok(())
    }

    /// Once all is checked: a wanted file that cannot become whole, because it is not ours.
    pub fn conflict(&self, wanted: &[bool]) -> Option<StorageError> {
        let layout = self.meta.layout();
        let state = lock(&self.state);
        let lacks = |file: FileIndex| {
            let mut missing = layout
                .file_pieces(file)
                .filter(|piece| !state.good.get(*piece))
                .map(PieceIndex::new);
            missing.any(|piece| layout.piece_files(piece).count() == 1)
        };
        let mut files = (0..state.files.len()).filter(|number| wanted[*number]);
        let conflict = files.find_map(|number| {
            let file = FileIndex::new(number as u32);
            let entry = &state.files[number];
            let conflicts = entry.on_disk == OnDisk::Foreign
                && (lacks(file) || !entry.has_size(layout.file_size(file)));
            conflicts.then_some(file)
        });
        drop(state);
        conflict
            .filter(|_| self.places.folder().is_some() && !self.may_overwrite())
            .map(|file| self.not_ours(file))
    }

    fn preallocates(&self) -> bool {
        matches!(
            self.target,
            Target::Download {
                preallocate: true,
                ..
            }
        )
    }

    /// Creates a file of its full size. The caller holds `creating`.
    fn create(&self, file: FileIndex) -> Result<File, StorageError> {
        let path = || self.places.path(file);
        self.note(&[Record::Creating(file.get())])?;
        let mut folders = Vec::new();
        let created = self.places.create_file(file, &mut folders);
        self.made_folders(file, &folders)?;
        let created = match created {
            Ok(created) => created,
            Err(error) => {
                self.note(&[Record::NotCreated(file.get())])?;
                if error.kind() == io::ErrorKind::AlreadyExists {
                    lock(&self.state).files[file.as_usize()].on_disk = OnDisk::Foreign;
                    return Err(self.not_ours(file));
                }
                if error.kind() == io::ErrorKind::ReadOnlyFilesystem && self.parts.is_none() {
                    let message = "the torrent is seeded in place: its files are only read";
                    return Err(StorageError::refused("write", path(), None, message));
                }
                return Err(StorageError::new("create", path(), &error));
            }
        };
        let metadata = created
            .metadata()
            .map_err(|error| StorageError::new("create", path(), &error))?;
        let inode = Found::new(&metadata).inode;
        self.note(&[Record::Created(file.get(), inode)])?;
        lock(&self.state).files[file.as_usize()].on_disk = OnDisk::Ours(inode);
        if let Err(error) = self.size(file, &created) {
            // Better none than one that looks whole: the next try starts over.
            if self.places.delete_file(file).is_ok() {
                lock(&self.state).files[file.as_usize()].on_disk = OnDisk::Absent;
                self.note(&[Record::NotCreated(file.get())])?;
            }
            return Err(error);
        }
        self.note_looks(file, &created);
        Ok(created)
    }

    fn open_again(&self, file: FileIndex) -> Result<File, StorageError> {
        let opened = self
            .places
            .open_file(file, true)
            .map_err(|error| StorageError::new("open", self.places.path(file), &error))?;
        let metadata = opened
            .metadata()
            .map_err(|error| StorageError::new("open", self.places.path(file), &error))?;
        if !metadata.is_file() {
            return Err(self.not_ours(file));
        }
        let found = Found::new(&metadata);
        let on_disk = lock(&self.state).files[file.as_usize()].on_disk;
        if matches!(on_disk, OnDisk::Ours(inode) if inode != found.inode) {
            return Err(self.not_ours(file));
        }
        if found.size != self.meta.layout().file_size(file) {
            self.size(file, &opened)?;
            self.note_looks(file, &opened);
        }
        Ok(opened)
    }

    fn size(&self, file: FileIndex, opened: &File) -> Result<(), StorageError> {
        let size = self.meta.layout().file_size(file);
        let set = |error: io::Error| StorageError::new("reserve", self.places.path(file), &error);
        if self.preallocates() && size > 0 {
            sys::reserve(opened, size).map_err(set)?;
        }
        opened.set_len(size).map_err(set)
    }

    /// Makes a file without bytes, or a symbolic link, where nothing is.
    fn make_empty(&self, file: FileIndex) -> Result<(), StorageError> {
        let _creating = lock(&self.creating);
        let entry = &self.meta.files()[file.as_usize()];
        let on_disk = lock(&self.state).files[file.as_usize()].on_disk;
        match (on_disk, &entry.attributes.symlink) {
            (OnDisk::Absent, None) => self.create(file).map(drop),
            (OnDisk::Absent, Some(_)) => self.create_link(file),
            (_, Some(target)) if is_link(&self.places.path(file), &entry.path, target) => Ok(()),
            (_, Some(_)) => Err(self.not_ours(file)),
            (_, None) => {
                let found = self.places.find(file)?;
                let fits = found.is_some_and(|found| found.regular && found.size == 0);
                match on_disk {
                    _ if fits => Ok(()),
                    OnDisk::Foreign if !self.may_overwrite() => Err(self.not_ours(file)),
                    _ => self.open_again(file).map(drop),
                }
            }
        }
    }

    fn create_link(&self, file: FileIndex) -> Result<(), StorageError> {
        let mut folders = Vec::new();
        self.note(&[Record::Creating(file.get())])?;
        let created = self.places.create_link(file, &mut folders);
        self.made_folders(file, &folders)?;
        created.map_err(|error| StorageError::new("create", self.places.path(file), &error))?;
        let inode = self.places.find(file)?.map_or(0, |found| found.inode);
        self.note(&[Record::Created(file.get(), inode)])?;
        lock(&self.state).files[file.as_usize()].on_disk = OnDisk::Ours(inode);
        Ok(())
    }

    fn made_folders(&self, file: FileIndex, depths: &[u32]) -> Result<(), StorageError> {
        let records: Vec<Record> = depths
            .iter()
            .map(|depth| Record::Folder(file.get(), *depth))
            .collect();
        lock(&self.state)
            .folders
            .extend(depths.iter().map(|depth| (file.get(), *depth)));
        self.note(&records)
    }

    fn note(&self, records: &[Record]) -> Result<(), StorageError> {
        match &mut *lock(&self.resume) {
            Some(resume) if !records.is_empty() => resume.append(records, false),
            _ => Ok(()),
        }
    }

    fn not_ours(&self, file: FileIndex) -> StorageError {
        const EEXIST: i32 = 17;
        let message = "exists with other content, and is not what this session created; to replace it pass overwrite=True (--overwrite)";
        StorageError::refused("write", self.places.path(file), Some(EEXIST), message)
    }

    /// Copies what is stored of a file from the parts file to its place, which it then reads from.
    fn move_in(&self, file: FileIndex) -> Result<(), StorageError> {
        let stored: Vec<PieceIndex> = {
            let state = lock(&self.state);
            let pieces = self.meta.layout().file_pieces(file);
            pieces
                .filter(|piece| state.stored.get(*piece))
                .map(PieceIndex::new)
                .collect()
        };
        for piece in stored {
            self.move_piece(file, piece)?;
        }
        lock(&self.state).files[file.as_usize()].in_parts = false;
        Ok(())
    }

    fn move_piece(&self, file: FileIndex, piece: PieceIndex) -> Result<(), StorageError> {
        let layout = self.meta.layout();
        let span: BlockSpan = layout.data_span(piece);
        let mine = layout.slices(span).filter(|slice| slice.file == Some(file));
        for slice in mine {
            let (mut offset, end) = (slice.offset, slice.offset + u64::from(slice.length));
            let mut buffer = PageBuffer::new((slice.length as usize).min(COPY));
            let parts = self.open_parts()?;
            while offset < end {
                let now = ((end - offset) as usize).min(COPY);
                let from = layout.file_start(file) + offset;
                self.read_from(&parts, file, PARTS, &mut buffer[..now], from)?;
                let mut bytes = [IoSlice::new(&buffer[..now])];
                self.write_at(file, file.get(), &mut bytes, offset)?;
                offset += now as u64;
            }
        }
        Ok(())
    }
}

/// Opens or makes a file whose name is ours alone.
fn open_own(path: &std::path::Path) -> io::Result<File> {
    use rustix::fs::{Mode, OFlags};
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let opened: File = rustix::fs::open(path, flags, Mode::from_bits_truncate(0o666))?.into();
    if !opened.metadata()?.is_file() {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    Ok(opened)
}

/// Bytes to one step of a move.
const COPY: usize = 1 << 20;
