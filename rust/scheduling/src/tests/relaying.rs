//! Blocks that go on to others before their piece is whole.

use std::collections::BTreeSet;
use std::time::Duration;

use p2pcore_protocol::extension::Coming;
use p2pcore_protocol::message::{Message, Request};
use p2pcore_protocol::{BLOCK, PieceIndex, Verified};
use proptest::prelude::*;

use super::alone::{Bench, P, Q, checked, request, sent};
use super::passing::gone;
use crate::{Extensions, Input, Output, PeerKey, Ticket, Verdict};

const BLOCKS: u32 = 16;
const PIECES: u32 = 40;
const R: PeerKey = PeerKey(3);
/// What the others call the message that a piece comes.
const COMING: u8 = 12;

/// A peer can be told that a piece does not come, and perhaps that one comes.
fn extensions(peer: PeerKey, coming: bool) -> Input {
    let said = Extensions {
        dont_have: Some(7),
        coming: coming.then_some(COMING),
        ..Extensions::default()
    };
    Input::PeerExtensions { peer, said }
}

/// The pieces that a peer is told to be coming, each with its hops.
fn coming(outputs: &[Output], to: PeerKey) -> Vec<(u32, u8)> {
    let says = sent(outputs, to).into_iter();
    says.filter_map(|message| match message {
        Message::Extended {
            id: COMING,
            payload,
        } => {
            let Coming { piece, hops } = Coming::parse(&payload).unwrap();
            Some((piece, hops))
        }
        _ => None,
    })
    .collect()
}

/// P has everything and gives a block each `gap`, Q has nothing and is unchoked. One piece has come.
fn between(gap: Duration, v2: bool) -> Bench {
    let mut bench = Bench::new(PIECES, BLOCKS);
    for peer in [P, Q] {
        bench.connect_with(peer, true, v2);
        bench.put(extensions(peer, true));
        bench.put(Input::Writable {
            peer,
            room: u32::MAX,
        });
    }
    bench.say(P, Message::HaveAll);
    bench.say(Q, Message::HaveNone);
    bench.say(Q, Message::Interested);
    bench.say(P, Message::Unchoke);
    for _ in 0..BLOCKS {
        bench.now = bench.now + gap;
        assert!(bench.answer(P));
    }
    bench
}

/// A piece takes a second.
const SLOW: Duration = Duration::from_millis(60);
/// A piece takes 16 ms.
const FAST: Duration = Duration::from_millis(1);

fn asked_for(outputs: &[Output]) -> Vec<(PeerKey, u32)> {
    let asks = |output: &Output| match output {
        Output::AskLeaves { peer, piece } => Some((*peer, piece.get())),
        _ => None,
    };
    outputs.iter().filter_map(asks).collect()
}

fn served(outputs: &[Output]) -> Vec<(u32, u32)> {
    let serves = |output: &Output| match output {
        Output::Serve { peer: Q, span } => Some((span.piece.get(), span.begin / BLOCK)),
        _ => None,
    };
    outputs.iter().filter_map(serves).collect()
}

/// All that is said while P goes on, each block after `gap`, until so many pieces more were begun.
fn begin(bench: &mut Bench, gap: Duration, pieces: usize) -> (Vec<u32>, Vec<Output>) {
    let (mut begun, mut all) = (Vec::new(), Vec::new());
    while begun.len() < pieces {
        bench.now = bench.now + gap;
        let outputs = bench.next_block(P);
        let requests = sent(&outputs, P).into_iter();
        begun.extend(requests.filter_map(|message| match message {
            Message::Request(Request {
                piece, begin: 0, ..
            }) => Some(piece),
            _ => None,
        }));
        for output in &outputs {
            if let Output::Check { piece, .. } = output {
                bench.put(checked(Verdict::Good(Verified::simulated(*piece))));
            }
        }
        all.extend(outputs);
    }
    (begun, all)
}

/// P goes on until every block of a piece was asked for and some are there: the piece, and how many are there.
fn until_asked(bench: &mut Bench, gap: Duration) -> (u32, Vec<u32>) {
    let mut asked = Vec::new();
    for _ in 0..PIECES * BLOCKS {
        bench.now = bench.now + gap;
        let outputs = bench.next_block(P);
        for output in &outputs {
            if let Output::Check { piece, .. } = output {
                bench.put(checked(Verdict::Good(Verified::simulated(*piece))));
            }
        }
        // Blocks are asked for in order.
        let last = (BLOCKS - 1) * BLOCK;
        let requests = super::alone::requests(&outputs, P).into_iter();
        asked.extend(
            requests
                .filter(|request| request.begin == last)
                .map(|last| last.piece),
        );
        for piece in &asked {
            let stored = bench.swarm.stored(PieceIndex::new(*piece));
            if !stored.is_empty() {
                return (*piece, stored);
            }
        }
    }
    panic!("no piece was asked for");
}

