//! Nodes come, know each other, connect, and go.

use std::time::Duration;

use p2pcore_protocol::Verified;
use p2pcore_scheduling::{Extensions, Input, PeerInfo, PeerKey, PeerSource, Time};

use super::sending::{COMING, DONT_HAVE, EXCHANGE, PUNCH, SEEDS, SITE_NEWS};
use super::{World, nanos, whole};
use crate::event::{Event, Nanos, PipeId};
use crate::node::{Node, State, dialled_from, peer_id};
use crate::random::Random;
use crate::scenario::{Leaves, Reach};
use crate::wire::{Pipe, back};

/// A dial into a firewall gets no answer: the engine's default timeout.
const DIAL_TIMEOUT: Nanos = 10_000_000_000;

/// Until it is looked again whether all was read.
const AGAIN: Nanos = 1_000_000;

/// A dial at a firewall.
#[derive(Debug, Clone, Copy)]
pub(super) struct Knock {
    began: Nanos,
    tries: u32,
    until: Nanos,
}

/// TCP tries again after so long, and after twice as long each time.
const RETRY: Nanos = 1_000_000_000;

impl Knock {
    fn first(began: Nanos, until: Nanos) -> Self {
        Self {
            began,
            tries: 1,
            until,
        }
    }

    /// When it is tried again, if that is still waited for.
    fn next(&mut self) -> Option<Nanos> {
        let at = self.began + RETRY * ((1 << self.tries) - 1);
        self.tries += 1;
        (at < self.until).then_some(at)
    }
}

impl World {
    pub(super) fn join(&mut self, node: u32) {
        let joining = &mut self.nodes[node as usize];
        joining.state = State::Here;
        if let Leaves::Within(time) = joining.what.leaves {
            let mut leaving = Random::new(self.seed, (1 << 62) + u64::from(node));
            let after = leaving.below(nanos(time).max(1));
            self.agenda.at(self.now + after, Event::Leave(node));
        }
        let joining = &mut self.nodes[node as usize];
        let known = std::mem::take(&mut joining.known);
        if joining.what.complete {
            let pieces = self.layout.pieces().map(Verified::simulated).collect();
            self.input(node, Input::Had(pieces));
        }
        let known = known.into_iter().map(|addr| (addr, PeerSource::User));
        self.input(node, Input::Addresses(known.collect()));
        for other in self.choose_neighbours(node) {
            self.introduce(node, other);
        }
    }

    /// Its view, or half of the degree because as many others will choose this node; everybody where there are no more.
    fn choose_neighbours(&mut self, node: u32) -> Vec<u32> {
        let view = self.nodes[node as usize].what.view;
        let all = self.present.at(self.now);
        let others = || all.iter().copied().filter(|other| *other != node);
        let candidates = all.len() - 1;
        if view.is_some_and(|view| candidates <= view) {
            return sorted(others());
        }
        let view = view.unwrap_or(self.scenario.degree / 2);
        if candidates <= 2 * view {
            let came = |node: u32| (self.nodes[node as usize].joins_at, node);
            return sorted(others().filter(|other| came(*other) < came(node)));
        }
        self.present.choose(node, view, &mut self.graph)
    }

    /// One learns the address of the other: the one that can dial.
    fn introduce(&mut self, node: u32, other: u32) {
        let blocked = |node: u32| self.nodes[node as usize].what.reach != Reach::Open;
        let (from, to) = match (blocked(node), blocked(other)) {
            (true, true) => return,
            (false, true) => (other, node),
            (_, false) => (node, other),
        };
        let addr = self.nodes[to as usize].addr;
        if self.nodes[from as usize].state == State::Absent {
            self.nodes[from as usize].known.push(addr);
        } else {
            let known = vec![(addr, PeerSource::User)];
            self.input(from, Input::Addresses(known));
        }
    }

