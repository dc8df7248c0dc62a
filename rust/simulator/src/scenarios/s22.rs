//! S22: five peers and an origin of a tenth of their uplink.

use super::{Mark, Trial};
use crate::scenario::{DOWN, Group, Scenario, UP};

fn scenario() -> Scenario {
    Scenario::new(256)
        .group(Group::origin().links(UP / 10, DOWN))
        .group(Group::new("peer", 5))
}

pub(super) const TRIALS: [Trial; 1] = [Trial::new(
    "s22",
    "5 peers, a slow origin",
    scenario,
    &[
        Mark::at_most("last / first", 1.05, |outcome| {
            outcome.report.last / outcome.report.first
        }),
        Mark::at_least("share finished", 1.0, super::finished),
    ],
)];
