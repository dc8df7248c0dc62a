//! What one peer asked of us: checked requests in order, served as its connection takes them.
//!
//! The driver says how much room its send queue has; the Swarm hands out that much and no more, so that what waits here
//! can still be cancelled or choked away. The queue is bounded by what we advertise: more is refused.

use std::collections::VecDeque;

use p2pcore_protocol::BlockSpan;

use crate::offers::Offers;

/// The requests of one peer.
#[derive(Debug, Default)]
pub(crate) struct Uploads {
    queue: VecDeque<BlockSpan>,
    room: u32,
}

impl Uploads {
    /// Requests that wait.
    pub(crate) fn len(&self) -> usize {
        self.queue.len()
    }

    /// Takes a request in, if fewer than `limit` wait.
    pub(crate) fn push(&mut self, span: BlockSpan, limit: u32) -> bool {
        let fits = self.queue.len() < limit as usize;
        if fits {
            self.queue.push_back(span);
        }
        fits
    }

    /// The peer takes a request back; whether it waited.
    pub(crate) fn cancel(&mut self, span: BlockSpan) -> bool {
        let at = self.queue.iter().position(|other| *other == span);
        at.and_then(|at| self.queue.remove(at)).is_some()
    }

    /// Drops a request that waits (a choke) and needs the slot.
    pub(crate) fn drop_next(&mut self, kept: &Offers) -> Option<BlockSpan> {
        let dropped = |span: &BlockSpan| !kept.cover(span.piece.get());
        let at = self.queue.iter().position(dropped);
        at.and_then(|at| self.queue.remove(at))
    }

    /// Drops a request for a piece that waits.
    pub(crate) fn drop_of(&mut self, piece: u32) -> Option<BlockSpan> {
        let at = self.queue.iter().position(|span| span.piece.get() == piece);
        at.and_then(|at| self.queue.remove(at))
    }

    /// The connection takes about so many payload bytes.
    pub(crate) fn set_room(&mut self, room: u32) {
        self.room = room;
    }

    /// The next request to serve of those whose block is there, while there is room. The last one may overshoot: it is
    /// longer than what is left.
    pub(crate) fn serve_next(
        &mut self,
        is_there: impl Fn(&BlockSpan) -> bool,
    ) -> Option<BlockSpan> {
        if self.room == 0 {
            return None;
        }
        let at = self.queue.iter().position(is_there)?;
        let span = self.queue.remove(at)?;
        self.room = self.room.saturating_sub(span.length);
        Some(span)
    }
}

#[cfg(test)]
mod tests {
    use p2pcore_protocol::PieceIndex;

    use super::*;

    fn span(begin: u32) -> BlockSpan {
        BlockSpan {
            piece: PieceIndex::new(0),
            begin,
            length: 10,
        }
    }

    #[test]
    fn requests_are_served_in_order_while_there_is_room() {
        let mut uploads = Uploads::default();
        assert!((0..4).all(|begin| uploads.push(span(begin), 4)));
        assert!(!uploads.push(span(4), 4));
        assert!(uploads.cancel(span(1)) && !uploads.cancel(span(1)));
        assert_eq!(uploads.serve_next(|_| true), None);
        uploads.set_room(15);
        assert_eq!(uploads.serve_next(|_| true), Some(span(0)));
        assert_eq!(uploads.serve_next(|_| true), Some(span(2)));
        assert_eq!(uploads.serve_next(|_| true), None);
        assert_eq!(uploads.len(), 1);
    }

    #[test]
    fn a_choke_drops_all_but_what_needs_no_slot() {
        let of = |piece| BlockSpan {
            piece: PieceIndex::new(piece),
            ..span(0)
        };
        let mut uploads = Uploads::default();
        for piece in [1, 2, 3] {
            uploads.push(of(piece), 3);
        }
        let mut offers = Offers::default();
        offers.add(2, u32::MAX);
        assert_eq!(uploads.drop_next(&offers), Some(of(1)));
        assert_eq!(uploads.drop_next(&offers), Some(of(3)));
        assert_eq!(uploads.drop_next(&offers), None);
        assert_eq!(uploads.len(), 1);
    }
}
