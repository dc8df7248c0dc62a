//! A local network: 80 Mbit/s both ways, a fifth of a millisecond apart, 64 MiB. The bench over shaped sockets does the
//! same.

use std::time::Duration;

use super::{Mark, Trial, origin};
use crate::scenario::{Group, Network, Scenario};

const UP: u64 = 10_000_000;

fn swarm(peers: usize) -> Scenario {
    Scenario::new(256)
        .group(Group::origin().links(UP, 12 * UP))
        .group(Group::new("peer", peers).links(UP, 12 * UP))
        .network(Network {
            delay: Duration::from_micros(200),
            jitter: 0.5,
            ..Network::default()
        })
}

const MARKS: &[Mark] = &[
    Mark::at_most("makespan / fluid bound", 1.10, |outcome| {
        outcome.report.last / outcome.report.fluid_bound
    }),
    origin::IN_ALL,
];

pub(super) const TRIALS: [Trial; 2] = [
    Trial::new("lan-8", "8 peers on a fast network", || swarm(8), MARKS),
    Trial::new("lan-16", "16 peers on a fast network", || swarm(16), MARKS),
];
