//! Peers are told of each other (BEP 11), so that a swarm needs no centre to hold together.

use std::net::SocketAddr;

use p2pcore_protocol::message::Message;
use p2pcore_protocol::pex::{Exchange, Told};

use super::Swarm;
use crate::exchange::reaches;
use crate::input::{Extensions, PeerKey};
use crate::peers::Peer;
use crate::time::Time;

impl Swarm {
    /// A peer says whether it wants to be told of others, and where it takes connections.
    pub(super) fn acquaint(&mut self, now: Time, key: PeerKey, said: &Extensions) {
        if let Some(peer) = self.peers.get_mut(key) {
            peer.acquaintance.says(now, said.exchange, said.listen_port);
            peer.acquaintance.punch = said.punch;
            self.introduce(key);
        }
    }

    /// Others may be told of a peer, once it is known where it takes connections.
    pub(super) fn introduce(&mut self, key: PeerKey) {
        let Some(peer) = self.peers.get_mut(key) else {
            return;
        };
        if peer.acquaintance.came.is_none()
            && let Some(addr) = peer.listens()
        {
            peer.acquaintance.came = Some((self.register.comes(), addr));
        }
    }

    /// A peer is gone: those that were told of it are told so.
    pub(super) fn part_with(&mut self, peer: &Peer) {
        if let Some((came, addr)) = peer.acquaintance.came {
            self.register.goes(addr, came);
        }
    }

    /// Tells whose time has come of those that came and left since. Whoever needs nothing looks for nobody.
    pub(super) fn tell_of_peers(&mut self, now: Time) {
        let due = |peer: &Peer| peer.acquaintance.due(now).is_some() && !peer.wants_nothing();
        if !self.config.exchange || !self.peers.iter().any(due) {
            return;
        }
        let mut present: Vec<(u32, Told)> = self.peers.iter().filter_map(introduced).collect();
        present.sort_unstable_by_key(|(came, peer)| (peer.addr, *came));
        present.dedup_by_key(|(_, peer)| peer.addr);
        present.sort_unstable_by_key(|(came, _)| *came);
        for key in self.keys_of(due) {
            let Some(peer) = self.peers.get_mut(key) else {
                continue;
            };
            let Some(id) = peer.acquaintance.due(now) else {
                continue;
            };
            let (own, from) = (peer.listens(), peer.addr().ip());
            let fits = |addr: SocketAddr| Some(addr) != own && reaches(from, addr);
            let told = &mut peer.acquaintance;
            let news = told.tell(now, &self.register, &present, fits);
            if news != Exchange::default() {
                let payload = news.encode();
                self.out.send(now, peer, Message::Extended { id, payload });
            }
        }
    }

    /// A peer tells us of others. Those that it named are dialled while we have few peers, in no order of its choice.
    pub(super) fn on_exchanged(&mut self, now: Time, key: PeerKey, exchange: &Exchange) {
        let Some(peer) = self.peers.get_mut(key).filter(|_| self.config.exchange) else {
            return;
        };
        peer.heard = now;
        if !peer.acquaintance.may_tell(now) {
            self.nonsense(now, key);
            return;
        }
        let from = peer.addr().ip();
        let helps = peer.acquaintance.punch.is_some();
        let told = exchange.added.iter();
        let mut told: Vec<&Told> = told
            .filter(|told| reaches(from, told.addr) && !self.peers.has_one_at(told.addr))
            .collect();
        self.random.shuffle(&mut told);
        for told in told {
            let by = (helps && !told.reachable).then_some(key);
            self.dialer.add_told(now, told.addr, by);
        }
    }
}

/// What others are told of a peer, with its number.
fn introduced(peer: &Peer) -> Option<(u32, Told)> {
    let (came, addr) = peer.acquaintance.came?;
    let told = Told {
        addr,
        seed: peer.wants_nothing(),
        reachable: peer.info.outgoing && !peer.helped,
    };
    Some((came, told))
}
