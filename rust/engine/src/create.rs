//! `create`: a torrent from a file or a folder. Walks, hashes every byte once on all cores, builds.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use p2pcore_protocol::check::PieceHashes;
use p2pcore_protocol::create::{CreateError as PlanError, FileEntry, Plan};
use p2pcore_protocol::{Attributes, Format, Metainfo, TorrentPath};

use crate::error::StorageError;
use crate::sources::{PassError, Progress, hash_pieces};

/// What the user chooses; see the fields of the protocol's own options.
#[derive(Debug, Clone)]
pub struct CreateOptions {
    /// Which hashes.
    pub format: Format,
    /// A power of two of at least 16 KiB; `None`: by total size.
    pub piece_length: Option<u32>,
    /// Tiers of trackers.
    pub trackers: Vec<Vec<String>>,
    /// `url-list`.
    pub web_seeds: Vec<String>,
    /// Peers come from its trackers only.
    pub private: bool,
    /// A comment.
    pub comment: Option<String>,
    /// `source` in `info`.
    pub source: Option<String>,
    /// The program.
    pub created_by: Option<String>,
    /// Seconds since 1970.
    pub creation_date: Option<i64>,
    /// Hashing threads; 0: one for each core.
    pub threads: usize,
}

/// Why no torrent was made.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    /// A file could not be read.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The files or the options make no torrent.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// A name that no torrent can hold.
    #[error("cannot share {path}: {reason}", path = path.display())]
    Name {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong with its name.
        reason: String,
    },
    /// Something that is neither a file nor a folder.
    #[error("cannot share {path}: it is neither a file nor a folder", path = path.display())]
    NotAFile {
        /// Its path.
        path: PathBuf,
    },
    /// Folders (or links to them) nested too deep: most likely a link to a folder above.
    #[error("cannot share {path}: more than {MAX_DEPTH} folders deep; is there a link in a circle?", path = path.display())]
    TooDeep {
        /// Where the walk gave up.
        path: PathBuf,
    },
    /// A file that grew or shrank while it was hashed.
    #[error("{path} changed while it was hashed: it had {before} bytes and has {after}", path = path.display())]
    Changed {
        /// Its path.
        path: PathBuf,
        /// Bytes before.
        before: u64,
        /// Bytes after.
        after: u64,
    },
    /// The caller stopped it.
    #[error("stopped")]
    Stopped,
}

/// Makes a torrent of the file or folder at `path`. Links are followed, as other clients do.
pub fn create(
    path: &Path,
    options: CreateOptions,
    progress: Progress<'_>,
) -> Result<Metainfo, CreateError> {
    let threads = options.threads;
    let format = options.format;
    let whole = fs::canonicalize(path).map_err(|error| StorageError::new("open", path, &error))?;
    let name = whole
        .file_name()
        .ok_or_else(|| name_error(&whole, "it has no name"))?;
    let name = utf8(&whole, name)?;
    let single = whole.is_file();
    let mut entries = Vec::new();
    if single {
        entries.push(entry(&whole, TorrentPath::new(&[name]), &whole)?);
    } else {
        walk(&whole, &mut Vec::new(), &mut entries)?;
    }
    let plan = Plan::new(name, single, entries, plan_options(options))?;
    let paths: Vec<PathBuf> = plan
        .files()
        .iter()
        .map(|file| local(&whole, single, file))
        .collect();
    let pieces = plan.layout().piece_count() as usize;
    let hashes: Mutex<Vec<Option<PieceHashes>>> = Mutex::new(vec![None; pieces]);
    let take = |piece: p2pcore_protocol::PieceIndex, mut found: Option<PieceHashes>| {
        if let Some(found) = &mut found {
            found.leaves = Vec::new(); // the root of the piece is what counts from here on
        }
        hashes.lock().unwrap_or_else(PoisonError::into_inner)[piece.as_usize()] = found;
    };
    hash_pieces(plan.layout(), format, &paths, threads, progress, &take).map_err(|error| {
        match error {
            PassError::Storage(error) => CreateError::Storage(error),
            PassError::Stopped => CreateError::Stopped,
        }
    })?;
    for (file, path) in plan.files().iter().zip(&paths) {
        let after = metadata(path)?.len();
        if after != file.length {
            let (path, before) = (path.clone(), file.length);
            return Err(CreateError::Changed {
                path,
                before,
                after,
            });
        }
    }
    let hashes = hashes.into_inner().unwrap_or_else(PoisonError::into_inner);
    Ok(plan.build(hashes.into_iter().flatten())?)
}

fn plan_options(options: CreateOptions) -> p2pcore_protocol::create::CreateOptions {
    p2pcore_protocol::create::CreateOptions {
        piece_length: options.piece_length,
        private: options.private,
        source: options.source,
        trackers: options.trackers,
        web_seeds: options.web_seeds,
        comment: options.comment,
        created_by: options.created_by,
        creation_date: options.creation_date,
        ..p2pcore_protocol::create::CreateOptions::new(options.format)
    }
}

