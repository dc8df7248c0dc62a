//! Peers come and go.

use p2pcore_protocol::message::Message;

use super::Swarm;
use crate::bans::{BanReason, Name};
use crate::input::{PeerInfo, PeerKey};
use crate::output::{CloseReason, Fact, Output};
use crate::peers::Peer;
use crate::time::Time;

impl Swarm {
    pub(super) fn on_connected(&mut self, now: Time, key: PeerKey, info: PeerInfo) {
        if info.outgoing {
            self.dialer.on_connected(now, info.addr);
        }
        if let Some(reason) = self.refusal(now, &info) {
            self.counters.count_close(reason);
            self.out.push(Output::Close { peer: key, reason });
            if info.outgoing {
                self.dialer
                    .on_gone(now, info.addr, reason, self.is_complete());
            }
            return;
        }
        let helped = info.outgoing && self.dialer.was_helped(info.addr);
        let mut peer = Peer::new(key, info, now);
        peer.helped = helped;
        peer.shown = self.begin_to_show();
        let hidden = peer.is_hidden_from();
        let message = if hidden {
            peer.info.fast.then_some(Message::HaveNone)
        } else {
            self.map_message(peer.info.fast)
        };
        if let Some(message) = message {
            self.out.send(now, &mut peer, message);
        }
        self.peers.insert(peer);
        self.introduce(key);
        if hidden {
            self.set_choking(now, key, false);
            self.hide_again(now);
        }
    }

    pub(super) fn on_disconnected(&mut self, now: Time, key: PeerKey) {
        if self.forget(now, key, CloseReason::Closed) {
            self.counters.count_close(CloseReason::Closed);
        }
    }

    pub(super) fn on_misbehaved(&mut self, now: Time, key: PeerKey, reason: CloseReason) {
        self.counters.count_close(reason);
        self.forget(now, key, reason);
    }

    /// Closes a peer and forgets it.
    pub(super) fn close(&mut self, now: Time, key: PeerKey, reason: CloseReason) {
        if self.forget(now, key, reason) {
            self.counters.count_close(reason);
            self.out.push(Output::Close { peer: key, reason });
        }
    }

    /// Closes the peers with which there is nothing to trade: we need nothing, and neither do they.
    pub(super) fn close_useless(&mut self, now: Time) {
        if !self.is_complete() {
            return;
        }
        let useless: Vec<PeerKey> = self
            .peers
            .iter()
            .filter(|peer| peer.wants_nothing())
            .map(|peer| peer.key)
            .collect();
        for key in useless {
            self.close(now, key, CloseReason::NothingToTrade);
        }
    }

    pub(super) fn on_pause(&mut self, now: Time) {
        self.paused = true;
        while let Some(key) = self.peers.key_at(0) {
            self.close(now, key, CloseReason::Stopped);
        }
    }

    pub(super) fn on_resume(&mut self, now: Time) {
        self.paused = false;
        self.dialer.wake(now);
    }

    fn refusal(&self, now: Time, info: &PeerInfo) -> Option<CloseReason> {
        if self.paused {
            Some(CloseReason::Stopped)
        } else if self.bans.of_peer(now, info).is_some() {
            Some(CloseReason::Banned)
        } else if self.peers.len() >= self.config.max_peers {
            Some(CloseReason::TooManyPeers)
        } else {
            None
        }
    }

    /// What we have, as the first message after the handshake. Without BEP 6 nothing is said by saying nothing.
    fn map_message(&self, fast: bool) -> Option<Message> {
        let have = self.picker.have();
        if fast && have.is_full() && !have.is_empty() {
            Some(Message::HaveAll)
        } else if !have.is_empty() {
            Some(Message::Bitfield(have.to_wire()))
        } else {
            fast.then_some(Message::HaveNone)
        }
    }

    /// A peer is not spoken to for a while.
    pub(super) fn ban(&mut self, now: Time, name: Name, reason: BanReason) {
        let addr = name.addr;
        if let Some(until) = self.bans.ban(now, name, reason) {
            self.out.push(Output::Fact(Fact::PeerBanned {
                addr,
                reason,
                until,
            }));
        }
    }

    /// Takes a peer out of everything. Whether it was there.
    fn forget(&mut self, now: Time, key: PeerKey, reason: CloseReason) -> bool {
        let Some(mut peer) = self.peers.remove(key) else {
            return false;
        };
        for (piece, block) in peer.requests.iter() {
            self.picker.release(piece, block);
        }
        self.free_held(now, key);
        self.part(now, &peer);
        if peer.belief.is_firm() {
            self.picker.count_holdings(&peer.holds, false);
        }
        self.uncount(&peer);
        self.part_with(&peer);
        if !peer.seeds.seen.is_empty() {
            self.share_with_seeds();
        }
        self.tally.book(&mut peer);
        self.taken.on_left(now, peer.account(), peer.uploaded);
        if let Some(reason) = BanReason::of(reason) {
            self.ban(now, Name::of(&peer.info), reason);
        }
        if peer.downloaded > 0 {
            self.blame.remember(key, Name::of(&peer.info));
        }
        if peer.info.outgoing {
            let complete = self.is_complete();
            let idle = reason == CloseReason::Closed && complete && peer.wants_nothing();
            let reason = if idle {
                CloseReason::NothingToTrade
            } else {
                reason
            };
            self.dialer.on_gone(now, peer.addr(), reason, complete);
        } else {
            self.dialer.wake(now);
        }
        self.todo.seeds |= peer.wants_nothing();
        self.todo.fill_all = true;
        self.todo.slots = true;
        true
    }
}