    pub(super) fn dial(&mut self, from: u32, to: u32, within: Option<Duration>) {
        let within = within.map_or(DIAL_TIMEOUT, |within| nanos(within).min(DIAL_TIMEOUT));
        let is_open = |node: &Node| node.what.reach == Reach::Open;
        if !self.nodes.get(to as usize).is_none_or(is_open) {
            let until = self.now + within;
            self.knocks
                .insert((from, to), Knock::first(self.now, until));
        }
        self.try_dial(from, to, self.now);
    }

    fn try_dial(&mut self, from: u32, to: u32, at: Nanos) {
        // There and back for the connection, and there with the handshake.
        let there = at + 3 * self.delay(from, to);
        self.agenda.at(there, Event::Dialled(from, to));
    }

    /// A firewall lets in whom it opened for, and swallows what others send: TCP tries again.
    fn is_shut_out(&mut self, from: u32, to: u32) -> bool {
        let Some(mut knock) = self.knocks.remove(&(from, to)) else {
            return false; // it is open
        };
        let punchable = self.nodes[to as usize].what.reach == Reach::Punchable;
        let opened = punchable && self.knocks.contains_key(&(to, from));
        if opened || self.connected.contains(&pair(from, to)) {
            return false;
        }
        match knock.next() {
            Some(at) => {
                self.knocks.insert((from, to), knock);
                self.try_dial(from, to, at.max(self.now));
            }
            None => {
                let failed = knock.until.max(self.now);
                self.agenda.at(failed, Event::DialFailed(from, to));
            }
        }
        true
    }

    pub(super) fn dialled(&mut self, from: u32, to: u32) {
        if !self.nodes[from as usize].is_here() {
            self.knocks.remove(&(from, to));
            return;
        }
        let Some(other) = self.nodes.get(to as usize) else {
            return self.dial_failed(from, to);
        };
        let is_here = other.is_here();
        if self.is_shut_out(from, to) {
            return;
        }
        if !is_here || from == to || !self.connected.insert(pair(from, to)) {
            return self.dial_failed(from, to);
        }
        let delay = self.delay(from, to);
        let pipe = self.pipes.len() as PipeId;
        if self.pipes.len() == self.pipes.capacity() {
            // A large swarm has gigabytes of them: to double what there is would be too much.
            self.pipes.reserve_exact(pipe as usize / 4 + 64);
        }
        self.pipes.push(Pipe::new(from, to, delay));
        self.pipes.push(Pipe::new(to, from, delay));
        let answered = self.pipes[back(pipe) as usize].arrival(self.now + delay);
        self.agenda.at(answered, Event::Connected(pipe));
        self.connect(back(pipe), false);
    }

    pub(super) fn dial_done(&mut self, pipe: PipeId) {
        if self.nodes[self.pipes[pipe as usize].from as usize].is_here() {
            self.connect(pipe, true);
        } else {
            self.tell_closed(pipe);
        }
    }

    pub(super) fn dial_failed(&mut self, from: u32, to: u32) {
        let Some(addr) = self.nodes.get(to as usize).map(|node| node.addr) else {
            return;
        };
        if self.nodes[from as usize].is_here() {
            let for_good = from == to;
            self.input(from, Input::DialFailed { addr, for_good });
        }
    }

    /// The sending end of a pipe is a peer from now on.
    fn connect(&mut self, pipe: PipeId, outgoing: bool) {
        let Pipe { from, to, .. } = self.pipes[pipe as usize];
        self.pipes[pipe as usize].open = true;
        self.nodes[from as usize].pipes.push(pipe);
        let peer = PeerKey(pipe.into());
        let fast = ![from, to]
            .iter()
            .any(|node| self.nodes[*node as usize].what.legacy);
        let info = PeerInfo {
            addr: if outgoing || !self.nodes[to as usize].what.legacy {
                self.nodes[to as usize].addr
            } else {
                dialled_from(self.nodes[to as usize].addr)
            },
            outgoing,
            peer_id: peer_id(to),
            fast,
            extended: true,
            v2: fast && self.scenario.leaves_known,
        };
        let room = self.scenario.send_queue.room;
        let reqq = self.scenario.config.upload_queue;
        self.feed(from, Input::PeerConnected { peer, info });
        self.feed(from, Input::Writable { peer, room });
        self.feed(from, Input::PeerRequestLimit { peer, reqq });
        let said = Extensions {
            passes: fast, // usual clients do not
            dont_have: Some(DONT_HAVE),
            seeds: fast.then_some(SEEDS),
            exchange: Some(EXCHANGE),
            punch: fast.then_some(PUNCH),
            coming: fast.then_some(COMING),
            listen_port: Some(self.nodes[to as usize].addr.port()),
        };
        self.feed(from, Input::PeerExtensions { peer, said });
        let site = |node: u32| self.nodes[node as usize].what.site;
        let local = site(from) == site(to);
        let news = fast.then_some(SITE_NEWS);
        self.feed(from, Input::PeerSite { peer, local, news });
        if self.nodes[to as usize].swarm.is_complete() {
            let upload_only = true;
            self.feed(from, Input::PeerUploadOnly { peer, upload_only });
        }
        self.carry_out(from);
    }

