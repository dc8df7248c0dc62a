//! What one Swarm says so that links are not idle: slots passed on, and pieces hidden from whoever was alone with us.

use std::time::Duration;

use p2pcore_protocol::extension::parse_dont_have;
use p2pcore_protocol::message::Message;
use p2pcore_protocol::{BLOCK, PieceIndex, Verified};

use super::alone::{Bench, P, Q, request, requests, sent};
use crate::{Extensions, Input, Output, PeerKey};

pub(super) fn extensions(peer: PeerKey) -> Input {
    let said = Extensions {
        passes: true,
        dont_have: Some(7),
        ..Extensions::default()
    };
    Input::PeerExtensions { peer, said }
}

/// How often a peer was told that we want nothing and, at once, that we do.
fn passed(outputs: &[Output], to: PeerKey) -> usize {
    let pair = [Message::NotInterested, Message::Interested];
    let said = sent(outputs, to);
    said.windows(2).filter(|window| *window == pair).count()
}

/// Two peers with the same piece, of which both unchoke us.
fn two_with_one_piece(takes_passes: bool) -> (Bench, Vec<Output>) {
    let mut bench = Bench::new(4, 2);
    for peer in [P, Q] {
        bench.connect(peer, true);
        if takes_passes {
            bench.put(extensions(peer));
        }
        bench.say(peer, Message::Have(1));
    }
    assert_eq!(requests(&bench.say(P, Message::Unchoke), P).len(), 2);
    let outputs = bench.say(Q, Message::Unchoke);
    (bench, outputs)
}

#[test]
fn a_slot_that_we_cannot_use_is_passed_on_once() {
    let (mut bench, outputs) = two_with_one_piece(true);
    assert_eq!((passed(&outputs, Q), passed(&outputs, P)), (1, 0));
    // It comes back before anything changed: it is kept.
    bench.say(Q, Message::Choke);
    assert_eq!(passed(&bench.say(Q, Message::Unchoke), Q), 0);
    // Something to ask for: nothing is passed on.
    let outputs = bench.say(Q, Message::Have(2));
    assert_eq!((requests(&outputs, Q).len(), passed(&outputs, Q)), (2, 0));
}

/// The two of which the one that was asked chokes us, after the other's slot was passed on.
fn one_chokes() -> Bench {
    let (mut bench, _) = two_with_one_piece(true);
    let mut outputs = bench.say(P, Message::Choke);
    for begin in [0, BLOCK] {
        outputs.extend(bench.say(P, Message::Reject(request(1, begin, BLOCK))));
    }
    assert_eq!(requests(&outputs, Q), []);
    bench
}

#[test]
fn nothing_is_asked_where_the_slot_is_being_passed_on() {
    let mut bench = one_chokes();
    bench.say(Q, Message::Choke);
    assert_eq!(requests(&bench.say(Q, Message::Unchoke), Q).len(), 2);
    // Or nobody wanted it: it is still ours.
    let mut bench = one_chokes();
    let soon = bench.now + Duration::from_millis(250);
    assert!(bench.swarm.poll_timeout().is_some_and(|due| due <= soon));
    assert_eq!(requests(&bench.wait(1), Q).len(), 2);
}

#[test]
fn usual_clients_are_told_nothing_of_it() {
    let (_, outputs) = two_with_one_piece(false);
    assert_eq!(passed(&outputs, Q), 0);
}

#[test]
fn a_slot_that_is_passed_on_goes_to_whoever_waits() {
    let mut bench = Bench::seeding(3, 1); // too few pieces to be an origin
    let peers: Vec<PeerKey> = (1..40).map(PeerKey).collect();
    let mut served = Vec::new();
    for peer in &peers {
        bench.connect(*peer, true);
        bench.say(*peer, Message::HaveNone);
        let outputs = bench.say(*peer, Message::Interested);
        served.extend(unchoked(&outputs));
    }
    assert!(served.len() < peers.len());
    let outputs = bench.say(served[0], Message::NotInterested);
    assert!(sent(&outputs, served[0]).contains(&Message::Choke));
    let [next] = unchoked(&outputs)[..] else {
        panic!("one slot, one peer: {outputs:?}");
    };
    assert!(!served.contains(&next));
    // Nobody else has a use for it: it stays where it is.
    let mut bench = Bench::seeding(3, 1);
    bench.connect(P, true);
    bench.say(P, Message::Interested);
    let outputs = bench.say(P, Message::NotInterested);
    assert_eq!(sent(&outputs, P), []);
}

