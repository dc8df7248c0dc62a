//! Asking peers for blocks: each up to its window, and in the endgame again for what somebody slow was asked.

use std::time::Duration;

use p2pcore_protocol::PieceIndex;
use p2pcore_protocol::message::Message;

use super::Swarm;
use super::blocks::request_of;
use crate::endgame;
use crate::input::PeerKey;
use crate::output::Output;
use crate::peers::{Peer, Peers};
use crate::picker::{PickEnd, Picked, Wish};
use crate::time::Time;

/// A slot that comes back before anything changed is kept for so long.
const PASS_AGAIN: Duration = Duration::from_millis(50);
/// Whoever takes the slot that we pass on has said so after a round trip, and what waits before it on the link.
const PASS_MARGIN: Duration = Duration::from_millis(50);
const UNKNOWN_TRIP: Duration = Duration::from_millis(100);
const LONGEST_TRIP: Duration = Duration::from_millis(500);
/// Windows below this are filled whenever there is room; larger ones in strides of a quarter, which saves wake-ups.
const STRIDES_FROM: u32 = 16;

impl Swarm {
    /// Looks at every peer that may be asked.
    pub(super) fn fill_all(&mut self, now: Time) {
        for at in 0.. {
            let Some(key) = self.peers.open_at(at) else {
                break;
            };
            self.fill(now, key);
        }
    }

    /// Asks one peer for as much as its window has room for.
    pub(super) fn fill(&mut self, now: Time, key: PeerKey) {
        let generation = self.picker.generation();
        let Some(peer) = self.peers.get(key) else {
            return;
        };
        let room = room_for(peer, now);
        if room == 0 || peer.useful == 0 {
            return;
        }
        if peer.dry != generation {
            self.pick_for(now, key, room);
        } else if self.picker.all_asked() {
            self.duplicate_for(now, key);
        }
        self.pass_on(now, key);
    }

    fn pick_for(&mut self, now: Time, key: PeerKey, room: u32) {
        // Whoever waits for us is not to be asked for it.
        self.take_late_back(now);
        let avoid = self.pieces_to_avoid(key);
        let limited = self.limited(now, key);
        let Some(peer) = self.peers.get_mut(key) else {
            return;
        };
        let need = self.picker.need();
        let only = peer.announced.filter(|&piece| {
            peer.useful == 1 && need.contains(piece) && peer.holds.contains(piece)
        });
        let wish = Wish {
            peer: key,
            holds: limited.as_ref().unwrap_or(&peer.holds),
            only,
            current: peer.current,
            alone: peer.parole.is_on(),
            avoid: &avoid,
            room,
        };
        let (mut picked, mut whole) = (
            std::mem::take(&mut self.picked),
            std::mem::take(&mut self.whole),
        );
        let end = if peer.choked() {
            self.picker
                .pick_among(&peer.allowed_fast, &wish, &mut picked);
            PickEnd::Filled
        } else {
            self.picker.pick(now, &wish, &mut picked, &mut whole)
        };
        if end != PickEnd::Filled {
            peer.dry = self.picker.generation();
        }
        let firsts = picked.iter().filter(|pick| pick.block == 0);
        let begun: Vec<u32> = firsts.map(|pick| pick.span.piece.get()).collect();
        for pick in picked.drain(..) {
            ask(&mut self.out, now, peer, pick);
        }
        for piece in whole.drain(..) {
            self.out.push(Output::Check {
                piece: PieceIndex::new(piece),
                prints: false, // it has no block
            });
        }
        let probe = peer.stall.is_stalled();
        self.picked = picked;
        self.whole = whole;
        self.ask_for_leaves(key, &begun);
        self.claim(now, &begun);
        if end == PickEnd::Dry && limited.is_some() {
            self.reserve(now, key);
        }
        self.timers.hurry(now);
        if probe {
            self.let_probe_go(now, key);
        }
        if end == PickEnd::Dry && self.picker.all_asked() {
            self.duplicate_for(now, key);
        }
    }

