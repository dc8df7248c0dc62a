//! A piece goes on to others while it still arrives: block by block, each proven by the leaves of its piece (BEP 52).
//!
//! The leaves are asked of whoever a piece is begun with, where the piece takes a while at that peer's rate, and somebody may
//! be told of it. The driver keeps them, compares what comes, and says which blocks are proven.

use p2pcore_protocol::{BLOCK, PieceIndex};

use super::Swarm;
use crate::input::PeerKey;
use crate::output::Output;
use crate::peers::Peer;
use crate::time::Time;

/// Waiting for a piece that comes sooner costs less than its leaves.
const WORTH_MILLIS: u64 = 50;
/// A peer that refuses so often without giving any is not asked any more: not all clients have leaves.
const MOST_REFUSALS: u8 = 8;

impl Swarm {
    /// Whether the peer may fetch a piece of us now, whole or as far as it is proven: then it may have its leaves, too.
    pub fn serves(&self, peer: PeerKey, piece: PieceIndex) -> bool {
        let piece = piece.get();
        let there = self.picker.have().contains(piece);
        self.peers
            .get(peer)
            .is_some_and(|peer| peer.may_fetch(piece) && (there || peer.awaits.contains(&piece)))
    }

    /// Bytes that a peer got of us.
    pub fn uploaded_to(&self, peer: PeerKey) -> u64 {
        self.peers.get(peer).map_or(0, |peer| peer.uploaded)
    }

    /// The stored blocks of a piece that is not whole.
    pub fn stored(&self, piece: PieceIndex) -> Vec<u32> {
        let partial = self.picker.partials().get(piece.get());
        let partial = partial.filter(|partial| !partial.checking);
        partial.map_or(Vec::new(), |partial| {
            partial.stored_by().map(|(block, _)| block).collect()
        })
    }

    /// Asks the peer for the leaves of pieces that were begun with it, where they are worth it: the piece failed before, or it
    /// takes a while and somebody may want it meanwhile.
    pub(super) fn ask_for_leaves(&mut self, key: PeerKey, begun: &[u32]) {
        let Some(peer) = self.peers.get(key) else {
            return;
        };
        if !peer.info.v2 || peer.leaves_refused >= MOST_REFUSALS {
            return;
        }
        let at_once = peer.window.rate().saturating_mul(WORTH_MILLIS) / 1_000;
        for piece in begun.iter().map(|piece| PieceIndex::new(*piece)) {
            let size = self.layout.data_size(piece);
            let useful = || {
                let heard = self.peers.iter().any(Peer::hears_ahead);
                u64::from(size) > at_once && heard || self.picker.is_guarded(piece.get())
            };
            if size > BLOCK && useful() {
                self.out.push(Output::AskLeaves { peer: key, piece });
            }
        }
    }

    pub(super) fn on_leaves_refused(&mut self, key: PeerKey) {
        if let Some(peer) = self.peers.get_mut(key).filter(|peer| !peer.choked()) {
            peer.leaves_refused = peer.leaves_refused.saturating_add(1);
        }
    }

    pub(super) fn on_leaves(&mut self, now: Time, key: PeerKey, piece: PieceIndex, proven: &[u32]) {
        if let Some(peer) = self.peers.get_mut(key) {
            peer.leaves_refused = 0;
        }
        if !proven.is_empty() {
            self.on_proven(now, piece, proven);
        }
    }

    /// Stored blocks are what they should be.
    pub(super) fn on_proven(&mut self, now: Time, piece: PieceIndex, blocks: &[u32]) {
        let piece = piece.get();
        for block in blocks {
            self.picker.prove(piece, *block);
        }
        self.announce_proven(now, piece);
        if !self.coming.contains(&piece) {
            return;
        }
        let waits = |peer: &Peer| peer.uploads.len() > 0 && peer.awaits.contains(&piece);
        for key in self.keys_of(waits) {
            self.serve(now, key);
        }
    }
}
