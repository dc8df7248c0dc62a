//! S10: the origin leaves when it has sent exactly one copy.

use std::time::Duration;

use super::{Mark, Trial, finished};
use crate::scenario::{Group, Leaves, Scenario};

fn scenario() -> Scenario {
    let bytes = Scenario::new(256).bytes();
    let mut scenario = Scenario::new(256)
        .group(Group::origin().leaves(Leaves::Sent(bytes)))
        .group(Group::new("peer", 100));
    scenario.limit = Duration::from_mins(3);
    scenario
}

pub(super) const TRIALS: [Trial; 1] = [Trial::new(
    "s10",
    "100 peers, the origin leaves after one copy",
    scenario,
    &[
        Mark::at_least("share finished", 1.0, finished),
        Mark::at_most("makespan / bound", 1.10, |outcome| outcome.report.ratio),
    ],
)
.seeds(100)];
