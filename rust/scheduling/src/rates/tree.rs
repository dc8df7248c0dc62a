//! One direction of a session under its limits: of the session as a whole, of the peers on the local network and of those
//! on the Internet, of each torrent, and of each peer. A byte passes when all the limits that it is under let it.
//!
//! What a limit lets pass is shared alike among the torrents that want it, and a torrent's part alike among its peers.
//! Nobody keeps a part unused: what one does not ask for goes to those that do, at once (they borrow it), and whoever asks
//! again has its own part again and nothing saved up. Shares are kept by start-time fair queueing: whoever has had least
//! since it began to ask comes next (Goyal, Vin and Cheng, 1996).

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::bucket::TokenBucket;
use crate::identity::Identity;
use crate::time::Time;

/// Where a peer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// On the local network: its address is of a private, link-local or loopback range.
    Lan,
    /// On the Internet.
    Wan,
}

impl Place {
    /// Where an address is.
    pub fn of(addr: IpAddr) -> Self {
        if Identity::of(addr).is_host() {
            Self::Lan
        } else {
            Self::Wan
        }
    }
}

/// What a limit is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// All that passes.
    Session,
    /// The peers of one place, together.
    Place(Place),
    /// The peers of one torrent, by the driver's number for it, together.
    Torrent(u64),
    /// Every peer by itself.
    EachPeer,
}

/// Names one peer's part. It is never given twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Claim(u64);

/// The limits of one direction, and who waits for what they let pass. The driver calls [`serve`](Self::serve) after every
/// change and whenever [`next_due`](Self::next_due) has come.
#[derive(Debug)]
pub struct RateTree {
    session: TokenBucket,
    places: [TokenBucket; 2],
    each_peer: Option<u64>,
    torrents: BTreeMap<u64, Torrent>,
    claims: BTreeMap<Claim, Asking>,
    /// Those that want something.
    waiting: Vec<Claim>,
    /// What the torrent that was served last had had: at least this everybody counts as having had.
    clock: u64,
    next_claim: u64,
    due: Option<Time>,
}

/// A torrent that has a limit or a peer.
#[derive(Debug)]
struct Torrent {
    limit: TokenBucket,
    had: u64,
    /// What the peer that was served last had had.
    clock: u64,
    peers: usize,
    waiting: usize,
}

#[derive(Debug)]
struct Asking {
    torrent: u64,
    place: Place,
    limit: TokenBucket,
    had: u64,
    wants: u64,
    granted: u64,
}

impl Default for RateTree {
    fn default() -> Self {
        Self {
            session: TokenBucket::new(None),
            places: [TokenBucket::new(None), TokenBucket::new(None)],
            each_peer: None,
            torrents: BTreeMap::new(),
            claims: BTreeMap::new(),
            waiting: Vec::new(),
            clock: 0,
            next_claim: 0,
            due: None,
        }
    }
}

impl RateTree {
    /// Sets a limit in bytes per second; `None` lifts it, and 0 lets nothing pass.
    pub fn limit(&mut self, now: Time, scope: Scope, rate: Option<u64>) {
        match scope {
            Scope::Session => self.session.set_rate(now, rate),
            Scope::Place(place) => self.places[place as usize].set_rate(now, rate),
            Scope::Torrent(number) => {
                self.torrent(number).limit.set_rate(now, rate);
                self.forget_idle(number);
            }
            Scope::EachPeer => {
                self.each_peer = rate;
                for asking in self.claims.values_mut() {
                    asking.limit.set_rate(now, rate);
                }
            }
        }
    }

    /// A peer came.
    pub fn open(&mut self, now: Time, torrent: u64, place: Place) -> Claim {
        self.torrent(torrent).peers += 1;
        let claim = Claim(self.next_claim);
        self.next_claim += 1;
        let mut limit = TokenBucket::new(None);
        limit.set_rate(now, self.each_peer);
        let asking = Asking {
            torrent,
            place,
            limit,
            had: 0,
            wants: 0,
            granted: 0,
        };
        self.claims.insert(claim, asking);
        claim
    }

    /// It is gone. What it did not collect goes to others.
    pub fn close(&mut self, claim: Claim) {
        let unused = self.collect(claim);
        self.refund(claim, unused);
        self.ask(claim, 0);
        if let Some(asking) = self.claims.remove(&claim) {
            self.torrent(asking.torrent).peers -= 1;
            self.forget_idle(asking.torrent);
        }
    }

    /// Whether anything limits it.
    pub fn is_limited(&self, claim: Claim) -> bool {
        let Some(asking) = self.claims.get(&claim) else {
            return false;
        };
        let torrent = self.torrents.get(&asking.torrent);
        self.session.is_limited()
            || self.places[asking.place as usize].is_limited()
            || asking.limit.is_limited()
            || torrent.is_some_and(|torrent| torrent.limit.is_limited())
    }

