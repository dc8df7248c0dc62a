//! What a run is judged by: plain figures, as a table and as JSON.

mod nodes;
mod text;

use std::borrow::Cow;

use p2pcore_protocol::BLOCK;

pub use self::nodes::NodeRow;
pub use self::text::Figure;
use crate::bounds;
use crate::node::Node;
use crate::scenario::Scenario;
use crate::statistics::{jain, mean, percentile};
use crate::world::World;

/// The figures of one run. Times are in seconds; a node's time counts from its coming, [`Report::last`] from the start.
/// Only counted nodes enter unless said otherwise. A node that is not done counts with the end of the run.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Report {
    /// The seed of the run.
    pub seed: u64,
    /// Nodes whose completion is waited for.
    pub counted: usize,
    /// How many of them have everything.
    pub finished: usize,
    /// The quickest node's time.
    pub first: f64,
    /// Half of the nodes were quicker.
    pub p50: f64,
    /// 95 % were quicker.
    pub p95: f64,
    /// 99 % were quicker.
    pub p99: f64,
    /// The mean time.
    pub mean: f64,
    /// When the last node was done, from the start of the run.
    pub last: f64,
    /// The fluid limit (L1) for these nodes.
    pub fluid_bound: f64,
    /// The limit with whole pieces (L2); 0 where uplinks differ.
    pub piece_bound: f64,
    /// `last` over the greater of the two limits.
    pub ratio: f64,
    /// Copies that the origins had sent when the others together had every piece.
    pub origin_first_copy: f64,
    /// When that was; 0: never.
    pub first_copy_at: f64,
    /// Copies that the origins sent until the end.
    pub origin_total: f64,
    /// Copies that the origins sent of pieces that somebody else had already.
    pub origin_repeats: f64,
    /// Share of the uplinks' time that was used, over the origins and the counted nodes while they were here.
    pub utilisation: f64,
    /// The same over the time in which somebody was interested.
    pub utilisation_wanted: f64,
    /// Payload received in vain, as a share of all that had to be received.
    pub wasted: f64,
    /// Blocks asked of a second peer in the endgame.
    pub duplicates: u64,
    /// Peers that were found to stall.
    pub stalls: u64,
    /// Jain's index of bytes given over bytes received.
    pub jain: f64,
    /// Time to the first piece, the median.
    pub first_piece_p50: f64,
    /// Time to the first piece, of 99 %.
    pub first_piece_p99: f64,
    /// Bytes of messages and headers, all nodes.
    pub control: u64,
    /// The same as a share of the payload that was sent.
    pub control_share: f64,
    /// Copies that crossed links between sites.
    pub link_copies: f64,
    /// Liars that somebody banned.
    pub liars_found: usize,
    /// Nodes banned that never lied.
    pub honest_banned: usize,
    /// Pairs of a counted node that is done and a node that sent it a corrupt block and is not banned there.
    pub liars_missed: usize,
    /// Pieces that failed their hash, all nodes.
    pub pieces_failed: u64,
    /// From the moment a node began to stall to the end of the run; 0: none did.
    pub after_stall: f64,
    /// Receiving rate from the scenario's mark to each node's completion, as a share of its downlink, the mean.
    pub late_rate: f64,
    /// Payload received by all nodes, in blocks of 16 KiB: what the cost of a run is divided by.
    pub blocks: u64,
    /// The figures of each group of counted nodes.
    pub classes: Vec<Class>,
    /// What crossed from one site to another.
    pub links: Vec<Link>,
    /// Every node, in the order of the scenario.
    pub nodes: Vec<NodeRow>,
    /// Events that happened.
    pub events: u64,
    /// The hash of all that happened.
    pub trace: u64,
}

/// The figures of one group of nodes.
#[derive(Debug, Clone, PartialEq)]
pub struct Class {
    /// The group's name.
    pub name: Cow<'static, str>,
    /// Its nodes.
    pub count: usize,
    /// How many have everything.
    pub finished: usize,
    /// The quickest time.
    pub first: f64,
    /// Half of them were quicker.
    pub p50: f64,
    /// 95 % were quicker.
    pub p95: f64,
    /// The mean time.
    pub mean: f64,
    /// The slowest time.
    pub last: f64,
    /// Copies that each sent, the mean.
    pub given: f64,
}