/// All files below a folder. The plan orders them.
fn walk(
    folder: &Path,
    below: &mut Vec<String>,
    entries: &mut Vec<FileEntry>,
) -> Result<(), CreateError> {
    if below.len() >= MAX_DEPTH {
        return Err(CreateError::TooDeep {
            path: folder.to_path_buf(),
        });
    }
    let cannot = |error| StorageError::new("list", folder, &error);
    for found in fs::read_dir(folder).map_err(cannot)? {
        let found = found.map_err(cannot)?;
        let path = found.path();
        below.push(utf8(&path, &found.file_name())?.to_owned());
        let kind = metadata(&path)?;
        if kind.is_dir() {
            walk(&path, below, entries)?;
        } else if kind.is_file() {
            entries.push(entry(&path, TorrentPath::new(below), &path)?);
        } else {
            return Err(CreateError::NotAFile { path });
        }
        below.pop();
    }
    Ok(())
}

fn entry(
    path: &Path,
    in_torrent: Result<TorrentPath, p2pcore_protocol::path::PathError>,
    shown: &Path,
) -> Result<FileEntry, CreateError> {
    let metadata = metadata(path)?;
    Ok(FileEntry {
        path: in_torrent.map_err(|error| name_error(shown, error.to_string()))?,
        length: metadata.len(),
        attributes: Attributes {
            executable: metadata.permissions().mode() & 0o100 != 0,
            ..Attributes::default()
        },
    })
}

fn local(root: &Path, single: bool, file: &FileEntry) -> PathBuf {
    if single {
        root.to_path_buf()
    } else {
        root.join(file.path.as_str())
    }
}

fn metadata(path: &Path) -> Result<fs::Metadata, StorageError> {
    fs::metadata(path).map_err(|error| StorageError::new("open", path, &error))
}

fn utf8<'a>(path: &Path, name: &'a std::ffi::OsStr) -> Result<&'a str, CreateError> {
    name.to_str()
        .ok_or_else(|| name_error(path, "its name is not UTF-8; rename it"))
}

fn name_error(path: &Path, reason: impl Into<String>) -> CreateError {
    CreateError::Name {
        path: path.to_path_buf(),
        reason: reason.into(),
    }
}

/// As many components as a torrent path may have.
const MAX_DEPTH: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Target;
    use crate::verify::verify;

    pub(crate) fn options(format: Format) -> CreateOptions {
        CreateOptions {
            format,
            piece_length: Some(16 * 1024),
            trackers: Vec::new(),
            web_seeds: Vec::new(),
            private: false,
            comment: None,
            source: None,
            created_by: None,
            creation_date: None,
            threads: 2,
        }
    }

    fn tree() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, length) in [("a", 40_000), ("b/c", 16_384), ("b/empty", 0), ("b-c", 1)] {
            let path = folder.path().join("root").join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, vec![length as u8 ^ 7; length]).unwrap();
        }
        folder
    }

    #[test]
    fn what_is_created_verifies_and_damage_is_found() {
        for format in [Format::V1, Format::V2, Format::Hybrid] {
            let folder = tree();
            let root = folder.path().join("root");
            let meta = create(&root, options(format), &|_, _| true).unwrap();
            let again = create(&root, options(format), &|_, _| true).unwrap();
            assert_eq!(meta.to_bytes(), again.to_bytes());
            let target = Target::Seed(root.clone());
            let report = verify(&meta, &target, 2, &|_, _| true).unwrap();
            assert!(report.pieces.iter().all(|good| *good));
            assert!(report.files.iter().all(|file| file.complete));
            fs::write(root.join("b/c"), vec![9; 16_384]).unwrap();
            fs::remove_file(root.join("b/empty")).unwrap();
            let report = verify(&meta, &target, 2, &|_, _| true).unwrap();
            assert!(report.pieces.contains(&false) && report.pieces.contains(&true));
            let whole: Vec<_> = meta
                .files()
                .iter()
                .zip(&report.files)
                .map(|(file, report)| (file.path.as_str(), report.complete, report.missing))
                .collect();
            assert!(whole.contains(&("b/empty", false, true)));
            assert!(whole.contains(&("b/c", false, false)));
        }
    }

    #[test]
    fn progress_can_stop_it() {
        let folder = tree();
        let stopped = create(&folder.path().join("root"), options(Format::V1), &|_, _| {
            false
        });
        assert!(matches!(stopped, Err(CreateError::Stopped)));
    }

    #[test]
    fn what_cannot_be_shared_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let missing = create(&folder.path().join("x"), options(Format::V1), &|_, _| true);
        let Err(CreateError::Storage(error)) = missing else {
            panic!("{missing:?}")
        };
        assert_eq!(error.errno, Some(2));
        std::os::unix::fs::symlink(folder.path(), folder.path().join("circle")).unwrap();
        let circle = create(folder.path(), options(Format::V1), &|_, _| true);
        assert!(matches!(
            circle,
            Err(CreateError::TooDeep { .. } | CreateError::Storage(_))
        ));
    }
}
