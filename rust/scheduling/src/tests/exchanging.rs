//! Whom a Swarm tells of which peers, and what it makes of it when it is told (BEP 11).

use std::net::SocketAddr;

use p2pcore_protocol::message::Message;
use p2pcore_protocol::pex::{Exchange, Told};

use super::alone::{Bench, P, Q, sent};
use crate::{CloseReason, Extensions, Input, Output, PeerKey, SwarmConfig};

const ID: u8 = 9;
const R: PeerKey = PeerKey(3);

/// Where the peer takes connections.
fn at(peer: PeerKey) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 100 + peer.0 as u16))
}

/// Connects a peer that wants to be told.
fn meet(bench: &mut Bench, peer: PeerKey) {
    bench.connect(peer, true);
    let said = Extensions {
        exchange: Some(ID),
        listen_port: Some(at(peer).port()),
        ..Extensions::default()
    };
    bench.put(Input::PeerExtensions { peer, said });
}

/// What a peer was told.
fn told(outputs: &[Output], peer: PeerKey) -> Vec<Exchange> {
    let said = sent(outputs, peer).into_iter();
    let told = said.filter_map(|said| match said {
        Message::Extended { id: ID, payload } => Some(Exchange::parse(&payload).unwrap()),
        _ => None,
    });
    told.collect()
}

fn added(peers: &[PeerKey]) -> Exchange {
    let told = |peer: &PeerKey| Told {
        addr: at(*peer),
        seed: false,
        reachable: false,
    };
    Exchange {
        added: peers.iter().map(told).collect(),
        dropped: Vec::new(),
    }
}

fn dialled(outputs: &[Output]) -> Vec<SocketAddr> {
    let dials = outputs.iter().filter_map(|output| match output {
        Output::Dial { addr, .. } => Some(*addr),
        _ => None,
    });
    dials.collect()
}

#[test]
fn peers_are_told_of_each_other_after_a_second_and_then_once_a_minute() {
    let mut bench = Bench::new(4, 1);
    meet(&mut bench, P);
    meet(&mut bench, Q);
    let outputs = bench.wait(3);
    assert_eq!(told(&outputs, P), [added(&[Q])]);
    assert_eq!(told(&outputs, Q), [added(&[P])]);
    meet(&mut bench, R);
    bench.put(Input::PeerDisconnected { peer: Q });
    let outputs = bench.wait(30);
    assert_eq!(told(&outputs, R), [added(&[P])], "not of who left");
    assert_eq!(told(&outputs, P), []);
    let outputs = bench.wait(60);
    let mut later = added(&[R]);
    later.dropped.push(at(Q));
    assert_eq!(told(&outputs, P), [later]);
    assert_eq!(told(&bench.wait(300), P), [], "nothing is new");
}

#[test]
fn whom_we_dialled_is_reachable_and_a_seed_is_said_to_be_one() {
    let mut bench = Bench::new(4, 1);
    meet(&mut bench, P);
    let peer = Q;
    let info = crate::PeerInfo {
        addr: at(Q),
        outgoing: true,
        peer_id: [2; 20],
        fast: true,
        extended: false,
        v2: false,
    };
    bench.put(Input::PeerConnected { peer, info });
    bench.say(Q, Message::HaveAll);
    let mut expected = added(&[Q]);
    (expected.added[0].seed, expected.added[0].reachable) = (true, true);
    assert_eq!(told(&bench.wait(3), P), [expected]);
}

#[test]
fn who_needs_nothing_is_told_nothing_and_who_says_no_port_is_not_told_of() {
    let mut bench = Bench::new(4, 1);
    meet(&mut bench, P);
    meet(&mut bench, Q);
    bench.say(Q, Message::HaveAll);
    bench.connect(R, true);
    let outputs = bench.wait(100);
    assert_eq!((told(&outputs, Q).len(), told(&outputs, P).len()), (0, 1));
    assert_eq!(told(&outputs, P)[0].added.len(), 1);
}

#[test]
fn those_that_a_peer_tells_of_are_dialled_but_not_those_that_we_have() {
    let mut bench = Bench::new(4, 1);
    meet(&mut bench, P);
    meet(&mut bench, Q);
    let exchange = added(&[P, Q, R, PeerKey(4)]);
    let mut dials = dialled(&bench.put(Input::Exchanged { peer: P, exchange }));
    dials.sort_unstable();
    assert_eq!(dials, [at(R), at(PeerKey(4))]);
    // Once is enough for a minute.
    let exchange = added(&[PeerKey(5)]);
    let again = Input::Exchanged { peer: P, exchange };
    assert_eq!(dialled(&bench.put(again.clone())), []);
    bench.wait(60);
    assert_eq!(dialled(&bench.put(again)), [at(PeerKey(5))]);
}

#[test]
fn nobody_is_dialled_where_there_are_enough_until_somebody_leaves() {
    let config = SwarmConfig {
        neighbours: 3,
        ..SwarmConfig::default()
    };
    let mut bench = Bench::with(config, 4, 1);
    for peer in [P, Q, R] {
        meet(&mut bench, peer);
    }
    let exchange = added(&[PeerKey(4), PeerKey(5)]);
    assert_eq!(
        dialled(&bench.put(Input::Exchanged { peer: P, exchange })),
        []
    );
    let outputs = bench.put(Input::PeerDisconnected { peer: R });
    assert_eq!(dialled(&outputs).len(), 1);
}

#[test]
fn of_a_private_torrent_nobody_is_told_and_nobody_believed() {
    let config = SwarmConfig {
        exchange: false,
        ..SwarmConfig::default()
    };
    let mut bench = Bench::with(config, 4, 1);
    meet(&mut bench, P);
    meet(&mut bench, Q);
    let exchange = added(&[R]);
    assert_eq!(
        dialled(&bench.put(Input::Exchanged { peer: P, exchange })),
        []
    );
    assert_eq!(told(&bench.wait(100), P), []);
}

#[test]
fn a_peer_elsewhere_cannot_send_us_into_our_own_network() {
    let mut bench = Bench::new(4, 1);
    let info = crate::PeerInfo {
        addr: SocketAddr::from(([8, 8, 8, 8], 1)),
        outgoing: false,
        peer_id: [1; 20],
        fast: true,
        extended: true,
        v2: false,
    };
    bench.put(Input::PeerConnected { peer: P, info });
    let mut exchange = added(&[Q]);
    for ip in [
        [10, 0, 0, 1],
        [192, 168, 1, 1],
        [224, 0, 0, 1],
        [9, 9, 9, 9],
    ] {
        let addr = SocketAddr::from((ip, 80));
        exchange.added.push(Told {
            addr,
            ..exchange.added[0]
        });
    }
    let outputs = bench.put(Input::Exchanged { peer: P, exchange });
    assert_eq!(dialled(&outputs), [SocketAddr::from(([9, 9, 9, 9], 80))]);
}

#[test]
fn who_tells_again_and_again_is_left() {
    let mut bench = Bench::new(4, 1);
    meet(&mut bench, P);
    let exchange = Exchange::default();
    let again = Input::Exchanged { peer: P, exchange };
    let flooded = |output: &Output| {
        let reason = CloseReason::Flooded;
        matches!(output, Output::Close { reason: why, .. } if *why == reason)
    };
    let mut left = |_| bench.put(again.clone()).iter().any(flooded);
    assert!((0..10).all(|time| !left(time)));
    assert!((0..10_000).any(left));
}
