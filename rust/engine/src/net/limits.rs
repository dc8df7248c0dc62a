//! Rate limits applied to sockets: each peer has an allowance for each way, and waits there for its turn.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use p2pcore_scheduling::{Claim, Place, RateTree, Scope};
use tokio::sync::Notify;

use super::Net;
use crate::api::{Limits, SessionLimits, TorrentId};

/// All limits of a session.
#[derive(Default)]
pub(super) struct Limiter {
    up: Lane,
    down: Lane,
}

/// One way.
#[derive(Default)]
struct Lane {
    tree: RefCell<RateTree>,
    waiting: RefCell<BTreeMap<Claim, Rc<Notify>>>,
    /// Told when it may have to be served sooner than it was known.
    changed: Notify,
}

/// Which way bytes go.
#[derive(Clone, Copy)]
pub(super) enum Way {
    Up,
    Down,
}

impl Limiter {
    pub fn set_session(&self, net: &Net, limits: SessionLimits) {
        let scopes = [
            (Scope::Session, limits.all),
            (Scope::Place(Place::Lan), limits.lan),
            (Scope::Place(Place::Wan), limits.wan),
            (Scope::EachPeer, limits.each_peer),
        ];
        for (scope, limits) in scopes {
            self.set(net, scope, limits);
        }
    }

    pub fn set_torrent(&self, net: &Net, torrent: TorrentId, limits: Limits) {
        self.set(net, Scope::Torrent(torrent.0), limits);
    }

    fn set(&self, net: &Net, scope: Scope, limits: Limits) {
        for (lane, rate) in [(&self.up, limits.upload), (&self.down, limits.download)] {
            lane.tree.borrow_mut().limit(net.now(), scope, rate);
            lane.changed.notify_one();
        }
    }

    /// Hands out what the limits let pass as it becomes due, for ever. Without limits it sleeps.
    pub async fn run(&self, net: &Net) {
        tokio::join!(self.up.run(net), self.down.run(net));
    }
}

impl Lane {
    async fn run(&self, net: &Net) {
        loop {
            self.serve(net);
            let due = self.tree.borrow().next_due();
            let changed = self.changed.notified();
            match due {
                Some(due) => {
                    let _ = tokio::time::timeout(due.since(net.now()), changed).await;
                }
                None => changed.await,
            }
        }
    }

    fn serve(&self, net: &Net) {
        let served = self.tree.borrow_mut().serve(net.now());
        let waiting = self.waiting.borrow();
        for claim in served {
            if let Some(granted) = waiting.get(&claim) {
                granted.notify_one();
            }
        }
    }
}

/// What one peer may send, or receive.
pub(super) struct Allowance<'a> {
    net: &'a Net,
    lane: &'a Lane,
    claim: Claim,
    granted: Rc<Notify>,
}

impl<'a> Allowance<'a> {
    pub fn new(net: &'a Net, way: Way, torrent: TorrentId, place: Place) -> Self {
        let lane = match way {
            Way::Up => &net.limits.up,
            Way::Down => &net.limits.down,
        };
        let claim = lane.tree.borrow_mut().open(net.now(), torrent.0, place);
        let granted = Rc::new(Notify::new());
        lane.waiting.borrow_mut().insert(claim, Rc::clone(&granted));
        Self {
            net,
            lane,
            claim,
            granted,
        }
    }

    pub fn is_limited(&self) -> bool {
        self.lane.tree.borrow().is_limited(self.claim)
    }

    /// Waits until some of `want` bytes, which is not 0, may pass; answers how many.
    pub async fn take_some(&self, want: u64) -> u64 {
        self.lane.tree.borrow_mut().ask(self.claim, want);
        let granted = self.wait().await;
        self.lane.tree.borrow_mut().ask(self.claim, 0);
        granted
    }

    /// Waits until all of `bytes` may pass.
    pub async fn take_all(&self, bytes: u64) {
        self.lane.tree.borrow_mut().ask(self.claim, bytes);
        let mut left = bytes;
        while left > 0 {
            left -= self.wait().await;
        }
    }

    /// Gives back what was taken and not used.
    pub fn refund(&self, bytes: u64) {
        if bytes > 0 {
            self.lane.tree.borrow_mut().refund(self.claim, bytes);
            self.lane.changed.notify_one();
        }
    }

    async fn wait(&self) -> u64 {
        self.lane.serve(self.net);
        loop {
            let granted = self.lane.tree.borrow_mut().collect(self.claim);
            if granted > 0 {
                return granted;
            }
            self.lane.changed.notify_one();
            self.granted.notified().await;
        }
    }
}

impl Drop for Allowance<'_> {
    fn drop(&mut self) {
        self.lane.tree.borrow_mut().close(self.claim);
        self.lane.waiting.borrow_mut().remove(&self.claim);
        self.lane.changed.notify_one();
    }
}
