//! `verify`: data against a metainfo, in one pass on all cores. Nothing is written.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use p2pcore_protocol::check::PieceHashes;
use p2pcore_protocol::{FileIndex, Metainfo, Mismatch, PieceIndex};

use crate::api::Target;
use crate::digests::{DigestKinds, FileDigests};
use crate::error::{StorageError, TorrentError};
use crate::links::is_link;
use crate::sources::{Pass, PassError, Progress};

/// Data, compared with its torrent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifyReport {
    /// For each piece, whether it is there and correct.
    pub pieces: Vec<bool>,
    /// For each file.
    pub files: Vec<FileReport>,
}

/// One file, compared with its torrent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileReport {
    /// Every piece of it is correct, and so is its size; a link leads where it should.
    pub complete: bool,
    /// It is not there.
    pub missing: bool,
    /// Its bytes on disk.
    pub size: Option<u64>,
    /// Of its content, right or wrong, if it has the right size.
    pub digests: FileDigests,
}

/// Compares the data at `target` with `meta`. Missing and short files are wrong pieces, not errors. When `progress`
/// stops it, the pieces not yet looked at count as wrong.
pub fn verify(
    meta: &Metainfo,
    target: &Target,
    threads: usize,
    digests: DigestKinds,
    progress: Progress<'_>,
) -> Result<VerifyReport, TorrentError> {
    if !meta.has_piece_layers() {
        return Err(TorrentError::NoPieceLayers);
    }
    let layout = meta.layout();
    let paths = paths(meta, target);
    let good: Vec<AtomicBool> = layout.pieces().map(|_| AtomicBool::new(false)).collect();
    let wrong = Mutex::new(None);
    let take = |piece: PieceIndex, hashes: Option<PieceHashes>| match hashes.map(|h| h.check(meta))
    {
        Some(Ok(_)) => good[piece.as_usize()].store(true, Ordering::Relaxed),
        Some(Err(Mismatch::Disagree { piece, .. })) => {
            let piece = piece.get();
            *wrong.lock().unwrap_or_else(PoisonError::into_inner) =
                Some(TorrentError::HashesDisagree { piece });
        }
        Some(Err(_)) | None => {}
    };
    let pass = Pass {
        layout,
        format: meta.format(),
        paths: &paths,
        threads,
        digests,
        progress,
    };
    let digests = match pass.run(&take) {
        Err(PassError::Storage(error)) => return Err(error.into()),
        Err(PassError::Stopped) => Vec::new(),
        Ok(digests) => digests,
    };
    if let Some(error) = wrong.into_inner().unwrap_or_else(PoisonError::into_inner) {
        return Err(error);
    }
    let pieces: Vec<bool> = good.into_iter().map(AtomicBool::into_inner).collect();
    let files = meta.files().iter().zip(&paths).enumerate();
    let files = files.map(|(number, (file, path))| {
        let found = match &file.attributes.symlink {
            Some(_) => fs::symlink_metadata(path), // what it leads to is another file of the torrent
            None => fs::metadata(path),
        };
        let size = match found {
            Ok(metadata) => Some(metadata.len()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(StorageError::new("open", path, &error)),
        };
        let mut range = layout.file_pieces(FileIndex::new(number as u32));
        let fits = match &file.attributes.symlink {
            Some(leads_to) => is_link(path, &file.path, leads_to),
            None => size == Some(file.length),
        };
        Ok(FileReport {
            complete: fits && range.all(|piece| pieces[piece as usize]),
            missing: size.is_none(),
            size,
            digests: digests
                .get(number)
                .filter(|_| size == Some(file.length) && file.attributes.symlink.is_none())
                .copied()
                .unwrap_or_default(),
        })
    });
    let files = files.collect::<Result<_, StorageError>>()?;
    Ok(VerifyReport { pieces, files })
}

fn paths(meta: &Metainfo, target: &Target) -> Vec<PathBuf> {
    let files = (0..meta.files().len() as u32).map(FileIndex::new);
    match target {
        Target::SeedFiles(paths) => paths.clone(),
        Target::Seed(path) if meta.is_single_file() => vec![path.clone()],
        Target::Seed(path) => {
            let below = meta
                .files()
                .iter()
                .map(|file| path.join(file.path.as_str()));
            below.collect()
        }
        Target::Download { into, .. } => {
            files.map(|file| into.join(meta.disk_path(file))).collect()
        }
    }
}
