//! Where a torrent's files are on disk, and the only way to them.
//!
//! Below the folder that the user named, paths of a download are walked folder by folder without following symbolic
//! links: what somebody planted there cannot lead outside. Files are created only where nothing is. Seeds are opened
//! where the user says, links followed. Nothing here knows of pieces.

use std::fs::{File, Metadata};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use p2pcore_protocol::{FileIndex, Metainfo};
use rustix::fs::{AtFlags, Mode, OFlags, mkdirat, openat, symlinkat, unlinkat};

use crate::api::Target;
use crate::error::StorageError;

/// What stands at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Found {
    pub regular: bool,
    pub size: u64,
    pub mtime_ns: i64,
    pub inode: u64,
}

impl Found {
    pub fn new(metadata: &Metadata) -> Self {
        let seconds = metadata.mtime().wrapping_mul(1_000_000_000);
        Self {
            regular: metadata.is_file(),
            size: metadata.len(),
            mtime_ns: seconds.wrapping_add(metadata.mtime_nsec()),
            inode: metadata.ino(),
        }
    }
}

/// The places of one torrent's files.
#[derive(Debug)]
pub(super) struct Places {
    meta: Arc<Metainfo>,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Seed(PathBuf),
    SeedFiles(Vec<PathBuf>),
    Download { into: PathBuf, root: OwnedFd },
}

impl Places {
    /// Finds the target's root; makes a download's folder. The flag says whether it was made now.
    pub fn open(meta: &Arc<Metainfo>, target: &Target) -> Result<(Self, bool), StorageError> {
        let mut made = false;
        let kind = match target {
            Target::Seed(path) => {
                std::fs::metadata(path).map_err(|error| StorageError::new("open", path, &error))?;
                Kind::Seed(path.clone())
            }
            Target::SeedFiles(paths) if paths.len() == meta.files().len() => {
                Kind::SeedFiles(paths.clone())
            }
            Target::SeedFiles(paths) => {
                let message = format!(
                    "the torrent has {} files, but {} paths were given",
                    meta.files().len(),
                    paths.len()
                );
                let path = paths.first().cloned().unwrap_or_default();
                return Err(StorageError::refused("open", path, None, message));
            }
            Target::Download { into, .. } => {
                made = !into.exists();
                std::fs::create_dir_all(into)
                    .map_err(|error| StorageError::new("create", into, &error))?;
                let root = rustix::fs::open(into, FOLDER, Mode::empty())
                    .map_err(|error| StorageError::new("open", into, &error.into()))?;
                Kind::Download {
                    into: into.clone(),
                    root,
                }
            }
        };
        let meta = Arc::clone(meta);
        Ok((Self { meta, kind }, made))
    }

    /// The file's path, for messages and for asking what is there.
    pub fn path(&self, file: FileIndex) -> PathBuf {
        match &self.kind {
            Kind::Seed(path) if self.meta.is_single_file() => path.clone(),
            Kind::Seed(path) => path.join(self.meta.files()[file.as_usize()].path.as_str()),
            Kind::SeedFiles(paths) => paths[file.as_usize()].clone(),
            Kind::Download { into, .. } => into.join(self.meta.disk_path(file)),
        }
    }

    /// What stands at the file's path; `None` where nothing does.
    pub fn find(&self, file: FileIndex) -> Result<Option<Found>, StorageError> {
        let path = self.path(file);
        let metadata = match &self.kind {
            Kind::Download { .. } => std::fs::symlink_metadata(&path),
            Kind::Seed(_) | Kind::SeedFiles(_) => std::fs::metadata(&path),
        };
        match metadata {
            Ok(metadata) => Ok(Some(Found::new(&metadata))),
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(StorageError::new("open", path, &error)),
        }
    }

    /// Opens a file that exists.
    pub fn open_file(&self, file: FileIndex, write: bool) -> io::Result<File> {
        let Kind::Download { .. } = &self.kind else {
            return File::open(self.path(file));
        };
        let access = if write { OFlags::RDWR } else { OFlags::RDONLY };
        // Without NONBLOCK, opening a planted pipe would wait for ever; it means nothing for files.
        let flags = access | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        self.at(file, None, |folder, name| {
            Ok(openat(folder, name, flags, Mode::empty())?.into())
        })
    }

