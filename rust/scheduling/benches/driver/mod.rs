//! A driver for the benches: it carries out what a Swarm asks for as an engine would, in virtual time, without payload.
#![allow(dead_code)] // Each bench uses a part of it.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use p2pcore_protocol::layout::Span;
use p2pcore_protocol::message::{Message, Request};
use p2pcore_protocol::{BLOCK, Layout, PieceIndex, Verified};
use p2pcore_scheduling::{
    Bitfield, Input, Output, PeerInfo, PeerKey, Swarm, SwarmConfig, Ticket, Time, Verdict,
};

/// One Swarm and its peers, which are named by the numbers from 0.
pub struct Driver {
    pub swarm: Swarm,
    pub now: Time,
    /// What each peer was asked for and has not sent.
    pub owed: Vec<VecDeque<Request>>,
    /// Which peers have a slot with us.
    pub unchoked: Vec<bool>,
    /// Outputs so far.
    pub outputs: u64,
    checks: Vec<PieceIndex>,
    ticket: u64,
}

impl Driver {
    pub fn new(pieces: u32, blocks: u32) -> Self {
        let length = blocks * BLOCK;
        let total = u64::from(pieces) * u64::from(length);
        let layout = Layout::new(length, [Span::File(total)]).expect("a layout");
        let config = SwarmConfig {
            max_peers: 10_000,
            origin: false,
            ..SwarmConfig::default()
        };
        Self {
            swarm: Swarm::new(config, layout, 1),
            now: Time::new(Duration::from_secs(1)),
            owed: Vec::new(),
            unchoked: Vec::new(),
            outputs: 0,
            checks: Vec::new(),
            ticket: 0,
        }
    }

    /// Hands in one input, takes note of what follows.
    pub fn put(&mut self, input: Input) {
        self.swarm.handle(self.now, input);
        while let Some(output) = self.swarm.poll_output() {
            self.outputs += 1;
            match output {
                Output::Send { peer, message } => self.sent(peer.0 as usize, &message),
                Output::Check { piece, .. } => self.checks.push(piece),
                Output::Close { peer, reason } => panic!("{peer:?} is closed: {reason}"),
                _ => {}
            }
        }
    }

    fn sent(&mut self, peer: usize, message: &Message) {
        match message {
            Message::Request(request) => self.owed[peer].push_back(*request),
            Message::Cancel(request) => self.owed[peer].retain(|owed| owed != request),
            Message::Unchoke => self.unchoked[peer] = true,
            Message::Choke => self.unchoked[peer] = false,
            _ => {}
        }
    }

    /// One more peer, from a /24 of its own.
    pub fn connect(&mut self) -> usize {
        let number = self.owed.len();
        self.owed.push(VecDeque::new());
        self.unchoked.push(false);
        let [_, a, b, c] = (number as u32 * 256 + 1).to_be_bytes();
        let info = PeerInfo {
            addr: SocketAddr::from(([80 + a, b, c, 1], 6881)),
            outgoing: false,
            peer_id: [7; 20],
            fast: true,
            extended: true,
            v2: false,
        };
        let peer = PeerKey(number as u64);
        self.put(Input::PeerConnected { peer, info });
        number
    }

    pub fn say(&mut self, peer: usize, message: Message) {
        let peer = PeerKey(peer as u64);
        self.put(Input::Message { peer, message });
    }

    /// Verified pieces from before.
    pub fn had(&mut self, pieces: impl Iterator<Item = u32>) {
        let had = pieces.map(|piece| Verified::simulated(PieceIndex::new(piece)));
        self.put(Input::Had(had.collect()));
    }

    /// The bytes of a block come, but not yet the news that it is whole.
    pub fn progress(&mut self, peer: usize, bytes: u32) {
        let peer = PeerKey(peer as u64);
        self.put(Input::Progress { peer, bytes });
    }

    /// What says that a block is whole.
    pub fn arrival(&mut self, peer: usize, request: Request) -> Input {
        self.ticket += 1;
        Input::BlockArrived {
            peer: PeerKey(peer as u64),
            piece: request.piece,
            begin: request.begin,
            length: request.length,
            proven: false,
            ticket: Ticket(self.ticket),
        }
    }

    /// A peer sends the oldest block that it owes. Whether it owed one.
    pub fn answer(&mut self, peer: usize) -> bool {
        let Some(request) = self.owed[peer].pop_front() else {
            return false;
        };
        self.progress(peer, request.length);
        let arrival = self.arrival(peer, request);
        self.put(arrival);
        true
    }

    /// Whole pieces are found good.
    pub fn verify(&mut self) {
        while let Some(piece) = self.checks.pop() {
            let verdict = Verdict::Good(Verified::simulated(piece));
            let prints = Vec::new();
            self.put(Input::Checked { verdict, prints });
        }
    }

    /// Time passes, and what is due is done.
    pub fn pass(&mut self, time: Duration) {
        self.now = self.now + time;
        if self.swarm.poll_timeout().is_some_and(|due| due <= self.now) {
            self.put(Input::Tick);
        }
    }
}

/// The bitfield message of a peer that has each piece with a chance of `part` in 256.
pub fn some(pieces: u32, part: u8, seed: u64) -> Message {
    let mut bits = Bitfield::new(pieces);
    for piece in 0..pieces {
        if (mix(u64::from(piece) ^ seed << 32) as u8) < part {
            bits.insert(piece);
        }
    }
    Message::Bitfield(bits.to_wire())
}

/// A number that looks random.
pub fn mix(number: u64) -> u64 {
    let mut x = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ x >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ x >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ x >> 31
}