fn proven(piece: u32, proven: Vec<u32>) -> Input {
    let piece = PieceIndex::new(piece);
    Input::LeavesCame {
        peer: P,
        piece,
        proven,
    }
}

#[test]
fn the_leaves_of_a_slow_piece_are_asked_of_whoever_it_is_begun_with() {
    let mut bench = between(SLOW, true);
    let (begun, outputs) = begin(&mut bench, SLOW, 2);
    let expected: Vec<_> = begun.iter().map(|piece| (P, *piece)).collect();
    assert_eq!(asked_for(&outputs), expected);
}

#[test]
fn leaves_are_not_asked_for_where_a_piece_is_fast_or_the_peer_has_none() {
    let asked = |gap, v2, refusals| {
        let mut bench = between(gap, v2);
        for _ in 0..refusals {
            bench.put(Input::LeavesRefused { peer: P });
        }
        begin(&mut bench, gap, 20); // its rate is known then
        !asked_for(&begin(&mut bench, gap, 2).1).is_empty()
    };
    assert!(asked(SLOW, true, 7));
    assert!(!asked(SLOW, true, 8));
    assert!(!asked(SLOW, false, 0));
    assert!(!asked(FAST, true, 0));
}

#[test]
fn leaves_are_not_asked_for_where_nobody_would_be_told_of_the_piece() {
    for left in [false, true] {
        let mut bench = between(SLOW, true);
        if left {
            bench.put(Input::PeerDisconnected { peer: Q });
        } else {
            bench.say(Q, Message::HaveAll);
        }
        assert_eq!(asked_for(&begin(&mut bench, SLOW, 2).1), []);
    }
}

#[test]
fn who_refuses_because_it_chokes_us_may_have_leaves() {
    let mut bench = between(SLOW, true);
    bench.say(P, Message::Choke);
    for _ in 0..8 {
        bench.put(Input::LeavesRefused { peer: P });
    }
    bench.say(P, Message::Unchoke);
    assert!(!asked_for(&begin(&mut bench, SLOW, 1).1).is_empty());
}

#[test]
fn proven_blocks_go_on_before_their_piece_is_whole_and_others_wait() {
    let mut bench = between(SLOW, true);
    let (piece, stored) = until_asked(&mut bench, SLOW);
    let outputs = bench.put(proven(piece, vec![stored[0]]));
    assert_eq!(coming(&outputs, Q), [(piece, 1)]);
    assert!(bench.swarm.serves(Q, PieceIndex::new(piece)));
    assert_eq!(
        served(&ask(&mut bench, piece, stored[0])),
        [(piece, stored[0])]
    );
    let coming = (0..BLOCKS).find(|block| !stored.contains(block)).unwrap();
    let outputs = ask(&mut bench, piece, coming);
    assert_eq!((served(&outputs), sent(&outputs, Q)), (vec![], vec![]));
    // Stored is not yet proven.
    while !bench.swarm.stored(PieceIndex::new(piece)).contains(&coming) {
        assert_eq!(served(&bench.next_block(P)), []);
    }
    let outputs = bench.put(proven(piece, vec![coming]));
    assert_eq!(served(&outputs), [(piece, coming)]);
}

fn arrives(peer: PeerKey, piece: u32, block: u32, proven: bool) -> Input {
    Input::BlockArrived {
        peer,
        piece,
        begin: block * BLOCK,
        length: BLOCK,
        proven,
        ticket: Ticket(1_000),
    }
}

fn ask(bench: &mut Bench, piece: u32, block: u32) -> Vec<Output> {
    let wanted = request(piece, block * BLOCK, BLOCK);
    bench.say(Q, Message::Request(wanted))
}

#[test]
fn a_block_that_arrives_proven_goes_on_at_once() {
    for right in [false, true] {
        let mut bench = between(SLOW, true);
        let (piece, stored) = until_asked(&mut bench, SLOW);
        bench.put(proven(piece, stored.clone()));
        let next = (0..BLOCKS).find(|block| !stored.contains(block)).unwrap();
        assert_eq!(served(&ask(&mut bench, piece, next)), []);
        let outputs = bench.put(arrives(P, piece, next, right));
        let expected = right.then_some((piece, next));
        assert_eq!(served(&outputs), Vec::from_iter(expected));
    }
}

