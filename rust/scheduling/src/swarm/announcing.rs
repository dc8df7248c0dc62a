//! A piece is announced shortly before it is there, so that requests for it arrive as it does ("predictive piece
//! announce" of libtorrent): a swarm's pieces go on from peer to peer a round trip sooner each time.
//!
//! Only to peers that can be told otherwise (BEP 54), not to those that only take, and never the last piece: who seems
//! to have everything is left by its seeds. What is asked for waits until the piece is verified; nothing else is ever
//! sent.

use std::time::Duration;

use p2pcore_protocol::BLOCK;
use p2pcore_protocol::message::Message;

use super::Swarm;
use super::blocks::request_of;
use crate::input::PeerKey;
use crate::peers::Peer;
use crate::time::Time;

/// A longer round trip was measured in a queue: whoever asks us waits for no such time.
const LONGEST_LEAD: Duration = Duration::from_millis(250);

impl Swarm {
    /// A block of a piece came from a peer. Where it alone owes the rest, and that takes no longer than a round trip at
    /// its rate, the piece counts as coming.
    pub(super) fn announce_coming(&mut self, now: Time, from: PeerKey, piece: u32) {
        let (Some(peer), Some(partial)) = (self.peers.get(from), self.picker.partials().get(piece))
        else {
            return;
        };
        let known = self.have().count() + self.coming.len() as u32;
        let last = known + 1 >= self.layout.piece_count();
        if partial.free() > 0 || last || self.picker.is_guarded(piece) {
            return;
        }
        let left = partial.asked() as usize;
        if !is_near(peer, left) || self.coming.contains(&piece) {
            return;
        }
        let owed = peer.requests.iter().zip(1..);
        let owed = owed.filter(|((of, _), _)| *of == piece);
        let (count, until) = owed.fold((0, 0), |(count, _), (_, until)| (count + 1, until));
        if count < left || !is_near(peer, until) {
            return;
        }
        self.coming.push(piece);
        for peer in self.peers.iter_mut().filter(|peer| peer.key != from) {
            let corrigible = peer.info.fast && peer.dont_have.is_some();
            let only_takes = peer.downloaded == 0 && peer.uploaded > 0;
            if corrigible && !only_takes && !peer.holds.is_all() {
                peer.awaits.push(piece);
                self.out.send(now, peer, Message::Have(piece));
            }
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
    let bytes = blocks as u128 * u128::from(BLOCK);
    let lead = peer.window.round_trip().unwrap_or_default();
    let lead = lead.min(LONGEST_LEAD);
    bytes * 1_000_000 <= u128::from(peer.window.rate()) * lead.as_micros()
}
