//! A piece is announced before it is there: shortly before, so that requests for it arrive as it does ("predictive piece
//! announce" of libtorrent), or while it still arrives, where its blocks can go on one by one (see `relaying`). A swarm's
//! pieces go on from peer to peer sooner each time.
//!
//! Whoever is told by `p2_coming` also learns by how many peers the piece passes, and whoever waits for it says one more: so
//! nobody waits for who waits for it. Others are told that it is there.
//!
//! Only to peers that can be told otherwise (BEP 54), not to those that only take, and never the last piece: who seems
//! to have everything is left by its seeds. What is asked for waits until it is verified; nothing else is ever sent.

use std::time::Duration;

use p2pcore_protocol::BLOCK;
use p2pcore_protocol::extension::Coming;
use p2pcore_protocol::message::Message;

use super::Swarm;
use super::blocks::request_of;
use crate::input::PeerKey;
use crate::peers::{COMING_KEPT, Peer};
use crate::time::Time;

/// A longer round trip was measured in a queue: whoever asks us waits for no such time.
const LONGEST_LEAD: Duration = Duration::from_millis(250);

/// What goes on block by block is announced when the rest comes within this time: whoever asks for it waits no longer, and
/// takes nobody for dead.
const SOON: Duration = Duration::from_millis(500);

impl Swarm {
    /// A block of a piece came from a peer. Where it alone owes the rest, and that takes no longer than a round trip at
    /// its rate, the piece counts as coming.
    pub(super) fn announce_coming(&mut self, now: Time, from: PeerKey, piece: u32) {
        let (Some(peer), Some(partial)) = (self.peers.get(from), self.picker.partials().get(piece))
        else {
            return;
        };
        let left = partial.asked() as usize;
        if !is_near(peer, left) || !self.may_announce(piece) {
            return;
        }
        let (count, until) = owed(peer, piece);
        if count == left && is_near(peer, until) {
            self.announce(now, piece, true);
        }
    }

    /// A block of a piece was proven. Where the rest comes soon, by the rates of those who owe it, the piece counts as
    /// coming.
    pub(super) fn announce_proven(&mut self, now: Time, piece: u32) {
        let soon = |peer: &Peer| {
            let (count, until) = owed(peer, piece);
            count == 0 || takes(peer, until) <= SOON
        };
        if self.may_announce(piece) && self.peers.iter().all(soon) {
            self.announce(now, piece, false);
        }
    }

    /// Every block of the piece was asked for, and nobody was told of it yet, nor of more than are believed.
    fn may_announce(&self, piece: u32) -> bool {
        let partial = self.picker.partials().get(piece);
        let is_asked = partial.is_some_and(|partial| partial.free() == 0 && !partial.checking);
        let known = self.have().count() + self.coming.len() as u32;
        let last = known + 1 >= self.layout.piece_count();
        let fits = self.coming.len() < COMING_KEPT && !self.coming.contains(&piece);
        is_asked && !last && fits && !self.picker.is_guarded(piece)
    }

    /// Tells the others of a piece that comes; those that know nothing of such pieces, where it is near.
    fn announce(&mut self, now: Time, piece: u32, near: bool) {
        let owing = self.peers.iter().filter(|peer| owed(peer, piece).0 > 0);
        let hops = owing.map(|peer| peer.hops(piece)).max();
        let Some(hops) = hops.unwrap_or_default().checked_add(1) else {
            return;
        };
        self.coming.push(piece);
        for peer in self.peers.iter_mut() {
            let owes = owed(peer, piece).0 > 0;
            if !peer.hears_ahead() || owes {
                continue;
            }
            let says = match peer.told_coming {
                Some(id) => {
                    let payload = Coming { piece, hops }.encode().to_vec();
                    Message::Extended { id, payload }
                }
                None if near => Message::Have(piece),
                None => continue,
            };
            peer.awaits.push(piece);
            self.out.send(now, peer, says);
        }
    }

    /// Who owed the rest of a piece does not any more: it may be a while.
    pub(super) fn take_late_back(&mut self, now: Time) {
        let partials = self.picker.partials();
        let is_late = |piece: &&u32| {
            partials
                .get(**piece)
                .is_none_or(|partial| partial.free() > 0)
        };
        let late: Vec<u32> = self.coming.iter().filter(is_late).copied().collect();
        for piece in late {
            self.take_back(now, piece);
        }
    }

    /// A piece that was announced does not come after all.
    pub(super) fn take_back(&mut self, now: Time, piece: u32) {
        let Some(at) = self.coming.iter().position(|coming| *coming == piece) else {
            return;
        };
        self.coming.swap_remove(at);
        for peer in self.peers.iter_mut() {
            if !peer.stop_awaiting(piece) {
                continue;
            }
            self.out.send_dont_have(now, peer, piece);
            while let Some(span) = peer.uploads.drop_of(piece) {
                self.counters.requests_refused += 1;
                self.out.send(now, peer, Message::Reject(request_of(span)));
            }
        }
    }
}

/// So many blocks come from a peer within the time by which their piece is announced ahead.
fn is_near(peer: &Peer, blocks: usize) -> bool {
    let lead = peer.window.round_trip().unwrap_or_default();
    takes(peer, blocks) <= lead.min(LONGEST_LEAD)
}

/// Blocks of a piece that a peer owes, and all that it owes until the last of them.
fn owed(peer: &Peer, piece: u32) -> (usize, usize) {
    let owed = peer.requests.iter().zip(1..);
    let owed = owed.filter(|((of, _), _)| *of == piece);
    owed.fold((0, 0), |(count, _), (_, until)| (count + 1, until))
}

/// How long so many blocks take at a peer's rate.
fn takes(peer: &Peer, blocks: usize) -> Duration {
    let micros = blocks as u64 * u64::from(BLOCK) * 1_000_000;
    let takes = micros.checked_div(peer.window.rate());
    takes.map_or(Duration::MAX, Duration::from_micros)
}
