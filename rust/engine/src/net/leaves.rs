//! The leaves of pieces (v2): those of pieces that are on their way, by which their blocks are proven one by one, and those
//! that other peers ask for.

use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use std::sync::Arc;

use p2pcore_hashing::{Sha256Digest, sha256};
use p2pcore_protocol::message::{HashRequest, Message};
use p2pcore_protocol::{BLOCK, BlockSpan, PieceIndex};
use p2pcore_scheduling::{CloseReason, Input, PeerKey};

use super::peer::Peer;
use super::torrent::{Core, Torrent};
use super::{Net, jobs};
use crate::storage;

/// What one torrent knows of leaves, and is about to know.
#[derive(Debug, Default)]
pub(super) struct Leaves {
    /// Asked of peers and not yet answered.
    asked: Vec<(PeerKey, PieceIndex)>,
    /// Of pieces on their way, and of the latest that were asked of us or came; in this order.
    known: BTreeMap<PieceIndex, Rc<[Sha256Digest]>>,
    order: VecDeque<PieceIndex>,
    count: usize,
    /// What peers asked for, to be read from disk.
    due: Vec<Wanted>,
    /// For whom something is being read, once for each piece.
    reading: Vec<PeerKey>,
}

/// The leaves of a piece, as a peer asked for them.
#[derive(Debug)]
struct Wanted {
    peer: PeerKey,
    request: HashRequest,
    piece: PieceIndex,
}

impl Leaves {
    fn keep(&mut self, piece: PieceIndex, leaves: Vec<Sha256Digest>) {
        if self.known.contains_key(&piece) {
            return;
        }
        self.count += leaves.len();
        self.known.insert(piece, leaves.into());
        self.order.push_back(piece);
        while self.count > MOST_KEPT {
            let oldest = self.order.pop_front();
            let gone = oldest.and_then(|oldest| self.known.remove(&oldest));
            self.count -= gone.map_or(self.count, |leaves| leaves.len());
        }
    }

    /// Whether a block has its leaf; `None` where the leaf is not known.
    fn proves(&self, piece: PieceIndex, block: u32, data: &[u8]) -> Option<bool> {
        let leaves = self.known.get(&piece)?;
        Some(*leaves.get(block as usize)? == sha256(data))
    }

    /// Notes that a peer is asked, unless it was or there is no need.
    fn ask(&mut self, peer: PeerKey, piece: PieceIndex) -> bool {
        let new = !self.known.contains_key(&piece) && !self.asked.contains(&(peer, piece));
        if new {
            self.asked.push((peer, piece));
        }
        new
    }

    /// What was asked of the peer, if it was.
    fn answered(&mut self, peer: PeerKey, pieces: &[PieceIndex]) -> Option<PieceIndex> {
        let is_it = |(of, piece): &(PeerKey, PieceIndex)| *of == peer && pieces.contains(piece);
        let at = self.asked.iter().position(is_it)?;
        Some(self.asked.swap_remove(at).1)
    }

    /// Notes that a piece is to be read for a peer, unless it is too much.
    fn want(&mut self, wanted: Wanted) -> bool {
        let for_peer = self.reading.iter().filter(|peer| **peer == wanted.peer);
        let fits = for_peer.count() < MOST_FOR_ONE && self.reading.len() < MOST_READ;
        if fits {
            self.reading.push(wanted.peer);
            self.due.push(wanted);
        }
        fits
    }
}

impl Core {
    /// Asks a peer for the leaves of a piece, where there are any to ask for.
    pub fn ask_for_leaves(&mut self, peer: PeerKey, piece: PieceIndex) {
        let request = self.trees.leaf_request(piece);
        if let (Some(request), Some(to)) = (request, self.peers.get(&peer))
            && self.leaves.ask(peer, piece)
        {
            to.send(&Message::HashRequest(request));
        }
    }

    /// A peer gave hashes.
    pub fn hashes_came(&mut self, peer: &Peer, request: HashRequest, hashes: Vec<Sha256Digest>) {
        let Some(piece) = self.answered(peer, &request) else {
            return self.is_for_swarm(peer, Message::Hashes { request, hashes });
        };
        let Ok(leaves) = self.trees.verify_leaves(piece, &hashes) else {
            let reason = CloseReason::ProtocolError;
            peer.close(reason);
            let peer = peer.key;
            return self.handle(Input::Misbehaved { peer, reason });
        };
        self.leaves.keep(piece, leaves);
        let data = self.partial.get(&piece).map_or(&[][..], Vec::as_slice);
        let is_proven = |block: &u32| {
            let data = data.get(*block as usize);
            data.is_some_and(|data| self.leaves.proves(piece, *block, data) == Some(true))
        };
        let mut blocks = self.swarm.stored(piece);
        blocks.retain(is_proven);
        self.handle(Input::Proven { piece, blocks });
    }

