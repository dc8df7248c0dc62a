//! Greedy peers under a tree of limits: what passes is what the limits say, shared as the tree says.

use std::time::Duration;

use proptest::prelude::*;

use super::*;

fn at(millis: u64) -> Time {
    Time::new(Duration::from_millis(millis))
}

/// A peer that always wants more, and how much it asks for at once.
struct Greedy {
    claim: Claim,
    want: u64,
    passed: u64,
}

fn greedy(tree: &mut RateTree, torrent: u64, place: Place, want: u64) -> Greedy {
    let claim = tree.open(at(0), torrent, place);
    Greedy {
        claim,
        want,
        passed: 0,
    }
}

/// Everybody takes what it can from one time to another.
fn run(tree: &mut RateTree, peers: &mut [Greedy], from: Time, to: Time) {
    let mut now = from;
    for peer in peers.iter_mut() {
        peer.passed = 0;
        tree.ask(peer.claim, peer.want);
    }
    while now < to {
        let served = tree.serve(now);
        for claim in &served {
            let bytes = tree.collect(*claim);
            assert!(bytes > 0);
            if let Some(peer) = peers.iter_mut().find(|peer| peer.claim == *claim) {
                peer.passed += bytes;
                tree.ask(peer.claim, peer.want);
            }
        }
        if served.is_empty() {
            let due = tree.next_due().unwrap_or(to);
            assert!(due > now);
            now = due;
        }
    }
}

fn close_to(passed: u64, wanted: u64) -> bool {
    passed.abs_diff(wanted) <= wanted / 50 + 2
}

#[test]
fn torrents_share_alike_and_peers_share_their_torrents_part() {
    let mut tree = RateTree::default();
    tree.limit(at(0), Scope::Session, Some(1_200_000));
    // Many small wishes get no more than few large ones.
    let mut peers = [
        greedy(&mut tree, 1, Place::Lan, 1_000),
        greedy(&mut tree, 1, Place::Wan, 500_000),
        greedy(&mut tree, 1, Place::Wan, 16_384),
        greedy(&mut tree, 2, Place::Wan, 16_384),
    ];
    run(&mut tree, &mut peers, at(0), at(10_000));
    let passed: Vec<u64> = peers.iter().map(|peer| peer.passed).collect();
    for (passed, wanted) in passed
        .iter()
        .zip([2_000_000, 2_000_000, 2_000_000, 6_000_000])
    {
        assert!(close_to(*passed, wanted), "{passed} of {wanted}");
    }
}

#[test]
fn what_one_does_not_use_others_borrow_and_nothing_is_saved_up() {
    let mut tree = RateTree::default();
    tree.limit(at(0), Scope::Session, Some(1_000_000));
    tree.limit(at(0), Scope::Torrent(1), Some(100_000));
    let mut peers = [
        greedy(&mut tree, 1, Place::Wan, 16_384),
        greedy(&mut tree, 2, Place::Wan, 16_384),
    ];
    run(&mut tree, &mut peers, at(0), at(60_000));
    assert!(close_to(peers[0].passed, 6_000_000), "{}", peers[0].passed);
    assert!(close_to(peers[1].passed, 54_000_000), "{}", peers[1].passed);
    // Its limit is lifted: it has half at once, and does not make up for the minute.
    tree.limit(at(60_000), Scope::Torrent(1), None);
    run(&mut tree, &mut peers, at(60_000), at(70_000));
    assert!(close_to(peers[0].passed, 5_000_000), "{}", peers[0].passed);
}

#[test]
fn a_place_is_limited_over_all_torrents_and_the_other_is_not() {
    let mut tree = RateTree::default();
    tree.limit(at(0), Scope::Place(Place::Wan), Some(300_000));
    let lan = tree.open(at(0), 1, Place::Lan);
    assert!(!tree.is_limited(lan));
    let mut peers = [
        greedy(&mut tree, 1, Place::Wan, 16_384),
        greedy(&mut tree, 2, Place::Wan, 16_384),
    ];
    run(&mut tree, &mut peers, at(0), at(10_000));
    for peer in &peers {
        assert!(tree.is_limited(peer.claim));
        assert!(close_to(peer.passed, 1_500_000), "{}", peer.passed);
    }
    tree.ask(lan, 1 << 40);
    assert_eq!(tree.serve(at(10_000)), [lan]);
    assert_eq!(tree.collect(lan), 1 << 40);
}

