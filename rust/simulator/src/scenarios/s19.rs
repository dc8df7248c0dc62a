//! S19: 60 of a hundred peers cannot be dialled. Nobody punches holes.

use super::{Mark, Outcome, Trial};
use crate::scenario::{Group, Scenario};

fn scenario() -> Scenario {
    Scenario::new(256)
        .group(Group::origin())
        .group(Group::new("open", 40))
        .group(Group::new("firewalled", 60).firewalled())
}

fn mean(outcome: &Outcome, class: &str) -> f64 {
    outcome
        .report
        .class(class)
        .map_or(f64::NAN, |class| class.mean)
}

pub(super) const TRIALS: [Trial; 1] = [Trial::new(
    "s19",
    "100 peers, 60 of them firewalled",
    scenario,
    &[
        Mark::at_most("makespan / all open", 1.15, super::against_baseline),
        Mark::at_most("firewalled / open", 1.25, |outcome| {
            mean(outcome, "firewalled") / mean(outcome, "open")
        }),
    ],
)
.baseline(|| Scenario::flash_crowd(100, 256))];