/// P falls silent, and R is asked for what it owed; then a block comes from both.
#[test]
fn a_right_block_proves_nothing_of_the_one_that_is_there() {
    let mut bench = between(SLOW, true);
    let (piece, stored) = until_asked(&mut bench, SLOW);
    bench.wait(3);
    let alone = (0..PIECES).map(|other| u8::from(other == piece));
    bench.put(Input::Priorities(alone.collect()));
    bench.connect_with(R, true, true);
    bench.say(R, Message::HaveAll);
    bench.say(R, Message::Unchoke);
    let there = |bench: &Bench| bench.swarm.stored(PieceIndex::new(piece));
    while there(&bench).len() < stored.len() + 3 {
        bench.now = bench.now + 2 * SLOW;
        assert!(bench.answer(R));
    }
    let of_r = there(&bench)[stored.len()];
    let outputs = bench.put(arrives(P, piece, of_r, true));
    assert!(matches!(outputs[..], [Output::Discard { .. }, ..]));
    bench.put(proven(piece, stored.clone()));
    let right = (piece, stored[0]);
    assert_eq!(served(&ask(&mut bench, piece, right.1)), [right]);
    assert_eq!(served(&ask(&mut bench, piece, of_r)), []);
}

#[test]
fn leaves_that_prove_nothing_announce_nothing() {
    let mut bench = between(SLOW, true);
    let (piece, stored) = until_asked(&mut bench, SLOW);
    assert_eq!(coming(&bench.put(proven(piece, vec![])), Q), []);
    assert_eq!(coming(&bench.put(proven(piece, stored)), Q), [(piece, 1)]);
}

#[test]
fn whoever_gives_leaves_may_refuse_some() {
    let mut bench = between(SLOW, true);
    for refusals in [7, 7, 8] {
        assert!(!asked_for(&begin(&mut bench, SLOW, 1).1).is_empty());
        bench.put(proven(0, vec![]));
        for _ in 0..refusals {
            bench.put(Input::LeavesRefused { peer: P });
        }
    }
    assert_eq!(asked_for(&begin(&mut bench, SLOW, 1).1), []);
}

#[test]
fn who_was_told_that_it_comes_hears_it_even_if_it_seems_to_have_everything() {
    let mut bench = between(SLOW, true);
    let (piece, stored) = until_asked(&mut bench, SLOW);
    bench.put(proven(piece, stored));
    bench.say(Q, Message::HaveAll);
    while bench.swarm.stored(PieceIndex::new(piece)).len() as u32 + 1 < BLOCKS {
        bench.next_block(P);
    }
    bench.next_block(P);
    let good = Verdict::Good(Verified::simulated(PieceIndex::new(piece)));
    let outputs = bench.put(checked(good));
    assert!(sent(&outputs, Q).contains(&Message::Have(piece)));
}

#[test]
fn a_block_that_is_not_there_is_not_proven() {
    let mut bench = between(SLOW, true);
    let (piece, stored) = until_asked(&mut bench, SLOW);
    bench.put(proven(piece, (0..BLOCKS + 5).collect()));
    bench.put(proven(PIECES + 5, vec![0]));
    let coming = (0..BLOCKS).find(|block| !stored.contains(block)).unwrap();
    let wanted = Message::Request(request(piece, coming * BLOCK, BLOCK));
    assert_eq!(served(&bench.say(Q, wanted)), []);
    assert_eq!(served(&bench.next_block(P)), []);
}

#[test]
fn what_is_given_up_goes_on_to_nobody() {
    let mut bench = between(SLOW, true);
    let (piece, stored) = until_asked(&mut bench, SLOW);
    bench.put(proven(piece, stored.clone()));
    let outputs = bench.put(Input::StoreFailed {
        piece: PieceIndex::new(piece),
    });
    assert_eq!(gone(&outputs, Q), [piece]);
    let wanted = request(piece, stored[0] * BLOCK, BLOCK);
    let outputs = bench.say(Q, Message::Request(wanted));
    assert_eq!(served(&outputs), []);
    assert!(sent(&outputs, Q).contains(&Message::Reject(wanted)));
    assert!(!bench.swarm.serves(Q, PieceIndex::new(piece)));
}

#[test]
fn when_it_is_there_those_that_were_told_that_it_comes_are_told() {
    let mut bench = between(SLOW, true);
    let (piece, stored) = until_asked(&mut bench, SLOW);
    bench.put(proven(piece, stored));
    let whole = (0..BLOCKS).find_map(|_| {
        let outputs = bench.next_block(P);
        outputs
            .into_iter()
            .find(|output| matches!(output, Output::Check { .. }))
    });
    assert!(matches!(whole, Some(Output::Check { piece: of, .. }) if of.get() == piece));
    let good = Verdict::Good(Verified::simulated(PieceIndex::new(piece)));
    let outputs = bench.put(checked(good));
    assert!(sent(&outputs, Q).contains(&Message::Have(piece)));
}

#[test]
fn who_knows_nothing_of_coming_pieces_is_told_when_it_is_there() {
    let mut bench = between(SLOW, true);
    bench.put(extensions(Q, false));
    let (piece, stored) = until_asked(&mut bench, SLOW);
    let outputs = bench.put(proven(piece, stored));
    assert_eq!(sent(&outputs, Q), []);
    assert!(!bench.swarm.serves(Q, PieceIndex::new(piece)));
}

