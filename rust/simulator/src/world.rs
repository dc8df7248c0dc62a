//! The simulated world: nodes, connections, links and the order of events. It carries out what the Swarms say, as the
//! engine does, and decides nothing itself.

mod connecting;
mod leaves;
mod outputs;
mod present;
mod sending;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use p2pcore_protocol::Layout;
use p2pcore_scheduling::{Input, PeerKey, Time};

use self::connecting::Knock;
use self::present::Present;
use crate::event::{Agenda, Event, Nanos, PipeId};
use crate::node::Node;
use crate::random::Random;
use crate::report::Report;
use crate::scenario::{Joins, Scenario};
#[cfg(test)]
use crate::tests::watch::Word;
use crate::wire::{Pipe, back};

/// A run in progress.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) scenario: Scenario,
    pub(crate) seed: u64,
    pub(crate) layout: Layout,
    pub(crate) now: Nanos,
    pub(crate) nodes: Vec<Node>,
    pub(crate) agenda: Agenda,
    pub(crate) spread: Spread,
    pipes: Vec<Pipe>,
    present: Present,
    /// Pairs of nodes between which there is a connection, the lesser first.
    connected: BTreeSet<(u32, u32)>,
    /// Dials that are under way to those behind firewalls: from whom, to whom.
    knocks: BTreeMap<(u32, u32), Knock>,
    /// Links between sites: from site, to site.
    pub(crate) links: Vec<SiteLink>,
    /// Counted nodes that are not done.
    left: usize,
    /// Pieces that counted nodes have by now.
    had: u64,
    tickets: u64,
    jitter: Random,
    graph: Random,
    /// What the Swarms are told and say, where a test wants to know.
    #[cfg(test)]
    pub(crate) words: Option<Vec<(u32, Word)>>,
}

/// How far the data got beyond those that had it from the start.
#[derive(Debug)]
pub(crate) struct Spread {
    pub(crate) seen: Vec<bool>,
    pub(crate) missing: u32,
    /// When nothing was missing any more, and what the origins had sent by then.
    pub(crate) first_copy: Option<(Nanos, u64)>,
    /// What the origins sent of pieces that somebody else had already.
    pub(crate) repeated: u64,
}

/// One direction of a link between two sites.
#[derive(Debug)]
pub(crate) struct SiteLink {
    pub(crate) sites: (u8, u8),
    pub(crate) bytes: u64,
    free_at: Nanos,
    /// Connections that found it full.
    waiting: VecDeque<PipeId>,
    woken: bool,
}

/// Runs a scenario with a seed to its end.
pub fn run(scenario: &Scenario, seed: u64) -> Report {
    match run_while(scenario, seed, &|_, _| true) {
        Ok(report) => report,
        Err(_) => unreachable!("nobody stops it"),
    }
}

/// The same, and every so often `go_on` is told how many pieces the counted nodes have, and how many they shall have.
/// Nothing but the rest comes of it once that answers no.
pub fn run_while(
    scenario: &Scenario,
    seed: u64,
    go_on: &dyn Fn(u64, u64) -> bool,
) -> Result<Report, Stopped> {
    let mut world = World::new(scenario.clone(), seed);
    if world.run_while(go_on) {
        Ok(Report::of(&world))
    } else {
        Err(Stopped {
            _world: Box::new(world),
        })
    }
}

/// What is left of a run that was stopped. To drop that takes a second for each gigabyte: whoever has somebody waiting
/// does it elsewhere.
#[derive(Debug)]
pub struct Stopped {
    _world: Box<World>,
}

/// Events between two calls of `go_on`: some milliseconds of work.
const LOOK_EVERY: u64 = 1024;

impl World {
    pub(crate) fn new(scenario: Scenario, seed: u64) -> Self {
        let layout = scenario.layout();
        let mut joining = Random::new(seed, 1);
        let mut nodes = Vec::new();
        for (group, what) in scenario.groups.iter().enumerate() {
            let mut poisson = 0.0;
            for member in 0..what.count {
                let joins_at = match what.joins {
                    Joins::At(time) => nanos(time),
                    Joins::Within(time) => joining.below(nanos(time).max(1)),
                    Joins::Poisson(rate) => {
                        poisson += joining.wait() / rate;
                        nanos(Duration::from_secs_f64(poisson))
                    }
                };
                let number = nodes.len() as u32;
                let with = (scenario.config, &layout);
                nodes.push(Node::new(
                    (number, seed),
                    (group, member),
                    what.clone(),
                    joins_at,
                    with,
                ));
            }
        }
        let mut agenda = Agenda::new();
        for (number, node) in (0..).zip(&nodes) {
            agenda.at(node.joins_at, Event::Join(number));
        }
        agenda.at(nanos(scenario.mark), Event::Mark);
        Self {
            left: nodes.iter().filter(|node| node.what.counted).count(),
            spread: Spread {
                seen: vec![false; scenario.pieces as usize],
                missing: scenario.pieces,
                first_copy: None,
                repeated: 0,
            },
            scenario,
            seed,
            layout,
            now: 0,
            present: Present::new(nodes.iter().map(|node| node.joins_at)),
            nodes,
            agenda,
            pipes: Vec::new(),
            connected: BTreeSet::new(),
            knocks: BTreeMap::new(),
            links: Vec::new(),
            had: 0,
            tickets: 0,
            jitter: Random::new(seed, 2),
            graph: Random::new(seed, 3),
            #[cfg(test)]
            words: None,
        }
    }

