//! Origin mode on the wire: the only source of a torrent shows each peer a few pieces at a time, and shows everything
//! once the swarm can do without it.

use std::time::Duration;

use p2pcore_protocol::PieceIndex;
use p2pcore_protocol::message::Message;

use super::Swarm;
use crate::forwarding::Forwarding;
use crate::holdings::Holdings;
use crate::identity::Account;
use crate::input::PeerKey;
use crate::origin::{Kind, Origin, Promise, Shown};
use crate::peers::{Peer, Peers, Place};
use crate::time::Time;

/// A promise that is not taken up for so long is not wanted.
const IGNORED: Duration = Duration::from_millis(1_500);
/// A promise that is not taken up for so long keeps our link from nobody.
const SLOW: Duration = Duration::from_millis(400);
/// Below this there is nothing to spread.
const FEWEST_PIECES: u32 = 4;
/// HAVE messages to one peer at once, when everything is shown: 18 KiB.
const SHOWN_AT_ONCE: u32 = 2_048;
/// Pieces of which a peer can be told at once that they are gone: 180 KiB.
const HIDDEN_AT_ONCE: u32 = 16_384;
/// A promise to a peer that is served and takes nothing for so long is open to others; on a slow link it takes longer.
const STALE: Duration = Duration::from_secs(5);

impl Swarm {
    /// What a peer that connects now is shown, if we look after that: we have everything, and nobody else that we know
    /// has. The first one is shown all: alone it may want what it likes, in the order that it likes.
    pub(super) fn begin_to_show(&mut self) -> Option<Shown> {
        let pieces = self.layout.piece_count();
        let alone = self.config.origin
            && self.have().is_full()
            && pieces >= FEWEST_PIECES
            && self.picker.seeds() == 0;
        if !alone {
            return None;
        }
        if self.origin.is_none() {
            let mut origin = Origin::new(pieces, self.seed ^ 0x6f72_6967);
            let hoped_for = |peer: &&Peer| self.forwarding.is_hoped_for(peer.account());
            for peer in self.peers.iter() {
                count(&peer.holds, |piece| origin.hear(piece));
            }
            for peer in self.peers.iter().filter(hoped_for) {
                count(&peer.holds, |piece| origin.hold(piece));
            }
            self.origin = Some(origin);
            self.share_with_seeds();
        }
        let spread = self.origin.as_ref().is_some_and(Origin::is_spread);
        if spread && self.peers.iter().all(|peer| peer.shown.is_none()) {
            self.origin = None;
            return None;
        }
        let others = self.peers.iter().any(|peer| !peer.wants_nothing());
        let mut shown = Shown::new((spread || !others).then_some(pieces));
        shown.was_alone = !spread && !others;
        Some(shown)
    }

    /// Who was alone was shown everything. Once others come, pieces that it has not and did not ask for are gone for it
    /// (BEP 54): what it chose by itself would be sent twice.
    pub(super) fn hide_again(&mut self, now: Time) {
        let pieces = self.layout.piece_count();
        let spread = self.origin.as_ref().is_none_or(Origin::is_spread);
        let others = self.peers.iter().any(Peer::is_hidden_from);
        if spread || !others || pieces > HIDDEN_AT_ONCE {
            return;
        }
        let alone = |peer: &&mut Peer| peer.shown.as_ref().is_some_and(|shown| shown.was_alone);
        let Some(peer) = self.peers.iter_mut().find(alone) else {
            return;
        };
        if peer.dont_have.is_none() {
            return;
        }
        let Some(mut shown) = peer.shown.take() else {
            return;
        };
        for piece in 0..pieces {
            if !peer.holds.contains(piece) && !shown.is_promised(piece) {
                self.out.send_dont_have(now, peer, piece);
            }
        }
        (shown.was_alone, shown.everything) = (false, None);
        peer.shown = Some(shown);
        let key = peer.key;
        self.set_choking(now, key, false);
        self.show_more(now);
    }

    /// A peer that sees everything asks for a piece: others need not be shown it.
    pub(super) fn count_request(&mut self, now: Time, key: PeerKey, piece: u32) {
        if self.peers.len() == 1 {
            return; // there are no others
        }
        let (Some(origin), Some(peer)) = (&mut self.origin, self.peers.get_mut(key)) else {
            return;
        };
        if let Some(shown) = &mut peer.shown
            && shown.everything.is_some()
            && !shown.is_promised(piece)
        {
            let size = self.layout.data_size(PieceIndex::new(piece));
            origin.begin(now, piece, Kind::Free);
            shown.promise(piece, size, Kind::Free, now);
        }
    }

