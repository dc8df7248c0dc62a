//! Whether somebody else touched a file: its looks after our last write are kept and compared before and after use.

use std::fs::File;
use std::io::IoSlice;

use p2pcore_protocol::FileIndex;

use super::handles::{HANDLES, Handle};
use super::place::Found;
use super::{OnDisk, PARTS, Storage, lock, sys};
use crate::error::StorageError;

/// What is known of a file's looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Looks {
    /// It is not there, or was never looked at.
    Unknown,
    /// So, as long as nobody else touches it.
    Known(Found),
    /// We write to it; how it looked after the latest write that ended.
    Writing { writers: u32, latest: Option<Found> },
}

impl Looks {
    pub fn of(found: Option<Found>) -> Self {
        found.map_or(Self::Unknown, Self::Known)
    }

    /// `None` while we write.
    pub fn known(self) -> Option<Found> {
        match self {
            Self::Known(found) => Some(found),
            Self::Unknown | Self::Writing { .. } => None,
        }
    }

    fn begin(&mut self) {
        *self = match *self {
            Self::Unknown | Self::Known(_) => Self::Writing {
                writers: 1,
                latest: None,
            },
            Self::Writing { writers, latest } => Self::Writing {
                writers: writers + 1,
                latest,
            },
        };
    }

    /// `seen`: after the write. Of several writers the one that ends last may have looked first.
    fn end(&mut self, seen: Option<Found>) {
        if let Self::Writing { writers, latest } = *self {
            let latest = latest.into_iter().chain(seen);
            let latest = latest.max_by_key(|found| found.mtime_ns);
            *self = if writers > 1 {
                Self::Writing {
                    writers: writers - 1,
                    latest,
                }
            } else {
                Self::of(latest)
            };
        }
    }
}

impl Storage {
    /// Looks, every now and then, whether the path still leads to our file.
    pub(super) fn look(
        &self,
        operation: &'static str,
        handle: &Handle,
        file: FileIndex,
        number: u32,
    ) -> Result<(), StorageError> {
        if number == PARTS || !handle.due(self.now_ms()) {
            return Ok(());
        }
        let entry = lock(&self.state).files[file.as_usize()];
        let found = self.places.find(file)?;
        let change = match (entry.looks, entry.on_disk, found) {
            (_, _, None) => "it is gone".to_owned(),
            (Looks::Known(known), _, Some(found)) if known != found => describe(&known, &found),
            (_, OnDisk::Ours(inode), Some(found)) if inode != found.inode => {
                "another file is in its place".to_owned()
            }
            _ => return Ok(()),
        };
        // Our own write may have come between.
        if self.looks(file) != entry.looks {
            return Ok(());
        }
        Err(self.changed(operation, file, number, &change))
    }

    /// Whether an open file still is as we left it. After a read: what somebody wrote in place must not be served.
    /// Before a write: it must not be taken for ours.
    pub(super) fn unchanged(
        &self,
        operation: &'static str,
        handle: &Handle,
        file: FileIndex,
        number: u32,
    ) -> Result<(), StorageError> {
        let looks = self.looks(file);
        let (Looks::Known(known), true) = (looks, number != PARTS) else {
            return Ok(());
        };
        let metadata = handle.file.metadata();
        let found = metadata.map_err(|error| self.error(operation, file, number, &error))?;
        let found = Found::new(&found);
        // Our own write may have come between.
        if found == known || self.looks(file) != looks {
            Ok(())
        } else {
            Err(self.changed(operation, file, number, &describe(&known, &found)))
        }
    }

    /// Writes to a file that nobody else has changed, and keeps how it looks then.
    pub(super) fn write_at(
        &self,
        file: FileIndex,
        number: u32,
        parts: &mut [IoSlice<'_>],
        offset: u64,
    ) -> Result<(), StorageError> {
        let handle = self.writable(file, number)?;
        self.look("write", &handle, file, number)?;
        self.unchanged("write", &handle, file, number)?;
        lock(&self.state).files[file.as_usize()].looks.begin();
        let written = sys::write_all_at(&handle.file, parts, offset);
        let seen = handle.file.metadata().ok().as_ref().map(Found::new);
        let mut state = lock(&self.state);
        state.dirty.insert(number);
        state.files[file.as_usize()].looks.end(seen);
        drop(state);
        written.map_err(|error| self.error("write", file, number, &error))
    }

    /// Notes how a file looks that nobody writes to yet.
    pub(super) fn note_looks(&self, file: FileIndex, opened: &File) {
        let found = opened.metadata().ok().as_ref().map(Found::new);
        lock(&self.state).files[file.as_usize()].looks = Looks::of(found);
    }

    pub(super) fn looks(&self, file: FileIndex) -> Looks {
        lock(&self.state).files[file.as_usize()].looks
    }

    fn changed(
        &self,
        operation: &'static str,
        file: FileIndex,
        number: u32,
        change: &str,
    ) -> StorageError {
        HANDLES.close(self.key(number)); // so that the next use looks again
        let message = format!("file changed underneath: {change}");
        StorageError::refused(operation, self.places.path(file), None, message)
    }
}

fn describe(was: &Found, is: &Found) -> String {
    if was.size != is.size {
        format!("size {} is now {}", was.size, is.size)
    } else if was.mtime_ns != is.mtime_ns {
        format!(
            "time of change {} ns is now {} ns",
            was.mtime_ns, is.mtime_ns
        )
    } else {
        "another file is in its place".to_owned()
    }
}
