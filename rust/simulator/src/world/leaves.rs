//! The leaves of pieces (v2): who fetches a piece asks for them, and knows then which of its blocks are right.

use p2pcore_protocol::PieceIndex;
use p2pcore_protocol::message::{HashRequest, Message};
use p2pcore_scheduling::{CloseReason, Input, PeerKey};

use super::World;
use crate::event::PipeId;
use crate::scenario::Conduct;

impl World {
    pub(super) fn ask_for_leaves(&mut self, node: u32, pipe: PipeId, piece: PieceIndex) {
        let request = HashRequest {
            pieces_root: [0; 32],
            base_layer: 0,
            index: piece.get(),
            length: self.layout.blocks(piece).count() as u32,
            proof_layers: 0,
        };
        self.send(node, pipe, Message::HashRequest(request));
    }

    /// Takes in what is said of leaves, and gives back what is about something else.
    pub(super) fn hear_of_leaves(
        &mut self,
        node: u32,
        peer: PeerKey,
        message: Message,
    ) -> Option<Message> {
        match message {
            Message::HashRequest(request) => {
                let says = match self.has_leaves(node, peer, PieceIndex::new(request.index)) {
                    Some(true) => {
                        let hashes = vec![[0; 32]; request.length as usize];
                        Message::Hashes { request, hashes }
                    }
                    Some(false) => Message::HashReject(request),
                    None => return None,
                };
                self.send(node, peer.0 as PipeId, says);
            }
            Message::Hashes { request, .. } => {
                self.prove(node, peer, PieceIndex::new(request.index));
            }
            Message::HashReject(_) => self.feed(node, Input::LeavesRefused { peer }),
            other => return Some(other),
        }
        None
    }

    /// Whether a node has the leaves that are asked of it; `None` where it says nothing at all.
    fn has_leaves(&self, node: u32, peer: PeerKey, piece: PieceIndex) -> Option<bool> {
        let asked = &self.nodes[node as usize];
        let answers = !matches!(
            asked.what.conduct,
            Conduct::SlowLoris | Conduct::HiddenLoris | Conduct::StallsAfter(_)
        );
        let there = asked.swarm.have().contains(piece.get()) || asked.leaves.contains(&piece.get());
        answers.then(|| there && asked.swarm.serves(peer, piece))
    }

    fn prove(&mut self, node: u32, peer: PeerKey, piece: PieceIndex) {
        let knowing = &mut self.nodes[node as usize];
        if knowing.swarm.have().contains(piece.get()) {
            return;
        }
        knowing.leaves.insert(piece.get());
        let corrupt = knowing.corrupt.get(&piece.get());
        let is_right = |block: &u32| {
            let spans = corrupt.iter().flat_map(|blocks| *blocks);
            let mut begins = spans.map(|(span, _)| span.begin);
            begins.all(|begin| begin / p2pcore_protocol::BLOCK != *block)
        };
        let mut proven = knowing.swarm.stored(piece);
        proven.retain(is_right);
        self.feed(
            node,
            Input::LeavesCame {
                peer,
                piece,
                proven,
            },
        );
    }

    /// A block came that does not have its leaf.
    pub(super) fn find_out(&mut self, node: u32, peer: PeerKey, liar: u32) {
        self.nodes[node as usize].seen.lied_to_by.insert(liar);
        let reason = CloseReason::CorruptData;
        self.feed(node, Input::Misbehaved { peer, reason });
        self.close(peer.0 as PipeId);
        self.carry_out(node);
    }
}
