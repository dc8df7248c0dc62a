//! What peers ask of us, and whom we serve.

use std::collections::BTreeMap;
use std::time::Duration;

use p2pcore_protocol::message::{Message, Request};
use p2pcore_protocol::{BlockSpan, Layout};

use super::Swarm;
use super::blocks::request_of;
use crate::identity::Account;
use crate::input::PeerKey;
use crate::need;
use crate::output::{CloseReason, Output};
use crate::peers::Peer;
use crate::time::Time;
use crate::uploader::{Candidate, Served, Terms};

/// A turn is worth at least this, so that small pieces do not make peers take turns all the time.
const LEAST_TURN: u64 = 256 * 1024;
/// Who lacks more than so many of our pieces soon has nothing to give that anybody lacks.
const FAR_BEHIND: u32 = 4;
/// Without BEP 6 a choke throws away what was asked for: such peers keep a slot for so long.
const DWELL: Duration = Duration::from_secs(10);

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
        peer.yields = false;
        let open = peer.may_fetch(request.piece);
        let there = self.picker.have().contains(request.piece);
        let served = open && (there || peer.awaits.contains(&request.piece));
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

    pub(super) fn serve(&mut self, now: Time, key: PeerKey) {
        let Some(peer) = self.peers.get_mut(key) else {
            return;
        };
        let account = peer.account();
        let (partials, awaits) = (self.picker.partials(), &peer.awaits);
        let is_there = |span: &BlockSpan| {
            let piece = span.piece.get();
            let partial = partials.get(piece);
            !awaits.contains(&piece) || partial.is_some_and(|partial| partial.is_proven(*span))
        };
        while let Some(span) = peer.uploads.serve_next(is_there) {
            if let (Some(origin), Some(shown)) = (&mut self.origin, &mut peer.shown) {
                let first = !shown.is_tried;
                shown.on_sent(span.piece.get(), span.length, now);
                if first && shown.is_tried {
                    origin.count_taken(account);
                }
            }
            let bytes = u64::from(span.length);
            peer.offers.on_sent(span.piece.get(), span.length);
            peer.uploaded += bytes;
            let is_gift = |served: Served| served.is_gift(peer.downloaded);
            peer.gifts += if peer.served.is_some_and(is_gift) {
                bytes
            } else {
                0
            };
            peer.up.add(now, bytes);
            peer.spoken = now;
            self.counters.uploaded += bytes;
            self.out.push(Output::Serve { peer: key, span });
        }
    }

    /// Chooses anew whom to serve.
    pub(super) fn rechoke(&mut self, now: Time) {
        self.sated = self.had_all_they_need(now);
        let taken = if self.is_complete() {
            self.taken.sums(now, self.had())
        } else {
            BTreeMap::new() // nobody asks then
        };
        let candidate = |peer: &Peer| Candidate {
            account_taken: taken.get(&peer.account()).copied().unwrap_or(0),
            ..peer.candidate(now, &self.layout, &self.forwarding)
        };
        let (last, candidates): (Vec<Candidate>, Vec<Candidate>) = self
            .peers
            .iter()
            .filter(|peer| peer.is_candidate())
            .map(candidate)
            .partition(|peer| self.sated.binary_search(&peer.account).is_ok());
        // Of an origin, those wait that it could show something.
        let hidden = self.peers.iter().filter(|peer| peer.is_hidden_from());
        let demand = candidates.len() + last.len() + hidden.count();
        match self.origin.as_ref().filter(|origin| !origin.is_spread()) {
            Some(origin) => self.slots.follow(origin.window(self.layout.piece_length())),
            None => self.slots.observe(now, demand, self.counters.uploaded),
        }
        let terms = Terms {
            slots: self.slots(),
            seeding: self.is_complete(),
            quantum: Self::quantum(&self.layout),
        };
        let mut choice = self.policy.choose(now, &candidates, terms);
        choice.extend(need::leftovers(now, last, terms, choice.len()));
        choice.sort_unstable_by_key(|(key, _)| *key);
        for at in 0..self.peers.len() {
            let Some(key) = self.peers.key_at(at) else {
                break;
            };
            let chosen = choice.binary_search_by_key(&key, |(key, _)| *key);
            let served = chosen.ok().map(|at| choice[at].1);
            let Some(peer) = self.peers.get(key) else {
                continue;
            };
            let early = !peer.info.fast && now.since(peer.turned) < DWELL;
            let keeps = peer.is_hidden_from() || early && peer.served.is_some();
            if !keeps || served.is_some() {
                self.set_served(now, key, served);
            }
        }
    }

    /// Whoever had more of us than it can need, sorted.
    fn had_all_they_need(&self, now: Time) -> Vec<Account> {
        let cap = need::cap(self.layout.total(), self.layout.piece_length());
        if self.counters.uploaded <= cap {
            return Vec::new();
        }
        self.taken.over(now, cap, self.had())
    }

    /// What each connected peer had of us, with its account.
    fn had(&self) -> impl Iterator<Item = (Account, u64)> + '_ {
        let here = self.peers.iter();
        here.map(|peer| (peer.account(), peer.uploaded))
    }

    /// What a turn is good for.
    pub(super) fn quantum(layout: &Layout) -> u64 {
        u64::from(layout.piece_length()).max(LEAST_TURN)
    }

    /// Peers served at once.
    pub(super) fn slots(&self) -> usize {
        let slots = self.policy.slots().unwrap_or(self.slots.count());
        slots.min(self.config.unchoke_slots)
    }

    /// Gives slots that nobody uses to those who wait, at once: first to those that gave us something, of these first to
    /// those that fell behind, then by how long they wait; of the others first to those that came alone. Those that gave do
    /// not wait for whoever was only let in because there was room, and nobody waits for who has no use for its slot now.
    pub(super) fn give_free_slots(&mut self, now: Time) {
        let (mut used, mut guests, mut idle) = (0, Vec::new(), Vec::new());
        for peer in self.peers.unchoked().filter(|peer| peer.is_candidate()) {
            used += 1;
            if peer.yields {
                idle.push(peer.key);
            } else if peer.downloaded == 0 && peer.served == Some(Served::Room) {
                guests.push(peer.key);
            }
        }
        let mut free = self.slots().saturating_sub(used);
        if free == 0 && idle.is_empty() && guests.is_empty() {
            return;
        }
        let waits = |peer: &&Peer| peer.choking() && peer.is_candidate();
        let (pieces, have) = (self.layout.piece_count(), self.have().count());
        let waiting = self.peers.iter().filter(waits).map(|peer| {
            let last = self.sated.binary_search(&peer.account()).is_ok();
            let since = (peer.account_turned, peer.turned);
            let keeps_up = peer.holds.count(pieces) + FAR_BEHIND >= have;
            let gave_nothing = peer.downloaded == 0;
            (
                last,
                gave_nothing,
                peer.company(now),
                keeps_up,
                since,
                peer.key,
            )
        });
        let mut waiting: Vec<_> = waiting.collect();
        waiting.sort_unstable();
        for (last, gave_nothing, .., key) in waiting {
            if free > 0 {
                free -= 1;
            } else if let Some(idle) = idle.pop() {
                self.set_served(now, idle, None);
            } else if let Some(guest) = guests.pop().filter(|_| !gave_nothing && !last) {
                self.set_served(now, guest, None);
            } else {
                return;
            }
            self.set_served(now, key, Some(Served::Room));
        }
    }

    /// A peer has no use for its slot now: it goes to whoever waits.
    pub(super) fn take_slot(&mut self, now: Time, key: PeerKey) {
        let waits = |peer: &Peer| peer.is_candidate() && peer.choking();
        let has =
            |peer: &Peer| !peer.choking() && !peer.is_hidden_from() && peer.uploads.len() == 0;
        if self.peers.get(key).is_some_and(has) && self.peers.iter().any(waits) {
            self.set_served(now, key, None);
        }
    }

    /// Gives a peer a slot, or takes it.
    pub(super) fn set_served(&mut self, now: Time, key: PeerKey, served: Option<Served>) {
        if let Some(peer) = self.peers.get_mut(key) {
            peer.served = served;
        }
        self.set_choking(now, key, served.is_none());
    }

    pub(super) fn set_choking(&mut self, now: Time, key: PeerKey, choking: bool) {
        let Some(peer) = self.peers.get_mut(key) else {
            return;
        };
        if peer.choking() == choking {
            return;
        }
        peer.yields = false;
        if choking {
            self.out.send(now, peer, Message::Choke);
            while let Some(span) = peer.uploads.drop_next(&peer.offers) {
                self.counters.requests_refused += 1;
                if peer.info.fast {
                    self.out.send(now, peer, Message::Reject(request_of(span)));
                }
            }
        } else {
            self.out.send(now, peer, Message::Unchoke);
        }
        self.peers.choke(now, key, choking);
        if !choking {
            self.show_more(now);
        }
    }
}
