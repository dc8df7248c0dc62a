//! Whom an origin shows the next piece to.

use std::net::SocketAddr;

use p2pcore_protocol::BLOCK;
use p2pcore_protocol::message::Message;

use super::alone::{Bench, P, Q, request};
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

#[test]
fn whoever_passes_on_what_it_gets_is_shown_more() {
    const R: PeerKey = PeerKey(3);
    let mut bench = origin();
    let mut next = Vec::new();
    for (peer, host) in [(P, 1), (Q, 2), (R, 3)] {
        next.extend(come(&mut bench, peer, [127, 0, 0, host]));
    }
    let mut counts = [0; 4];
    while let Some((peer, piece)) = next.pop() {
        counts[peer.0 as usize] += 1;
        if counts.iter().sum::<u32>() == 150 {
            break;
        }
        next.extend(shown(
            &bench.say(peer, Message::Request(request(piece, 0, BLOCK))),
        ));
        next.extend(shown(&bench.say(peer, Message::Have(piece))));
        // P keeps its pieces to itself; the other two give them to each other.
        let other = if peer == Q { R } else { Q };
        if peer != P {
            next.extend(shown(&bench.say(other, Message::Have(piece))));
        }
    }
    // A fifth goes to everybody in turn.
    assert!((5..=20).contains(&counts[1]), "{counts:?}");
    assert!(counts[2].abs_diff(counts[3]) < 20, "{counts:?}");
}

#[test]
fn the_second_peer_of_an_account_is_no_newcomer() {
    let mut bench = origin();
    for peer in 1..=20 {
        come(&mut bench, PeerKey(peer), [203, 0, 113, peer as u8]);
    }
    for (peer, net) in [(21, 1), (22, 2), (23, 3)] {
        let shown = come(&mut bench, PeerKey(peer), [198, 51, net, 1]);
        let first = shown.first().map(|(peer, _)| peer.0);
        assert_eq!(first, Some(peer));
    }
}
