//! What every Swarm of a world is told and says, against what must always be so:
//!
//! - a block that one peer owes is asked of a second one only when no block is left that nobody was asked for, and each
//!   time is counted;
//! - every request is answered, refused, taken back, or ends with its connection: none is forgotten;
//! - the availability of each piece is the number of connected peers that said that they have it.

use std::collections::{BTreeMap, BTreeSet};

use p2pcore_protocol::BLOCK;
use p2pcore_protocol::message::{Message, Request};
use p2pcore_scheduling::{Input, Output, PeerKey};

use crate::event::Nanos;
use crate::node::Node;
use crate::scenario::Scenario;
use crate::world::World;

/// What one Swarm was told, or said.
#[derive(Debug, Clone)]
pub(crate) enum Word {
    Told(Input),
    Said(Output),
}

/// One Swarm, seen from outside.
#[derive(Debug, Default)]
struct Watched {
    /// Requests that a peer owes.
    owed: BTreeMap<PeerKey, BTreeSet<(u32, u32)>>,
    stored: BTreeSet<(u32, u32)>,
    maps: BTreeMap<PeerKey, BTreeSet<u32>>,
    /// Peers without the fast extension.
    usual: BTreeSet<PeerKey>,
    /// Blocks asked of a second peer.
    twice: u64,
    /// Those before every block was asked for.
    early: u64,
    /// When a block came, and from whom.
    came: Vec<(Nanos, PeerKey)>,
}

/// A world and all its Swarms.
pub(super) struct Watch {
    pub(super) world: World,
    nodes: Vec<Watched>,
    blocks: u32,
    pieces: u32,
}

impl Watch {
    pub(super) fn new(scenario: &Scenario, seed: u64) -> Self {
        let mut world = World::new(scenario.clone(), seed);
        world.words = Some(Vec::new());
        Self {
            nodes: world.nodes.iter().map(|_| Watched::default()).collect(),
            blocks: scenario.pieces * scenario.piece_length.div_ceil(BLOCK),
            pieces: scenario.pieces,
            world,
        }
    }

    /// Until the counted nodes are done, and then until nobody owes anything to anybody or a minute is over.
    pub(super) fn run(&mut self) {
        while !self.world.is_over() && self.step() {}
        let end = self.world.now + 60_000_000_000;
        while self.owed() > 0 && self.world.now < end && self.step() {}
    }

    /// One event. Whether there was one.
    pub(super) fn step(&mut self) -> bool {
        let went_on = self.world.step();
        for (node, word) in std::mem::take(self.world.words.as_mut().unwrap()) {
            self.hear(node, word);
        }
        went_on
    }

    /// Requests without an answer, of nodes that are here.
    pub(super) fn owed(&self) -> usize {
        let nodes = self.nodes.iter().zip(&self.world.nodes);
        let here = nodes.filter(|(_, node)| node.is_here());
        here.flat_map(|(watched, _)| watched.owed.values())
            .map(BTreeSet::len)
            .sum()
    }

    /// When one node got a block of the other, in order.
    pub(super) fn came(&self, to: u32, from: u32) -> Vec<Nanos> {
        let came = self.nodes[to as usize].came.iter();
        came.filter(|(_, peer)| self.world.node_of(*peer) == from)
            .map(|(at, _)| *at)
            .collect()
    }

    /// No block was asked for twice before all were, and every Swarm counts its duplicates as they were seen here. Not where
    /// somebody counted as stalled, which is relieved: whether nobody did.
    pub(super) fn check_duplicates(&self) -> bool {
        let mut calm = true;
        for (number, (watched, node)) in self.nodes.iter().zip(&self.world.nodes).enumerate() {
            let counters = node.swarm.counters();
            if counters.stalls > 0 {
                calm = false;
                continue;
            }
            assert_eq!(watched.early, 0, "node {number}");
            assert_eq!(watched.twice, counters.duplicates, "node {number}");
        }
        calm
    }

