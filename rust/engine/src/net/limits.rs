//! Rate limits applied to sockets: the torrent's bucket and then the session's, up and down.

use std::cell::RefCell;
use std::time::Duration;

use p2pcore_scheduling::{Grant, Time, TokenBucket};

use super::Net;
use crate::api::Limits;

/// Two buckets.
pub(super) struct Limiter {
    upload: RefCell<TokenBucket>,
    download: RefCell<TokenBucket>,
}

/// Which way bytes go.
#[derive(Clone, Copy)]
pub(super) enum Way {
    Up,
    Down,
}

impl Limiter {
    pub fn new(limits: Limits) -> Self {
        Self {
            upload: RefCell::new(TokenBucket::new(limits.upload)),
            download: RefCell::new(TokenBucket::new(limits.download)),
        }
    }

    pub fn set(&self, now: Time, limits: Limits) {
        self.upload.borrow_mut().set_rate(now, limits.upload);
        self.download.borrow_mut().set_rate(now, limits.download);
    }

    fn bucket(&self, way: Way) -> &RefCell<TokenBucket> {
        match way {
            Way::Up => &self.upload,
            Way::Down => &self.download,
        }
    }
}

/// Waits until some of `want` bytes may pass under both limits; answers how many.
pub(super) async fn pass(net: &Net, torrent: &Limiter, way: Way, want: u64) -> u64 {
    let ours = take(net, torrent.bucket(way), want).await;
    let granted = take(net, net.limits.bucket(way), ours).await;
    torrent.bucket(way).borrow_mut().refund(ours - granted);
    granted
}

/// Waits until all of `bytes` may pass.
pub(super) async fn pass_all(net: &Net, torrent: &Limiter, way: Way, bytes: u64) {
    let mut left = bytes;
    while left > 0 {
        left -= pass(net, torrent, way, left).await;
    }
}

/// Gives back what was granted and not used.
pub(super) fn refund(net: &Net, torrent: &Limiter, way: Way, bytes: u64) {
    if bytes > 0 {
        torrent.bucket(way).borrow_mut().refund(bytes);
        net.limits.bucket(way).borrow_mut().refund(bytes);
    }
}

async fn take(net: &Net, bucket: &RefCell<TokenBucket>, want: u64) -> u64 {
    loop {
        let now = net.now();
        let grant = bucket.borrow_mut().take(now, want);
        match grant {
            Grant::Granted(bytes) => return bytes,
            // A limit may be changed while we wait: look again at least that often.
            Grant::Wait(until) => tokio::time::sleep(until.since(now).min(LOOK_AGAIN)).await,
        }
    }
}

const LOOK_AGAIN: Duration = Duration::from_millis(500);

impl Limiter {
    /// Whether anything is limited this way.
    pub fn is_limited(&self, way: Way) -> bool {
        self.bucket(way).borrow().rate().is_some()
    }
}
