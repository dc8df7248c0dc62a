//! How a Swarm brings two peers together that nobody can dial, and is brought together with others.

use std::net::SocketAddr;
use std::time::Duration;

use p2pcore_protocol::PieceIndex;
use p2pcore_protocol::holepunch::{Failure, Holepunch};
use p2pcore_protocol::message::Message;
use p2pcore_protocol::pex::{Exchange, Told};

use super::alone::{Bench, P, Q, sent};
use crate::{CloseReason, Extensions, Input, Output, PeerInfo, PeerKey, SwarmConfig};

const ID: u8 = 9;
const NAT: &str = "198.51.100.7:6881";
const OTHER: &str = "203.0.113.9:40001";

fn addr(addr: &str) -> SocketAddr {
    addr.parse().unwrap()
}

/// Connects a peer that comes from this address, says that it listens at port 6881, and takes part if it has an id.
fn meet(bench: &mut Bench, peer: PeerKey, from: &str, punch: Option<u8>) {
    let info = PeerInfo {
        addr: addr(from),
        outgoing: false,
        peer_id: [peer.0 as u8; 20],
        fast: true,
        extended: true,
        v2: false,
    };
    bench.put(Input::PeerConnected { peer, info });
    let said = Extensions {
        exchange: Some(ID + 1),
        punch,
        listen_port: Some(6881),
        ..Extensions::default()
    };
    bench.put(Input::PeerExtensions { peer, said });
}

fn say(bench: &mut Bench, peer: PeerKey, said: Holepunch) -> Vec<Output> {
    bench.put(Input::Punched { peer, said })
}

/// What a peer was told.
fn told(outputs: &[Output], peer: PeerKey) -> Vec<Holepunch> {
    let said = sent(outputs, peer).into_iter();
    let told = said.filter_map(|said| match said {
        Message::Extended { id: ID, payload } => Some(Holepunch::parse(&payload).unwrap()),
        _ => None,
    });
    told.collect()
}

fn dials(outputs: &[Output]) -> Vec<SocketAddr> {
    let dials = outputs.iter().filter_map(|output| match output {
        Output::Dial { addr, .. } => Some(*addr),
        _ => None,
    });
    dials.collect()
}

/// A peer tells of one at this address, and half a second later.
fn tell_of(bench: &mut Bench, peer: PeerKey, at: &str, reachable: bool) -> Vec<Output> {
    let told = Told {
        addr: addr(at),
        seed: false,
        reachable,
    };
    let exchange = Exchange {
        added: vec![told],
        dropped: Vec::new(),
    };
    bench.put(Input::Exchanged { peer, exchange })
}

fn later(bench: &mut Bench) -> Vec<Output> {
    bench.now = bench.now + Duration::from_millis(500);
    bench.put(Input::Tick)
}

#[test]
fn two_that_we_know_are_told_to_dial_each_other_where_we_see_them() {
    let mut bench = Bench::new(4, 1);
    meet(&mut bench, P, NAT, Some(ID));
    meet(&mut bench, Q, OTHER, Some(ID));
    // By where it says that it listens, which is what others are told, or by where it is seen.
    for target in ["203.0.113.9:6881", OTHER] {
        let outputs = say(&mut bench, P, Holepunch::Rendezvous(addr(target)));
        assert_eq!(told(&outputs, Q), [Holepunch::Connect(addr(NAT))]);
        assert_eq!(told(&outputs, P), [Holepunch::Connect(addr(OTHER))]);
        assert!(dials(&outputs).is_empty());
    }
}

#[test]
fn what_comes_to_nothing_is_said_to_the_asker_alone() {
    let mut bench = Bench::new(4, 1);
    meet(&mut bench, P, NAT, Some(ID));
    meet(&mut bench, Q, OTHER, None);
    meet(&mut bench, PeerKey(3), "192.168.0.3:6881", Some(ID));
    for (target, failure) in [
        ("203.0.113.8:6881", Failure::NotConnected),
        (NAT, Failure::NotConnected),
        (OTHER, Failure::NoSupport),
        ("192.168.0.3:6881", Failure::NoSuchPeer),
    ] {
        let outputs = say(&mut bench, P, Holepunch::Rendezvous(addr(target)));
        let failed = Holepunch::Failed(addr(target), failure);
        assert_eq!(told(&outputs, P), [failed]);
        assert_eq!(told(&outputs, Q), []);
        assert_eq!(told(&outputs, PeerKey(3)), []);
    }
}

