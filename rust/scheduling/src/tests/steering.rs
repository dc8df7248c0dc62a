//! Pieces that are due: they come first, and late blocks are asked of two peers.

use std::time::Duration;

use p2pcore_protocol::BLOCK;
use p2pcore_protocol::message::Message;

use super::alone::{Bench, P, Q, requests};
use super::world::World;
use crate::{Fact, Input};

fn due(piece: u32, seconds: u64) -> Input {
    let within = Some(Duration::from_secs(seconds));
    Input::Deadline { piece, within }
}

fn asked(outputs: &[crate::Output]) -> Vec<u32> {
    let mut pieces: Vec<u32> = requests(outputs, P).iter().map(|is| is.piece).collect();
    pieces.dedup();
    pieces
}

#[test]
fn what_is_due_comes_first_whatever_its_rarity_and_priority() {
    let mut bench = Bench::new(40, 2);
    let mut priorities = vec![1; 40];
    priorities[..10].fill(7);
    priorities[33] = 0;
    bench.put(Input::Priorities(priorities));
    for (piece, seconds) in [(30, 9), (31, 2), (32, 5), (33, 1), (34, 1), (99, 1)] {
        bench.put(due(piece, seconds));
    }
    let (piece, within) = (34, None);
    bench.put(Input::Deadline { piece, within });
    bench.connect(P, true);
    bench.say(P, Message::HaveAll);
    let pieces = asked(&bench.say(P, Message::Unchoke));
    assert_eq!(pieces[..3], [31, 32, 30]);
    assert!(pieces[3] < 10, "{pieces:?}");
}

#[test]
fn nothing_is_due_any_more_when_that_is_said() {
    let mut bench = Bench::new(400, 2);
    for piece in 300..310 {
        bench.put(due(piece, 3));
    }
    bench.put(Input::NoDeadlines);
    bench.put(Input::Sequential(true));
    bench.connect(P, true);
    bench.say(P, Message::HaveAll);
    let pieces = asked(&bench.say(P, Message::Unchoke));
    assert_eq!(pieces[..3], [0, 1, 2]);
}

#[test]
fn all_peers_share_the_piece_that_is_due() {
    let mut bench = Bench::new(40, 16);
    bench.put(due(20, 3));
    for peer in [P, Q] {
        bench.connect(peer, true);
        bench.say(peer, Message::HaveAll);
        let sent = bench.say(peer, Message::Unchoke);
        let of_due = requests(&sent, peer)
            .iter()
            .filter(|is| is.piece == 20)
            .count();
        assert_eq!(of_due, 8);
    }
}

/// When each piece was verified, for a leech with a slow and a fast source, where a piece in the middle is due soon; and
/// the leech's hedges.
fn watch(due_after: Option<Duration>) -> (Duration, u64, u64) {
    let mut world = World::new(5, 64, 16 * BLOCK);
    let slow = world.seed(24 * 1024);
    let fast = world.seed(2 << 20);
    let leech = world.leech(1 << 20);
    world.introduce(leech, slow);
    world.introduce(leech, fast);
    world.run_for(Duration::from_secs(4));
    let began = world.now;
    let piece = (0..64)
        .rev()
        .find(|piece| !world.nodes[leech].swarm.have().contains(*piece));
    let piece = piece.unwrap();
    if let Some(within) = due_after {
        let within = Some(within);
        world.input(leech, Input::Deadline { piece, within });
    }
    assert!(world.run_until_complete(Duration::from_mins(5)));
    let verified = world.nodes[leech]
        .facts
        .iter()
        .find_map(|(at, fact)| match fact {
            Fact::PieceVerified(is) if is.get() == piece => Some(*at),
            _ => None,
        });
    let counters = world.nodes[leech].swarm.counters();
    let wasted = counters.wasted;
    (verified.unwrap().since(began), counters.hedges, wasted)
}

#[test]
fn late_blocks_of_a_slow_peer_are_fetched_from_the_fast_one() {
    let (took, hedges, wasted) = watch(Some(Duration::from_millis(800)));
    assert!(took <= Duration::from_millis(1_200), "{took:?}");
    assert!((1..=64).contains(&hedges), "{hedges} hedges");
    assert!(
        wasted <= hedges * u64::from(BLOCK),
        "{wasted} bytes in vain"
    );
}

#[test]
fn nothing_is_hedged_without_a_deadline_or_with_a_late_one() {
    assert_eq!(watch(None).1, 0);
    assert_eq!(watch(Some(Duration::from_mins(10))).1, 0);
}

#[test]
fn hedges_are_bounded() {
    let mut world = World::new(6, 256, 16 * BLOCK);
    let slow: Vec<usize> = (0..12).map(|_| world.seed(60 * 1024)).collect();
    let fast = world.seed(4 << 20);
    let leech = world.leech(1 << 20);
    for source in slow.into_iter().chain([fast]) {
        world.introduce(leech, source);
    }
    for piece in 0..256 {
        world.input(leech, due(piece, 0));
    }
    assert!(world.run_until_complete(Duration::from_mins(5)));
    let hedges = world.nodes[leech].swarm.counters().hedges;
    assert_eq!(hedges, 256 * 16 / 50, "what is late all along uses them up");
}
