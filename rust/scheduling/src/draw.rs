//! The draw of who fetches a piece (rendezvous hashing): everybody can work out everybody's lot.

use p2pcore_protocol::Member;

/// The lot that a member draws for a piece (the finaliser of SplitMix64): the highest wins.
pub(crate) fn lot(Member(member): Member, piece: u32) -> u64 {
    let mut word = member ^ u64::from(piece).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}
