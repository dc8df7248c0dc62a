//! Pieces that one peer may fetch from us once while we choke it (BEP 6, "allowed fast").

/// Of so many pieces the peer did not say yet that it has them.
const LIMIT: usize = 8;

/// The offers to one peer.
#[derive(Debug, Default)]
pub(crate) struct Offers(Vec<Offer>);

#[derive(Debug)]
struct Offer {
    piece: u32,
    /// Bytes that it may still have.
    left: u32,
}

impl Offers {
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn is_full(&self) -> bool {
        self.0.len() >= LIMIT
    }

    pub(crate) fn add(&mut self, piece: u32, size: u32) {
        self.0.push(Offer { piece, left: size });
    }

    /// Whether it may fetch the piece, or more of it.
    pub(crate) fn cover(&self, piece: u32) -> bool {
        self.0
            .iter()
            .any(|offer| offer.piece == piece && offer.left > 0)
    }

    /// So many bytes of the piece went to it.
    pub(crate) fn on_sent(&mut self, piece: u32, bytes: u32) {
        if let Some(offer) = self.0.iter_mut().find(|offer| offer.piece == piece) {
            offer.left = offer.left.saturating_sub(bytes);
        }
    }

    /// It has the piece.
    pub(crate) fn on_have(&mut self, piece: u32) {
        self.0.retain(|offer| offer.piece != piece);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_piece_is_given_once() {
        let mut offers = Offers::default();
        offers.add(3, 20);
        assert!(offers.cover(3) && !offers.cover(4));
        offers.on_sent(4, 20);
        offers.on_sent(3, 16);
        assert!(offers.cover(3));
        offers.on_sent(3, 16);
        assert!(!offers.cover(3));
    }

    #[test]
    fn who_does_not_say_that_it_has_what_it_got_is_offered_no_more() {
        let mut offers = Offers::default();
        for piece in 0..8 {
            assert!(!offers.is_full());
            offers.add(piece, 1);
            offers.on_sent(piece, 1);
        }
        assert!(offers.is_full());
        offers.on_have(9);
        assert!(offers.is_full());
        offers.on_have(0);
        assert!(!offers.is_full());
    }
}
