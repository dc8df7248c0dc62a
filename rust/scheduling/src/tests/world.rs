//! A network of Swarms without bytes: each node has an uplink of some bandwidth, each message takes some latency, and
//! everything happens in the order of one event queue. What is random follows from the seed.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;

use p2pcore_protocol::layout::Span;
use p2pcore_protocol::message::Message;
use p2pcore_protocol::{BLOCK, BlockSpan, Layout, Verified};

use crate::{
    CloseReason, Fact, Input, Output, PeerInfo, PeerKey, PeerSource, Print, Swarm, SwarmConfig,
    Ticket, Time, Verdict,
};

/// What a node does with the data it sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Nature {
    Honest,
    /// Every block it sends is corrupt.
    Liar,
    /// Serves this many blocks and then none.
    StallsAfter(u32),
}

pub(super) struct Node {
    pub(super) swarm: Swarm,
    pub(super) facts: Vec<(Time, Fact)>,
    pub(super) completed_at: Option<Time>,
    pub(super) closes: Vec<CloseReason>,
    pub(super) trace: Vec<String>,
    /// Corrupt pieces are found by their blocks (v2) instead of as a whole.
    pub(super) knows_leaves: bool,
    nature: Nature,
    /// Bytes per second.
    uplink: u64,
    uplink_free: Time,
    served: u32,
    links: BTreeMap<PeerKey, usize>,
    /// Payload held: corrupt or not.
    tickets: BTreeMap<Ticket, bool>,
    /// Corrupt blocks stored, by piece.
    corrupt: BTreeMap<u32, BTreeSet<u32>>,
    tick_at: Option<Time>,
}

struct Link {
    ends: [(usize, PeerKey); 2],
    /// Blocks that wait for the uplink, by sending end.
    queues: [VecDeque<BlockSpan>; 2],
    open: bool,
}

enum Event {
    Deliver(usize, usize, Message),
    /// A block starts on the uplink of an end.
    Sent(usize, usize),
    Block(usize, usize, BlockSpan, bool),
    Tick(usize),
    Dialled(usize, SocketAddr),
    Checked(usize, Verdict, Vec<Print>),
    Closed(usize, usize),
}

pub(super) struct World {
    pub(super) now: Time,
    pub(super) nodes: Vec<Node>,
    pub(super) layout: Layout,
    pub(super) latency: Duration,
    pub(super) fast: bool,
    links: Vec<Link>,
    events: BinaryHeap<Reverse<(Time, u64)>>,
    pending: BTreeMap<u64, Event>,
    next: u64,
    seed: u64,
}

/// What one send queue holds.
const ROOM: u32 = 128 * 1024;

impl World {
    pub(super) fn new(seed: u64, pieces: u32, piece_length: u32) -> Self {
        let total = u64::from(pieces) * u64::from(piece_length);
        let layout = Layout::new(piece_length, [Span::File(total - 7)]).unwrap();
        Self {
            now: Time::ZERO,
            nodes: Vec::new(),
            layout,
            latency: Duration::from_millis(5),
            fast: true,
            links: Vec::new(),
            events: BinaryHeap::new(),
            pending: BTreeMap::new(),
            next: 0,
            seed,
        }
    }