    /// Until every counted node is done, or the time is over.
    #[cfg(test)]
    pub(crate) fn run(&mut self) {
        self.run_while(&|_, _| true);
    }

    /// The same; whether it was not stopped.
    pub(crate) fn run_while(&mut self, go_on: &dyn Fn(u64, u64) -> bool) -> bool {
        let all = self.left as u64 * u64::from(self.scenario.pieces);
        while !self.is_over() {
            if self.agenda.done.is_multiple_of(LOOK_EVERY) && !go_on(self.had, all) {
                return false;
            }
            if !self.step() {
                break;
            }
        }
        go_on(self.had, all);
        true
    }

    /// Every counted node is done, or gone.
    pub(crate) fn is_over(&self) -> bool {
        self.left == 0
    }

    /// The next event; whether there is one in time.
    pub(crate) fn step(&mut self) -> bool {
        let end = nanos(self.scenario.limit);
        let Some((at, event)) = self.agenda.next() else {
            return false;
        };
        self.now = at.min(end);
        if at <= end {
            self.happen(event);
        }
        at <= end
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Join(node) => self.join(node),
            Event::Leave(node) => self.leave(node),
            Event::Tick(node) => {
                let ticking = &mut self.nodes[node as usize];
                if ticking.is_here() && ticking.tick_at == Some(self.now) {
                    ticking.tick_at = None;
                    self.input(node, Input::Tick);
                }
            }
            Event::UplinkDone(node) => self.uplink_done(node),
            Event::Arrive(pipe) => self.arrive(pipe),
            Event::Block(pipe) => self.receive_block(pipe),
            Event::Notes(pipe) => self.receive_notes(pipe),
            Event::Written(pipe) => self.written(pipe),
            Event::Dialled(from, to) => self.dialled(from, to),
            Event::Connected(pipe) => self.dial_done(pipe),
            Event::DialFailed(from, to) => self.dial_failed(from, to),
            Event::Checked(node, piece) => self.checked(node, piece),
            Event::Closed(pipe) => self.closed(pipe),
            Event::LinkRoom(link) => self.link_room(link),
            Event::Mark => {
                for node in &mut self.nodes {
                    node.seen.received_at_mark = node.seen.received;
                }
            }
        }
    }

    /// Feeds one input, then carries out what the Swarm says.
    fn input(&mut self, node: u32, input: Input) {
        self.feed(node, input);
        self.carry_out(node);
    }

    /// Feeds one input of several that come together.
    fn feed(&mut self, node: u32, input: Input) {
        let now = self.time();
        #[cfg(test)]
        if let Some(words) = &mut self.words {
            words.push((node, Word::Told(input.clone())));
            self.nodes[node as usize].swarm.handle(now, input);
            // What it says is heard in order, after what made it say so.
            return self.carry_out(node);
        }
        self.nodes[node as usize].swarm.handle(now, input);
    }

    fn carry_out(&mut self, node: u32) {
        while let Some(output) = self.nodes[node as usize].swarm.poll_output() {
            #[cfg(test)]
            if let Some(words) = &mut self.words {
                words.push((node, Word::Said(output.clone())));
            }
            self.output(node, output);
        }
        let acting = &mut self.nodes[node as usize];
        if let Some(due) = acting.swarm.poll_timeout() {
            let due = nanos(due.since_zero()).max(self.now + 1);
            if acting.tick_at.is_none_or(|at| due < at) {
                acting.tick_at = Some(due);
                self.agenda.at(due, Event::Tick(node));
            }
        }
    }

    pub(crate) fn time(&self) -> Time {
        Time::new(Duration::from_nanos(self.now))
    }

    /// The pairs of nodes that are connected now.
    #[cfg(test)]
    pub(crate) fn pairs(&self) -> &BTreeSet<(u32, u32)> {
        &self.connected
    }

    /// The node behind a peer.
    #[cfg(test)]
    pub(crate) fn node_of(&self, peer: PeerKey) -> u32 {
        self.pipes[peer.0 as usize].to
    }

    /// The end that receives what goes through a pipe, if it is connected: its node and its name for the sender.
    fn receiver(&self, pipe: PipeId) -> Option<(u32, PeerKey)> {
        let own = &self.pipes[back(pipe) as usize];
        // Whoever goes closes its ends.
        debug_assert!(!own.open || self.nodes[own.from as usize].is_here());
        own.open.then_some((own.from, PeerKey(back(pipe).into())))
    }

    /// The delay of one message or block now.
    fn delay_now(&mut self, pipe: PipeId) -> Nanos {
        let delay = self.pipes[pipe as usize].delay;
        let most = delay as f64 * self.scenario.network.jitter;
        let extra = if most >= 1.0 {
            self.jitter.below(whole(most))
        } else {
            0
        };
        delay + extra
    }
}

/// A duration as a number.
pub(crate) fn nanos(time: Duration) -> Nanos {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// A number of nanoseconds that was computed as a fraction.
#[allow(clippy::cast_sign_loss)] // `as` saturates at zero.
pub(crate) fn whole(nanos: f64) -> Nanos {
    nanos as Nanos
}
