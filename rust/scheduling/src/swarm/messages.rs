//! What peers say, other than payload. Every index is checked here before anything else sees it.

use p2pcore_protocol::extension::Coming;
use p2pcore_protocol::message::Message;

use super::Swarm;
use crate::bitfield::Bitfield;
use crate::holdings::Holdings;
use crate::input::{Extensions, PeerKey};
use crate::output::CloseReason;
use crate::peers::{ALLOWED_FAST_KEPT, COMING_KEPT, Peer};
use crate::time::Time;

impl Swarm {
    pub(super) fn on_message(&mut self, now: Time, key: PeerKey, message: Message) {
        let Some(peer) = self.peers.get_mut(key) else {
            return;
        };
        peer.heard = now;
        let needs_fast = matches!(
            message,
            Message::Suggest(_)
                | Message::HaveAll
                | Message::HaveNone
                | Message::Reject(_)
                | Message::AllowedFast(_)
        );
        if needs_fast && !peer.info.fast {
            self.close(now, key, CloseReason::ProtocolError);
            return;
        }
        match message {
            // The engine has taken what it asked for.
            Message::KeepAlive
            | Message::Unknown(_)
            | Message::Port(_)
            | Message::Extended { .. }
            | Message::Hashes { .. }
            | Message::HashReject(_) => self.nonsense(now, key),
            Message::Choke => self.on_choke(now, key),
            Message::Unchoke => self.on_unchoke(now, key),
            Message::Interested => self.on_interested(now, key, true),
            Message::NotInterested => self.on_interested(now, key, false),
            Message::Have(piece) => self.on_have(now, key, piece),
            Message::Bitfield(bytes) => {
                match Bitfield::from_wire(&bytes, self.layout.piece_count()) {
                    Some(bits) => {
                        let holds = self.keep(now, key, bits);
                        self.on_map(now, key, holds);
                    }
                    None => self.close(now, key, CloseReason::ProtocolError),
                }
            }
            Message::HaveAll => self.on_map(now, key, Holdings::All),
            Message::HaveNone => self.on_map(now, key, Holdings::Nothing),
            Message::Request(request) => self.on_request(now, key, request),
            Message::Cancel(request) => self.on_cancel(now, key, request),
            Message::Reject(request) => self.on_reject(now, key, request),
            Message::Suggest(piece) => {
                if self.layout.piece(piece).is_none() {
                    self.close(now, key, CloseReason::ProtocolError);
                } else {
                    self.on_suggest(now, key, piece);
                }
            }
            Message::AllowedFast(piece) => self.on_allowed_fast(now, key, piece),
            Message::HashRequest(_) => {} // the engine answers it
        }
    }

    pub(super) fn on_request_limit(&mut self, now: Time, key: PeerKey, reqq: u32) {
        if let Some(peer) = self.peers.get_mut(key) {
            peer.window.set_limit(reqq, self.config.max_outstanding);
            self.fill(now, key);
        }
    }

    pub(super) fn on_extensions(&mut self, now: Time, key: PeerKey, said: &Extensions) {
        if let Some(peer) = self.peers.get_mut(key) {
            peer.passes = said.passes;
            peer.dont_have = said.dont_have;
            if peer.awaits.is_empty() {
                peer.told_coming = said.coming; // what it was told of is ended as it was begun
            }
            self.todo.seeds |= peer.seeds.id != said.seeds;
            peer.seeds.id = said.seeds;
            self.hide_again(now);
            self.acquaint(now, key, said);
        }
    }

    pub(super) fn on_upload_only(&mut self, key: PeerKey, upload_only: bool) {
        if let Some(peer) = self.peers.get_mut(key) {
            peer.upload_only = upload_only;
            self.todo.seeds = true;
            self.todo.useless = true;
            self.todo.slots = true;
        }
    }

    /// A message that costs us something and brings nothing: too many are a flood.
    pub(super) fn nonsense(&mut self, now: Time, key: PeerKey) {
        let flooded = self
            .peers
            .get_mut(key)
            .is_some_and(|peer| peer.patience.on_nonsense(now));
        if flooded {
            self.close(now, key, CloseReason::Flooded);
        }
    }