    /// A peer refused hashes.
    pub fn hashes_refused(&mut self, peer: &Peer, request: HashRequest) {
        match self.answered(peer, &request) {
            Some(_) => self.handle(Input::LeavesRefused { peer: peer.key }),
            None => self.is_for_swarm(peer, Message::HashReject(request)),
        }
    }

    fn answered(&mut self, peer: &Peer, request: &HashRequest) -> Option<PieceIndex> {
        let pieces = self.trees.pieces_of_leaves(request).unwrap_or_default();
        self.leaves.answered(peer.key, &pieces)
    }

    fn is_for_swarm(&mut self, peer: &Peer, message: Message) {
        let peer = peer.key;
        self.handle(Input::Message { peer, message });
    }

    /// Whether a block that came is what it should be, as far as that is known yet.
    pub fn is_right(&self, piece: u32, begin: u32, data: &[u8]) -> Option<bool> {
        let layout = self.swarm.layout();
        let piece = layout.piece(piece)?;
        layout.block_at(piece, begin, data.len() as u32)?;
        self.leaves.proves(piece, begin / BLOCK, data)
    }

    /// The blocks of a bad piece that are not what they should be; none where that is not known.
    pub fn bad_blocks(&self, piece: PieceIndex, blocks: &[Vec<u8>]) -> Vec<BlockSpan> {
        let spans = self.swarm.layout().blocks(piece).zip(blocks);
        let is_wrong = |(span, data): &(BlockSpan, &Vec<u8>)| {
            self.leaves.proves(piece, span.begin / BLOCK, data) == Some(false)
        };
        spans.filter(is_wrong).map(|(span, _)| span).collect()
    }

    /// Answers a request for hashes, or refuses it; leaves that have to be hashed first follow later.
    pub fn answer_hashes(&mut self, peer: &Peer, request: HashRequest) {
        let Ok(pieces) = self.trees.pieces_of_leaves(&request) else {
            let says = match self.trees.answer(&request) {
                Ok(hashes) => Message::Hashes { request, hashes },
                Err(_) => Message::HashReject(request),
            };
            return peer.send(&says);
        };
        let served = |piece: &PieceIndex| self.swarm.serves(peer.key, *piece);
        let Some(piece) = pieces.into_iter().find(served) else {
            return peer.send(&Message::HashReject(request));
        };
        if let Some(leaves) = self.leaves.known.get(&piece).map(Rc::clone) {
            return peer.send(&self.leaves_as_asked(request, Some(&leaves)));
        }
        let wanted = Wanted {
            peer: peer.key,
            request: request.clone(),
            piece,
        };
        if !self.swarm.have().contains(piece.get()) || !self.leaves.want(wanted) {
            peer.send(&Message::HashReject(request));
        }
    }

    fn leaves_as_asked(
        &mut self,
        request: HashRequest,
        leaves: Option<&[Sha256Digest]>,
    ) -> Message {
        let hashes = leaves.and_then(|leaves| self.trees.answer_leaves(&request, leaves).ok());
        match hashes {
            Some(hashes) => Message::Hashes { request, hashes },
            None => Message::HashReject(request),
        }
    }

    /// The bytes of a run of a piece that is not whole, where they are there.
    pub fn of_partial(&self, span: BlockSpan) -> Option<Vec<u8>> {
        let blocks = self.partial.get(&span.piece)?;
        let mut bytes = Vec::with_capacity(span.length as usize);
        let mut from = (span.begin % BLOCK) as usize;
        for block in blocks.get((span.begin / BLOCK) as usize..)? {
            let missing = span.length as usize - bytes.len();
            let rest = block.get(from..)?;
            bytes.extend_from_slice(&rest[..rest.len().min(missing)]);
            from = 0;
        }
        (bytes.len() == span.length as usize).then_some(bytes)
    }

    /// A peer is gone: it answers nothing any more.
    pub fn forget_leaves_of(&mut self, peer: PeerKey) {
        self.leaves.asked.retain(|(asked, _)| *asked != peer);
    }
}

