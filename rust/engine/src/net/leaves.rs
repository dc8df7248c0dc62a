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
    /// Asked of peers and not yet answered; [`MOST_ASKED`] of each.
    asked: Vec<(PeerKey, PieceIndex)>,
    /// What peers gave, not yet compared with the blocks that are there.
    came: Vec<(PeerKey, PieceIndex)>,
    /// Of pieces on their way, and of the latest that were asked of us or came; in this order.
    known: BTreeMap<PieceIndex, Rc<[Sha256Digest]>>,
    order: VecDeque<PieceIndex>,
    count: usize,
    /// Pieces that peers asked for and that are being read, or about to be: who waits for each.
    reading: BTreeMap<PieceIndex, Vec<Waiting>>,
    due: Vec<PieceIndex>,
    /// Bytes of pieces that were read for each peer.
    read_for: BTreeMap<PeerKey, u64>,
}

/// Who asked for the leaves of a piece, and how.
#[derive(Debug)]
struct Waiting {
    peer: PeerKey,
    request: HashRequest,
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

    /// Notes that a peer is asked, unless it was, owes too many answers, or there is no need.
    fn ask(&mut self, peer: PeerKey, piece: PieceIndex) -> bool {
        let of_peer = self.asked.iter().filter(|(of, _)| *of == peer);
        let known = self.known.contains_key(&piece) || self.asked.contains(&(peer, piece));
        let new = !known && of_peer.count() < MOST_ASKED;
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

    /// Notes that a peer waits for a piece of `size` bytes to be read, unless too many are, or more than its `allowance` of bytes.
    fn want(&mut self, piece: PieceIndex, size: u64, allowance: u64, waiting: Waiting) -> bool {
        let waits = self.reading.values().flatten();
        let of_peer = waits.filter(|other| other.peer == waiting.peer);
        if of_peer.count() >= MOST_FOR_ONE {
            return false;
        }
        if let Some(others) = self.reading.get_mut(&piece) {
            others.push(waiting);
            return true;
        }
        let read = self.read_for.entry(waiting.peer).or_default();
        let fits = self.reading.len() < MOST_READ && *read < allowance;
        if fits {
            *read += size;
            self.reading.insert(piece, vec![waiting]);
            self.due.push(piece);
        }
        fits
    }

    fn forget(&mut self, peer: PeerKey) {
        self.asked.retain(|(asked, _)| *asked != peer);
        self.read_for.remove(&peer);
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
        self.leaves.came.push((peer.key, piece));
    }

    /// Tells the Swarm which blocks are right by leaves that came, once all that came before is in its place. Whether there
    /// were any.
    pub fn prove(&mut self) -> bool {
        let came = std::mem::take(&mut self.leaves.came);
        for &(peer, piece) in &came {
            let data = self.partial.get(&piece).map_or(&[][..], Vec::as_slice);
            let is_proven = |block: &u32| {
                let data = data.get(*block as usize);
                data.is_some_and(|data| self.leaves.proves(piece, *block, data) == Some(true))
            };
            let mut proven = self.swarm.stored(piece);
            proven.retain(is_proven);
            self.handle(Input::LeavesCame {
                peer,
                piece,
                proven,
            });
        }
        !came.is_empty()
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
        let layout = self.swarm.layout();
        let size = layout.data_size(piece).into();
        let beyond = MOST_FOR_ONE as u64 * u64::from(layout.piece_length());
        let allowance = self.swarm.uploaded_to(peer.key) + beyond;
        let waiting = Waiting {
            peer: peer.key,
            request: request.clone(),
        };
        let there = self.swarm.have().contains(piece.get());
        if !there || !self.leaves.want(piece, size, allowance, waiting) {
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
        self.leaves.forget(peer);
    }
}

/// Reads and hashes the pieces whose leaves were asked for.
pub(super) fn read_due(net: &Net, torrent: &Torrent, core: &mut Core) {
    for piece in std::mem::take(&mut core.leaves.due) {
        let (Some(net), Some(torrent)) = (net.me.upgrade(), net.torrent(torrent.id)) else {
            return;
        };
        let Some(storage) = core.storage.clone() else {
            were_read(core, piece, None);
            continue;
        };
        tokio::task::spawn_local(async move {
            let meta = Arc::clone(&torrent.meta);
            let read = jobs::read(torrent.reads(), move || {
                storage::leaves_on_disk(&storage, &meta, piece).ok()?
            });
            let leaves = read.await.flatten();
            torrent.with(&net, |core| were_read(core, piece, leaves));
        });
    }
}

fn were_read(core: &mut Core, piece: PieceIndex, leaves: Option<Vec<Sha256Digest>>) {
    let waiting = core.leaves.reading.remove(&piece);
    for Waiting { peer, request } in waiting.unwrap_or_default() {
        let says = core.leaves_as_asked(request, leaves.as_deref());
        if let Some(peer) = core.peers.get(&peer) {
            peer.send(&says);
        }
    }
    if let Some(leaves) = leaves {
        core.leaves.keep(piece, leaves);
    }
}

/// Leaves that are kept: 2 MiB, of a gigabyte of pieces.
const MOST_KEPT: usize = 64 * 1024;
/// Who owes more answers is asked for no more.
const MOST_ASKED: usize = 64;
/// Pieces that are read at once so that their leaves are known.
const MOST_READ: usize = 64;
/// For so many of them one peer may wait, and so many may be read for it beyond the bytes that it got. Further ones are
/// refused.
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

    fn waiting(peer: u64) -> Waiting {
        let request = HashRequest {
            pieces_root: [0; 32],
            base_layer: 0,
            index: 0,
            length: 4,
            proof_layers: 0,
        };
        let peer = PeerKey(peer);
        Waiting { peer, request }
    }

    #[test]
    fn one_peer_has_no_more_than_its_part_of_what_is_read() {
        let mut leaves = Leaves::default();
        let mut next = 0..;
        let mut taken = |peer| {
            let wants = |_: &i32| leaves.want(piece(next.next().unwrap()), 1, 1_000, waiting(peer));
            (0..100).filter(wants).count()
        };
        let all = [1, 2, 3, 4, 5].map(&mut taken);
        let most = MOST_FOR_ONE;
        assert_eq!(all, [most, most, most, most, 0]);
    }

    #[test]
    fn a_piece_is_read_once_for_all_that_ask_meanwhile() {
        let mut leaves = Leaves::default();
        assert!((0..100).all(|peer| leaves.want(piece(3), 1, 1, waiting(peer))));
        assert_eq!(leaves.due, [piece(3)]);
    }

    #[test]
    fn who_takes_no_blocks_has_few_pieces_read() {
        let mut leaves = Leaves::default();
        let read = |leaves: &mut Leaves, allowance| {
            let read = |number: &usize| {
                let wanted = leaves.want(piece(*number), 100, allowance, waiting(1));
                leaves.reading.clear(); // it was answered
                wanted
            };
            (0..100).filter(read).count()
        };
        assert_eq!(read(&mut leaves, 1_600), 16);
        assert_eq!(read(&mut leaves, 2_100), 5);
        leaves.forget(PeerKey(1));
        assert!(leaves.read_for.is_empty());
    }

    #[test]
    fn who_owes_many_answers_is_asked_for_no_more() {
        let mut leaves = Leaves::default();
        let asked = (0..100).filter(|number| leaves.ask(PeerKey(1), piece(*number)));
        assert_eq!(asked.count(), MOST_ASKED);
        assert!(leaves.ask(PeerKey(2), piece(99)));
        assert_eq!(leaves.answered(PeerKey(1), &[piece(0)]), Some(piece(0)));
        assert!(leaves.ask(PeerKey(1), piece(99)));
    }
}
