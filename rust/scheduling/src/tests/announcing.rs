//! Pieces that are announced shortly before they are there.

use std::collections::BTreeSet;
use std::time::Duration;

use p2pcore_protocol::message::{Message, Request};
use p2pcore_protocol::{BLOCK, PieceIndex, Verified};
use proptest::prelude::*;

use super::alone::{Bench, P, Q, checked, request, requests, sent};
use super::passing::{extensions, gone};
use crate::{Input, Output, PeerKey, Verdict};

/// Another that takes what is announced.
const R: PeerKey = PeerKey(3);
const BLOCKS: u32 = 16;
const PIECES: u32 = 8;
/// From one block to the next: five of them are a round trip.
const GAP: Duration = Duration::from_millis(10);
const TRIP: Duration = Duration::from_millis(50);

/// P has everything and gives; Q has nothing and is unchoked. One piece has come, so that P's path is known.
fn between() -> Bench {
    let mut bench = Bench::new(PIECES, BLOCKS);
    for peer in [P, Q] {
        bench.connect(peer, true);
        bench.put(extensions(peer));
        bench.put(Input::Writable {
            peer,
            room: u32::MAX,
        });
    }
    bench.say(P, Message::HaveAll);
    bench.say(Q, Message::HaveNone);
    bench.say(Q, Message::Interested);
    bench.say(P, Message::Unchoke);
    bench.now = bench.now + TRIP;
    for _ in 0..BLOCKS {
        assert!(bench.answer(P));
        bench.now = bench.now + GAP;
    }
    bench
}

fn haves(outputs: &[Output], to: PeerKey) -> Vec<u32> {
    let said = sent(outputs, to).into_iter();
    said.filter_map(|message| match message {
        Message::Have(piece) => Some(piece),
        _ => None,
    })
    .collect()
}

fn served(outputs: &[Output]) -> Vec<(PeerKey, u32)> {
    let serves = |output: &Output| match output {
        Output::Serve { peer, span } => Some((*peer, span.piece.get())),
        _ => None,
    };
    outputs.iter().filter_map(serves).collect()
}

/// P goes on until a piece is announced to Q: which, and how many of its blocks are still to come.
fn until_announced(bench: &mut Bench) -> (u32, u32) {
    for sent in 1..BLOCKS {
        let outputs = bench.next_block(P);
        bench.now = bench.now + GAP;
        if let [piece] = haves(&outputs, Q)[..] {
            assert!(!bench.swarm.have().contains(piece));
            return (piece, BLOCKS - sent);
        }
    }
    panic!("nothing was announced");
}

#[test]
fn what_was_asked_for_ahead_is_served_once_the_piece_is_verified() {
    let mut bench = between();
    let (piece, left) = until_announced(&mut bench);
    assert!((2..=6).contains(&left), "{left} blocks are a round trip");
    // It waits.
    let outputs = bench.say(Q, Message::Request(request(piece, 0, BLOCK)));
    assert_eq!((sent(&outputs, Q), served(&outputs)), (vec![], vec![]));
    for _ in 0..left {
        assert_eq!(served(&bench.next_block(P)), []);
    }
    let good = Verdict::Good(Verified::simulated(PieceIndex::new(piece)));
    let outputs = bench.put(checked(good));
    assert_eq!(served(&outputs), [(Q, piece)]);
    // It was told before. Who gave us the piece has everything.
    assert_eq!(haves(&outputs, Q), []);
}

#[test]
fn whoever_comes_later_is_told_when_the_piece_is_there() {
    let mut bench = between();
    let (piece, left) = until_announced(&mut bench);
    bench.connect(R, true);
    let outputs = bench.say(R, Message::Request(request(piece, 0, BLOCK)));
    let refused = Message::Reject(request(piece, 0, BLOCK));
    assert!(sent(&outputs, R).contains(&refused));
    for _ in 0..left {
        bench.next_block(P);
    }
    let good = Verdict::Good(Verified::simulated(PieceIndex::new(piece)));
    assert_eq!(haves(&bench.put(checked(good)), R), [piece]);
}

#[test]
fn a_piece_that_fails_is_taken_back() {
    let mut bench = between();
    let (piece, left) = until_announced(&mut bench);
    bench.say(Q, Message::Request(request(piece, BLOCK, BLOCK)));
    for _ in 0..left {
        bench.next_block(P);
    }
    let outputs = bench.put(checked(Verdict::Bad {
        piece: PieceIndex::new(piece),
        bad_blocks: Vec::new(),
    }));
    assert_eq!(gone(&outputs, Q), [piece]);
    let refused = Message::Reject(request(piece, BLOCK, BLOCK));
    assert!(sent(&outputs, Q).contains(&refused));
    assert_eq!(served(&outputs), []);
}

#[test]
fn a_piece_whose_giver_goes_is_taken_back() {
    let mut bench = between();
    let (piece, _) = until_announced(&mut bench);
    bench.put(Input::PeerDisconnected { peer: P });
    assert_eq!(gone(&bench.wait(1), Q), [piece]);
}

#[test]
fn nobody_is_told_ahead_who_cannot_be_told_otherwise() {
    let mut bench = between();
    bench.connect(R, true);
    bench.say(R, Message::HaveNone);
    let told_ahead = |bench: &mut Bench| {
        let outputs = bench.next_block(P);
        bench.now = bench.now + GAP;
        (haves(&outputs, Q), haves(&outputs, R))
    };
    let told: Vec<_> = (1..BLOCKS).map(|_| told_ahead(&mut bench)).collect();
    assert!(told.iter().any(|(q, _)| q.len() == 1));
    assert!(told.iter().all(|(_, r)| r.is_empty()));
}