/// Reads and hashes the pieces whose leaves were asked for.
pub(super) fn read_due(net: &Net, torrent: &Torrent, core: &mut Core) {
    for wanted in std::mem::take(&mut core.leaves.due) {
        let (Some(net), Some(torrent)) = (net.me.upgrade(), net.torrent(torrent.id)) else {
            return;
        };
        let Some(storage) = core.storage.clone() else {
            were_read(core, wanted, None);
            continue;
        };
        tokio::task::spawn_local(async move {
            let (meta, piece) = (Arc::clone(&torrent.meta), wanted.piece);
            let read = jobs::read(torrent.reads(), move || {
                storage::leaves_on_disk(&storage, &meta, piece).ok()?
            });
            let leaves = read.await.flatten();
            torrent.with(&net, |core| were_read(core, wanted, leaves));
        });
    }
}

fn were_read(core: &mut Core, wanted: Wanted, leaves: Option<Vec<Sha256Digest>>) {
    let Wanted {
        peer,
        request,
        piece,
    } = wanted;
    let reading = &mut core.leaves.reading;
    if let Some(at) = reading.iter().position(|reader| *reader == peer) {
        reading.swap_remove(at);
    }
    let says = core.leaves_as_asked(request, leaves.as_deref());
    if let Some(peer) = core.peers.get(&peer) {
        peer.send(&says);
    }
    if let Some(leaves) = leaves {
        core.leaves.keep(piece, leaves);
    }
}

/// Leaves that are kept: 2 MiB, of a gigabyte of pieces.
const MOST_KEPT: usize = 64 * 1024;
/// Pieces that are read at once so that their leaves are known, in all and for one peer. Further ones are refused.
const MOST_READ: usize = 64;
const MOST_FOR_ONE: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(number: usize) -> PieceIndex {
        PieceIndex::new(number as u32)
    }

    #[test]
    fn the_oldest_leaves_make_room_for_new_ones() {
        let mut leaves = Leaves::default();
        let many = MOST_KEPT / 4;
        for number in 0..6 {
            leaves.keep(piece(number), vec![[number as u8; 32]; many]);
            leaves.keep(piece(number), vec![[0; 32]; many]); // it is known
        }
        let kept: Vec<u32> = leaves.known.keys().map(|piece| piece.get()).collect();
        assert_eq!((kept, leaves.count), (vec![2, 3, 4, 5], MOST_KEPT));
        assert_eq!(leaves.proves(piece(2), 0, b""), Some(false));
        assert_eq!(leaves.proves(piece(2), many as u32, b""), None);
        assert_eq!(leaves.proves(piece(1), 0, b""), None);
        leaves.keep(piece(9), vec![[0; 32]; MOST_KEPT + 1]);
        assert_eq!((leaves.known.len(), leaves.count), (0, 0));
    }

    #[test]
    fn a_block_is_proven_by_its_own_leaf() {
        let mut leaves = Leaves::default();
        leaves.keep(piece(7), vec![sha256(b"one"), sha256(b"two")]);
        assert_eq!(leaves.proves(piece(7), 1, b"two"), Some(true));
        assert_eq!(leaves.proves(piece(7), 0, b"two"), Some(false));
    }

    #[test]
    fn a_peer_is_asked_once_and_its_answer_counts_once() {
        let mut leaves = Leaves::default();
        let (p, q) = (PeerKey(1), PeerKey(2));
        assert!(leaves.ask(p, piece(3)) && !leaves.ask(p, piece(3)));
        assert_eq!(leaves.answered(q, &[piece(3)]), None);
        assert_eq!(leaves.answered(p, &[piece(1), piece(3)]), Some(piece(3)));
        assert_eq!(leaves.answered(p, &[piece(3)]), None);
        leaves.keep(piece(3), vec![[0; 32]]);
        assert!(!leaves.ask(q, piece(3)), "they are known");
    }

    #[test]
    fn one_peer_has_no_more_than_its_part_of_what_is_read() {
        let mut leaves = Leaves::default();
        let wanted = |peer| Wanted {
            peer: PeerKey(peer),
            request: HashRequest {
                pieces_root: [0; 32],
                base_layer: 0,
                index: 0,
                length: 4,
                proof_layers: 0,
            },
            piece: piece(0),
        };
        let mut taken = |peer| (0..100).filter(|_| leaves.want(wanted(peer))).count();
        let all = [taken(1), taken(2), taken(3), taken(4), taken(5)];
        assert_eq!(
            all,
            [MOST_FOR_ONE, MOST_FOR_ONE, MOST_FOR_ONE, MOST_FOR_ONE, 0]
        );
    }
}