    /// The sending end of a pipe closes the connection.
    pub(super) fn close(&mut self, pipe: PipeId) {
        if std::mem::take(&mut self.pipes[pipe as usize].open) {
            self.pipes[pipe as usize].close();
            self.agenda.at(self.now, Event::Closed(pipe));
            self.tell_closed(pipe);
        }
    }

    /// The other end of a pipe will learn that this one is gone.
    fn tell_closed(&mut self, pipe: PipeId) {
        let delay = self.delay_now(pipe);
        let there = self.pipes[pipe as usize].arrival(self.now + delay);
        self.agenda.at(there, Event::Closed(back(pipe)));
    }

    pub(super) fn closed(&mut self, pipe: PipeId) {
        let Pipe { from, to, .. } = self.pipes[pipe as usize];
        if !self.pipes[back(pipe) as usize].blocks.is_empty() && self.nodes[from as usize].is_here()
        {
            // What was sent before the end is read before the end.
            let read = self.nodes[from as usize].down_free;
            return self
                .agenda
                .at(read.max(self.now + AGAIN), Event::Closed(pipe));
        }
        self.pipes[pipe as usize].close();
        self.set_wanted(back(pipe), false);
        if !self.pipes[back(pipe) as usize].open {
            self.connected.remove(&pair(from, to));
        }
        if self.nodes[from as usize].is_here() {
            let peer = PeerKey(pipe.into());
            self.input(from, Input::PeerDisconnected { peer });
        }
    }

    pub(super) fn leave(&mut self, node: u32) {
        let leaving = &mut self.nodes[node as usize];
        if !leaving.is_here() {
            return;
        }
        leaving.state = State::Gone;
        self.present.remove(node);
        leaving.seen.left = Some(self.now);
        if leaving.what.counted && leaving.seen.completed.is_none() {
            self.left -= 1;
        }
        // So that it keeps no peers in memory. Whoever goes says nothing more.
        leaving
            .swarm
            .handle(Time::new(Duration::from_nanos(self.now)), Input::Pause);
        while leaving.swarm.poll_output().is_some() {}
        for pipe in std::mem::take(&mut leaving.pipes) {
            self.close(pipe);
        }
    }

    /// One way between two nodes: the same both ways and for the whole run.
    fn delay(&self, one: u32, other: u32) -> Nanos {
        let network = &self.scenario.network;
        let site = |node: u32| self.nodes.get(node as usize).map(|node| node.what.site);
        let delay = if site(one) == site(other) {
            network.delay
        } else {
            network.far_delay
        };
        let (low, high) = pair(one, other);
        let of_pair = (u64::from(low) << 32) | u64::from(high);
        let unit = Random::new(self.seed, of_pair.wrapping_add(1 << 63)).unit();
        let factor = 1.0 + network.spread * (2.0 * unit - 1.0);
        whole(nanos(delay) as f64 * factor)
    }
}

fn pair(one: u32, other: u32) -> (u32, u32) {
    (one.min(other), one.max(other))
}

fn sorted(nodes: impl Iterator<Item = u32>) -> Vec<u32> {
    let mut nodes: Vec<u32> = nodes.collect();
    nodes.sort_unstable();
    nodes
}
