//! What peers ask of us, and whom we serve.

use p2pcore_protocol::message::{Message, Request};

use super::Swarm;
use super::blocks::request_of;
use crate::choker::{self, Candidate, Choice, Terms};
use crate::input::PeerKey;
use crate::output::{CloseReason, Output};
use crate::peers::Peer;
use crate::time::Time;

impl Swarm {
    pub(super) fn on_request(&mut self, now: Time, key: PeerKey, request: Request) {
        let Some(peer) = self.peers.get_mut(key) else {
            return;
        };
        let span = self
            .layout
            .check_span(request.piece, request.begin, request.length);
        // Out of range, or longer than anyone asks for (128 KiB): BEP 3 says to close.
        let Some(span) = span else {
            self.close(now, key, CloseReason::ProtocolError);
            return;
        };
        let served = !peer.choking && self.picker.have().contains(request.piece);
        if served && peer.uploads.push(span, self.config.upload_queue) {
            self.count_request(now, key, request.piece);
            self.serve(now, key);
            return;
        }
        self.counters.requests_refused += 1;
        if peer.info.fast {
            self.out.send(now, peer, Message::Reject(request));
        }
        self.nonsense(now, key);
    }

    pub(super) fn on_cancel(&mut self, now: Time, key: PeerKey, request: Request) {
        let Some(peer) = self.peers.get_mut(key) else {
            return;
        };
        let span = self
            .layout
            .check_span(request.piece, request.begin, request.length);
        match span {
            None => self.close(now, key, CloseReason::ProtocolError),
            Some(span) if peer.uploads.cancel(span) => {
                if peer.info.fast {
                    self.out.send(now, peer, Message::Reject(request));
                }
            }
            // It crossed the block.
            Some(_) => self.nonsense(now, key),
        }
    }

    pub(super) fn on_writable(&mut self, now: Time, key: PeerKey, room: u32) {
        if let Some(peer) = self.peers.get_mut(key) {
            peer.uploads.set_room(room);
            self.serve(now, key);
        }
    }

    fn serve(&mut self, now: Time, key: PeerKey) {
        let Some(peer) = self.peers.get_mut(key) else {
            return;
        };
        let mut ended = false;
        while let Some(span) = peer.uploads.serve_next() {
            if let (Some(origin), Some(shown)) = (&mut self.origin, &mut peer.shown) {
                origin.on_sent(now, span.length);
                if let Some((kind, delay)) = shown.on_sent(span.piece.get(), span.length, now) {
                    origin.end(kind, delay);
                    ended = true;
                }
            }
            let bytes = u64::from(span.length);
            peer.uploaded += bytes;
            peer.up.add(now, bytes);
            peer.spoken = now;
            self.counters.uploaded += bytes;
            self.out.push(Output::Serve { peer: key, span });
        }
        if ended {
            self.show_more(now);
        }
    }

    /// Chooses anew whom to serve; `turn`: the optimistic slot goes to another.
    pub(super) fn rechoke(&mut self, now: Time, turn: bool) {
        let candidates: Vec<Candidate> = self
            .peers
            .iter()
            .filter(|peer| peer.is_candidate())
            .map(|peer| candidate(peer, now))
            .collect();
        let terms = Terms {
            slots: self.config.unchoke_slots,
            seeding: self.is_complete(),
            optimistic: self.optimistic.filter(|_| !turn),
        };
        let Choice {
            unchoked,
            optimistic,
        } = choker::choke(&candidates, terms, now);
        self.optimistic = optimistic;
        for at in 0..self.peers.len() {
            let Some(key) = self.peers.key_at(at) else {
                break;
            };
            let hidden = self.peers.get(key).is_some_and(Peer::is_hidden_from);
            self.set_choking(now, key, !hidden && unchoked.binary_search(&key).is_err());
        }
    }

    /// Gives slots that nobody uses to those who wait, at once: the longest wait goes first.
    pub(super) fn give_free_slots(&mut self, now: Time) {
        let waits = |peer: &&Peer| peer.choking && peer.is_candidate();
        let used = self
            .peers
            .iter()
            .filter(|peer| !peer.choking && peer.is_candidate())
            .count();
        let free = (self.config.unchoke_slots + 1).saturating_sub(used);
        if free == 0 || !self.peers.iter().any(|peer| waits(&peer)) {
            return;
        }
        let mut waiting: Vec<_> = self
            .peers
            .iter()
            .filter(waits)
            .map(|peer| (peer.unchoked_at, peer.key))
            .collect();
        waiting.sort_unstable();
        for (_, key) in waiting.into_iter().take(free) {
            self.set_choking(now, key, false);
        }
    }

    pub(super) fn set_choking(&mut self, now: Time, key: PeerKey, choking: bool) {
        let Some(peer) = self.peers.get_mut(key) else {
            return;
        };
        if peer.choking == choking {
            return;
        }
        peer.choking = choking;
        if !choking {
            peer.unchoked_at = Some(now);
            self.out.send(now, peer, Message::Unchoke);
            self.show_more(now);
            return;
        }
        self.out.send(now, peer, Message::Choke);
        while let Some(span) = peer.uploads.drop_next() {
            self.counters.requests_refused += 1;
            if peer.info.fast {
                self.out.send(now, peer, Message::Reject(request_of(span)));
            }
        }
    }
}

fn candidate(peer: &Peer, now: Time) -> Candidate {
    Candidate {
        key: peer.key,
        gives: peer.down.rate(now),
        takes: peer.up.rate(now),
        unchoked: !peer.choking,
        unchoked_at: peer.unchoked_at,
        snubs: peer.stall.is_stalled(),
    }
}
