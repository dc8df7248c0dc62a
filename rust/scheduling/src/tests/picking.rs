//! Random sequences of what happens to a picker, beside the model of it, and which pieces go before others.

use p2pcore_protocol::message::Message;
use proptest::prelude::*;

use super::alone::{Bench, P, Q, requests};
use crate::PeerKey;
use crate::models::picking::{Model, PIECES, Step};

fn step() -> impl Strategy<Value = Step> {
    let peer = 1..6_u64;
    let piece = 0..PIECES;
    prop_oneof![
        4 => (peer.clone(), 0..1_u16 << PIECES).prop_map(|(peer, bits)| Step::Come(peer, bits)),
        1 => peer.clone().prop_map(|peer| Step::Come(peer, (1 << PIECES) - 1)),
        1 => peer.clone().prop_map(Step::Leave),
        6 => (peer.clone(), piece.clone()).prop_map(|(peer, piece)| Step::Have(peer, piece)),
        1 => (peer.clone(), piece.clone()).prop_map(|(peer, piece)| Step::Lacks(peer, piece)),
        12 => (peer.clone(), 1..7_u32, prop::bool::weighted(0.1))
            .prop_map(|(peer, room, alone)| Step::Pick(peer, room, alone)),
        20 => (0..20_usize).prop_map(Step::Store),
        3 => (0..20_usize).prop_map(Step::Release),
        1 => (0..20_usize, peer).prop_map(|(at, peer)| Step::Again(at, peer)),
        6 => prop::bool::weighted(0.7).prop_map(Step::Verdict),
        1 => piece.clone().prop_map(Step::GiveUp),
        1 => piece.prop_map(Step::Guard),
        1 => any::<[u8; PIECES as usize]>().prop_map(|raw| Step::Priorities(raw.map(|one| one % 3))),
        1 => any::<bool>().prop_map(Step::Sequential),
        2 => (0..PIECES, prop::option::of(any::<u16>()))
            .prop_map(|(piece, within)| Step::Deadline(piece, within)),
        2 => (0..1_000_u16).prop_map(Step::Wait),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn no_block_is_asked_for_twice_and_none_is_lost(steps in prop::collection::vec(step(), 1..200)) {
        let mut model = Model::new();
        for step in steps {
            model.step(step);
        }
        model.finish();
    }
}

/// So many peers have the first piece, of which Q was asked for half; P has it, too, and another that nobody else has. What
/// P is asked for first.
fn first_asked(holders: u64) -> u32 {
    let mut bench = Bench::new(4, 16);
    for peer in (1..=holders).map(|number| PeerKey(10 + number)) {
        bench.connect(peer, true);
        bench.say(peer, Message::Bitfield(vec![0b1000_0000]));
    }
    bench.connect(Q, true);
    bench.say(Q, Message::Bitfield(vec![0b1000_0000]));
    let begun = requests(&bench.say(Q, Message::Unchoke), Q);
    assert!(!begun.is_empty() && begun.len() < 16);
    bench.connect(P, true);
    bench.say(P, Message::Bitfield(vec![0b1100_0000]));
    requests(&bench.say(P, Message::Unchoke), P)[0].piece
}

#[test]
fn a_scarce_piece_goes_before_a_begun_one_that_many_have() {
    assert_eq!(first_asked(1), 0, "three have it");
    assert_eq!(first_asked(2), 1, "four have it");
}
