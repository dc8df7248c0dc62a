//! S19: 60 of a hundred peers cannot be dialled. Nobody punches holes.

use super::{Mark, Trial, against_first, mean_of};
use crate::scenario::{Group, Scenario};

fn scenario() -> Scenario {
    Scenario::new(256)
        .group(Group::origin())
        .group(Group::new("open", 40))
        .group(Group::new("firewalled", 60).firewalled())
}

pub(super) const TRIALS: [Trial; 1] = [Trial::new(
    "s19",
    "100 peers, 60 of them firewalled",
    scenario,
    &[
        Mark::at_most("makespan / all open", 1.15, against_first),
        Mark::at_most("firewalled / open", 1.25, |outcome| {
            mean_of(&outcome.report, "firewalled") / mean_of(&outcome.report, "open")
        }),
    ],
)
.beside(&[|| Scenario::flash_crowd(100, 256)])];