#[test]
fn a_limit_for_each_peer_holds_for_those_that_come_later_too() {
    let mut tree = RateTree::default();
    let mut peers = vec![greedy(&mut tree, 1, Place::Lan, 16_384)];
    tree.limit(at(0), Scope::EachPeer, Some(200_000));
    peers.push(greedy(&mut tree, 1, Place::Wan, 16_384));
    run(&mut tree, &mut peers, at(0), at(10_000));
    for peer in &peers {
        assert!(close_to(peer.passed, 2_000_000), "{}", peer.passed);
    }
}

#[test]
fn who_leaves_or_refunds_leaves_it_to_others() {
    let mut tree = RateTree::default();
    tree.limit(at(0), Scope::Session, Some(160_000));
    let gone = tree.open(at(0), 1, Place::Lan);
    let other = tree.open(at(0), 2, Place::Lan);
    tree.ask(gone, 10_000);
    assert_eq!(tree.serve(at(63)), [gone]);
    tree.ask(other, 10_000);
    assert_eq!(tree.serve(at(63)), []);
    tree.close(gone);
    assert_eq!(tree.serve(at(63)), [other]);
    assert_eq!(tree.collect(other), 10_000);
    tree.refund(other, 10_000);
    tree.ask(other, 10_000);
    assert_eq!(tree.serve(at(63)), [other]);
}

proptest! {
    /// Whoever asks for what under whatever limits: none of them is passed, and where anybody still waits, one is full.
    #[test]
    fn no_limit_is_passed_and_none_is_left_unused(
        session in proptest::option::of(50_000_u64..2_000_000),
        lan in proptest::option::of(50_000_u64..2_000_000),
        wan in proptest::option::of(50_000_u64..2_000_000),
        torrents in proptest::collection::vec(proptest::option::of(50_000_u64..2_000_000), 1..4),
        each in 50_000_u64..2_000_000,
        members in proptest::collection::vec((0_usize..4, any::<bool>(), 500_u64..100_000), 1..12),
    ) {
        const SECONDS: u64 = 20;
        let mut tree = RateTree::default();
        tree.limit(at(0), Scope::Session, session);
        tree.limit(at(0), Scope::Place(Place::Lan), lan);
        tree.limit(at(0), Scope::Place(Place::Wan), wan);
        tree.limit(at(0), Scope::EachPeer, Some(each));
        for (number, rate) in torrents.iter().enumerate() {
            tree.limit(at(0), Scope::Torrent(number as u64), *rate);
        }
        let members: Vec<_> = members
            .into_iter()
            .map(|(torrent, lan, want)| (torrent % torrents.len(), if lan { Place::Lan } else { Place::Wan }, want))
            .collect();
        let mut peers: Vec<Greedy> = members
            .iter()
            .map(|(torrent, place, want)| greedy(&mut tree, *torrent as u64, *place, *want))
            .collect();
        run(&mut tree, &mut peers, at(0), at(SECONDS * 1_000));
        let sum = |of: &dyn Fn(usize, Place) -> bool| -> u64 {
            let all = peers.iter().zip(&members);
            all.filter(|(_, (torrent, place, _))| of(*torrent, *place)).map(|(peer, _)| peer.passed).sum()
        };
        let is_full = |rate: Option<u64>, passed: u64| {
            rate.is_some_and(|rate| passed + rate * SECONDS / 20 >= rate * SECONDS)
        };
        let holds = |rate: Option<u64>, passed: u64| {
            rate.is_none_or(|rate| passed <= rate * SECONDS + rate / 8 + 2)
        };
        let place = |of: Place| sum(&|_, place| place == of);
        prop_assert!(holds(session, sum(&|_, _| true)));
        prop_assert!(holds(lan, place(Place::Lan)) && holds(wan, place(Place::Wan)));
        for (peer, (number, at, _)) in peers.iter().zip(&members) {
            let of_torrent = sum(&|torrent, _| torrent == *number);
            prop_assert!(holds(torrents[*number], of_torrent));
            prop_assert!(holds(Some(each), peer.passed));
            // It always wants more: something that it is under is used up.
            let of_place = if *at == Place::Lan { lan } else { wan };
            prop_assert!(
                is_full(session, sum(&|_, _| true))
                    || is_full(of_place, place(*at))
                    || is_full(torrents[*number], of_torrent)
                    || is_full(Some(each), peer.passed),
                "{} bytes in {SECONDS} s", peer.passed
            );
        }
    }
}
