//! Random inputs, valid and not: a Swarm never panics, asks nobody twice outside the endgame, and forgets no block.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use p2pcore_protocol::message::{Message, Request};
use p2pcore_protocol::{BLOCK, BlockSpan, PieceIndex, Verified};
use proptest::prelude::*;

use super::alone::{Bench, checked};
use crate::{CloseReason, Input, Output, PeerKey, Verdict};

const PIECES: u32 = 12;
const BLOCKS: u32 = 3;

#[derive(Debug, Clone)]
enum Step {
    Connect(u64, bool, u32),
    Disconnect(u64),
    Say(u64, Message),
    /// The peer answers the n-th request that it was sent.
    Answer(u64, usize),
    Refuse(u64, usize),
    /// The n-th check ends, well or badly.
    Check(usize, bool),
    Wait(u16),
    Priorities(Vec<u8>),
    Deadline(u32, Option<u16>),
    Sequential(bool),
    Pause,
    Resume,
    Lacks(u64, u32),
    StoreFailed(u32),
    Garbage(u64, u32, u32, u32),
}

fn message() -> impl Strategy<Value = Message> {
    let number = prop_oneof![20 => 0..PIECES, 1 => any::<u32>()];
    let request =
        (number.clone(), 0..BLOCKS + 1, 0..3_u32).prop_map(|(piece, block, part)| Request {
            piece,
            begin: block * BLOCK,
            length: BLOCK >> part,
        });
    prop_oneof![
        1 => Just(Message::KeepAlive),
        1 => Just(Message::Choke),
        4 => Just(Message::Unchoke),
        1 => Just(Message::Interested),
        1 => Just(Message::NotInterested),
        8 => number.clone().prop_map(Message::Have),
        2 => Just(Message::HaveAll),
        1 => Just(Message::HaveNone),
        2 => any::<[u8; 2]>().prop_map(|bits| Message::Bitfield(vec![bits[0], bits[1] & 0xf0])),
        2 => request.clone().prop_map(Message::Request),
        1 => request.clone().prop_map(Message::Cancel),
        1 => request.prop_map(Message::Reject),
        1 => number.clone().prop_map(Message::Suggest),
        1 => number.prop_map(Message::AllowedFast),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let peer = 1..6_u64;
    prop_oneof![
        3 => (peer.clone(), any::<bool>(), 1..6_u32)
            .prop_map(|(peer, fast, reqq)| Step::Connect(peer, fast, reqq)),
        1 => peer.clone().prop_map(Step::Disconnect),
        15 => (peer.clone(), message()).prop_map(|(peer, message)| Step::Say(peer, message)),
        20 => (peer.clone(), 0..8_usize).prop_map(|(peer, at)| Step::Answer(peer, at)),
        1 => (peer.clone(), 0..8_usize).prop_map(|(peer, at)| Step::Refuse(peer, at)),
        6 => (0..3_usize, prop::bool::weighted(0.8)).prop_map(|(at, good)| Step::Check(at, good)),
        2 => (0..20_000_u16).prop_map(Step::Wait),
        1 => prop::collection::vec(0..3_u8, 0..14).prop_map(Step::Priorities),
        2 => (0..14_u32, prop::option::of(any::<u16>()))
            .prop_map(|(piece, within)| Step::Deadline(piece, within)),
        1 => any::<bool>().prop_map(Step::Sequential),
        1 => Just(Step::Pause),
        2 => Just(Step::Resume),
        1 => (peer.clone(), 0..PIECES + 1).prop_map(|(peer, piece)| Step::Lacks(peer, piece)),
        1 => (0..PIECES).prop_map(Step::StoreFailed),
        1 => (peer, any::<u32>(), any::<u32>(), any::<u32>())
            .prop_map(|(peer, piece, begin, length)| Step::Garbage(peer, piece, begin, length)),
    ]
}

/// What the outside must believe from the outputs alone.
struct Observer {
    bench: Bench,
    /// The current key of each of the five peers.
    keys: BTreeMap<u64, PeerKey>,
    next_key: u64,
    /// Requests sent and not answered, taken back or void.
    owed: BTreeMap<PeerKey, Vec<Request>>,
    fast: BTreeMap<PeerKey, bool>,
    checks: Vec<PieceIndex>,
    stored: BTreeSet<(u32, u32)>,
    duplicates: u64,
}

impl Observer {
    fn new() -> Self {
        Self {
            bench: Bench::new(PIECES, BLOCKS),
            keys: BTreeMap::new(),
            next_key: 0,
            owed: BTreeMap::new(),
            fast: BTreeMap::new(),
            checks: Vec::new(),
            stored: BTreeSet::new(),
            duplicates: 0,
        }
    }

    fn step(&mut self, step: Step) {
        let key = |peer: &u64| self.keys.get(peer).copied();
        let outputs = match step {
            Step::Connect(peer, fast, reqq) => {
                if self.keys.contains_key(&peer) {
                    return;
                }
                self.next_key += 1;
                let key = PeerKey(self.next_key);
                self.keys.insert(peer, key);
                self.owed.insert(key, Vec::new());
                self.fast.insert(key, fast);
                let mut outputs = self.bench.connect(key, fast);
                outputs.extend(self.bench.put(Input::PeerRequestLimit { peer: key, reqq }));
                outputs
            }
            Step::Disconnect(peer) => {
                let Some(key) = self.keys.remove(&peer) else {
                    return;
                };
                self.owed.remove(&key);
                self.bench.put(Input::PeerDisconnected { peer: key })
            }
            Step::Say(peer, message) => {
                let Some(key) = key(&peer) else { return };
                // A refusal ends what was owed.
                if let Message::Reject(request) = &message
                    && let Some(owed) = self.owed.get_mut(&key)
                {
                    owed.retain(|other| other != request);
                }
                if message == Message::Choke
                    && let Some(owed) = self.owed.get_mut(&key)
                {
                    // Those allowed fast stay owed: the final check looks at the Swarm's own count.
                    owed.clear();
                }
                self.bench.say(key, message)
            }
            Step::Answer(peer, at) => {
                let Some(key) = key(&peer) else { return };
                let Some(owed) = self.owed.get_mut(&key).filter(|owed| at < owed.len()) else {
                    return;
                };
                let request = owed.remove(at);
                self.bench.block(key, request)
            }
            Step::Refuse(peer, at) => {
                let Some(key) = key(&peer) else { return };
                let Some(owed) = self.owed.get_mut(&key).filter(|owed| at < owed.len()) else {
                    return;
                };
                let request = owed.remove(at);
                self.bench.say(key, Message::Reject(request))
            }
            Step::Check(at, good) => {
                if at >= self.checks.len() {
                    return;
                }
                let piece = self.checks.remove(at);
                let verdict = if good {
                    Verdict::Good(Verified::simulated(piece))
                } else {
                    let bad_blocks = Vec::new();
                    Verdict::Bad { piece, bad_blocks }
                };
                self.bench.put(checked(verdict))
            }
            Step::Wait(millis) => {
                self.bench.now = self.bench.now + Duration::from_millis(u64::from(millis));
                self.bench.put(Input::Tick)
            }
            Step::Deadline(piece, within) => {
                let within = within.map(|millis| Duration::from_millis(millis.into()));
                self.bench.put(Input::Deadline { piece, within })
            }
            Step::Priorities(priorities) => self.bench.put(Input::Priorities(priorities)),
            Step::Sequential(sequential) => self.bench.put(Input::Sequential(sequential)),
            Step::Pause => self.bench.put(Input::Pause),
            Step::Resume => self.bench.put(Input::Resume),
            Step::Lacks(peer, piece) => {
                let Some(peer) = key(&peer) else { return };
                self.bench.put(Input::PeerLacks { peer, piece })
            }
            Step::StoreFailed(piece) => {
                let piece = PieceIndex::new(piece);
                self.checks.retain(|other| *other != piece);
                self.bench.put(Input::StoreFailed { piece })
            }
            Step::Garbage(peer, piece, begin, length) => {
                let Some(key) = key(&peer) else { return };
                let request = Request {
                    piece,
                    begin,
                    length: length % (1 << 20),
                };
                self.bench.block(key, request)
            }
        };
        let duplicates = {
            let counters = self.bench.swarm.counters();
            counters.duplicates + counters.hedges - self.duplicates
        };
        self.duplicates += duplicates;
        self.observe(outputs, duplicates);
    }

    fn observe(&mut self, outputs: Vec<Output>, mut duplicates: u64) {
        for output in outputs {
            match output {
                Output::Send { peer, message } => match message {
                    Message::Request(request) => {
                        assert!(request.piece < PIECES && request.length == BLOCK);
                        let twice = self
                            .owed
                            .iter()
                            .any(|(other, owed)| *other != peer && owed.contains(&request));
                        // A probe that stays with a stalled peer, and a choked peer's blocks, may be asked elsewhere.
                        if twice && !self.is_taken_back(peer, &request) {
                            assert!(duplicates > 0, "{request:?} asked of two peers");
                            duplicates -= 1;
                        }
                        assert!(
                            !self.stored.contains(&(request.piece, request.begin)),
                            "{request:?} is stored already"
                        );
                        self.owed.entry(peer).or_default().push(request);
                    }
                    Message::Cancel(request) => {
                        if let Some(owed) = self.owed.get_mut(&peer) {
                            owed.retain(|other| *other != request);
                        }
                    }
                    Message::Reject(_) => assert!(self.fast[&peer], "no BEP 6 there"),
                    _ => {}
                },
                Output::Store { span, .. } => {
                    assert!(self.stored.insert((span.piece.get(), span.begin)));
                }
                Output::Check { piece, .. } => {
                    let blocks = self.stored.iter().filter(|(of, _)| *of == piece.get());
                    assert_eq!(blocks.count() as u32, BLOCKS);
                    self.checks.push(piece);
                }
                Output::Drop { piece } => {
                    self.stored.retain(|(of, _)| *of != piece.get());
                }
                Output::Close { peer, reason } => {
                    assert_ne!(reason, CloseReason::Duplicate);
                    self.keys.retain(|_, key| *key != peer);
                    self.owed.remove(&peer);
                }
                Output::Serve { span, .. } => self.is_ours(span),
                Output::Discard { .. }
                | Output::Dial { .. }
                | Output::AskLeaves { .. }
                | Output::Fact(_) => {}
            }
        }
    }

    fn is_ours(&self, span: BlockSpan) {
        assert!(self.bench.swarm.have().contains(span.piece.get()));
    }

    /// The Swarm itself says that nobody else owes the block: the other's request was taken back without a word.
    fn is_taken_back(&self, asked: PeerKey, request: &Request) -> bool {
        let snapshots = self.bench.swarm.peer_snapshots(self.bench.now);
        self.owed
            .iter()
            .filter(|(key, owed)| **key != asked && owed.contains(request))
            .all(|(key, owed)| {
                snapshots.iter().all(|peer| {
                    peer.key != *key || peer.snubbed || (peer.outstanding as usize) < owed.len()
                })
            })
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn random_peers_never_confuse_a_swarm(steps in prop::collection::vec(step(), 1..300)) {
        let mut observer = Observer::new();
        for step in steps {
            observer.step(step);
        }
        // With everybody else gone, an honest seed still completes it: no block was forgotten.
        for key in observer.keys.clone().into_values() {
            observer.owed.remove(&key);
            let outputs = observer.bench.put(Input::PeerDisconnected { peer: key });
            observer.observe(outputs, u64::MAX / 2);
        }
        observer.keys.clear();
        observer.step(Step::Resume);
        observer.step(Step::Priorities(vec![1; PIECES as usize]));
        while !observer.checks.is_empty() {
            observer.step(Step::Check(0, true));
        }
        observer.step(Step::Connect(9, true, 8));
        observer.step(Step::Say(9, Message::HaveAll));
        observer.step(Step::Say(9, Message::Unchoke));
        for _ in 0..PIECES * BLOCKS * 4 {
            observer.step(Step::Answer(9, 0));
            while !observer.checks.is_empty() {
                observer.step(Step::Check(0, true));
            }
        }
        prop_assert!(observer.bench.swarm.is_complete());
    }
}