    /// A peer has other pieces than before.
    pub(super) fn recount(&mut self, before: &Holdings, key: PeerKey) {
        let (Some(origin), Some(peer)) = (&mut self.origin, self.peers.get(key)) else {
            return;
        };
        if self.forwarding.is_hoped_for(peer.account()) {
            count(before, |piece| origin.lose(piece));
            count(&peer.holds, |piece| origin.hold(piece));
        }
        count(&peer.holds, |piece| origin.hear(piece));
    }

    /// A peer has one more piece.
    pub(super) fn count_one(&mut self, now: Time, key: PeerKey, piece: u32) {
        let (Some(origin), Some(peer)) = (&mut self.origin, self.peers.get_mut(key)) else {
            return;
        };
        origin.hear(piece);
        if self.forwarding.is_hoped_for(peer.account()) {
            origin.hold(piece);
        }
        let promise = peer.shown.as_mut().and_then(|shown| shown.fulfil(piece));
        if let Some(promise) = &promise {
            origin.give_up(promise); // it counts as held now
        }
        let sent = promise.filter(Promise::is_sent);
        if let Some(kept) = &sent {
            let size = self.layout.data_size(PieceIndex::new(piece));
            origin.on_kept(now, kept, size);
        }
        if sent.is_some() && origin.is_first(piece) {
            let account = peer.account();
            if self.has_elsewhere(account, piece) {
                self.learn(account, Duration::ZERO); // it was passed on while it came
            } else {
                self.forwarding.gave(now, account, piece);
            }
        } else if let Some((by, delay)) = self.forwarding.seen(now, piece, key) {
            self.learn(by, delay);
        }
        if promise.is_some() {
            self.show_more(now);
        }
    }

    /// What came to a peer is there: where it was told of before whoever passed it on had it, it shows only now that it was
    /// passed on.
    pub(super) fn count_again(&mut self, now: Time, key: PeerKey, piece: u32) {
        let Some(peer) = self.peers.get(key) else {
            return;
        };
        let elsewhere = self
            .forwarding
            .given(piece)
            .is_some_and(|to| to != peer.account());
        if elsewhere && let Some((by, delay)) = self.forwarding.seen(now, piece, key) {
            self.learn(by, delay);
        }
    }

    /// Whether somebody other than this account has a piece, all of it.
    fn has_elsewhere(&self, account: Account, piece: u32) -> bool {
        let has = |peer: &Peer| {
            peer.account() != account && peer.holds.contains(piece) && !peer.comes(piece)
        };
        self.peers.iter().any(has)
    }

    /// A peer has one piece less.
    pub(super) fn count_one_less(&mut self, now: Time, key: PeerKey, piece: u32) {
        if let (Some(origin), Some(peer)) = (&mut self.origin, self.peers.get(key))
            && self.forwarding.is_hoped_for(peer.account())
        {
            origin.lose(piece);
        }
        // It had announced what it did not get right, and nobody else has it.
        let Some(account) = self.forwarding.credited(now, piece, key) else {
            return;
        };
        if !self.has_elsewhere(account, piece) {
            self.judge(|forwarding| forwarding.unseen(piece));
        }
    }

    /// A peer of this account took so long to pass on what it got.
    fn learn(&mut self, account: Account, delay: Duration) {
        self.judge(|forwarding| forwarding.learn(account, delay));
    }

    /// What is known of who passes on changes.
    fn judge(&mut self, change: impl FnOnce(&mut Forwarding)) {
        let hoped_for = |peers: &Peers, by: &Forwarding| -> Vec<bool> {
            let all = peers.iter();
            all.map(|peer| by.is_hoped_for(peer.account())).collect()
        };
        let before = hoped_for(&self.peers, &self.forwarding);
        change(&mut self.forwarding);
        let Some(origin) = &mut self.origin else {
            return;
        };
        let after = hoped_for(&self.peers, &self.forwarding);
        for (peer, (before, after)) in self.peers.iter().zip(before.into_iter().zip(after)) {
            match (before, after) {
                (true, false) => count(&peer.holds, |piece| origin.lose(piece)),
                (false, true) => count(&peer.holds, |piece| origin.hold(piece)),
                _ => {}
            }
        }
    }

