//! Payload comes in, or is refused.

use p2pcore_protocol::message::{Message, Request};
use p2pcore_protocol::{BLOCK, BlockSpan, PieceIndex};

use super::Swarm;
use crate::belief::Change;
use crate::input::{PeerKey, Ticket};
use crate::output::{CloseReason, Output};
use crate::picker::Block;
use crate::requests::Expected;
use crate::time::Time;

impl Swarm {
    pub(super) fn on_progress(&mut self, now: Time, key: PeerKey, bytes: u32) {
        let Some(peer) = self.peers.get_mut(key) else {
            return;
        };
        peer.heard = now;
        peer.downloaded += u64::from(bytes);
        self.counters.downloaded += u64::from(bytes);
        peer.down.add(now, u64::from(bytes));
        peer.window.on_progress(now, bytes);
        let owed = peer.requests.len() > 0;
        if peer.stall.on_progress(now, owed) {
            peer.window.restart();
            self.fill(now, key);
        }
    }

    pub(super) fn on_block(
        &mut self,
        now: Time,
        key: PeerKey,
        (piece, begin, length): (u32, u32, u32),
        proven: bool,
        ticket: Ticket,
    ) {
        let Some(peer) = self.peers.get_mut(key) else {
            self.discard(ticket, length);
            return;
        };
        peer.heard = now;
        let block = begin / BLOCK;
        let partial = self.picker.partials().get(piece);
        // Where the piece is not begun any more, the length no longer matters: the block is of no use.
        let exact = begin % BLOCK == 0
            && partial.is_none_or(|partial| partial.span(block).length == length);
        let expected = if exact {
            peer.requests.take((piece, block))
        } else {
            Expected::Never
        };
        if expected == Expected::Never {
            let flooded = peer.patience.on_unasked();
            self.discard(ticket, length);
            if self.layout.piece(piece).is_none() {
                self.close(now, key, CloseReason::ProtocolError);
            } else if flooded {
                self.close(now, key, CloseReason::Flooded);
            }
            return;
        }
        peer.patience.on_asked();
        if let Some(locality) = &mut self.locality {
            locality.feed(now, peer.is_local());
        }
        let change = peer.belief.on_block();
        peer.window.on_block();
        let stored =
            match partial.and_then(|partial| Some((partial.span(block), partial.block(block)?))) {
                Some((span, Block::Free | Block::Asked(_))) => {
                    self.store(now, key, (span, block), expected, ticket);
                    Some(span.piece)
                }
                Some((_, Block::Stored)) | None => {
                    self.discard(ticket, length);
                    None
                }
            };
        self.believe(key, change);
        self.let_choked_go(now, key);
        self.fill(now, key);
        if let Some(piece) = stored.filter(|_| proven) {
            self.on_proven(now, piece, &[block]);
        }
    }

    pub(super) fn on_reject(&mut self, now: Time, key: PeerKey, request: Request) {
        let Some(peer) = self.peers.get_mut(key) else {
            return;
        };
        let name = (request.piece, request.begin / BLOCK);
        if !peer.requests.refuse(name) {
            // It crossed our cancel, or answers one: BEP 6 wants an answer to each.
            self.nonsense(now, key);
            return;
        }
        if peer.choked() {
            // No longer allowed fast, then.
            peer.allowed_fast.retain(|piece| *piece != request.piece);
        } else if peer.holds.contains(request.piece) {
            // Not where it said before that it does not have the piece after all.
            peer.patience.on_refusal(now);
            let change = peer.belief.on_refusal();
            self.believe(key, change);
        }
        self.picker.release(name.0, name.1);
        self.let_choked_go(now, key);
        self.todo.fill_all = true;
    }

    /// A peer that chokes us and owes nothing any more keeps no piece for itself.
    fn let_choked_go(&mut self, now: Time, key: PeerKey) {
        let peer = self.peers.get(key);
        if peer.is_some_and(|peer| peer.choked() && peer.requests.len() == 0) {
            self.free_held(now, key);
        }
    }