    /// Every Swarm's availability is the sum of the maps of its peers; those that stalled are not believed.
    pub(super) fn check_availability(&self) {
        let calm = |node: &Node| node.is_here() && node.swarm.counters().stalls == 0;
        let nodes = self.nodes.iter().zip(&self.world.nodes).enumerate();
        for (number, (watched, node)) in nodes.filter(|(_, (_, node))| calm(node)) {
            let mut sum = vec![0; self.pieces as usize];
            for piece in watched.maps.values().flatten() {
                sum[*piece as usize] += 1;
            }
            assert_eq!(node.swarm.availability(), sum, "node {number}");
        }
    }

    fn hear(&mut self, node: u32, word: Word) {
        let (all, pieces) = (self.blocks as usize, self.pieces);
        let here = &mut self.nodes[node as usize];
        match word {
            Word::Told(Input::PeerConnected { peer, info }) => {
                if !info.fast {
                    here.usual.insert(peer);
                }
                here.owed.insert(peer, BTreeSet::new());
                here.maps.insert(peer, BTreeSet::new());
            }
            Word::Told(Input::PeerDisconnected { peer })
            | Word::Said(Output::Close { peer, .. }) => {
                here.owed.remove(&peer);
                here.maps.remove(&peer);
            }
            Word::Told(Input::BlockArrived {
                peer, piece, begin, ..
            }) => {
                if let Some(owed) = here.owed.get_mut(&peer) {
                    owed.remove(&(piece, begin));
                }
                here.came.push((self.world.now, peer));
            }
            Word::Told(Input::PeerComing { peer, coming }) => {
                if let Some(map) = here.maps.get_mut(&peer) {
                    map.insert(coming.piece);
                }
            }
            Word::Told(Input::PeerLacks { peer, piece }) => {
                if let Some(map) = here.maps.get_mut(&peer) {
                    map.remove(&piece);
                }
            }
            Word::Told(Input::Message { peer, message }) => here.told(peer, message, pieces),
            Word::Said(Output::Send { peer, message }) => here.says(peer, message, all),
            Word::Said(Output::Store { span, .. }) => {
                here.stored.insert((span.piece.get(), span.begin));
            }
            Word::Said(Output::Drop { piece }) => {
                here.stored.retain(|(of, _)| *of != piece.get());
            }
            Word::Told(_) | Word::Said(_) => {}
        }
    }
}

impl Watched {
    fn told(&mut self, peer: PeerKey, message: Message, pieces: u32) {
        // Messages of a peer that was closed reach nobody.
        let (Some(map), Some(owed)) = (self.maps.get_mut(&peer), self.owed.get_mut(&peer)) else {
            return;
        };
        match message {
            Message::Have(piece) => {
                map.insert(piece);
            }
            Message::HaveAll => map.extend(0..pieces),
            Message::Bitfield(bytes) => {
                let has = |piece: &u32| {
                    let byte = bytes[(piece / 8) as usize];
                    byte & (0x80 >> (piece % 8)) != 0
                };
                map.extend((0..pieces).filter(has));
            }
            Message::Reject(request) => {
                owed.remove(&block(request));
            }
            // Without BEP 6 a choke drops what was asked for.
            Message::Choke if self.usual.contains(&peer) => owed.clear(),
            _ => {}
        }
    }

    fn says(&mut self, peer: PeerKey, message: Message, all: usize) {
        match message {
            Message::Request(request) => {
                let block = block(request);
                assert!(!self.stored.contains(&block), "{block:?} is there already");
                let owe = self.owed.values().filter(|owed| owed.contains(&block));
                if owe.count() > 0 {
                    self.twice += 1;
                    let asked: BTreeSet<_> = self.owed.values().flatten().collect();
                    let known = asked.union(&self.stored.iter().collect()).count();
                    self.early += u64::from(known != all);
                }
                let fresh = self.owed.entry(peer).or_default().insert(block);
                assert!(fresh, "{block:?} is asked for again");
            }
            Message::Cancel(request) => {
                if let Some(owed) = self.owed.get_mut(&peer) {
                    owed.remove(&block(request));
                }
            }
            _ => {}
        }
    }
}

fn block(request: Request) -> (u32, u32) {
    (request.piece, request.begin)
}
