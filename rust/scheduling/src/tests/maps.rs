//! A budget for the maps of what peers have: beyond it a peer is counted, served, and asked for nothing.

use p2pcore_protocol::extension::Coming;
use p2pcore_protocol::message::{Message, Request};
use p2pcore_protocol::{BLOCK, PieceIndex, Verified};

use super::alone::{Bench, P, Q, requests, sent};
use crate::{Input, Output, PeerKey, Swarm, SwarmConfig};

const R: PeerKey = PeerKey(3);

/// Sixteen pieces, of which we have the first four, and room for two maps. P and Q connect.
fn short() -> Bench {
    let mut bench = Bench::new(16, 1);
    let config = SwarmConfig {
        max_map_bytes: 16,
        ..SwarmConfig::default()
    };
    bench.swarm = Swarm::new(config, bench.swarm.layout().clone(), 1);
    let had = (0..4).map(|piece| Verified::simulated(PieceIndex::new(piece)));
    bench.put(Input::Had(had.collect()));
    for peer in [P, Q, R] {
        bench.connect(peer, true);
    }
    bench
}

fn has(bits: u16) -> Message {
    Message::Bitfield(bits.to_be_bytes().to_vec())
}

fn says(outputs: &[Output], peer: PeerKey, message: &Message) -> bool {
    sent(outputs, peer).contains(message)
}

#[test]
fn beyond_the_budget_a_peer_is_counted_and_served_and_asked_for_nothing() {
    let mut bench = short();
    bench.say(P, has(0x0ff0));
    bench.say(Q, has(0x00ff));
    let outputs = bench.say(R, has(0xff00));
    assert!(!says(&outputs, R, &Message::Interested));
    let availability = bench.swarm.availability();
    let expected = [0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 1, 1, 1, 1];
    assert_eq!(availability, expected);
    let snapshots = bench.swarm.peer_snapshots(bench.now);
    assert!((snapshots[2].progress - 0.5).abs() < 1e-9);
    assert!(requests(&bench.say(R, Message::Unchoke), R).is_empty());
    assert!(says(
        &bench.say(R, Message::Interested),
        R,
        &Message::Unchoke
    ));
    let room = 1 << 20;
    bench.put(Input::Writable { peer: R, room });
    let request = Request {
        piece: 0,
        begin: 0,
        length: BLOCK,
    };
    let served = bench.say(R, Message::Request(request));
    assert!(
        matches!(served[..], [Output::Serve { peer: R, .. }]),
        "{served:?}"
    );
}

#[test]
fn whoever_is_of_less_use_and_idle_makes_room() {
    let mut bench = short();
    bench.say(P, has(0x0f00));
    assert!(says(&bench.say(Q, has(0xf800)), Q, &Message::Interested));
    let outputs = bench.say(R, has(0x00ff));
    assert!(says(&outputs, R, &Message::Interested));
    assert!(
        says(&outputs, Q, &Message::NotInterested),
        "it has the least that we need"
    );
    assert_eq!(bench.swarm.availability()[..4], [0; 4]);
    // P and R are asked for blocks now: they stay, whoever comes.
    bench.say(P, Message::Unchoke);
    bench.say(R, Message::Unchoke);
    let outputs = bench.say(Q, has(0x7fff));
    assert!(!says(&outputs, Q, &Message::Interested));
    assert_eq!(bench.swarm.availability()[1], 0);
}

#[test]
fn a_counted_peer_that_has_everything_at_last_is_a_seed() {
    let mut bench = short();
    bench.say(P, has(0x0fff));
    bench.say(Q, has(0x0fff));
    bench.say(R, has(0xfffc));
    bench.say(R, Message::Unchoke);
    assert!(requests(&bench.say(R, Message::Have(14)), R).is_empty());
    let outputs = bench.say(R, Message::Have(15));
    assert_eq!(bench.swarm.seeds(), 1);
    assert!(says(&outputs, R, &Message::Interested));
    assert!(!requests(&outputs, R).is_empty());
    bench.put(Input::PeerLacks { peer: R, piece: 3 });
    assert_eq!(bench.swarm.seeds(), 0);
    bench.put(Input::PeerDisconnected { peer: R });
    assert_eq!(bench.swarm.availability()[5], 2);
}

#[test]
fn single_haves_cost_no_map_beyond_the_budget() {
    let mut bench = short();
    bench.say(P, has(0x0fff));
    bench.say(Q, has(0x0fff));
    assert!(!says(
        &bench.say(R, Message::Have(9)),
        R,
        &Message::Interested
    ));
    assert_eq!(bench.swarm.availability()[9], 2);
    let share = bench.swarm.peer_snapshots(bench.now)[2].progress;
    assert!((share - 1.0 / 16.0).abs() < 1e-9);
}

/// How many of the sixteen pieces a peer has, by number.
fn pieces(bench: &Bench, peer: usize) -> String {
    let progress = bench.swarm.peer_snapshots(bench.now)[peer].progress;
    format!("{:.3}", progress * 16.0)
}

#[test]
fn what_comes_to_a_counted_peer_counts_when_it_is_there() {
    let mut bench = short();
    bench.say(P, has(0x0fff));
    bench.say(Q, has(0x0fff));
    let coming = |piece| {
        let coming = Coming { piece, hops: 1 };
        Input::PeerComing { peer: R, coming }
    };
    let have = |piece| Input::Message {
        peer: R,
        message: Message::Have(piece),
    };
    let lacks = |piece| Input::PeerLacks { peer: R, piece };
    for (at, (change, expected)) in [
        (coming(9), "0.000"),
        (have(9), "1.000"),
        (coming(10), "1.000"),
        (lacks(10), "1.000"),
        (have(11), "2.000"),
        (lacks(11), "1.000"),
    ]
    .into_iter()
    .enumerate()
    {
        bench.put(change);
        assert_eq!(pieces(&bench, 2), expected, "{at}");
    }
}

#[test]
fn of_a_map_that_is_forgotten_what_comes_does_not_count() {
    let mut bench = short();
    bench.say(Q, has(0x000c));
    let coming = Coming { piece: 15, hops: 1 };
    bench.put(Input::PeerComing { peer: Q, coming });
    for peer in [P, R] {
        bench.say(peer, has(0x0fff));
    }
    assert_eq!(pieces(&bench, 1), "2.000");
    bench.say(Q, Message::Have(15));
    assert_eq!(pieces(&bench, 1), "3.000");
}
