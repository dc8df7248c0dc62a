//! `create`: a torrent from a file or a folder. Walks, hashes every byte once on all cores, builds.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use p2pcore_protocol::check::PieceHashes;
use p2pcore_protocol::create::{CreateError as PlanError, FileEntry, Plan};
use p2pcore_protocol::{Attributes, Format, Metainfo, TorrentPath};

use crate::digests::{DigestKinds, FileDigests};
use crate::error::StorageError;
use crate::links::leads_to;
use crate::sources::{Pass, PassError, Progress};

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
    /// `httpseeds`.
    pub http_seeds: Vec<String>,
    /// Symbolic links become links of the torrent (BEP 47); otherwise what they lead to is shared in their place.
    pub store_links: bool,
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
    /// Folders nested too deep.
    #[error("cannot share {path}: more than {MAX_DEPTH} folders deep", path = path.display())]
    TooDeep {
        /// Where the walk gave up.
        path: PathBuf,
    },
    /// A link that cannot be followed, or not be stored.
    #[error("cannot share the symbolic link {path}: {reason}", path = path.display())]
    Link {
        /// The link.
        path: PathBuf,
        /// What is wrong with it.
        reason: &'static str,
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

/// Makes a torrent of the file or folder at `path`, and the digests of its files, in the torrent's order. A link at `path` itself is always followed.
pub fn create(
    path: &Path,
    options: CreateOptions,
    digests: DigestKinds,
    progress: Progress<'_>,
) -> Result<(Metainfo, Vec<FileDigests>), CreateError> {
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
        let mut walk = Walk {
            store_links: options.store_links,
            below: Vec::new(),
            above: Vec::new(),
            entries: &mut entries,
        };
        walk.folder(&whole)?;
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
    let pass = Pass {
        layout: plan.layout(),
        format,
        paths: &paths,
        threads,
        digests,
        progress,
    };
    let mut digests = pass.run(&take).map_err(|error| match error {
        PassError::Storage(error) => CreateError::Storage(error),
        PassError::Stopped => CreateError::Stopped,
    })?;
    for (file, digests) in plan.files().iter().zip(&mut digests) {
        if file.attributes.symlink.is_some() {
            *digests = FileDigests::default();
        }
    }
    for (file, path) in plan.files().iter().zip(&paths) {
        if file.attributes.symlink.is_some() {
            continue;
        }
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
    Ok((plan.build(hashes.into_iter().flatten())?, digests))
}

fn plan_options(options: CreateOptions) -> p2pcore_protocol::create::CreateOptions {
    p2pcore_protocol::create::CreateOptions {
        piece_length: options.piece_length,
        private: options.private,
        source: options.source,
        trackers: options.trackers,
        web_seeds: options.web_seeds,
        http_seeds: options.http_seeds,
        comment: options.comment,
        created_by: options.created_by,
        creation_date: options.creation_date,
        ..p2pcore_protocol::create::CreateOptions::new(options.format)
    }
}

/// Finds all files below a folder. The plan orders them.
struct Walk<'a> {
    store_links: bool,
    /// Components from the root to the folder.
    below: Vec<String>,
    /// The folders on the way (device, inode), against links in a circle.
    above: Vec<(u64, u64)>,
    entries: &'a mut Vec<FileEntry>,
}

impl Walk<'_> {
    fn folder(&mut self, folder: &Path) -> Result<(), CreateError> {
        if self.below.len() >= MAX_DEPTH {
            let path = folder.to_path_buf();
            return Err(CreateError::TooDeep { path });
        }
        let identity = metadata(folder).map(|found| (found.dev(), found.ino()))?;
        if self.above.contains(&identity) {
            return Err(link_error(folder, "it leads to a folder that it is in"));
        }
        self.above.push(identity);
        let cannot = |error| StorageError::new("list", folder, &error);
        for found in fs::read_dir(folder).map_err(cannot)? {
            let found = found.map_err(cannot)?;
            let path = found.path();
            self.below.push(utf8(&path, &found.file_name())?.to_owned());
            if found.file_type().map_err(cannot)?.is_symlink() {
                self.link(&path)?;
            } else {
                self.found(&path)?;
            }
            self.below.pop();
        }
        self.above.pop();
        Ok(())
    }

    fn found(&mut self, path: &Path) -> Result<(), CreateError> {
        let kind = metadata(path)?;
        if kind.is_dir() {
            self.folder(path)
        } else if kind.is_file() {
            let file = entry(path, TorrentPath::new(&self.below), path)?;
            self.entries.push(file);
            Ok(())
        } else {
            let path = path.to_path_buf();
            Err(CreateError::NotAFile { path })
        }
    }

    fn link(&mut self, path: &Path) -> Result<(), CreateError> {
        if !path.try_exists().unwrap_or(false) {
            return Err(link_error(path, "it leads to nothing"));
        }
        if !self.store_links {
            return self.found(path);
        }
        let text = fs::read_link(path).map_err(|error| StorageError::new("open", path, &error))?;
        let folder: Vec<&str> = self.below.iter().map(String::as_str).collect();
        let folder = &folder[..folder.len() - 1];
        let target = leads_to(folder, &text)
            .ok_or_else(|| link_error(path, "it leads out of what is shared"))?;
        self.entries.push(FileEntry {
            path: TorrentPath::new(&self.below)
                .map_err(|error| name_error(path, error.to_string()))?,
            length: 0,
            attributes: Attributes {
                symlink: Some(target),
                executable: true, // as every link is to Linux, and so to libtorrent
                ..Attributes::default()
            },
        });
        Ok(())
    }
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

fn link_error(path: &Path, reason: &'static str) -> CreateError {
    CreateError::Link {
        path: path.to_path_buf(),
        reason,
    }
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
            http_seeds: Vec::new(),
            store_links: false,
            private: false,
            comment: None,
            source: None,
            created_by: None,
            creation_date: None,
            threads: 2,
        }
    }

    fn make(root: &Path, options: CreateOptions) -> Result<Metainfo, CreateError> {
        create(root, options, DigestKinds::default(), &|_, _| true).map(|(meta, _)| meta)
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
            let meta = make(&root, options(format)).unwrap();
            let again = make(&root, options(format)).unwrap();
            assert_eq!(meta.to_bytes(), again.to_bytes());
            let target = Target::Seed(root.clone());
            let report = verify(&meta, &target, 2, DigestKinds::default(), &|_, _| true).unwrap();
            assert!(report.pieces.iter().all(|good| *good));
            assert!(report.files.iter().all(|file| file.complete));
            fs::write(root.join("b/c"), vec![9; 16_384]).unwrap();
            fs::remove_file(root.join("b/empty")).unwrap();
            let report = verify(&meta, &target, 2, DigestKinds::default(), &|_, _| true).unwrap();
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
        let stopped = create(
            &folder.path().join("root"),
            options(Format::V1),
            DigestKinds::default(),
            &|_, _| false,
        );
        assert!(matches!(stopped, Err(CreateError::Stopped)));
    }

    #[test]
    fn what_cannot_be_shared_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let missing = make(&folder.path().join("x"), options(Format::V1));
        let Err(CreateError::Storage(error)) = missing else {
            panic!("{missing:?}")
        };
        assert_eq!(error.errno, Some(2));
        fs::write(folder.path().join("file"), b"data").unwrap();
        let link = folder.path().join("link");
        for (leads_to, store_links, expected) in [
            (folder.path(), false, "a folder that it is in"),
            (Path::new("nothing"), false, "leads to nothing"),
            (Path::new("/dev"), true, "out of what is shared"),
            (Path::new("."), true, "out of what is shared"),
        ] {
            std::os::unix::fs::symlink(leads_to, &link).unwrap();
            let refused = make(
                folder.path(),
                CreateOptions {
                    store_links,
                    ..options(Format::V1)
                },
            );
            let message = refused.unwrap_err().to_string();
            assert!(message.contains(expected), "{message}");
            fs::remove_file(&link).unwrap();
        }
    }

    #[test]
    fn links_are_stored_or_followed() {
        for format in [Format::V1, Format::V2, Format::Hybrid] {
            let folder = tree();
            let root = folder.path().join("root");
            std::os::unix::fs::symlink("../a", root.join("b/to-a")).unwrap();
            let of = |store_links| CreateOptions {
                store_links,
                ..options(format)
            };
            let link = |meta: &Metainfo| {
                let mut files = meta.files().iter();
                files
                    .find(|file| file.path.as_str() == "b/to-a")
                    .unwrap()
                    .clone()
            };
            let followed = make(&root, of(false)).unwrap();
            assert_eq!(link(&followed).length, 40_000);
            let stored = make(&root, of(true)).unwrap();
            assert_eq!(link(&stored).attributes.symlink.unwrap().as_str(), "a");
            let target = Target::Seed(root.clone());
            let whole = |meta: &Metainfo| {
                let report =
                    verify(meta, &target, 2, DigestKinds::default(), &|_, _| true).unwrap();
                report.files.iter().all(|file| file.complete)
            };
            assert!(whole(&stored));
            fs::remove_file(root.join("b/to-a")).unwrap();
            assert!(!whole(&stored));
            fs::write(root.join("b/to-a"), b"no link").unwrap();
            assert!(!whole(&stored));
        }
    }

    #[test]
    fn digests_of_whole_files_come_from_the_same_pass() {
        let folder = tree();
        let root = folder.path().join("root");
        let big: Vec<u8> = (0..3_000_000_u32)
            .map(|n| (n.wrapping_mul(n) >> 7) as u8)
            .collect();
        fs::write(root.join("big"), &big).unwrap();
        let kinds = DigestKinds {
            sha256: true,
            git_sha1: true,
            blake3: true,
        };
        for (format, piece_length, threads) in [
            (Format::V1, 16 * 1024, 3),
            (Format::Hybrid, 64 * 1024, 2),
            (Format::V2, 16 << 20, 8),
            (Format::V1, 1 << 20, 1),
        ] {
            let options = CreateOptions {
                piece_length: Some(piece_length),
                threads,
                ..options(format)
            };
            let (meta, digests) = create(&root, options, kinds, &|_, _| true).unwrap();
            assert_eq!(digests.len(), meta.files().len());
            let target = Target::Seed(root.clone());
            let report = verify(&meta, &target, threads, kinds, &|_, _| true).unwrap();
            for ((file, digests), report) in meta.files().iter().zip(&digests).zip(&report.files) {
                let bytes = fs::read(root.join(file.path.as_str())).unwrap();
                let mut blob = format!("blob {}\0", bytes.len()).into_bytes();
                blob.extend(&bytes);
                let mut blake3 = p2pcore_hashing::Blake3::new();
                blake3.update(&bytes);
                let expected = FileDigests {
                    sha256: Some(p2pcore_hashing::sha256(&bytes)),
                    git_sha1: Some(p2pcore_hashing::sha1(&blob)),
                    blake3: Some(blake3.finish()),
                };
                assert_eq!(*digests, expected, "{}", file.path);
                assert_eq!(report.digests, expected, "{}", file.path);
            }
        }
    }

    #[test]
    fn a_file_that_is_not_whole_has_no_digest_and_holds_up_nobody() {
        let folder = tree();
        let root = folder.path().join("root");
        fs::write(root.join("big"), vec![5; 3_000_000]).unwrap();
        let meta = make(&root, options(Format::V1)).unwrap();
        fs::write(root.join("a"), b"short").unwrap();
        fs::write(root.join("b-c"), b"longer").unwrap();
        fs::remove_file(root.join("b/c")).unwrap();
        let kinds = DigestKinds {
            sha256: true,
            ..DigestKinds::default()
        };
        let target = Target::Seed(root);
        let report = verify(&meta, &target, 3, kinds, &|_, _| true).unwrap();
        let digested = |name| {
            let mut files = meta.files().iter().zip(&report.files);
            let found = files.find(|(file, _)| file.path.as_str() == name);
            found.is_some_and(|(_, report)| report.digests.sha256.is_some())
        };
        assert!(digested("big") && digested("b/empty"));
        assert!(!digested("a") && !digested("b/c") && !digested("b-c"));
        let stopped = verify(&meta, &target, 3, kinds, &|_, _| false).unwrap();
        assert!(!stopped.files[0].complete);
    }
}
