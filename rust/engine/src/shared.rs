//! What others may see of a torrent while it runs: values that the network thread writes and any thread copies.
//!
//! Nothing here is waited for: locks are held for a copy, never over I/O.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use p2pcore_protocol::{Metainfo, PieceIndex};

use crate::api::{Ban, DEFAULT_PRIORITY, Explanation, PeerStatus, State, Status};
use crate::ledger::Ledger;

/// One torrent's public face.
#[derive(Debug)]
pub(crate) struct TorrentShared {
    pub meta: Arc<Metainfo>,
    /// The session's.
    pub ledger: Arc<Ledger>,
    status: Mutex<Status>,
    /// Nothing until the network thread knows the torrent.
    explanation: Mutex<Option<Explanation>>,
    bans: Mutex<Vec<Ban>>,
    availability: Mutex<Vec<u16>>,
    /// `None`: all alike.
    priorities: Mutex<Option<Vec<u8>>>,
    pieces: Box<[AtomicU8]>,
    /// Bytes hashed by the check under way.
    pub checked: AtomicU64,
}

impl TorrentShared {
    pub fn new(meta: Arc<Metainfo>, ledger: Arc<Ledger>) -> Self {
        let count = meta.layout().piece_count() as usize;
        Self {
            status: Mutex::new(Status {
                state: State::Checking,
                done: 0,
                wanted: meta.total_size(),
                checked: 0,
                to_check: 0,
                downloaded: 0,
                uploaded: 0,
                wasted: 0,
                download_rate: 0.0,
                upload_rate: 0.0,
                peers: 0,
                seeds: 0,
                pieces: 0,
                error: None,
            }),
            explanation: Mutex::default(),
            bans: Mutex::default(),
            availability: Mutex::new(vec![0; count]),
            priorities: Mutex::default(),
            pieces: (0..count).map(|_| AtomicU8::new(0)).collect(),
            checked: AtomicU64::new(0),
            meta,
            ledger,
        }
    }

    pub fn status(&self) -> Status {
        let mut status = lock(&self.status).clone();
        status.checked = self.checked.load(Ordering::Relaxed);
        status
    }

    pub fn update(&self, change: impl FnOnce(&mut Status)) {
        change(&mut lock(&self.status));
    }

    pub fn peers(&self) -> Vec<PeerStatus> {
        let explanation = lock(&self.explanation);
        let peers = explanation.as_ref().map(|now| now.peers.clone());
        peers.unwrap_or_default()
    }

    pub fn explanation(&self) -> Option<Explanation> {
        lock(&self.explanation).clone()
    }

    pub fn explain(&self, explanation: Explanation) {
        *lock(&self.explanation) = Some(explanation);
    }

    /// Those that have not ended.
    pub fn bans(&self) -> Vec<Ban> {
        let now = SystemTime::now();
        let bans = lock(&self.bans);
        let lasting = bans.iter().filter(|ban| now < ban.until);
        lasting.cloned().collect()
    }

    pub fn set_bans(&self, bans: Vec<Ban>) {
        *lock(&self.bans) = bans;
    }

    pub fn availability(&self) -> Vec<u16> {
        lock(&self.availability).clone()
    }

    pub fn set_availability(&self, availability: Vec<u16>) {
        *lock(&self.availability) = availability;
    }

    /// One byte for each piece: how soon it is wanted.
    pub fn priorities(&self) -> Vec<u8> {
        let set = lock(&self.priorities).clone();
        set.unwrap_or_else(|| vec![DEFAULT_PRIORITY; self.pieces.len()])
    }

    pub fn set_priorities(&self, priorities: Option<&[u8]>) {
        *lock(&self.priorities) = priorities.map(<[u8]>::to_vec);
    }

    /// One byte for each piece: 1 where it is verified.
    pub fn pieces(&self) -> Vec<u8> {
        let pieces = self.pieces.iter();
        pieces.map(|piece| piece.load(Ordering::Relaxed)).collect()
    }

    pub fn set_piece(&self, piece: PieceIndex) {
        self.pieces[piece.as_usize()].store(1, Ordering::Relaxed);
    }

    pub fn clear_pieces(&self) {
        for piece in &self.pieces {
            piece.store(0, Ordering::Relaxed);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
