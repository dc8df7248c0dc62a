//! What one of the first at a site gets it offers to one peer elsewhere, which fetches it for the site there.
//!
//! Whose turn that is would take the site a second to find out: hardly anybody there sees the first one that has a
//! piece. And a slot there would have to be waited for. So the piece is "allowed fast" (BEP 6): it is served without one.

use std::cmp::Reverse;

use p2pcore_protocol::message::Message;
use p2pcore_protocol::{Member, PieceIndex};

use super::Swarm;
use crate::draw::lot;
use crate::input::PeerKey;
use crate::locality::Locality;
use crate::peers::Peer;
use crate::time::Time;

/// So many others at our site may have the piece: one of them may be the origin, and another one had it before us.
const FIRST: usize = 2;

impl Swarm {
    /// We have one more piece.
    pub(super) fn offer(&mut self, now: Time, gained: PieceIndex) {
        let piece = gained.get();
        if !self.locality.as_ref().is_some_and(Locality::is_active) {
            return;
        }
        let holders = self.peers.iter().filter(|peer| peer.holds.contains(piece));
        let (inside, elsewhere): (Vec<&Peer>, Vec<&Peer>) =
            holders.partition(|peer| peer.is_local());
        if inside.len() > FIRST || !elsewhere.is_empty() {
            return;
        }
        // Another that offers the piece mostly takes the same one, if it knows it, too.
        let first = self
            .peers
            .iter()
            .filter(|peer| peer.is_outside() && peer.info.fast && !peer.wants_nothing())
            .filter(|peer| !peer.offers.is_full())
            .min_by_key(|peer| {
                let lot = lot(Member::of(&peer.info.peer_id), piece);
                (peer.offers.len(), Reverse(lot))
            })
            .map(|peer| peer.key);
        if let Some(peer) = first.and_then(|key| self.peers.get_mut(key)) {
            peer.offers.add(piece, self.layout.piece_size(gained));
            self.out.send(now, peer, Message::AllowedFast(piece));
        }
    }

    /// We need not be unchoked for a piece: whether we are to fetch it. From outside we fetch it for our site, unless
    /// somebody there does or has it.
    pub(super) fn takes_offer(&mut self, now: Time, key: PeerKey, piece: u32) -> bool {
        let Some(locality) = self.locality.as_ref().filter(|site| site.is_active()) else {
            return true;
        };
        let Some(peer) = self.peers.get(key).filter(|peer| peer.is_outside()) else {
            return true;
        };
        let has = |peer: &Peer| peer.is_local() && peer.holds.contains(piece);
        let wanted = peer.holds.contains(piece) && self.picker.need().contains(piece);
        if !wanted || locality.is_claimed(now, piece) || self.peers.iter().any(has) {
            return false;
        }
        self.claim(now, &[piece]);
        self.let_in(piece);
        true
    }
}
