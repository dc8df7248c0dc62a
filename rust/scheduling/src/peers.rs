//! The connected peers. A peer that is told to go is forgotten at once: whatever its connection still delivers belongs to
//! nobody.

mod peer;

use std::net::SocketAddr;

pub(crate) use self::peer::{ALLOWED_FAST_KEPT, COMING_KEPT, Peer, Place};
use crate::identity::Account;
use crate::input::PeerKey;
use crate::time::Time;

/// The connected peers, in the order of their keys (which is mostly the order of arrival).
#[derive(Debug, Default)]
pub(crate) struct Peers {
    keys: Vec<PeerKey>,
    // Boxed: inserting and removing moves pointers.
    #[allow(clippy::vec_box)]
    entries: Vec<Box<Peer>>,
    /// The place of the one asked for last: mostly it is asked for again.
    last: usize,
    /// The account of each.
    accounts: Vec<Account>,
    /// Those that we do not choke: few of many.
    unchoked: KeySet,
    /// Those that may be asked for something, and perhaps some that may not any more: few of many.
    open: KeySet,
}

/// Some of the peers, in their order.
#[derive(Debug, Default)]
struct KeySet(Vec<PeerKey>);

impl KeySet {
    fn set(&mut self, key: PeerKey, member: bool) {
        match (self.0.binary_search(&key), member) {
            (Err(at), true) => self.0.insert(at, key),
            (Ok(at), false) => {
                self.0.remove(at);
            }
            _ => {}
        }
    }
}

impl Peers {
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether one takes connections there, as far as it said.
    pub(crate) fn has_one_at(&self, addr: SocketAddr) -> bool {
        self.iter()
            .any(|peer| peer.listens() == Some(addr) || peer.seen_at() == addr)
    }

    /// Takes a peer in; one of the same key is replaced (the driver never does that).
    pub(crate) fn insert(&mut self, mut peer: Peer) {
        self.remove(peer.key);
        (peer.sharers, peer.account_served) = self.share(peer.account, 1);
        let at = self.keys.partition_point(|key| *key < peer.key);
        self.keys.insert(at, peer.key);
        self.accounts.insert(at, peer.account);
        self.entries.insert(at, Box::new(peer));
    }

    pub(crate) fn remove(&mut self, key: PeerKey) -> Option<Box<Peer>> {
        let at = self.place(key)?;
        self.keys.remove(at);
        let account = self.accounts.remove(at);
        self.unchoked.set(key, false);
        self.open.set(key, false);
        let gone = self.entries.remove(at);
        self.share(account, -1);
        Some(gone)
    }

    /// So many more peers share this account; how many others there are, and whether one had a slot.
    fn share(&mut self, account: Account, more: i32) -> (u32, bool) {
        let (mut others, mut served) = (0, false);
        for (peer, of) in self.entries.iter_mut().zip(&self.accounts) {
            if *of == account {
                others += 1;
                peer.sharers = peer.sharers.saturating_add_signed(more);
                served |= peer.account_served;
            }
        }
        (others, served)
    }

    pub(crate) fn get(&self, key: PeerKey) -> Option<&Peer> {
        let at = self.place(key)?;
        Some(&self.entries[at])
    }

    pub(crate) fn get_mut(&mut self, key: PeerKey) -> Option<&mut Peer> {
        self.last = self.place(key)?;
        Some(&mut self.entries[self.last])
    }

    fn place(&self, key: PeerKey) -> Option<usize> {
        if self.keys.get(self.last) == Some(&key) {
            return Some(self.last);
        }
        self.keys.binary_search(&key).ok()
    }

    /// We choke a peer, or do not any more. That is a turn of all that share its account.
    pub(crate) fn choke(&mut self, now: Time, key: PeerKey, choking: bool) {
        let Some(peer) = self.get_mut(key) else {
            return;
        };
        peer.choking = choking;
        peer.turned = now;
        let account = peer.account;
        self.unchoked.set(key, !choking);
        for (peer, of) in self.entries.iter_mut().zip(&self.accounts) {
            if *of == account {
                peer.account_turned = now;
                peer.account_served |= !choking;
            }
        }
    }

