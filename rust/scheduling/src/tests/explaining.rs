//! What a Swarm says of why it does what it does, and of what passed between it and each identity.

use p2pcore_protocol::message::Message;
use p2pcore_protocol::{PieceIndex, Verified};

use super::alone::{Bench, P, Q, checked, requests};
use crate::{
    Amounts, Choked, Identity, Input, Output, PeerKey, Served, SizedBy, Standing, Swarm,
    SwarmConfig, Verdict, Why,
};

const R: PeerKey = PeerKey(3);

/// A seed that serves one peer at once and hides nothing.
fn seed_of_one_slot() -> Bench {
    let mut bench = Bench::new(8, 1);
    let config = SwarmConfig {
        unchoke_slots: 1,
        origin: false,
        ..SwarmConfig::default()
    };
    bench.swarm = Swarm::new(config, bench.swarm.layout().clone(), 1);
    let all = (0..8).map(|piece| Verified::simulated(PieceIndex::new(piece)));
    bench.put(Input::Had(all.collect()));
    bench
}

fn why(bench: &Bench, peer: PeerKey) -> Why {
    let snapshots = bench.swarm.peer_snapshots(bench.now);
    snapshots.into_iter().find(|is| is.key == peer).unwrap().why
}

#[test]
fn each_peer_is_told_why_it_is_served_or_not() {
    let mut bench = seed_of_one_slot();
    for peer in [P, Q, R] {
        bench.connect(peer, true);
        bench.say(peer, Message::HaveNone);
    }
    bench.say(P, Message::Interested);
    bench.say(Q, Message::Interested);
    assert_eq!(why(&bench, P).standing, Standing::Served(Served::Room));
    assert_eq!(why(&bench, Q).standing, Standing::Choked(Choked::Waits));
    let idle = Standing::Choked(Choked::NotInterested);
    assert_eq!(why(&bench, R).standing, idle);
    bench.wait(1);
    bench.put(Input::PeerUploadOnly {
        peer: R,
        upload_only: true,
    });
    // A seed has nothing to trade with it.
    assert_eq!(bench.swarm.peer_snapshots(bench.now).len(), 2);
    bench.wait(60);
    let standings = [P, Q].map(|peer| why(&bench, peer).standing);
    assert!(
        standings.contains(&Standing::Served(Served::Turn)),
        "{standings:?}"
    );
    let sharing = bench.swarm.sharing();
    assert_eq!(
        (sharing.slots, sharing.most_slots, sharing.origin),
        (1, 1, false)
    );
}

#[test]
fn an_origin_tells_what_it_shows() {
    let mut bench = Bench::seeding(8, 1);
    let mut shown = 0;
    for peer in [P, Q] {
        let mut outputs = bench.connect(peer, true);
        outputs.extend(bench.say(peer, Message::HaveNone));
        let is_have = |output: &&Output| match output {
            Output::Send { peer, message } => *peer == Q && matches!(message, Message::Have(_)),
            _ => false,
        };
        shown += outputs.iter().filter(is_have).count();
    }
    // The first one was alone, and is shown everything.
    assert_eq!(why(&bench, P).shown, None);
    assert_eq!(why(&bench, Q).standing, Standing::Shown);
    assert!(shown > 0 && why(&bench, Q).shown == Some(shown as u32));
    assert!(bench.swarm.sharing().origin);
}

#[test]
fn the_window_says_what_it_follows_from() {
    let mut bench = Bench::new(64, 4);
    bench.connect(P, true);
    bench.say(P, Message::HaveAll);
    let asked = requests(&bench.say(P, Message::Unchoke), P);
    let path = why(&bench, P).path;
    assert_eq!((path.sized_by, path.round_trip), (SizedBy::Start, None));
    assert_eq!(path.blocks as usize, asked.len());
    bench.now = bench.now + std::time::Duration::from_millis(40);
    bench.block(P, asked[0]);
    let path = why(&bench, P).path;
    assert_eq!(path.round_trip, Some(std::time::Duration::from_millis(40)));
    bench.put(Input::PeerRequestLimit { peer: P, reqq: 2 });
    let path = why(&bench, P).path;
    assert_eq!((path.sized_by, path.blocks), (SizedBy::Limit, 2));
    bench.wait(60);
    assert_eq!(why(&bench, P).path.sized_by, SizedBy::Stall);
    assert_eq!(why(&bench, P).trust.suspected, 0);
}

#[test]
fn suspects_are_on_parole() {
    let mut bench = Bench::new(1, 2);
    for peer in [P, Q] {
        bench.connect(peer, true);
        bench.say(peer, Message::HaveAll);
    }
    let mut asked = requests(&bench.say(P, Message::Unchoke), P);
    bench.block(P, asked.remove(0));
    // It does not send the other.
    bench.say(P, Message::Choke);
    for request in asked {
        bench.say(P, Message::Reject(request));
    }
    for request in requests(&bench.say(Q, Message::Unchoke), Q) {
        bench.block(Q, request);
    }
    bench.put(checked(Verdict::Bad {
        piece: PieceIndex::new(0),
        bad_blocks: Vec::new(),
    }));
    for peer in [P, Q] {
        let trust = why(&bench, peer).trust;
        assert_eq!((trust.suspected, trust.parole), (1, 1));
    }
}

#[test]
fn amounts_name_every_byte_once_also_of_those_who_left() {
    let mut bench = Bench::new(64, 4);
    for peer in [P, Q] {
        bench.connect(peer, true);
        bench.say(peer, Message::HaveAll);
        let asked = requests(&bench.say(peer, Message::Unchoke), peer);
        bench.block(peer, asked[0]);
    }
    bench.put(Input::PeerDisconnected { peer: P });
    // All are on the loopback: one host.
    let host = Identity::of([127, 0, 0, 1].into());
    let received = bench.swarm.counters().downloaded;
    assert!(received > 0);
    let amounts = Amounts { given: 0, received };
    let taken: Vec<_> = bench.swarm.take_amounts().into_iter().collect();
    assert_eq!(taken, [(host, amounts)]);
    assert!(bench.swarm.take_amounts().is_empty());
}
