//! Whom an origin shows the next piece to.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use p2pcore_protocol::BLOCK;
use p2pcore_protocol::extension::Coming;
use p2pcore_protocol::message::Message;

use super::alone::{Bench, request};
use crate::{Input, Output, PeerInfo, PeerKey};

const PIECES: u32 = 256;

/// An origin, and somebody who came first, alone, and sees everything.
fn origin() -> Bench {
    let mut bench = Bench::seeding(PIECES, 1);
    bench.connect(PeerKey(99), true);
    bench
}

/// A peer comes that wants something; what is shown meanwhile.
fn come(bench: &mut Bench, peer: PeerKey, addr: [u8; 4]) -> Vec<(PeerKey, u32)> {
    let info = PeerInfo {
        addr: SocketAddr::from((addr, 5_000)),
        outgoing: false,
        peer_id: [0; 20],
        fast: true,
        extended: true,
        v2: false,
    };
    let mut outputs = bench.put(Input::PeerConnected { peer, info });
    outputs.extend(bench.say(peer, Message::HaveNone));
    outputs.extend(bench.say(peer, Message::Interested));
    let room = 1 << 20;
    outputs.extend(bench.put(Input::Writable { peer, room }));
    shown(&outputs)
}

fn shown(outputs: &[Output]) -> Vec<(PeerKey, u32)> {
    let says = |output: &Output| match output {
        Output::Send {
            peer,
            message: Message::Have(piece),
        } => Some((*peer, *piece)),
        _ => None,
    };
    outputs.iter().filter_map(says).collect()
}

/// Of 150 pieces, how many each of seven peers is shown: the first `keep` to themselves what they get, or say that they
/// have it without taking it, and the last two give each other all they get.
fn shown_to(keep: u64, takes: bool) -> [u32; 8] {
    let mut bench = origin();
    let mut next = VecDeque::new();
    let honest = [PeerKey(6), PeerKey(7)];
    for peer in (1..=keep).map(PeerKey).chain(honest) {
        next.extend(come(&mut bench, peer, [127, 0, 0, peer.0 as u8]));
    }
    let mut counts = [0; 8];
    for _ in 0..150 {
        let (peer, piece) = next.pop_front().expect("somebody is shown something");
        counts[peer.0 as usize] += 1;
        if takes || honest.contains(&peer) {
            let asks = Message::Request(request(piece, 0, BLOCK));
            next.extend(shown(&bench.say(peer, asks)));
        }
        next.extend(shown(&bench.say(peer, Message::Have(piece))));
        if let Some(other) = honest
            .iter()
            .find(|other| **other != peer && honest.contains(&peer))
        {
            next.extend(shown(&bench.say(*other, Message::Have(piece))));
        }
    }
    counts
}

#[test]
fn whoever_passes_on_what_it_gets_is_shown_more() {
    let counts = shown_to(1, true);
    // A fifth goes to everybody in turn.
    assert!((5..=20).contains(&counts[1]), "{counts:?}");
    assert!(counts[6].abs_diff(counts[7]) < 20, "{counts:?}");
}

#[test]
fn those_who_take_nothing_are_in_nobodys_way() {
    let counts = shown_to(5, false);
    assert!(counts[6] + counts[7] >= 50, "{counts:?}");
}

#[test]
fn the_other_peers_of_an_account_are_no_newcomers() {
    let mut bench = origin();
    let mut shown = Vec::new();
    for peer in 1..=20 {
        shown.extend(come(&mut bench, PeerKey(peer), [203, 0, 113, peer as u8]));
    }
    assert_eq!(shown.len(), 2);
    let shown = come(&mut bench, PeerKey(21), [198, 51, 100, 1]);
    assert_eq!(shown.first().map(|(peer, _)| peer.0), Some(21));
}

#[test]
fn those_that_come_alone_are_tried_before_those_that_come_with_others() {
    let mut bench = origin();
    let mut next = VecDeque::new();
    for (peer, prefix) in [(1, 1), (2, 2)] {
        next.extend(come(&mut bench, PeerKey(peer), [203, 0, prefix, 1]));
    }
    assert_eq!(next.len(), 4, "as many as are tried at once");
    for (peer, addr) in [
        (3, [203, 0, 3, 1]),
        (4, [203, 0, 3, 2]),
        (5, [203, 0, 3, 3]),
        (6, [203, 0, 6, 1]),
        (7, [203, 0, 7, 1]),
        (8, [203, 0, 8, 1]),
    ] {
        assert_eq!(come(&mut bench, PeerKey(peer), addr), []);
    }
    let mut tried = Vec::new();
    while tried.len() < 4 {
        let (peer, piece) = next.pop_front().expect("somebody is shown something");
        if peer.0 > 2 && !tried.contains(&peer.0) {
            tried.push(peer.0);
        }
        let asks = Message::Request(request(piece, 0, BLOCK));
        next.extend(shown(&bench.say(peer, asks)));
        next.extend(shown(&bench.say(peer, Message::Have(piece))));
    }
    tried[..3].sort_unstable();
    assert_eq!(tried[..3], [6, 7, 8]);
    assert!((3..=5).contains(&tried[3]));
}

/// Whoever is told that a piece comes says so to us at once, and may have it before its giver does.
#[test]
fn who_passes_on_before_a_piece_is_whole_is_known_by_it() {
    let (giver, taker) = (PeerKey(1), PeerKey(2));
    for (told_ahead, first, passed) in [(false, giver, 300), (true, giver, 300), (true, taker, 0)] {
        let mut bench = origin();
        let shown = come(&mut bench, giver, [127, 0, 0, 1]);
        come(&mut bench, taker, [127, 0, 0, 2]);
        let (_, piece) = shown[0];
        bench.say(giver, Message::Request(request(piece, 0, BLOCK)));
        if told_ahead {
            let coming = Coming { piece, hops: 1 };
            let peer = taker;
            bench.put(Input::PeerComing { peer, coming });
        }
        let after = |bench: &Bench| {
            let peers = bench.swarm.peer_snapshots(bench.now);
            let of_giver = peers.into_iter().find(|peer| peer.key == giver);
            of_giver.unwrap().why.passes_on_after
        };
        let second = if first == giver { taker } else { giver };
        for peer in [first, second] {
            assert_eq!(after(&bench), None);
            bench.now = bench.now + Duration::from_millis(300);
            bench.say(peer, Message::Have(piece));
        }
        assert_eq!(after(&bench), Some(Duration::from_millis(passed)));
    }
}
