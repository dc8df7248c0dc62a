//! What a Swarm says to seeds of each other, and what it makes of it when it is told.

use p2pcore_protocol::Member;
use p2pcore_protocol::message::Message;
use p2pcore_protocol::seeds::{MOST_SEEDS, parse_seeds};

use super::alone::{Bench, P, Q, sent};
use crate::{CloseReason, Extensions, Input, Output, PeerKey};

const ID: u8 = 9;

fn extensions(peer: PeerKey, seeds: Option<u8>) -> Input {
    let said = Extensions {
        seeds,
        ..Extensions::default()
    };
    Input::PeerExtensions { peer, said }
}

fn name(peer: PeerKey) -> Member {
    Member::of(&[peer.0 as u8; 20])
}

/// The lists that a peer was sent.
fn told(outputs: &[Output], peer: PeerKey) -> Vec<Vec<Member>> {
    let lists = sent(outputs, peer)
        .into_iter()
        .filter_map(|said| match said {
            Message::Extended { id: ID, payload } => Some(parse_seeds(&payload).unwrap()),
            _ => None,
        });
    lists.collect()
}

/// Connects a seed that takes the message, or does not.
fn seed(bench: &mut Bench, peer: PeerKey, id: Option<u8>) -> Vec<Output> {
    let mut outputs = bench.connect(peer, true);
    outputs.extend(bench.put(extensions(peer, id)));
    outputs.extend(bench.say(peer, Message::HaveAll));
    outputs
}

#[test]
fn each_seed_is_told_of_the_others_and_when_they_go() {
    let mut bench = Bench::new(4, 1);
    assert_eq!(told(&seed(&mut bench, P, Some(ID)), P).len(), 0);
    let outputs = seed(&mut bench, Q, Some(ID));
    assert_eq!(told(&outputs, P), [[name(Q)]]);
    assert_eq!(told(&outputs, Q), [[name(P)]]);
    let outputs = bench.put(Input::PeerDisconnected { peer: Q });
    assert_eq!(told(&outputs, P), [Vec::<Member>::new()]);
}

#[test]
fn usual_seeds_are_told_nothing_and_of_many_nobody_is_told() {
    let mut bench = Bench::new(4, 1);
    seed(&mut bench, P, None);
    assert!(told(&seed(&mut bench, Q, None), P).is_empty());
    let mut bench = Bench::new(4, 1);
    let most = MOST_SEEDS as u64;
    let peers: Vec<PeerKey> = (1..=most + 3).map(PeerKey).collect();
    for (before, peer) in peers.iter().enumerate() {
        let outputs = seed(&mut bench, *peer, Some(ID));
        let expected = usize::from((1..MOST_SEEDS).contains(&before));
        assert_eq!(told(&outputs, *peer).len(), expected, "after {before}");
    }
}

#[test]
fn a_seed_that_has_all_says_nothing_of_other_seeds() {
    let mut bench = Bench::seeding(4, 1);
    seed(&mut bench, P, Some(ID));
    assert!(told(&seed(&mut bench, Q, Some(ID)), P).is_empty());
}

#[test]
fn who_says_the_same_again_and_again_is_left() {
    let mut bench = Bench::seeding(64, 1);
    bench.connect(P, true);
    let again = |bench: &mut Bench| {
        let seeds = vec![name(Q)];
        bench.put(Input::SeedsSeen { peer: P, seeds })
    };
    let left = |outputs: &[Output]| {
        let mut outputs = outputs.iter();
        outputs.any(|output| {
            matches!(
                output,
                Output::Close {
                    reason: CloseReason::Flooded,
                    ..
                }
            )
        })
    };
    assert!((0..10).all(|_| !left(&again(&mut bench))));
    assert!((0..10_000).any(|_| left(&again(&mut bench))));
}