#[test]
fn a_free_slot_goes_to_whoever_fell_behind() {
    for lacks in [4, 5] {
        let mut bench = Bench::new(12, 1);
        let ours = (0..8).map(|piece| Verified::simulated(PieceIndex::new(piece)));
        bench.put(Input::Had(ours.collect()));
        let mut served = Vec::new();
        for peer in (1..6).map(PeerKey) {
            bench.connect(peer, true);
            let had = if peer == PeerKey(5) { 8 - lacks } else { 7 };
            for piece in 0..had {
                bench.say(peer, Message::Have(piece));
            }
            bench.put(Input::Progress { peer, bytes: 1 });
            served.extend(unchoked(&bench.say(peer, Message::Interested)));
            bench.now = bench.now + Duration::from_millis(1);
        }
        assert_eq!(served, [1, 2, 3].map(PeerKey));
        // The fourth waits longer than the fifth.
        let next = PeerKey(if lacks > 4 { 5 } else { 4 });
        let outputs = bench.say(PeerKey(1), Message::NotInterested);
        assert_eq!(unchoked(&outputs), [next]);
    }
}

fn unchoked(outputs: &[Output]) -> Vec<PeerKey> {
    let says = |output: &Output| match output {
        Output::Send {
            peer,
            message: Message::Unchoke,
        } => Some(*peer),
        _ => None,
    };
    outputs.iter().filter_map(says).collect()
}

/// The pieces that are gone, as a peer is told.
pub(super) fn gone(outputs: &[Output], to: PeerKey) -> Vec<u32> {
    let said = sent(outputs, to).into_iter();
    said.filter_map(|message| match message {
        Message::Extended { id: 7, payload } => Some(parse_dont_have(&payload).unwrap()),
        _ => None,
    })
    .collect()
}

#[test]
fn who_was_alone_with_an_origin_sees_no_more_than_others_once_they_come() {
    let mut bench = Bench::seeding(8, 1);
    assert_eq!(sent(&bench.connect(P, true), P)[..], [Message::HaveAll]);
    bench.put(extensions(P));
    bench.say(P, Message::Have(3));
    bench.say(P, Message::Interested);
    let outputs = bench.connect(Q, true);
    assert_eq!(gone(&outputs, P), [0, 1, 2, 4, 5, 6, 7]);
    assert_eq!(gone(&outputs, Q), []);
    // From now on both are shown single pieces.
    let shown = |message: &Message| matches!(message, Message::Have(_));
    let to = |peer| {
        sent(&outputs, peer)
            .iter()
            .filter(|said| shown(said))
            .count()
    };
    assert!((1..=4).contains(&(to(P) + to(Q))), "{outputs:?}");
}

#[test]
fn who_does_not_know_that_pieces_may_go_goes_on_to_see_everything() {
    let mut bench = Bench::seeding(8, 1);
    bench.connect(P, true);
    bench.say(P, Message::Interested);
    assert_eq!(gone(&bench.connect(Q, true), P), []);
}

#[test]
fn a_piece_that_is_gone_is_counted_out_and_not_asked_for() {
    let mut bench = Bench::new(3, 1);
    bench.connect(P, true);
    bench.say(P, Message::HaveAll);
    let gone = |piece| Input::PeerLacks { peer: P, piece };
    bench.put(gone(1));
    bench.put(gone(0));
    assert_eq!(bench.swarm.availability(), [0, 0, 1]);
    let asked = requests(&bench.say(P, Message::Unchoke), P);
    assert_eq!(
        asked
            .iter()
            .map(|request| request.piece)
            .collect::<Vec<_>>(),
        [2]
    );
    let outputs = bench.put(gone(2));
    assert_eq!(sent(&outputs, P), [Message::NotInterested]);
    assert_eq!(bench.swarm.availability(), [0, 0, 0]);
}
