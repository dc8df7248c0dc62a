//! Origins that know of each other share the work: each piece is drawn for one of them, which begins it first.
//!
//! Nobody can prove that there is another origin. Who invents one gains nothing: the pieces that are drawn for it are
//! begun by whom they would be drawn for without it, after its own.

use p2pcore_protocol::Member;

use crate::draw::lot;

/// Which pieces are ours.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sharing {
    me: Member,
    others: Vec<Member>,
}

impl Sharing {
    pub(crate) fn new(me: Member, others: Vec<Member>) -> Self {
        Self { me, others }
    }

    /// Nothing is shared.
    pub(crate) fn is_alone(&self) -> bool {
        self.others.is_empty()
    }

    /// The order in which we begin pieces, the least first: those that are ours, then those that would be if one other
    /// were not there, and so on. Of another's pieces those come first that come last for it.
    pub(crate) fn rank(&self, piece: u32) -> (usize, u64) {
        let mine = lot(self.me, piece);
        let lots = self.others.iter().map(|other| lot(*other, piece));
        let better = lots.filter(|lot| *lot > mine);
        better.fold((0, u64::MAX - mine), |(before, best), lot| {
            let best = if before == 0 { lot } else { best.max(lot) };
            (before + 1, best)
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PIECES: u32 = 300;

    fn all(names: &[u64]) -> Vec<Sharing> {
        let members: Vec<Member> = names.iter().copied().map(Member).collect();
        let but = |me: Member| members.iter().copied().filter(move |other| *other != me);
        let sharing = |me: &Member| Sharing::new(*me, but(*me).collect());
        members.iter().map(sharing).collect()
    }

    fn in_order(sharing: &Sharing) -> Vec<u32> {
        let mut pieces: Vec<u32> = (0..PIECES).collect();
        pieces.sort_by_key(|piece| sharing.rank(*piece));
        pieces
    }

    proptest! {
        #[test]
        fn each_piece_is_drawn_for_one(names in prop::collection::btree_set(any::<u64>(), 1..8)) {
            let all = all(&names.into_iter().collect::<Vec<_>>());
            for piece in 0..PIECES {
                let mut ranks: Vec<usize> = all.iter().map(|one| one.rank(piece).0).collect();
                ranks.sort_unstable();
                prop_assert_eq!(ranks, (0..all.len()).collect::<Vec<_>>());
            }
        }

        /// Two that go at any two speeds meet once, at the end.
        #[test]
        fn two_meet_where_all_is_begun(one: u64, other: u64, part in 0..=PIECES) {
            prop_assume!(one != other);
            let all = all(&[one, other]);
            let (one, other) = (in_order(&all[0]), in_order(&all[1]));
            let mut begun = [&one[..part as usize], &other[..(PIECES - part) as usize]].concat();
            begun.sort_unstable();
            prop_assert_eq!(begun, (0..PIECES).collect::<Vec<_>>());
        }

        /// Who is not there changes nothing between two that are.
        #[test]
        fn whoever_is_invented_is_passed_over(names in prop::collection::btree_set(any::<u64>(), 3..8)) {
            let all = all(&names.into_iter().collect::<Vec<_>>());
            let drawn_twice = |piece: u32| {
                let [one, other] = [&all[0], &all[1]].map(|sharing| sharing.rank(piece).0);
                one == other
            };
            prop_assert!(!(0..PIECES).any(drawn_twice));
        }
    }
}