#[test]
fn whoever_dials_us_is_dialled_also_by_a_seed() {
    let mut bench = Bench::new(1, 1);
    let had = p2pcore_protocol::Verified::simulated(PieceIndex::new(0));
    bench.put(Input::Had(vec![had]));
    meet(&mut bench, P, NAT, Some(ID));
    let outputs = say(&mut bench, P, Holepunch::Connect(addr(OTHER)));
    let within = Some(Duration::from_secs(4));
    let dial = Output::Dial {
        addr: addr(OTHER),
        within,
    };
    assert!(outputs.contains(&dial));
    assert_eq!(told(&outputs, P), []);
    let again = say(&mut bench, P, Holepunch::Connect(addr(OTHER)));
    assert!(dials(&again).is_empty(), "it is under way");
}

#[test]
fn nobody_is_sent_to_a_peer_we_have_or_into_our_own_network() {
    let mut bench = Bench::new(4, 1);
    meet(&mut bench, P, NAT, Some(ID));
    meet(&mut bench, Q, "203.0.113.9:6881", Some(ID));
    for target in ["203.0.113.9:6881", "192.168.0.1:80", "127.0.0.1:6881"] {
        let outputs = say(&mut bench, P, Holepunch::Connect(addr(target)));
        assert!(dials(&outputs).is_empty(), "{target}");
    }
}

#[test]
fn who_does_not_answer_is_asked_for_by_way_of_who_told_of_it() {
    let mut bench = Bench::new(4, 1);
    meet(&mut bench, P, NAT, Some(ID));
    let outputs = tell_of(&mut bench, P, OTHER, false);
    assert_eq!(dials(&outputs), [addr(OTHER)]);
    assert_eq!(told(&outputs, P), []);
    let due = bench.swarm.poll_timeout().unwrap();
    assert!(due <= bench.now + Duration::from_millis(500));
    let asked = Holepunch::Rendezvous(addr(OTHER));
    assert_eq!(told(&later(&mut bench), P), [asked]);
    assert_eq!(told(&later(&mut bench), P), []);
}

#[test]
fn nothing_is_asked_about_who_can_be_dialled_or_refuses() {
    let mut bench = Bench::new(4, 1);
    meet(&mut bench, P, NAT, Some(ID));
    tell_of(&mut bench, P, OTHER, true);
    assert_eq!(told(&later(&mut bench), P), []);

    let mut bench = Bench::new(4, 1);
    meet(&mut bench, P, NAT, None);
    tell_of(&mut bench, P, OTHER, false);
    assert_eq!(sent(&later(&mut bench), P), [], "it takes no part");

    let mut bench = Bench::new(4, 1);
    meet(&mut bench, P, NAT, Some(ID));
    tell_of(&mut bench, P, OTHER, false);
    bench.put(Input::DialFailed {
        addr: addr(OTHER),
        for_good: false,
    });
    assert_eq!(told(&later(&mut bench), P), []);
}

#[test]
fn who_asks_too_much_is_closed() {
    let mut bench = Bench::new(4, 1);
    meet(&mut bench, P, NAT, Some(ID));
    meet(&mut bench, Q, OTHER, Some(ID));
    let mut passed_on = 0;
    let closed = (0..10_000).any(|_| {
        let outputs = say(&mut bench, P, Holepunch::Rendezvous(addr(OTHER)));
        passed_on += told(&outputs, Q).len();
        let closed = |output: &Output| {
            matches!(output, Output::Close { peer, reason: CloseReason::Flooded } if *peer == P)
        };
        outputs.iter().any(closed)
    });
    assert!(closed && passed_on == 50, "{passed_on}");
}

#[test]
fn nobody_is_brought_together_where_peers_are_not_told_of_each_other() {
    let config = SwarmConfig {
        exchange: false,
        ..SwarmConfig::default()
    };
    let mut bench = Bench::with(config, 4, 1);
    meet(&mut bench, P, NAT, Some(ID));
    meet(&mut bench, Q, OTHER, Some(ID));
    let outputs = say(&mut bench, P, Holepunch::Rendezvous(addr(OTHER)));
    assert_eq!((told(&outputs, P), told(&outputs, Q)), (vec![], vec![]));
    let outputs = say(&mut bench, P, Holepunch::Connect(addr("203.0.113.8:1")));
    assert!(dials(&outputs).is_empty());
}