    /// The whole of what a peer has. BEP 3 wants it once and first; aria2 also sends it in place of many HAVEs.
    fn on_map(&mut self, now: Time, key: PeerKey, holds: Holdings) {
        let Some(peer) = self.peers.get_mut(key) else {
            return;
        };
        let again = peer.map_said || peer.holds != Holdings::Nothing;
        peer.map_said = true;
        if peer.belief.is_firm() {
            self.picker.count_holdings(&peer.holds, false);
            self.picker.count_holdings(&holds, true);
        }
        peer.useful = holds.count_common(self.picker.need());
        peer.dry = 0;
        peer.coming.clear();
        if holds.is_all() && !peer.holds.is_all() {
            self.todo.seeds = true;
            self.todo.useless = true;
            self.todo.slots = true;
        }
        let before = std::mem::replace(&mut peer.holds, holds);
        self.recount(&before, key);
        self.show_all_if_counted(key);
        if self.peers.get(key).is_some_and(Peer::is_outside) {
            self.look_after_site(now);
        }
        self.show_interest(now, key);
        self.fill(now, key);
        if again {
            self.nonsense(now, key);
        }
    }

    fn on_have(&mut self, now: Time, key: PeerKey, piece: u32) {
        let Some(peer) = self.peers.get_mut(key) else {
            return;
        };
        if self.layout.piece(piece).is_none() {
            self.close(now, key, CloseReason::ProtocolError);
            return;
        }
        peer.offers.on_have(piece);
        let came = peer.stop_coming(piece);
        match peer.holds {
            Holdings::Counted(count) => self.count_known(now, key, count + 1),
            _ if came => self.count_again(now, key, piece),
            ref holds if holds.contains(piece) => self.nonsense(now, key),
            _ => self.add_piece(now, key, piece),
        }
    }

    /// The peer can be asked for a piece that it did not have before.
    fn add_piece(&mut self, now: Time, key: PeerKey, piece: u32) {
        let nothing = |peer: &Peer| peer.holds == Holdings::Nothing;
        if self.peers.get(key).is_some_and(nothing) {
            let useful = u32::from(self.picker.need().contains(piece));
            if !self.make_room_for_map(now, key, useful) {
                let there = self.peers.get(key).is_some_and(|peer| !peer.comes(piece));
                self.count_known(now, key, there.into());
                return;
            }
        }
        let Some(peer) = self.peers.get_mut(key) else {
            return;
        };
        let mut bits = match std::mem::replace(&mut peer.holds, Holdings::Nothing) {
            Holdings::Some(bits) => bits,
            _ => Bitfield::new(self.layout.piece_count()),
        };
        if bits.count() + 1 == bits.len() {
            // It has everything now: its bitmap goes, and it counts among the seeds.
            if peer.belief.is_firm() {
                let before = Holdings::from_bits(bits);
                self.picker.count_holdings(&before, false);
                self.picker.count_holdings(&Holdings::All, true);
            }
            peer.holds = Holdings::All;
            self.todo.seeds = true;
            self.todo.useless = true;
            self.todo.slots = true;
        } else {
            bits.insert(piece);
            if peer.belief.is_firm() {
                self.picker.count_piece(piece, true);
            }
            peer.holds = Holdings::Some(bits);
        }
        if self.picker.need().contains(piece) {
            peer.useful += 1;
            peer.announced = Some(piece);
            peer.dry = 0;
            peer.passing = Time::ZERO;
            self.see(now, key, piece);
            self.show_interest(now, key);
            self.fill(now, key);
        }
        self.count_one(now, key, piece);
    }

