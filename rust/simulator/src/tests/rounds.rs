//! Without delays a swarm is near the round model: one piece takes one round of an uplink, a node that serves several at
//! once needs as many rounds for each, everybody knows at once what everybody has, asks for what is rarest, and takes any
//! number at a time.

use std::time::Duration;

use p2pcore_scheduling::UploaderPolicy;

use super::no_delay;
use crate::random::Random;
use crate::run;
use crate::scenario::{Group, Scenario, UNLIMITED, UP};

const PIECES: usize = 128;

/// A transfer that is under way: to whom, which piece, and when it is over.
type Transfer = (usize, usize, usize);

/// Node 0 has everything; all know each other.
struct Model {
    has: Vec<[bool; PIECES]>,
    coming: Vec<[bool; PIECES]>,
    copies: [usize; PIECES],
    /// How often the origin sent each piece; it sends none again before all (if `careful`).
    sent: [usize; PIECES],
    sending: Vec<Vec<Transfer>>,
    at_once: usize,
    careful: bool,
    random: Random,
}

impl Model {
    /// Rounds until all of `peers` have everything.
    fn rounds(peers: usize, at_once: usize, careful: bool, seed: u64) -> f64 {
        let mut model = Self {
            has: vec![[false; PIECES]; peers + 1],
            coming: vec![[false; PIECES]; peers + 1],
            copies: [0; PIECES],
            sent: [0; PIECES],
            sending: vec![Vec::new(); peers + 1],
            at_once,
            careful,
            random: Random::new(seed, 77),
        };
        model.has[0] = [true; PIECES];
        let mut round = 0;
        while model.copies.iter().any(|copies| *copies < peers) {
            let mut order: Vec<usize> = (0..=peers).collect();
            for at in (1..order.len()).rev() {
                order.swap(at, model.random.below(at as u64 + 1) as usize);
            }
            for node in order {
                while model.sending[node].len() < model.at_once && model.start(node, round) {}
            }
            round += 1;
            model.end(round);
        }
        round as f64
    }

    fn start(&mut self, from: usize, round: usize) -> bool {
        let wants = |to: usize, piece: usize| {
            self.has[from][piece] && !self.has[to][piece] && !self.coming[to][piece]
        };
        let served = |to: usize| self.sending[from].iter().any(|(other, ..)| *other == to);
        let takers: Vec<usize> = (1..self.has.len())
            .filter(|to| *to != from && !served(*to) && (0..PIECES).any(|piece| wants(*to, piece)))
            .collect();
        if takers.is_empty() {
            return false;
        }
        let to = takers[self.random.below(takers.len() as u64) as usize];
        let rank = |piece: usize| {
            let before = if from == 0 && self.careful {
                self.sent[piece]
            } else {
                0
            };
            (before, self.copies[piece])
        };
        let wanted: Vec<usize> = (0..PIECES).filter(|piece| wants(to, *piece)).collect();
        let rarest = wanted.iter().map(|piece| rank(*piece)).min();
        let rarest: Vec<usize> = wanted
            .into_iter()
            .filter(|piece| Some(rank(*piece)) == rarest)
            .collect();
        let piece = rarest[self.random.below(rarest.len() as u64) as usize];
        self.coming[to][piece] = true;
        self.sent[piece] += usize::from(from == 0);
        self.sending[from].push((to, piece, round + self.at_once));
        true
    }

    fn end(&mut self, round: usize) {
        for sending in &mut self.sending {
            for (to, piece, _) in sending.extract_if(.., |(_, _, ends)| *ends <= round) {
                self.has[to][piece] = true;
                self.copies[piece] += 1;
            }
        }
    }
}

/// What a swarm of so many takes, in rounds.
fn simulated(peers: usize, usual: bool, seed: u64) -> f64 {
    let mut scenario = Scenario::new(PIECES as u32)
        .network(no_delay())
        .group(Group::origin().links(UP, UNLIMITED))
        .group(Group::new("peer", peers).links(UP, UNLIMITED));
    scenario.check = Duration::ZERO;
    if usual {
        scenario = scenario.uploader(UploaderPolicy::RoundRobin);
        scenario.config.unchoke_slots = EIGHT;
        scenario.config.origin = false;
    }
    let round = f64::from(scenario.piece_length) / UP as f64;
    run(&scenario, seed).last / round
}

const EIGHT: usize = 8;

#[test]
fn eight_at_once_take_as_long_as_in_the_model() {
    for (peers, within) in [(8, 0.1), (16, 0.1), (32, 0.15)] {
        for seed in 1..=3 {
            let model = Model::rounds(peers, EIGHT, false, seed);
            let ratio = simulated(peers, true, seed) / model;
            assert!(
                (ratio - 1.0).abs() < within,
                "{peers} peers: {ratio} of {model} rounds"
            );
        }
    }
}

/// The model at its best: one at a time, and an origin that sends no piece again before each was sent. No scheduler
/// knows enough to be quicker, and ours is not much slower.
#[test]
fn the_best_of_the_model_is_a_bound() {
    for (peers, most) in [(8, 1.10), (32, 1.20)] {
        for seed in 1..=3 {
            let model = Model::rounds(peers, 1, true, seed);
            let least = (PIECES + peers.ilog2() as usize) as f64;
            assert!(
                model >= least && model < least * 1.03,
                "{peers} peers: {model} rounds"
            );
            let ratio = simulated(peers, false, seed) / least;
            assert!(
                (1.0..most).contains(&ratio),
                "{peers} peers: {ratio} of {least} rounds"
            );
        }
    }
}
