//! What one Swarm offers to peers elsewhere, and what it makes of such offers.

use p2pcore_protocol::message::Message;
use p2pcore_protocol::{PieceIndex, Verified};

use super::alone::{Bench, P, Q, checked, request, requests, sent};
use super::importing::{O, PIECES, at_site, here, place, tell, told};
use crate::{Input, Output, PeerKey, Verdict};

/// Another one outside.
const R: PeerKey = PeerKey(10);
const BLOCK: u32 = p2pcore_protocol::BLOCK;

fn offers(outputs: &[Output], to: PeerKey) -> Vec<u32> {
    let said = sent(outputs, to).into_iter();
    let offered = said.filter_map(|message| match message {
        Message::AllowedFast(piece) => Some(piece),
        _ => None,
    });
    offered.collect()
}

/// One of three at a site, and two outside who have nothing.
fn giver() -> Bench {
    let mut bench = at_site(1, &[2, 3]);
    for peer in [O, R] {
        bench.connect(peer, true);
        place(&mut bench, peer, false);
        bench.say(peer, Message::HaveNone);
    }
    bench
}

/// The piece comes from a neighbour at our site; what we say then.
fn get(bench: &mut Bench, piece: u32) -> Vec<Output> {
    bench.say(PeerKey(2), Message::Have(piece));
    let asked = requests(&bench.say(PeerKey(2), Message::Unchoke), PeerKey(2));
    assert_eq!(asked, [request(piece, 0, BLOCK)]);
    bench.block(PeerKey(2), asked[0]);
    bench.say(PeerKey(2), Message::Choke);
    let piece = PieceIndex::new(piece);
    bench.put(checked(Verdict::Good(Verified::simulated(piece))))
}

#[test]
fn a_piece_that_is_new_at_our_site_is_offered_to_one_outside() {
    let mut bench = giver();
    let (mut to_o, mut to_r) = (0, 0);
    for piece in 0..20 {
        let outputs = get(&mut bench, piece);
        let chosen = match (&offers(&outputs, O)[..], &offers(&outputs, R)[..]) {
            ([offered], []) if *offered == piece => (&mut to_o, O),
            ([], [offered]) if *offered == piece => (&mut to_r, R),
            others => panic!("piece {piece}: {others:?}"),
        };
        *chosen.0 += 1;
        bench.say(chosen.1, Message::Have(piece));
    }
    assert!(to_o >= 4 && to_r >= 4, "{to_o} {to_r}");
}

#[test]
fn who_does_not_take_what_is_offered_is_offered_no_more() {
    let mut bench = giver();
    let offered = (0..20).filter(|piece| {
        let outputs = get(&mut bench, *piece);
        !offers(&outputs, O).is_empty() || !offers(&outputs, R).is_empty()
    });
    assert!(offered.eq(0..16), "eight each");
}

#[test]
fn what_others_at_our_site_or_outside_have_is_not_offered() {
    let mut bench = giver();
    bench.connect(PeerKey(4), true);
    place(&mut bench, PeerKey(4), true);
    for peer in [PeerKey(3), PeerKey(4)] {
        bench.say(peer, Message::Have(1));
    }
    bench.say(R, Message::Have(2));
    for piece in [1, 2] {
        let outputs = get(&mut bench, piece);
        assert_eq!(offers(&outputs, O), [], "piece {piece}");
        assert_eq!(offers(&outputs, R), [], "piece {piece}");
    }
}

#[test]
fn nobody_outside_is_offered_anything_where_there_is_no_site() {
    let mut bench = at_site(1, &[2]);
    bench.connect(O, true);
    place(&mut bench, O, false);
    bench.say(O, Message::HaveNone);
    let outputs = get(&mut bench, 5);
    assert_eq!(offers(&outputs, O), []);
}

#[test]
fn what_is_offered_is_served_without_a_slot_and_nothing_else_is() {
    let mut bench = giver();
    let outputs = get(&mut bench, 7);
    let (chosen, other) = if offers(&outputs, O) == [7] {
        (O, R)
    } else {
        (R, O)
    };
    let offered = request(7, 0, BLOCK);
    let refused = [Message::Reject(offered)];
    let outputs = bench.say(other, Message::Request(offered));
    assert_eq!(sent(&outputs, other), refused);
    let room = BLOCK;
    bench.put(Input::Writable { peer: chosen, room });
    let outputs = bench.say(chosen, Message::Request(offered));
    assert!(matches!(outputs[..], [Output::Serve { peer, .. }] if peer == chosen));
    // It has it: that was all.
    bench.say(chosen, Message::Have(7));
    let outputs = bench.say(chosen, Message::Request(offered));
    assert_eq!(sent(&outputs, chosen), refused);
}

#[test]
fn what_is_offered_to_us_we_fetch_for_our_site_without_a_slot() {
    let mut bench = at_site(1, &[2, 3]);
    bench.connect(O, true);
    place(&mut bench, O, false);
    for piece in 0..PIECES {
        bench.say(O, Message::Have(piece));
        let outputs = bench.say(O, Message::AllowedFast(piece));
        assert_eq!(requests(&outputs, O), [request(piece, 0, BLOCK)]);
        assert_eq!(told(&outputs, P.max(Q)), [here(1, [piece])]);
        assert!(bench.answer(O));
    }
    assert!(bench.swarm.is_complete());
}

#[test]
fn what_another_at_our_site_fetches_or_has_we_leave_to_it() {
    let mut bench = at_site(1, &[2, 3]);
    bench.connect(O, true);
    place(&mut bench, O, false);
    tell(&mut bench, PeerKey(2), here(3, [4]));
    bench.say(PeerKey(2), Message::Have(5));
    for piece in [4, 5] {
        bench.say(O, Message::Have(piece));
        let outputs = bench.say(O, Message::AllowedFast(piece));
        assert_eq!(requests(&outputs, O), [], "piece {piece}");
    }
}