    pub(super) fn on_choke(&mut self, now: Time, key: PeerKey) {
        let Some(peer) = self.peers.get_mut(key) else {
            return;
        };
        if peer.choked() {
            self.nonsense(now, key);
            return;
        }
        peer.stall.lose_probe();
        if !peer.info.fast {
            // Without BEP 6 a choke drops every request, and what was sent before it has arrived before it.
            while let Some((piece, block)) = peer.requests.withdraw_next() {
                self.picker.release(piece, block);
            }
            peer.requests.forget_late();
        }
        self.peers.set_choked(key, true);
        // With it each request is answered: what is on its way comes, the rest is rejected.
        self.let_choked_go(now, key);
        self.todo.fill_all = true;
    }

    pub(super) fn on_unchoke(&mut self, now: Time, key: PeerKey) {
        let Some(peer) = self.peers.get_mut(key) else {
            return;
        };
        if !peer.choked() {
            self.nonsense(now, key);
            return;
        }
        peer.dry = 0;
        peer.passing = Time::ZERO;
        self.peers.set_choked(key, false);
        self.fill(now, key);
    }

    /// A peer owes blocks and sends nothing: others fetch them, and one stays with it as a probe.
    pub(super) fn on_stall(&mut self, now: Time, key: PeerKey) {
        let Some(peer) = self.peers.get_mut(key) else {
            return;
        };
        self.counters.stalls += 1;
        peer.stall.begin(now);
        let change = peer.belief.on_stall();
        let mut probe = true;
        while let Some((piece, block)) = peer.requests.withdraw_next() {
            if !std::mem::take(&mut probe) {
                let span = self
                    .picker
                    .partials()
                    .get(piece)
                    .map(|partial| partial.span(block));
                if let Some(span) = span {
                    self.out.send(now, peer, Message::Cancel(request_of(span)));
                }
            }
            self.picker.release(piece, block);
        }
        self.believe(key, change);
        self.free_held(now, key);
        self.todo.fill_all = true;
    }

    /// What a peer says it has counts from now on, or does not.
    fn believe(&mut self, key: PeerKey, change: Change) {
        if change != Change::None
            && let Some(peer) = self.peers.get(key)
        {
            let came = change == Change::Believed;
            self.picker.count_holdings(&peer.holds, came);
        }
    }

    /// Pieces that only this peer was to send: anyone may go on with them. One that failed before starts anew instead,
    /// so that it has one sender.
    pub(super) fn free_held(&mut self, now: Time, key: PeerKey) {
        for piece in self.picker.held_by(key) {
            if self.picker.is_guarded(piece) {
                self.give_up(now, piece);
            } else {
                self.picker.share(piece);
            }
        }
    }

    /// Forgets a begun piece whose requests are all taken back.
    pub(super) fn give_up(&mut self, now: Time, piece: u32) {
        if let Some(stored) = self.picker.give_up(piece) {
            self.take_back(now, piece);
            self.counters.wasted += stored;
            self.out.push(Output::Drop {
                piece: PieceIndex::new(piece),
            });
            self.todo.fill_all = true;
        }
    }

    fn store(
        &mut self,
        now: Time,
        key: PeerKey,
        (span, block): (BlockSpan, u32),
        expected: Expected,
        ticket: Ticket,
    ) {
        let piece = span.piece.get();
        let state = self
            .picker
            .partials()
            .get(piece)
            .and_then(|partial| partial.block(block));
        let own = u8::from(expected == Expected::Outstanding);
        self.out.push(Output::Store { ticket, span });
        let whole = self.picker.store(piece, block, key);
        if matches!(state, Some(Block::Asked(count)) if count > own) {
            self.cancel_elsewhere(now, span, block);
        }
        if whole {
            self.out.push(Output::Check {
                piece: span.piece,
                prints: self.blame.wants_prints(piece),
            });
        } else {
            self.announce_coming(now, key, piece);
        }
    }

    /// Others were asked for a block that has come.
    pub(super) fn cancel_elsewhere(&mut self, now: Time, span: BlockSpan, block: u32) {
        for peer in self.peers.iter_mut() {
            if peer.requests.withdraw((span.piece.get(), block)) {
                self.out.send(now, peer, Message::Cancel(request_of(span)));
                self.todo.fill_all = true;
            }
        }
    }

    fn discard(&mut self, ticket: Ticket, length: u32) {
        self.counters.wasted += u64::from(length);
        self.out.push(Output::Discard { ticket });
    }
}

/// A span as a request, cancel or reject names it.
pub(super) fn request_of(span: BlockSpan) -> Request {
    Request {
        piece: span.piece.get(),
        begin: span.begin,
        length: span.length,
    }
}