    /// A piece comes to the peer: it can be asked for it as if it had it.
    pub(super) fn on_coming(&mut self, now: Time, key: PeerKey, coming: Coming) {
        let Some(peer) = self.peers.get_mut(key) else {
            return;
        };
        peer.heard = now;
        let piece = coming.piece;
        let is_known = peer.holds.contains(piece) || peer.comes(piece);
        let fits = peer.coming.len() < COMING_KEPT && self.layout.piece(piece).is_some();
        if is_known || !fits {
            return self.nonsense(now, key);
        }
        peer.offers.on_have(piece);
        peer.coming.push(coming);
        if !matches!(peer.holds, Holdings::Counted(_)) {
            self.add_piece(now, key, piece);
        }
    }

    /// The peer gave a piece up (BEP 54).
    pub(super) fn on_lacks(&mut self, now: Time, key: PeerKey, piece: u32) {
        let Some(peer) = self.peers.get_mut(key) else {
            return;
        };
        peer.heard = now;
        if self.layout.piece(piece).is_none() {
            self.close(now, key, CloseReason::ProtocolError);
            return;
        }
        let came = peer.stop_coming(piece);
        if let Holdings::Counted(count) = peer.holds {
            let lost = u32::from(!came);
            self.count_known(now, key, count.saturating_sub(lost));
            return;
        }
        if !peer.holds.contains(piece) {
            self.nonsense(now, key);
            return;
        }
        let firm = peer.belief.is_firm();
        peer.useful -= u32::from(self.picker.need().contains(piece));
        match std::mem::replace(&mut peer.holds, Holdings::Nothing) {
            Holdings::Some(mut bits) => {
                bits.remove(piece);
                peer.holds = Holdings::from_bits(bits);
                if firm {
                    self.picker.count_piece(piece, false);
                }
                self.count_one_less(now, key, piece);
            }
            _ => {
                let mut bits = Bitfield::full(self.layout.piece_count());
                bits.remove(piece);
                let holds = self.keep(now, key, bits);
                if firm {
                    self.picker.count_holdings(&Holdings::All, false);
                    self.picker.count_holdings(&holds, true);
                }
                if let Some(peer) = self.peers.get_mut(key) {
                    peer.useful = holds.count_common(self.picker.need());
                    peer.holds = holds;
                }
                self.recount(&Holdings::All, key);
                self.show_all_if_counted(key);
            }
        }
        self.show_interest(now, key);
        let owes = |peer: &Peer| peer.requests.iter().any(|(of, _)| of == piece);
        if self.peers.get(key).is_some_and(owes) {
            self.nonsense(now, key); // it refuses what it let us ask for
        }
    }

    fn on_allowed_fast(&mut self, now: Time, key: PeerKey, piece: u32) {
        let Some(peer) = self.peers.get_mut(key) else {
            return;
        };
        if self.layout.piece(piece).is_none() {
            self.close(now, key, CloseReason::ProtocolError);
            return;
        }
        let is_new =
            peer.allowed_fast.len() < ALLOWED_FAST_KEPT && !peer.allowed_fast.contains(&piece);
        if !is_new || !self.takes_offer(now, key, piece) {
            return self.nonsense(now, key);
        }
        self.peers.allow_fast(key, piece);
        self.fill(now, key);
    }

    fn on_interested(&mut self, now: Time, key: PeerKey, wants: bool) {
        let Some(peer) = self.peers.get_mut(key) else {
            return;
        };
        if peer.wants == wants {
            self.nonsense(now, key);
            return;
        }
        peer.wants = wants;
        peer.yields |= !wants && !peer.choking();
        self.todo.slots = true;
        if !wants {
            self.take_slot(now, key);
        }
    }

    /// Says whether we want anything of the peer, where that changed.
    pub(super) fn show_interest(&mut self, now: Time, key: PeerKey) {
        let Some(peer) = self.peers.get_mut(key) else {
            return;
        };
        let site = self.locality.as_ref().filter(|_| peer.is_outside());
        let wanted = peer.useful > 0 && site.is_none_or(|site| site.is_of_use(now, &peer.holds));
        if wanted != peer.interested {
            peer.interested = wanted;
            let message = if wanted {
                Message::Interested
            } else {
                Message::NotInterested
            };
            self.out.send(now, peer, message);
        }
    }
}
