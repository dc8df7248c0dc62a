//! Open files, shared by all torrents of the process: descriptors are the process's, and so is their limit.
//!
//! At most [`MOST_OPEN`] are kept, the least recently used goes first. A handle in use stays open until its user drops
//! it. The lock is held for the look-up only, never over a system call that waits for a disk.

use std::collections::BTreeMap;
use std::fs::File;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use super::{lock, sys};

/// Files kept open: a quarter of the usual limit of 1,024 descriptors; the rest is for sockets.
pub(super) const MOST_OPEN: usize = 256;

/// One open file.
#[derive(Debug)]
pub(super) struct Handle {
    pub file: File,
    pub writable: bool,
    pub instant: sys::Instant,
    /// When its path was last looked at (ms on the storage's clock, plus one); 0: never.
    looked: AtomicU64,
}

impl Handle {
    pub fn new(file: File, writable: bool) -> Self {
        let instant = sys::Instant::of(&file);
        Self {
            file,
            writable,
            instant,
            looked: AtomicU64::new(0),
        }
    }

    /// Whether it is time to look at the path again.
    pub fn is_due(&self, now_ms: u64) -> bool {
        let looked = self.looked.load(Ordering::Relaxed);
        looked == 0 || now_ms + 1 >= looked + LOOK_EVERY_MS
    }

    /// The same; if so, the next look is due later.
    pub fn due(&self, now_ms: u64) -> bool {
        let due = self.is_due(now_ms);
        if due {
            self.looked.store(now_ms + 1, Ordering::Relaxed);
        }
        due
    }
}

/// A file of a torrent: the storage's number, and the file's number in it.
pub(super) type Key = (u64, u32);

/// The open files of the process.
pub(super) static HANDLES: Handles = Handles::new();

pub(super) struct Handles(Mutex<Cache>);

struct Cache {
    open: BTreeMap<Key, (Arc<Handle>, u64)>,
    uses: u64,
}

impl Handles {
    const fn new() -> Self {
        Self(Mutex::new(Cache {
            open: BTreeMap::new(),
            uses: 0,
        }))
    }

    /// The open file, if it is open in the way that is needed.
    pub fn get(&self, key: Key, write: bool) -> Option<Arc<Handle>> {
        let mut cache = lock(&self.0);
        cache.uses += 1;
        let now = cache.uses;
        let (handle, used) = cache.open.get_mut(&key)?;
        if write && !handle.writable {
            return None;
        }
        *used = now;
        Some(Arc::clone(handle))
    }

    /// Keeps an open file. A writable one that came first stays.
    pub fn put(&self, key: Key, handle: Handle) -> Arc<Handle> {
        let handle = Arc::new(handle);
        let mut dropped = Vec::new(); // closed after the lock is gone
        let mut cache = lock(&self.0);
        cache.uses += 1;
        let now = cache.uses;
        if let Some((old, _)) = cache.open.get(&key)
            && old.writable
        {
            return Arc::clone(old);
        }
        dropped.extend(cache.open.insert(key, (Arc::clone(&handle), now)));
        while cache.open.len() > MOST_OPEN {
            let oldest = cache.open.iter().min_by_key(|(_, (_, used))| *used);
            let Some(oldest) = oldest.map(|(key, _)| *key) else {
                break;
            };
            dropped.extend(cache.open.remove(&oldest));
        }
        drop(cache);
        handle
    }

    /// Closes one file.
    pub fn close(&self, key: Key) {
        let closed = lock(&self.0).open.remove(&key);
        drop(closed);
    }

    /// Closes all files of a storage.
    pub fn close_all(&self, storage: u64) {
        let mut cache = lock(&self.0);
        let keys: Vec<Key> = cache
            .open
            .range((storage, 0)..=(storage, u32::MAX))
            .map(|(key, _)| *key)
            .collect();
        let closed: Vec<_> = keys
            .iter()
            .filter_map(|key| cache.open.remove(key))
            .collect();
        drop(cache);
        drop(closed);
    }

    /// Makes a look due for all files of a storage.
    #[cfg(test)]
    pub fn forget_looks(&self, storage: u64) {
        let cache = lock(&self.0);
        for (handle, _) in cache
            .open
            .range((storage, 0)..=(storage, u32::MAX))
            .map(|(_, entry)| entry)
        {
            handle.looked.store(0, Ordering::Relaxed);
        }
    }

    /// How many files are open.
    #[cfg(test)]
    pub fn count(&self) -> usize {
        lock(&self.0).open.len()
    }
}

const LOOK_EVERY_MS: u64 = 500;