    /// From now on it wants so many bytes, instead of what it wanted before.
    pub fn ask(&mut self, claim: Claim, bytes: u64) {
        let Some(asking) = self.claims.get_mut(&claim) else {
            return;
        };
        let waited = std::mem::replace(&mut asking.wants, bytes) > 0;
        let Some(torrent) = self.torrents.get_mut(&asking.torrent) else {
            return;
        };
        if !waited && bytes > 0 {
            // Nothing was saved up meanwhile.
            if torrent.waiting == 0 {
                torrent.had = torrent.had.max(self.clock);
            }
            asking.had = asking.had.max(torrent.clock);
            torrent.waiting += 1;
            self.waiting.push(claim);
        } else if waited && bytes == 0 {
            torrent.waiting -= 1;
            self.waiting.retain(|other| *other != claim);
        }
    }

    /// Grants what may pass now; answers who got something to collect.
    pub fn serve(&mut self, now: Time) -> Vec<Claim> {
        let mut served = Vec::new();
        while let Some((claim, bytes)) = self.next(now) {
            self.grant(claim, bytes);
            if served.last() != Some(&claim) {
                served.push(claim);
            }
        }
        served
    }

    /// When more may pass for those that wait, as far as the last call of [`serve`](Self::serve) could know.
    pub fn next_due(&self) -> Option<Time> {
        self.due
    }

    /// Takes what was granted.
    pub fn collect(&mut self, claim: Claim) -> u64 {
        let asking = self.claims.get_mut(&claim);
        asking.map_or(0, |asking| std::mem::take(&mut asking.granted))
    }

    /// Gives back what was collected and not used.
    pub fn refund(&mut self, claim: Claim, bytes: u64) {
        let Some(asking) = self.claims.get_mut(&claim) else {
            return;
        };
        asking.limit.refund(bytes);
        asking.had = asking.had.saturating_sub(bytes);
        self.session.refund(bytes);
        self.places[asking.place as usize].refund(bytes);
        if let Some(torrent) = self.torrents.get_mut(&asking.torrent) {
            torrent.limit.refund(bytes);
            torrent.had = torrent.had.saturating_sub(bytes);
        }
    }

    /// Who comes next, and how much it gets. Where nobody can, when that changes is kept.
    fn next(&mut self, now: Time) -> Option<(Claim, u64)> {
        self.due = None;
        let mut best = None;
        for &claim in &self.waiting {
            let Some(asking) = self.claims.get_mut(&claim) else {
                continue;
            };
            let Some(torrent) = self.torrents.get_mut(&asking.torrent) else {
                continue;
            };
            let order = (torrent.had, asking.torrent, asking.had, claim);
            if best.is_some_and(|(before, _)| before < order) {
                continue;
            }
            let place = &mut self.places[asking.place as usize];
            let limits = [
                &mut self.session,
                place,
                &mut torrent.limit,
                &mut asking.limit,
            ];
            let portion = limits.iter().map(|limit| limit.portion()).min();
            let bytes = asking.wants.min(portion.unwrap_or(u64::MAX));
            let ready = limits
                .into_iter()
                .filter_map(|limit| limit.ready_at(now))
                .max();
            if let Some(at) = ready {
                self.due = Some(self.due.map_or(at, |due| due.min(at)));
            } else {
                best = Some((order, bytes));
            }
        }
        best.map(|((.., claim), bytes)| (claim, bytes))
    }

    fn grant(&mut self, claim: Claim, bytes: u64) {
        let Some(asking) = self.claims.get_mut(&claim) else {
            return;
        };
        let Some(torrent) = self.torrents.get_mut(&asking.torrent) else {
            return;
        };
        self.session.spend(bytes);
        self.places[asking.place as usize].spend(bytes);
        torrent.limit.spend(bytes);
        asking.limit.spend(bytes);
        // Whoever was held back by a limit of its own has nothing saved up either.
        self.clock = self.clock.max(torrent.had);
        torrent.clock = torrent.clock.max(asking.had);
        torrent.had = self.clock + bytes;
        asking.had = torrent.clock + bytes;
        asking.granted += bytes;
        let left = asking.wants - bytes;
        self.ask(claim, left);
    }

    fn torrent(&mut self, number: u64) -> &mut Torrent {
        self.torrents.entry(number).or_insert_with(|| Torrent {
            limit: TokenBucket::new(None),
            had: 0,
            clock: 0,
            peers: 0,
            waiting: 0,
        })
    }

    fn forget_idle(&mut self, number: u64) {
        let torrent = self.torrents.get(&number);
        if torrent.is_some_and(|torrent| torrent.peers == 0 && !torrent.limit.is_limited()) {
            self.torrents.remove(&number);
        }
    }
}

#[cfg(test)]
mod tests;
