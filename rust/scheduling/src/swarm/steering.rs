//! What a user says of single pieces while they are fetched: when they are due.

use std::time::Duration;

use super::Swarm;
use crate::hedge;
use crate::time::Time;

impl Swarm {
    /// The piece is due after so long, or (`None`) not at any time.
    pub(super) fn on_deadline(&mut self, now: Time, piece: u32, within: Option<Duration>) {
        if self.layout.piece(piece).is_none() || self.have().contains(piece) {
            return;
        }
        let due = within.map(|within| now + within);
        self.picker.set_deadline(piece, due);
        if due.is_some() {
            self.let_in(piece);
        }
        self.hedge_late(now);
    }

    /// Asks once more for what would come too late.
    pub(super) fn hedge_late(&mut self, now: Time) {
        if self.picker.deadlines().is_empty() {
            return;
        }
        let bound = hedge::bound(self.layout.total());
        let left = bound.saturating_sub(self.counters.hedges) as usize;
        for (key, pick) in hedge::choose(now, &self.peers, &self.picker, left) {
            let Some(peer) = self.peers.get_mut(key) else {
                continue;
            };
            self.counters.hedges += 1;
            self.picker.ask_again(pick.span.piece.get(), pick.block);
            super::filling::ask(&mut self.out, now, peer, pick);
        }
    }
}
