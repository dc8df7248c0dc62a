//! Digests of whole files, taken in the same pass that hashes pieces.
//!
//! A digest needs its file's bytes in order, and workers hash different parts at once: whoever is ahead waits until the
//! bytes before its own were fed. Workers take parts in order, so that the one that is furthest behind never waits.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};

use p2pcore_hashing::{Blake3, Sha1, Sha256};
use p2pcore_protocol::{FileIndex, Layout};

/// Which digests of whole files to take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DigestKinds {
    /// SHA-256.
    pub sha256: bool,
    /// SHA-1 as git names a blob: over `blob <size>\0` and the bytes.
    pub git_sha1: bool,
    /// BLAKE3.
    pub blake3: bool,
}

impl DigestKinds {
    /// Whether there is nothing to take.
    pub fn is_empty(self) -> bool {
        self == Self::default()
    }
}

/// The digests of one whole file; `None` where one was not asked for, or where the file was not whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FileDigests {
    /// SHA-256.
    pub sha256: Option<[u8; 32]>,
    /// SHA-1 of the file as a git blob.
    pub git_sha1: Option<[u8; 20]>,
    /// BLAKE3.
    pub blake3: Option<[u8; 32]>,
}

/// The digests of all files of a torrent, under way.
pub(crate) struct Digester {
    files: Vec<(Mutex<Stream>, Condvar)>,
    stopped: AtomicBool,
}

struct Stream {
    /// Bytes fed.
    fed: u64,
    /// It turned out to be short or missing.
    broken: bool,
    sha256: Option<Sha256>,
    git_sha1: Option<Sha1>,
    blake3: Option<Box<Blake3>>, // 2 KiB, and there may be many files
}

impl Digester {
    pub fn new(layout: &Layout, kinds: DigestKinds) -> Self {
        let files = (0..layout.file_count()).map(|file| {
            let size = layout.file_size(FileIndex::new(file));
            (Mutex::new(Stream::new(kinds, size)), Condvar::new())
        });
        Self {
            files: files.collect(),
            stopped: AtomicBool::new(false),
        }
    }

    /// Takes bytes of a file; waits for those before them. `None`: they could not be read.
    pub fn feed(&self, file: FileIndex, offset: u64, bytes: Option<&[u8]>) {
        let (stream, turn) = &self.files[file.as_usize()];
        let mut stream = stream.lock().unwrap_or_else(PoisonError::into_inner);
        while stream.fed < offset && !stream.broken && !self.stopped.load(Ordering::Relaxed) {
            stream = turn.wait(stream).unwrap_or_else(PoisonError::into_inner);
        }
        match bytes {
            Some(bytes) if !stream.broken => stream.update(bytes),
            _ => stream.broken = true,
        }
        drop(stream);
        turn.notify_all();
    }

    /// Lets whoever waits go: the pass is over before its end.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
        for (stream, turn) in &self.files {
            // Taking the lock lets nobody miss the news between looking and waiting.
            drop(stream.lock().unwrap_or_else(PoisonError::into_inner));
            turn.notify_all();
        }
    }

    pub fn finish(self, layout: &Layout) -> Vec<FileDigests> {
        let streams = self.files.into_iter().enumerate();
        let digests = streams.map(|(file, (stream, _))| {
            let stream = stream.into_inner().unwrap_or_else(PoisonError::into_inner);
            stream.finish(layout.file_size(FileIndex::new(file as u32)))
        });
        digests.collect()
    }
}

impl Stream {
    fn new(kinds: DigestKinds, size: u64) -> Self {
        let git = || {
            let mut sha1 = Sha1::new();
            sha1.update(format!("blob {size}\0").as_bytes());
            sha1
        };
        Self {
            fed: 0,
            broken: false,
            sha256: kinds.sha256.then(Sha256::new),
            git_sha1: kinds.git_sha1.then(git),
            blake3: kinds.blake3.then(Box::default),
        }
    }

    fn update(&mut self, bytes: &[u8]) {
        self.fed += bytes.len() as u64;
        if let Some(sha256) = &mut self.sha256 {
            sha256.update(bytes);
        }
        if let Some(git_sha1) = &mut self.git_sha1 {
            git_sha1.update(bytes);
        }
        if let Some(blake3) = &mut self.blake3 {
            blake3.update(bytes);
        }
    }

    fn finish(self, size: u64) -> FileDigests {
        if self.broken || self.fed != size {
            return FileDigests::default();
        }
        FileDigests {
            sha256: self.sha256.map(Sha256::finish),
            git_sha1: self.git_sha1.map(Sha1::finish),
            blake3: self.blake3.map(|blake3| blake3.finish()),
        }
    }
}