    /// A peer chokes us, or does not any more.
    pub(crate) fn set_choked(&mut self, key: PeerKey, choked: bool) {
        if let Some(peer) = self.get_mut(key) {
            peer.choked = choked;
            let open = peer.may_be_asked();
            self.open.set(key, open);
        }
    }

    /// A peer may be asked for a piece even while it chokes us.
    pub(crate) fn allow_fast(&mut self, key: PeerKey, piece: u32) {
        if let Some(peer) = self.get_mut(key) {
            peer.allowed_fast.push(piece);
            self.open.set(key, true);
        }
    }

    /// The peers that we do not choke.
    pub(crate) fn unchoked(&self) -> impl Iterator<Item = &Peer> + '_ {
        self.unchoked.0.iter().filter_map(|key| self.get(*key))
    }

    /// The peers that may be asked, by place in their order. Where that was said and is over, they may be among them.
    pub(crate) fn open_at(&self, at: usize) -> Option<PeerKey> {
        self.open.0.get(at).copied()
    }

    /// By place in the order, to go over them while the Swarm changes.
    pub(crate) fn key_at(&self, at: usize) -> Option<PeerKey> {
        self.keys.get(at).copied()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Peer> + '_ {
        self.entries.iter().map(|peer| &**peer)
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Peer> + '_ {
        self.entries.iter_mut().map(|peer| &mut **peer)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::input::PeerInfo;

    fn keys<'a>(peers: impl Iterator<Item = &'a Peer>) -> Vec<PeerKey> {
        peers.map(|peer| peer.key).collect()
    }

    proptest! {
        /// Whatever happens, both sets name the peers that a look at each of them names, and those of an account know how many
        /// they are and of each other's turns.
        #[test]
        fn the_sets_are_what_the_peers_say(steps in prop::collection::vec((0_u8..7, 0_u64..8), 1..60)) {
            let mut peers = Peers::default();
            for (second, (step, number)) in (0..).zip(steps) {
                let (now, key) = (Time::new(Duration::from_secs(second)), PeerKey(number));
                match step {
                    0 => peers.insert(Peer::new(key, info(number), now)),
                    1 => drop(peers.remove(key)),
                    2 | 3 => peers.choke(now, key, step == 2),
                    4 | 5 => peers.set_choked(key, step == 4),
                    _ => peers.allow_fast(key, 7),
                }
                let served = keys(peers.iter().filter(|peer| !peer.choking()));
                prop_assert_eq!(keys(peers.unchoked()), served);
                let open: Vec<_> = (0..).map_while(|at| peers.open_at(at)).collect();
                prop_assert_eq!(open, keys(peers.iter().filter(|peer| peer.may_be_asked())));
                for peer in peers.iter() {
                    let of = || peers.iter().filter(|other| other.account() == peer.account());
                    prop_assert_eq!(peer.sharers() as usize, of().count() - 1);
                    prop_assert!(of().all(|other| other.account_served == peer.account_served));
                    prop_assert!(!peer.account_served || peer.company(now) == 0);
                }
                let turned = peers.get(key).filter(|_| matches!(step, 2 | 3));
                if let Some(account) = turned.map(Peer::account) {
                    let mut of = peers.iter().filter(|peer| peer.account() == account);
                    prop_assert!(of.all(|peer| peer.account_turned == now));
                }
            }
        }
    }

    /// Two peers behind each prefix.
    fn info(number: u64) -> PeerInfo {
        let host = 1 + (number % 2) as u8;
        PeerInfo {
            addr: ([8, 8, (number / 2) as u8, host], 6881).into(),
            outgoing: false,
            peer_id: [0; 20],
            fast: true,
            extended: true,
            v2: false,
        }
    }
}