#[test]
fn nobody_is_told_ahead_who_only_takes() {
    let mut bench = between();
    let had = bench.swarm.have().iter().next().unwrap();
    let outputs = bench.say(Q, Message::Request(request(had, 0, BLOCK)));
    assert_eq!(served(&outputs), [(Q, had)]);
    for _ in 1..BLOCKS {
        assert_eq!(haves(&bench.next_block(P), Q), []);
        bench.now = bench.now + GAP;
    }
}

#[test]
fn the_last_piece_is_not_announced_ahead() {
    let mut bench = between();
    let mut ahead = 0;
    while !bench.swarm.is_complete() {
        let before = bench.swarm.have().count();
        let outputs = bench.next_block(P);
        bench.now = bench.now + GAP;
        let told = haves(&outputs, Q);
        ahead += told.len();
        assert!(told.is_empty() || before + 1 < PIECES, "{before} {told:?}");
        for output in outputs {
            if let Output::Check { piece, .. } = output {
                let good = Verdict::Good(Verified::simulated(piece));
                let outputs = bench.put(checked(good));
                assert!(requests(&outputs, Q).is_empty());
            }
        }
    }
    assert_eq!(ahead as u32, PIECES - 2);
}

#[derive(Debug, Clone)]
enum Step {
    /// Whoever gives sends a block.
    Block,
    /// The end of the oldest check.
    Checked,
    /// What waits for its check, or half of a piece, is lost.
    Lost(u32),
    /// The n-th piece that Q was told of last, and a block of it.
    Ask(usize, u32),
    /// Whoever gives goes, and another comes.
    Another,
    Wait,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        60 => Just(Step::Block),
        5 => Just(Step::Checked),
        1 => (0..PIECES).prop_map(Step::Lost),
        20 => (0..2_usize, 0..BLOCKS).prop_map(|(piece, block)| Step::Ask(piece, block)),
        1 => Just(Step::Another),
        1 => Just(Step::Wait),
    ]
}

/// What Q sees.
struct Receiver {
    bench: Bench,
    giver: PeerKey,
    checks: Vec<PieceIndex>,
    told: Vec<u32>,
    /// Requests without an answer.
    open: Vec<Request>,
}

impl Receiver {
    fn step(&mut self, step: &Step) {
        let outputs = match *step {
            Step::Block => {
                self.bench.now = self.bench.now + GAP;
                let due = self.bench.swarm.poll_timeout();
                let mut outputs = Vec::new();
                if due.is_some_and(|due| due <= self.bench.now) {
                    outputs.extend(self.bench.put(Input::Tick));
                }
                outputs.extend(self.bench.next_block(self.giver));
                outputs
            }
            Step::Checked if self.checks.is_empty() => return,
            Step::Checked => {
                let good = Verdict::Good(Verified::simulated(self.checks.remove(0)));
                self.bench.put(checked(good))
            }
            Step::Lost(piece) => {
                let piece = PieceIndex::new(piece);
                self.checks.retain(|other| *other != piece);
                self.bench.put(Input::StoreFailed { piece })
            }
            Step::Ask(at, block) => {
                let Some(piece) = self.told.iter().rev().nth(at) else {
                    return;
                };
                let request = request(*piece, block * BLOCK, BLOCK);
                if self.open.contains(&request) {
                    return;
                }
                self.open.push(request);
                self.bench.say(Q, Message::Request(request))
            }
            Step::Another => {
                let peer = self.giver;
                let mut outputs = self.bench.put(Input::PeerDisconnected { peer });
                self.giver = PeerKey(peer.0 + 10);
                outputs.extend(self.bench.connect(self.giver, true));
                outputs.extend(self.bench.say(self.giver, Message::HaveAll));
                outputs.extend(self.bench.say(self.giver, Message::Unchoke));
                outputs
            }
            Step::Wait => self.bench.wait(1),
        };
        self.see(outputs);
    }

    fn see(&mut self, outputs: Vec<Output>) {
        for piece in gone(&outputs, Q) {
            self.told.retain(|told| *told != piece);
        }
        for output in outputs {
            match output {
                Output::Serve { peer, span } => {
                    let piece = span.piece.get();
                    assert!(peer == Q && self.bench.swarm.have().contains(piece));
                    self.answer(request(piece, span.begin, span.length));
                }
                Output::Send { peer, message } if peer == Q => match message {
                    Message::Reject(request) => self.answer(request),
                    Message::Have(piece) => {
                        assert!(!self.told.contains(&piece), "{piece} is said twice");
                        self.told.push(piece);
                    }
                    _ => {}
                },
                Output::Check { piece, .. } => self.checks.push(piece),
                Output::Drop { piece } => self.checks.retain(|other| *other != piece),
                _ => {}
            }
        }
    }

    fn answer(&mut self, request: Request) {
        let at = self.open.iter().position(|open| *open == request);
        self.open.remove(at.expect("an answer to what was asked"));
    }
}

proptest! {
    #[test]
    fn each_request_is_answered_and_only_by_what_is_verified(
        steps in prop::collection::vec(step(), 1..400),
    ) {
        let bench = between();
        let told = bench.swarm.have().iter().collect();
        let mut receiver = Receiver {
            bench,
            giver: P,
            checks: Vec::new(),
            told,
            open: Vec::new(),
        };
        for step in &steps {
            receiver.step(step);
        }
        for _ in 0..4 * PIECES * BLOCKS {
            receiver.step(&Step::Block);
            receiver.step(&Step::Checked);
        }
        prop_assert!(receiver.bench.swarm.is_complete());
        prop_assert!(receiver.open.is_empty(), "{:?}", receiver.open);
        let told: BTreeSet<u32> = receiver.told.iter().copied().collect();
        prop_assert_eq!(told, (0..PIECES).collect());
    }
}