/// To P all pieces come, by so many others; whether we say that ours come by one more.
#[test]
fn whoever_passes_on_what_is_passed_on_says_so() {
    for hops in [1, 7, 254] {
        let mut bench = Bench::new(PIECES, BLOCKS);
        for peer in [P, Q] {
            bench.connect_with(peer, true, true);
            bench.put(extensions(peer, true));
        }
        bench.say(Q, Message::HaveNone);
        bench.say(Q, Message::Interested);
        bench.say(P, Message::HaveNone);
        bench.say(P, Message::Unchoke);
        for piece in 0..PIECES - 1 {
            let coming = Coming { piece, hops };
            bench.put(Input::PeerComing { peer: P, coming });
        }
        begin(&mut bench, SLOW / 3, 1);
        let (piece, stored) = until_asked(&mut bench, SLOW / 3);
        let outputs = bench.put(proven(piece, stored));
        assert_eq!(coming(&outputs, Q), [(piece, hops + 1)]);
    }
}

#[test]
fn of_whom_no_rate_is_known_nothing_is_announced() {
    let mut bench = Bench::new(PIECES, BLOCKS);
    for peer in [P, Q] {
        bench.connect_with(peer, true, true);
        bench.put(extensions(peer, true));
    }
    bench.say(P, Message::HaveAll);
    bench.say(Q, Message::HaveNone);
    bench.say(P, Message::Unchoke);
    let (piece, stored) = until_asked(&mut bench, FAST);
    let outputs = bench.put(proven(piece, stored));
    assert_eq!(coming(&outputs, Q), []);
}

#[test]
fn what_comes_can_be_asked_for_and_a_have_may_follow_or_not() {
    let mut bench = Bench::new(PIECES, BLOCKS);
    bench.connect_with(P, true, true);
    bench.put(extensions(P, true));
    bench.say(P, Message::HaveNone);
    bench.say(P, Message::Unchoke);
    let coming = Coming { piece: 3, hops: 1 };
    let outputs = bench.put(Input::PeerComing { peer: P, coming });
    assert!(!super::alone::requests(&outputs, P).is_empty());
    assert_eq!(bench.swarm.availability()[3], 1);
    bench.say(P, Message::Have(3));
    assert_eq!(bench.swarm.availability()[3], 1);
    bench.put(Input::PeerLacks { peer: P, piece: 3 });
    assert_eq!(bench.swarm.availability()[3], 0);
    let beyond = Coming {
        piece: PIECES,
        hops: 1,
    };
    bench.put(Input::PeerComing {
        peer: P,
        coming: beyond,
    });
    assert_eq!(bench.swarm.peer_count(), 1);
}

proptest! {
    /// Of the piece that comes some blocks are wrong, until they come again. Whatever is known of them when, and whatever is
    /// asked for when: nothing goes out that is not proven or verified.
    #[test]
    fn nothing_unproven_is_served(
        steps in prop::collection::vec((0..6_u8, 0..BLOCKS), 1..300),
        wrong in prop::collection::btree_set(0..BLOCKS, 0..8),
    ) {
        let mut bench = between(SLOW, true);
        let (piece, _) = until_asked(&mut bench, SLOW);
        let there = |bench: &Bench| bench.swarm.stored(PieceIndex::new(piece));
        let (mut leaves, mut right) = (false, BTreeSet::new());
        for (what, block) in steps {
            bench.now = bench.now + SLOW;
            let outputs = match what {
                0 | 1 => {
                    let wanted = Message::Request(request(piece, block * BLOCK, BLOCK));
                    bench.say(Q, wanted)
                }
                2 => {
                    leaves = true;
                    let mut blocks = there(&bench);
                    blocks.retain(|block| !wrong.contains(block));
                    right.extend(blocks.clone());
                    bench.put(proven(piece, blocks))
                }
                // Right, and perhaps there already.
                3 if leaves => {
                    let (peer, begin, length) = (P, block * BLOCK, BLOCK);
                    let ticket = Ticket(1_000);
                    let proven = true;
                    let outputs =
                        bench.put(Input::BlockArrived { peer, piece, begin, length, proven, ticket });
                    let store = |output: &Output| matches!(output, Output::Store { .. });
                    right.extend(outputs.iter().any(store).then_some(block));
                    outputs
                }
                _ => bench.next_block(P),
            };
            let whole = |output: &Output| {
                matches!(output, Output::Check { piece: of, .. } if of.get() == piece)
            };
            for (of, block) in served(&outputs) {
                prop_assert!(of == piece && right.contains(&block), "{of} {block}");
            }
            if outputs.iter().any(whole) {
                break;
            }
        }
    }
}
