//! Pieces are found good or bad, and what is wanted changes.

use p2pcore_protocol::message::Message;
use p2pcore_protocol::{BlockSpan, PieceIndex, Verified};

use super::Swarm;
use super::blocks::request_of;
use crate::bans::BanReason;
use crate::blame::Attempt;
use crate::input::{PeerKey, Print, Verdict};
use crate::output::{CloseReason, Fact, Output};
use crate::time::Time;

impl Swarm {
    pub(super) fn on_checked(&mut self, now: Time, verdict: Verdict, prints: &[Print]) {
        match verdict {
            Verdict::Good(verified) => self.on_good(now, verified, prints),
            Verdict::Bad { piece, bad_blocks } => self.on_bad(now, piece, &bad_blocks, prints),
        }
    }

    /// Pieces from before: no fact is told, but peers that are here already learn of them.
    pub(super) fn on_had(&mut self, now: Time, pieces: &[Verified]) {
        for verified in pieces {
            let piece = verified.piece();
            if self.layout.piece(piece.get()).is_none() || self.have().contains(piece.get()) {
                continue;
            }
            if self.picker.partials().get(piece.get()).is_some() {
                self.withdraw_everywhere(now, piece);
                self.give_up(now, piece.get());
            }
            self.gain(now, piece);
            self.resolve(now, piece.get(), &[]);
        }
        self.todo.completion = true;
    }

    /// Storage lost a piece's blocks.
    pub(super) fn on_store_failed(&mut self, now: Time, piece: PieceIndex) {
        self.withdraw_everywhere(now, piece);
        self.give_up(now, piece.get());
    }

    pub(super) fn on_priorities(&mut self, now: Time, priorities: &[u8]) {
        let mut priorities = priorities.to_vec();
        priorities.resize(self.layout.piece_count() as usize, 0);
        self.picker.set_priorities(&priorities);
        let unwanted: Vec<u32> = self
            .picker
            .partials()
            .iter()
            .filter(|partial| !partial.checking && priorities[partial.piece as usize] == 0)
            .map(|partial| partial.piece)
            .collect();
        for piece in unwanted {
            self.withdraw_everywhere(now, PieceIndex::new(piece));
            self.give_up(now, piece);
        }
        let dropped: Vec<u32> = self
            .blame
            .cases()
            .filter(|piece| priorities[*piece as usize] == 0)
            .collect();
        for piece in dropped {
            self.resolve(now, piece, &[]);
        }
        for at in 0..self.peers.len() {
            let Some(key) = self.peers.key_at(at) else {
                break;
            };
            if let Some(peer) = self.peers.get_mut(key) {
                peer.useful = peer.holds.count_common(self.picker.need());
            }
            self.show_interest(now, key);
        }
        self.todo.completion = true;
        self.todo.fill_all = true;
    }

    fn on_good(&mut self, now: Time, verified: Verified, prints: &[Print]) {
        let piece = verified.piece();
        if self.layout.piece(piece.get()).is_none() || self.have().contains(piece.get()) {
            return;
        }
        self.withdraw_everywhere(now, piece);
        self.gain(now, piece);
        self.offer(now, piece);
        self.out.push(Output::Fact(Fact::PieceVerified(piece)));
        self.resolve(now, piece.get(), prints);
        self.todo.completion = true;
        // The budget of begun pieces grew.
        self.todo.fill_all = true;
    }

    /// A piece is ours: tell everyone who lacks it.
    fn gain(&mut self, now: Time, piece: PieceIndex) {
        let piece = piece.get();
        let needed = self.picker.complete(piece);
        if let Some(locality) = &mut self.locality {
            locality.close(piece);
        }
        self.coming.retain(|coming| *coming != piece);
        let mut awaiting = Vec::new();
        for peer in self.peers.iter_mut() {
            peer.allowed_fast.retain(|other| *other != piece);
            let awaits = peer.stop_awaiting(piece);
            let told = awaits && peer.told_coming.is_none();
            if awaits && peer.uploads.len() > 0 {
                awaiting.push(peer.key);
            }
            // Also to those who have it: an origin that hides what it has waits for it.
            if !told && (awaits || !peer.holds.is_all()) {
                self.out.send(now, peer, Message::Have(piece));
            }
            if peer.holds.contains(piece) && needed {
                peer.useful = peer.useful.saturating_sub(1);
                if peer.useful == 0 && std::mem::take(&mut peer.interested) {
                    self.out.send(now, peer, Message::NotInterested);
                }
            }
        }
        for key in awaiting {
            self.serve(now, key);
        }
    }

    fn on_bad(&mut self, now: Time, piece: PieceIndex, bad_blocks: &[BlockSpan], prints: &[Print]) {
        let Some(partial) = self.picker.partials().get(piece.get()) else {
            return;
        };
        if !partial.checking {
            return;
        }
        let mut senders = if bad_blocks.is_empty() {
            partial.senders()
        } else {
            partial.senders_of(bad_blocks)
        };
        let senders_and_prints = partial.stored_by().map(|(_, sender)| sender).zip(prints);
        let attempt: Attempt = senders_and_prints
            .map(|(sender, print)| (sender, *print))
            .collect();
        let data = partial.len() > 0;
        self.counters.pieces_failed += 1;
        self.out.push(Output::Fact(Fact::PieceFailed(piece)));
        if !data {
            // All padding, and wrong: no peer can help. It stays as it is, never picked.
            return;
        }
        self.picker.guard(piece.get());
        self.give_up(now, piece.get());
        if bad_blocks.is_empty() && senders.len() > 1 {
            for key in self.blame.open_case(piece.get(), &senders, attempt) {
                if let Some(peer) = self.peers.get_mut(key) {
                    peer.parole.suspect();
                }
            }
        } else {
            senders.drain(..).for_each(|key| self.convict(now, key));
        }
    }

    /// This peer sent corrupt data.
    fn convict(&mut self, now: Time, key: PeerKey) {
        if self.peers.get(key).is_some() {
            self.close(now, key, CloseReason::CorruptData);
        } else if let Some(name) = self.blame.departed(key) {
            self.ban(now, name, BanReason::CorruptData);
        }
    }

    /// A piece that may have failed before is good, with these prints, or is no concern any more.
    fn resolve(&mut self, now: Time, piece: u32, prints: &[Print]) {
        let resolved = self.blame.close_case(piece, prints);
        for key in resolved.suspects {
            if let Some(peer) = self.peers.get_mut(key) {
                peer.parole.clear();
            }
        }
        resolved
            .guilty
            .into_iter()
            .for_each(|key| self.convict(now, key));
    }

    /// Cancels every request for a piece.
    fn withdraw_everywhere(&mut self, now: Time, piece: PieceIndex) {
        let Some(partial) = self.picker.partials().get(piece.get()) else {
            return;
        };
        if partial.asked() == 0 {
            return;
        }
        for peer in self.peers.iter_mut() {
            for block in 0..partial.len() {
                if peer.requests.withdraw((piece.get(), block)) {
                    let cancel = Message::Cancel(request_of(partial.span(block)));
                    self.out.send(now, peer, cancel);
                }
            }
        }
    }
}
