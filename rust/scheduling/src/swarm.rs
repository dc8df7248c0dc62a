//! The Swarm: one torrent's transfer as a pure state machine.

use std::collections::VecDeque;

use p2pcore_protocol::Layout;

use crate::bitfield::Bitfield;
use crate::config::SwarmConfig;
use crate::input::Input;
use crate::output::Output;
use crate::snapshot::{Counters, PeerSnapshot};
use crate::time::Time;

/// One torrent's transfer. `handle` one input, then take outputs until there are none, then wait for `poll_timeout`.
#[derive(Debug)]
pub struct Swarm {
    config: SwarmConfig,
    layout: Layout,
    have: Bitfield,
    outputs: VecDeque<Output>,
    counters: Counters,
}

impl Swarm {
    /// A Swarm that has nothing and wants everything. The same seed and inputs give the same outputs.
    pub fn new(config: SwarmConfig, layout: Layout, _seed: u64) -> Self {
        Self {
            config,
            have: Bitfield::new(layout.piece_count()),
            layout,
            outputs: VecDeque::new(),
            counters: Counters::default(),
        }
    }

    /// Takes in one thing that happened at `now`, which never goes back.
    pub fn handle(&mut self, _now: Time, _input: Input) {}

    /// The next thing to do, in order.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When to hand in `Input::Tick` if nothing else happens.
    pub fn poll_timeout(&self) -> Option<Time> {
        None
    }

    /// What it was started with.
    pub fn config(&self) -> &SwarmConfig {
        &self.config
    }

    /// The model of the torrent.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The verified pieces.
    pub fn have(&self) -> &Bitfield {
        &self.have
    }

    /// Every wanted piece is there.
    pub fn is_complete(&self) -> bool {
        self.have.is_full()
    }

    /// How many connected peers have each piece.
    pub fn availability(&self) -> Vec<u16> {
        vec![0; self.layout.piece_count() as usize]
    }

    /// The connected peers, in the order of their keys.
    pub fn peer_snapshots(&self, _now: Time) -> Vec<PeerSnapshot> {
        Vec::new()
    }

    /// The number of connected peers that have everything.
    pub fn seeds(&self) -> usize {
        0
    }

    /// Sums since the start.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }
}