    /// Where a peer unchokes us and has nothing that others were not asked for, its slot is of more use to somebody else.
    fn pass_on(&mut self, now: Time, key: PeerKey) {
        let generation = self.picker.generation();
        let Some(peer) = self.peers.get_mut(key) else {
            return;
        };
        let idle = peer.dry == generation && peer.requests.len() == 0;
        let (before, at) = peer.passed;
        // It was passed on and is still ours: nobody wants it.
        let kept = peer.passing > Time::ZERO;
        let again = before == generation && (kept || now.since(at) < PASS_AGAIN);
        if idle && peer.interested && !peer.choked() && peer.passes && !again {
            peer.passed = (generation, now);
            let trip = peer.window.round_trip().unwrap_or(UNKNOWN_TRIP);
            peer.passing = now + trip.min(LONGEST_TRIP) + PASS_MARGIN;
            self.out.send(now, peer, Message::NotInterested);
            self.out.send(now, peer, Message::Interested);
        }
    }

    /// Nobody counts on a probe: its block stays open to others, and is welcome if it comes all the same.
    fn let_probe_go(&mut self, now: Time, key: PeerKey) {
        let Some(peer) = self.peers.get_mut(key) else {
            return;
        };
        while let Some((piece, block)) = peer.requests.withdraw_next() {
            self.picker.release(piece, block);
            self.todo.fill_all = true;
        }
        self.free_held(now, key);
    }

    /// The endgame: everything was asked of somebody, so the latest blocks of the slowest peers are asked for again.
    fn duplicate_for(&mut self, now: Time, key: PeerKey) {
        let Some(peer) = self.peers.get(key) else {
            return;
        };
        let room = room_for(peer, now);
        if peer.choked() || peer.stall.is_stalled() || room == 0 {
            return;
        }
        let bound = endgame::bound(self.layout.total());
        let left = bound.saturating_sub(self.counters.duplicates);
        let count = u64::from(room).min(left) as usize;
        let limited = self.limited(now, key);
        let holds = limited.as_ref().unwrap_or(&peer.holds);
        let doubles = endgame::choose(now, (peer, holds), &self.peers, &self.picker, count);
        let Some(peer) = self.peers.get_mut(key) else {
            return;
        };
        for pick in doubles {
            self.counters.duplicates += 1;
            self.picker.ask_again(pick.span.piece.get(), pick.block);
            ask(&mut self.out, now, peer, pick);
        }
    }

    /// Failed pieces in which this peer had a part, where somebody without a part could send them.
    fn pieces_to_avoid(&self, key: PeerKey) -> Vec<u32> {
        if self.blame.is_quiet() {
            return Vec::new();
        }
        self.blame
            .cases_against(key)
            .filter(|(piece, suspects)| others_could(&self.peers, *piece, suspects))
            .map(|(piece, _)| piece)
            .collect()
    }
}

/// Blocks that a peer may be asked for now.
fn room_for(peer: &Peer, now: Time) -> u32 {
    let outstanding = peer.requests.len() as u32;
    if !peer.may_be_asked() || peer.patience.is_resting(now) {
        return 0;
    }
    if peer.is_passing(now) {
        // The choke is probably on its way and would refuse it all, while somebody who unchokes us meanwhile goes without.
        return 0;
    }
    if peer.stall.is_stalled() {
        return u32::from(outstanding == 0 && peer.stall.may_probe(now));
    }
    let window = peer.window.blocks();
    if window >= STRIDES_FROM && outstanding > window - window / 4 {
        return 0;
    }
    window.saturating_sub(outstanding)
}

fn others_could(peers: &Peers, piece: u32, suspects: &[PeerKey]) -> bool {
    peers.iter().any(|peer| {
        !peer.choked()
            && !peer.stall.is_stalled()
            && peer.belief.is_firm()
            && peer.holds.contains(piece)
            && suspects.binary_search(&peer.key).is_err()
    })
}

/// Sends a request.
pub(super) fn ask(out: &mut super::Outbox, now: Time, peer: &mut Peer, pick: Picked) {
    let outstanding = peer.requests.len();
    peer.window.on_request(now, outstanding);
    peer.stall.on_request(now, outstanding);
    peer.requests.push((pick.span.piece.get(), pick.block), now);
    peer.current = Some(pick.span.piece.get());
    out.send(now, peer, Message::Request(request_of(pick.span)));
}
