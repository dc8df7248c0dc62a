//! An origin with a fast uplink, and peers whose own links are slow: many must be served at once to use it.

use super::{Mark, Trial};
use crate::scenario::{Group, Scenario};

const SLOW: u64 = 1_000_000;

fn scenario() -> Scenario {
    Scenario::new(128)
        .group(Group::origin().links(50 * SLOW, 50 * SLOW))
        .group(Group::new("peer", 40).links(SLOW / 4, SLOW))
}

pub(super) const TRIALS: [Trial; 1] = [Trial::new(
    "slow",
    "a fast origin, 40 peers on slow links",
    scenario,
    &[Mark::at_most("makespan / bound", 1.15, |outcome| {
        outcome.report.last / outcome.report.fluid_bound
    })],
)];