    pub(super) fn addr(node: usize) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], 1_000 + node as u16))
    }

    pub(super) fn add(&mut self, nature: Nature, uplink: u64, have: &[u32]) -> usize {
        self.add_with(SwarmConfig::default(), nature, uplink, have)
    }

    pub(super) fn add_with(
        &mut self,
        config: SwarmConfig,
        nature: Nature,
        uplink: u64,
        have: &[u32],
    ) -> usize {
        let id = self.nodes.len();
        self.nodes.push(Node {
            swarm: Swarm::new(config, self.layout.clone(), self.seed * 1_000 + id as u64),
            facts: Vec::new(),
            completed_at: None,
            closes: Vec::new(),
            trace: Vec::new(),
            knows_leaves: false,
            nature,
            uplink,
            uplink_free: Time::ZERO,
            served: 0,
            links: BTreeMap::new(),
            tickets: BTreeMap::new(),
            corrupt: BTreeMap::new(),
            tick_at: None,
        });
        let have = have
            .iter()
            .map(|piece| Verified::simulated(self.layout.piece(*piece).unwrap()))
            .collect();
        self.input(id, Input::Had(have));
        id
    }

    pub(super) fn seed(&mut self, uplink: u64) -> usize {
        let all: Vec<u32> = (0..self.layout.piece_count()).collect();
        self.add(Nature::Honest, uplink, &all)
    }

    pub(super) fn leech(&mut self, uplink: u64) -> usize {
        self.add(Nature::Honest, uplink, &[])
    }

    /// `from` learns the address of `to`.
    pub(super) fn introduce(&mut self, from: usize, to: usize) {
        let known = Input::Addresses(vec![(Self::addr(to), PeerSource::User)]);
        self.input(from, known);
    }

    /// Everyone learns the addresses of those before it.
    pub(super) fn introduce_all(&mut self) {
        for from in 0..self.nodes.len() {
            for to in 0..from {
                self.introduce(from, to);
            }
        }
    }

    pub(super) fn input(&mut self, node: usize, input: Input) {
        if self.nodes[node].trace.len() < 20_000 {
            let line = format!("{:?} <- {input:?}", self.now);
            self.nodes[node].trace.push(line);
        }
        self.nodes[node].swarm.handle(self.now, input);
        while let Some(output) = self.nodes[node].swarm.poll_output() {
            self.output(node, output);
        }
        let due = self.nodes[node].swarm.poll_timeout();
        if let Some(due) = due
            && self.nodes[node].tick_at.is_none_or(|at| due < at)
        {
            assert!(due > self.now, "a timeout in the past would spin");
            self.nodes[node].tick_at = Some(due);
            self.at(due, Event::Tick(node));
        }
    }

    /// Runs until there is nothing to do, the test is content, or the time is over. Whether it was content.
    pub(super) fn run(&mut self, limit: Duration, done: impl Fn(&Self) -> bool) -> bool {
        let end = self.now + limit;
        while !done(self) {
            let Some(Reverse((time, number))) = self.events.pop() else {
                return false;
            };
            if time > end {
                self.events.push(Reverse((time, number)));
                self.now = end;
                return false;
            }
            self.now = time;
            if let Some(event) = self.pending.remove(&number) {
                self.happen(event);
            }
        }
        true
    }

    pub(super) fn run_for(&mut self, time: Duration) {
        self.run(time, |_| false);
    }

    pub(super) fn run_until_complete(&mut self, limit: Duration) -> bool {
        self.run(limit, |world| {
            world.nodes.iter().all(|node| node.swarm.is_complete())
        })
    }

    fn at(&mut self, time: Time, event: Event) {
        self.next += 1;
        self.events.push(Reverse((time, self.next)));
        self.pending.insert(self.next, event);
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Tick(node) => {
                if self.nodes[node].tick_at == Some(self.now) {
                    self.nodes[node].tick_at = None;
                    self.input(node, Input::Tick);
                }
            }
            Event::Dialled(node, addr) => self.connect(node, addr),
            Event::Checked(node, verdict, prints) => {
                self.input(node, Input::Checked { verdict, prints });
            }
            Event::Deliver(link, end, message) => {
                if self.links[link].open {
                    let (node, peer) = self.links[link].ends[end];
                    self.input(node, Input::Message { peer, message });
                }
            }
            Event::Sent(link, end) => {
                self.links[link].queues[end].pop_front();
                let (node, peer) = self.links[link].ends[end];
                if self.links[link].open {
                    let waiting = self.links[link].queues[end].len() as u32 * BLOCK;
                    let room = ROOM.saturating_sub(waiting);
                    self.input(node, Input::Writable { peer, room });
                }
            }
            Event::Block(link, end, span, corrupt) => {
                if self.links[link].open {
                    self.deliver_block(link, end, span, corrupt);
                }
            }
            Event::Closed(link, end) => {
                let (node, peer) = self.links[link].ends[end];
                self.nodes[node].links.remove(&peer);
                self.input(node, Input::PeerDisconnected { peer });
            }
        }
    }

    fn deliver_block(&mut self, link: usize, end: usize, span: BlockSpan, corrupt: bool) {
        let (node, peer) = self.links[link].ends[end];
        self.next += 1;
        let ticket = Ticket(self.next);
        self.nodes[node].tickets.insert(ticket, corrupt);
        let bytes = span.length;
        self.input(node, Input::Progress { peer, bytes });
        self.input(
            node,
            Input::BlockArrived {
                peer,
                piece: span.piece.get(),
                begin: span.begin,
                length: span.length,
                proven: false,
                ticket,
            },
        );
    }

    fn connect(&mut self, node: usize, addr: SocketAddr) {
        let other = usize::from(addr.port() - 1_000);
        let connected = self.links.iter().any(|link| {
            let ends = link.ends.map(|(id, _)| id);
            link.open && (ends == [node, other] || ends == [other, node])
        });
        if connected || other == node {
            return self.input(
                node,
                Input::DialFailed {
                    addr,
                    for_good: true,
                },
            );
        }
        let link = self.links.len();
        self.next += 2;
        let keys = [PeerKey(self.next - 1), PeerKey(self.next)];
        self.links.push(Link {
            ends: [(node, keys[0]), (other, keys[1])],
            queues: [VecDeque::new(), VecDeque::new()],
            open: true,
        });
        for (end, (id, remote)) in [(node, other), (other, node)].into_iter().enumerate() {
            let outgoing = id == node;
            // An incoming connection comes from some other port.
            let from = SocketAddr::from(([127, 0, 0, 1], 40_000 + link as u16));
            let info = PeerInfo {
                addr: if outgoing { addr } else { from },
                outgoing,
                peer_id: [remote as u8; 20],
                fast: self.fast,
                extended: true,
                v2: false,
            };
            let peer = keys[end];
            self.nodes[id].links.insert(peer, link);
            self.input(id, Input::PeerConnected { peer, info });
            self.input(id, Input::PeerRequestLimit { peer, reqq: 2_000 });
            self.input(id, Input::Writable { peer, room: ROOM });
        }
    }

    fn output(&mut self, node: usize, output: Output) {
        if self.nodes[node].trace.len() < 20_000 {
            let line = format!("{:?} -> {output:?}", self.now);
            self.nodes[node].trace.push(line);
        }
        match output {
            Output::Send { peer, message } => self.send(node, peer, message),
            Output::Serve { peer, span } => self.serve(node, peer, span),
            Output::Store { ticket, span } => {
                if self.nodes[node]
                    .tickets
                    .remove(&ticket)
                    .expect("a ticket is used once")
                {
                    let blocks = self.nodes[node].corrupt.entry(span.piece.get());
                    blocks.or_default().insert(span.begin);
                }
            }
            Output::Discard { ticket } => {
                let held = self.nodes[node].tickets.remove(&ticket);
                assert!(held.is_some(), "a ticket is used once");
            }
            Output::Check { piece, .. } => {
                let corrupt = self.nodes[node].corrupt.get(&piece.get());
                let wrong = |begin| corrupt.is_some_and(|blocks| blocks.contains(&begin));
                let blocks = self.layout.blocks(piece);
                let prints = blocks.map(|span| Print(wrong(span.begin).into()));
                let prints = prints.collect();
                let verdict = match corrupt {
                    None => Verdict::Good(Verified::simulated(piece)),
                    Some(blocks) => Verdict::Bad {
                        piece,
                        bad_blocks: blocks
                            .iter()
                            .filter(|_| self.nodes[node].knows_leaves)
                            .map(|&begin| BlockSpan {
                                piece,
                                begin,
                                length: BLOCK,
                            })
                            .collect(),
                    },
                };
                let ready = self.now + Duration::from_millis(2);
                self.at(ready, Event::Checked(node, verdict, prints));
            }
            Output::Drop { piece } => {
                self.nodes[node].corrupt.remove(&piece.get());
            }
            Output::Dial { addr, .. } => {
                let there = self.now + self.latency;
                self.at(there, Event::Dialled(node, addr));
            }
            Output::Close { peer, reason } => {
                self.nodes[node].closes.push(reason);
                let link = self.nodes[node].links.get(&peer).copied();
                if let Some(link) = link.filter(|link| self.links[*link].open) {
                    self.links[link].open = false;
                    self.at(self.now, Event::Closed(link, 0));
                    self.at(self.now, Event::Closed(link, 1));
                }
            }
            Output::AskLeaves { .. } => unreachable!("nobody speaks v2"),
            Output::Fact(fact) => {
                if fact == Fact::Completed {
                    self.nodes[node].completed_at = Some(self.now);
                }
                let now = self.now;
                self.nodes[node].facts.push((now, fact));
            }
        }
    }

    fn end_of(&self, node: usize, peer: PeerKey) -> Option<(usize, usize)> {
        let link = *self.nodes[node].links.get(&peer)?;
        let end = usize::from(self.links[link].ends[1] == (node, peer));
        self.links[link].open.then_some((link, end))
    }

    fn send(&mut self, node: usize, peer: PeerKey, message: Message) {
        if let Some((link, end)) = self.end_of(node, peer) {
            let there = self.now + self.latency;
            self.at(there, Event::Deliver(link, 1 - end, message));
        }
    }

    fn serve(&mut self, node: usize, peer: PeerKey, span: BlockSpan) {
        assert!(self.nodes[node].swarm.have().contains(span.piece.get()));
        let Some((link, end)) = self.end_of(node, peer) else {
            return;
        };
        let sender = &mut self.nodes[node];
        sender.served += 1;
        if matches!(sender.nature, Nature::StallsAfter(most) if sender.served > most) {
            return;
        }
        let corrupt = sender.nature == Nature::Liar;
        let time = u64::from(span.length) * 1_000_000_000 / sender.uplink;
        sender.uplink_free = sender.uplink_free.max(self.now) + Duration::from_nanos(time);
        let gone = sender.uplink_free;
        self.links[link].queues[end].push_back(span);
        self.at(gone, Event::Sent(link, end));
        self.at(
            gone + self.latency,
            Event::Block(link, 1 - end, span, corrupt),
        );
    }
}