    /// Makes a file where nothing is, and the folders above it; `folders` gets the depths of those that were made.
    pub fn create_file(&self, file: FileIndex, folders: &mut Vec<u32>) -> io::Result<File> {
        let executable = self.meta.files()[file.as_usize()].attributes.executable;
        let mode = Mode::from_bits_truncate(if executable { 0o777 } else { 0o666 });
        let flags =
            OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        self.at(file, Some(folders), |folder, name| {
            Ok(openat(folder, name, flags, mode)?.into())
        })
    }

    /// Makes a symbolic link of the torrent, relative, so that the torrent's folder can be moved.
    pub fn create_link(&self, file: FileIndex, folders: &mut Vec<u32>) -> io::Result<()> {
        let target = self.link_target(file).unwrap_or_default();
        self.at(file, Some(folders), |folder, name| {
            Ok(symlinkat(&target, folder, name)?)
        })
    }

    /// What a symbolic link of the torrent says when we make it; `None` for other files.
    fn link_target(&self, file: FileIndex) -> Option<String> {
        let entry = &self.meta.files()[file.as_usize()];
        let target = entry.attributes.symlink.as_ref()?;
        let up = entry.path.components().count().saturating_sub(1);
        Some("../".repeat(up) + target.as_str())
    }

    /// Deletes a file; none there is fine.
    pub fn delete_file(&self, file: FileIndex) -> io::Result<()> {
        let deleted = self.at(file, None, |folder, name| {
            Ok(unlinkat(folder, name, AtFlags::empty())?)
        });
        deleted.or_else(|error| {
            if is_absent(&error) {
                Ok(())
            } else {
                Err(error)
            }
        })
    }

    /// Deletes a folder above a file if it is empty. Depth 0 is the download's own folder.
    pub fn delete_folder(&self, file: FileIndex, depth: u32) {
        let Kind::Download { into, root } = &self.kind else {
            return;
        };
        if depth == 0 {
            let _ = std::fs::remove_dir(into); // not empty: stays
            return;
        }
        let path = self.meta.disk_path(file);
        let components: Vec<&str> = path.split('/').take(depth as usize).collect();
        let Some((name, above)) = components.split_last() else {
            return;
        };
        if let Ok(folder) = walk(root, above, None) {
            let _ = unlinkat(folder, *name, AtFlags::REMOVEDIR); // not empty: stays
        }
    }

    /// A descriptor on the file system of a download, for flushing all of it.
    pub fn root(&self) -> Option<&OwnedFd> {
        match &self.kind {
            Kind::Download { root, .. } => Some(root),
            Kind::Seed(_) | Kind::SeedFiles(_) => None,
        }
    }

    /// The download's folder.
    pub fn folder(&self) -> Option<&Path> {
        match &self.kind {
            Kind::Download { into, .. } => Some(into),
            Kind::Seed(_) | Kind::SeedFiles(_) => None,
        }
    }

    fn at<T>(
        &self,
        file: FileIndex,
        make: Option<&mut Vec<u32>>,
        act: impl FnOnce(&OwnedFd, &str) -> io::Result<T>,
    ) -> io::Result<T> {
        let Kind::Download { root, .. } = &self.kind else {
            return Err(io::ErrorKind::ReadOnlyFilesystem.into());
        };
        let path = self.meta.disk_path(file);
        let components: Vec<&str> = path.split('/').collect();
        let (name, above) = components.split_last().ok_or(io::ErrorKind::InvalidInput)?;
        if above.is_empty() {
            return act(root, name);
        }
        act(&walk(root, above, make)?, name)
    }
}

/// Opens the folder at the end of a path without following links, making what is missing if `make` is given.
fn walk(root: &OwnedFd, path: &[&str], mut make: Option<&mut Vec<u32>>) -> io::Result<OwnedFd> {
    let mut folder = root.try_clone()?;
    for (number, name) in path.iter().enumerate() {
        let flags = FOLDER | OFlags::NOFOLLOW;
        let mut opened = openat(&folder, *name, flags, Mode::empty());
        if let (Err(rustix::io::Errno::NOENT), Some(made)) = (&opened, &mut make) {
            match mkdirat(&folder, *name, Mode::from_bits_truncate(0o777)) {
                Ok(()) => made.push(number as u32 + 1),
                Err(rustix::io::Errno::EXIST) => {}
                Err(error) => return Err(error.into()),
            }
            opened = openat(&folder, *name, flags, Mode::empty());
        }
        folder = opened?;
    }
    Ok(folder)
}

pub(super) fn is_absent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

const FOLDER: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::CLOEXEC);