/// What crossed a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    /// The site that it leads from.
    pub from: u8,
    /// The site that it leads to.
    pub to: u8,
    /// Payload.
    pub bytes: u64,
}

impl Report {
    pub(crate) fn of(world: &World) -> Self {
        let scenario = &world.scenario;
        let bytes = scenario.bytes() as f64;
        let end = world.now;
        let counted: Vec<&Node> = world.nodes.iter().filter(|n| n.what.counted).collect();
        let times = sorted(counted.iter().map(|node| time(node, end)));
        let (fluid_bound, piece_bound) = limits(scenario);
        let last = seconds(
            counted
                .iter()
                .map(|node| node.seen.completed.unwrap_or(end))
                .max()
                .unwrap_or(end),
        );
        let origins = || world.nodes.iter().filter(|node| node.what.complete);
        let origin_sent: u64 = origins().map(|node| node.seen.sent).sum();
        let first_copy = world.spread.first_copy;
        let firsts = sorted(
            counted
                .iter()
                .filter_map(|node| Some(seconds(node.seen.first_piece? - node.joins_at))),
        );
        let counters = || counted.iter().map(|node| node.swarm.counters());
        let given: Vec<f64> = counted
            .iter()
            .map(|node| node.seen.sent as f64 / node.seen.received.max(1) as f64)
            .collect();
        let sent: u64 = world.nodes.iter().map(|node| node.seen.sent).sum();
        let control: u64 = world.nodes.iter().map(|node| node.seen.control).sum();
        let stalled = world
            .nodes
            .iter()
            .filter_map(|node| node.seen.stalled)
            .min();
        let (liars_found, honest_banned) = banned(world);
        let rates: Vec<f64> = counted
            .iter()
            .filter_map(|node| late_rate(node, world))
            .collect();
        Self {
            seed: world.seed,
            counted: counted.len(),
            finished: counted
                .iter()
                .filter(|n| n.seen.completed.is_some())
                .count(),
            first: times.first().copied().unwrap_or(0.0),
            p50: percentile(&times, 50.0),
            p95: percentile(&times, 95.0),
            p99: percentile(&times, 99.0),
            mean: mean(&times),
            last,
            fluid_bound,
            piece_bound,
            ratio: last / fluid_bound.max(piece_bound),
            origin_first_copy: first_copy.map_or(0.0, |(_, sent)| sent as f64 / bytes),
            first_copy_at: first_copy.map_or(0.0, |(at, _)| seconds(at)),
            origin_total: origin_sent as f64 / bytes,
            origin_repeats: world.spread.repeated as f64 / bytes,
            utilisation: utilisation(world, |node, until| until - node.joins_at),
            utilisation_wanted: utilisation(world, |node, until| {
                let (wanted_by, since) = node.wanted;
                let still = if wanted_by > 0 {
                    until.saturating_sub(since)
                } else {
                    0
                };
                node.seen.wanted_for + still
            }),
            wasted: counters().map(|sums| sums.wasted).sum::<u64>() as f64
                / (bytes * counted.len() as f64),
            duplicates: counters().map(|sums| sums.duplicates).sum(),
            stalls: counters().map(|sums| sums.stalls).sum(),
            jain: jain(&given),
            first_piece_p50: percentile(&firsts, 50.0),
            first_piece_p99: percentile(&firsts, 99.0),
            control,
            control_share: control as f64 / sent.max(1) as f64,
            link_copies: world.links.iter().map(|link| link.bytes).sum::<u64>() as f64 / bytes,
            liars_found,
            honest_banned,
            liars_missed: missed(world),
            pieces_failed: world
                .nodes
                .iter()
                .map(|node| node.swarm.counters().pieces_failed)
                .sum(),
            after_stall: stalled.map_or(0.0, |at| seconds(end) - seconds(at)),
            late_rate: mean(&rates),
            blocks: world
                .nodes
                .iter()
                .map(|node| node.seen.received.div_ceil(BLOCK.into()))
                .sum(),
            classes: classes(world),
            links: links(world),
            nodes: nodes::rows(world),
            events: world.agenda.done,
            trace: world.agenda.trace,
        }
    }