    /// A peer is gone.
    pub(super) fn uncount(&mut self, peer: &Peer) {
        let Some(origin) = &mut self.origin else {
            return;
        };
        if self.forwarding.is_hoped_for(peer.account()) {
            count(&peer.holds, |piece| origin.lose(piece));
        }
        if let Some(shown) = &peer.shown {
            let promised = shown.promised().iter();
            promised.for_each(|promise| origin.give_up(promise));
        }
        if self.peers.is_empty() {
            self.origin = None;
        }
    }

    /// It turns out that a peer is elsewhere: what it was shown it is to fetch for its site.
    pub(super) fn entrust(&mut self, now: Time, key: PeerKey) {
        let Some(peer) = self.peers.get_mut(key).filter(|peer| peer.info.fast) else {
            return;
        };
        let shown = peer
            .shown
            .as_ref()
            .filter(|shown| shown.everything.is_none());
        let promised = shown.map_or(&[][..], Shown::promised);
        let pieces: Vec<u32> = promised.iter().map(|promise| promise.piece).collect();
        for piece in pieces {
            self.out.send(now, peer, Message::Suggest(piece));
        }
    }

    /// Now and then: promises that came to nothing are open to others; once the swarm can do without us, all is shown.
    pub(super) fn look_after_promises(&mut self, now: Time) {
        while let Some((by, delay)) = self.forwarding.next_late(now) {
            self.learn(by, delay);
        }
        let near = self.site_spreads();
        let Some(origin) = &mut self.origin else {
            return;
        };
        let spread = origin.is_spread();
        let patience = origin.patience(self.layout.piece_length());
        let stale = STALE.max(2 * patience);
        for peer in self.peers.iter_mut() {
            let place = peer.place;
            let Some(shown) = &mut peer.shown else {
                continue;
            };
            let over = |limit| move |at| now.since(at) >= limit;
            // Of a peer that took something before we know that it will.
            let (slow, ignored) = if shown.is_tried {
                (stale, stale)
            } else {
                (SLOW, IGNORED)
            };
            origin.make_room(&shown.overtake(over(slow), over(patience)));
            let gone = shown.expire(over(stale), over(ignored));
            gone.iter().for_each(|promise| origin.give_up(promise));
            // It wants others than we show.
            let unwanted = peer.map_said && !peer.wants && shown.waits(over(SLOW));
            let ignored = unwanted || shown.is_ignored();
            // For its site others may have to fetch it, from others at ours.
            if spread || ignored && !(near && place == Place::Outside) {
                shown.everything.get_or_insert(0);
                self.todo.slots = true;
            }
        }
        for at in 0..self.peers.len() {
            if let Some(key) = self.peers.key_at(at) {
                self.show_everything(now, key);
            }
        }
        self.show_more(now);
        let waits = |peer: &Peer| peer.shown.as_ref().is_some_and(Shown::is_waiting);
        if self.peers.iter().any(waits) {
            self.timers.hurry(now);
        }
        let hidden = |peer: &Peer| {
            let shown = peer.shown.as_ref();
            shown.is_some_and(|shown| shown.everything != Some(self.layout.piece_count()))
        };
        if spread && !self.peers.iter().any(hidden) {
            self.origin = None;
            self.peers.iter_mut().for_each(|peer| peer.shown = None);
        }
    }

    /// Goes on showing everything to a peer that is to see it.
    fn show_everything(&mut self, now: Time, key: PeerKey) {
        let Some(peer) = self.peers.get_mut(key) else {
            return;
        };
        let Some(mut shown) = peer.shown.take() else {
            return;
        };
        if let Some(from) = shown.everything {
            let end = self.layout.piece_count().min(from + SHOWN_AT_ONCE);
            for piece in from..end {
                if !peer.holds.contains(piece) && !shown.is_promised(piece) {
                    self.out.send(now, peer, Message::Have(piece));
                }
            }
            shown.everything = Some(end);
        }
        peer.shown = Some(shown);
    }
}

fn count(holds: &Holdings, of: impl FnMut(u32)) {
    // A peer that has everything is no concern of an origin: it is let go.
    if let Some(bits) = holds.bits() {
        bits.iter().for_each(of);
    }
}