    /// The figures of the group of that name.
    pub fn class(&self, name: &str) -> Option<&Class> {
        self.classes.iter().find(|class| class.name == name)
    }
}

fn limits(scenario: &Scenario) -> (f64, f64) {
    let ups = scenario.counted_ups();
    let origin = scenario.origin_up();
    let fluid = bounds::fluid(scenario.bytes(), origin, scenario.least_down(), &ups);
    let equal = !ups.is_empty() && ups.iter().all(|up| *up == origin);
    let (pieces, length) = (scenario.pieces, scenario.piece_length);
    let whole = bounds::pieces(pieces, length, ups.len() as u32, origin);
    (fluid, if equal { whole } else { 0.0 })
}

fn utilisation(world: &World, time: fn(&Node, u64) -> u64) -> f64 {
    let (mut used, mut there) = (0.0, 0.0);
    for node in &world.nodes {
        let takes_part = node.what.counted || node.what.complete;
        let up = node.what.effective_up();
        if takes_part && up > 0 && up != crate::scenario::UNLIMITED && node.joins_at < world.now {
            let until = node.seen.left.unwrap_or(world.now);
            used += node.seen.sent as f64;
            there += up as f64 * seconds(time(node, until));
        }
    }
    if there > 0.0 { used / there } else { 0.0 }
}

fn banned(world: &World) -> (usize, usize) {
    let mut names: Vec<u32> = world
        .nodes
        .iter()
        .filter(|node| node.what.counted)
        .flat_map(|node| node.seen.banned.iter().copied())
        .collect();
    names.sort_unstable();
    names.dedup();
    let lies = |name: &&u32| {
        world
            .nodes
            .get(**name as usize)
            .is_some_and(|node| node.what.conduct == crate::scenario::Conduct::Liar)
    };
    let liars = names.iter().filter(lies).count();
    (liars, names.len() - liars)
}

fn missed(world: &World) -> usize {
    let done = |node: &&Node| node.what.counted && node.seen.completed.is_some();
    let missed = |node: &Node| {
        let liars = node.seen.lied_to_by.iter();
        liars
            .filter(|liar| !node.seen.banned.contains(liar))
            .count()
    };
    world.nodes.iter().filter(done).map(missed).sum()
}

fn late_rate(node: &Node, world: &World) -> Option<f64> {
    let mark = super::world::nanos(world.scenario.mark);
    let end = node.seen.completed.unwrap_or(world.now);
    if end <= mark {
        return None;
    }
    let missing = world
        .scenario
        .bytes()
        .saturating_sub(node.seen.received_at_mark);
    Some(missing as f64 / seconds(end - mark) / node.what.down as f64)
}

fn classes(world: &World) -> Vec<Class> {
    let mut classes = Vec::new();
    for (number, group) in world.scenario.groups.iter().enumerate() {
        let nodes: Vec<&Node> = world.nodes.iter().filter(|n| n.group == number).collect();
        if !group.counted || nodes.is_empty() {
            continue;
        }
        let times = sorted(nodes.iter().map(|node| time(node, world.now)));
        let sent: u64 = nodes.iter().map(|node| node.seen.sent).sum();
        let copies = sent as f64 / world.scenario.bytes() as f64;
        classes.push(Class {
            name: group.class.clone(),
            count: nodes.len(),
            finished: nodes.iter().filter(|n| n.seen.completed.is_some()).count(),
            first: times.first().copied().unwrap_or(0.0),
            p50: percentile(&times, 50.0),
            p95: percentile(&times, 95.0),
            mean: mean(&times),
            last: times.last().copied().unwrap_or(0.0),
            given: copies / nodes.len() as f64,
        });
    }
    classes
}

fn links(world: &World) -> Vec<Link> {
    let mut links: Vec<Link> = world
        .links
        .iter()
        .map(|link| Link {
            from: link.sites.0,
            to: link.sites.1,
            bytes: link.bytes,
        })
        .collect();
    links.sort_by_key(|link| (link.from, link.to));
    links
}

fn time(node: &Node, end: u64) -> f64 {
    seconds(
        node.seen
            .completed
            .unwrap_or(end)
            .saturating_sub(node.joins_at),
    )
}

fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values
}

fn seconds(nanos: u64) -> f64 {
    nanos as f64 / 1e9
}
