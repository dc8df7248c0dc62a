//! S20: half of the swarm are usual clients: tit-for-tat with 4 + 1 slots, no fast extension, no origin mode.

use super::{Mark, Outcome, Trial, against_baseline_of};
use crate::scenario::{Group, Scenario};

fn scenario() -> Scenario {
    Scenario::new(256)
        .group(Group::origin())
        .group(Group::new("ours", 50))
        .group(Group::new("legacy", 50).legacy())
}

fn among_themselves() -> Scenario {
    Scenario::new(256)
        .group(Group::origin().legacy())
        .group(Group::new("legacy", 100).legacy())
}

fn mean(outcome: &Outcome, class: &str) -> f64 {
    outcome
        .report
        .class(class)
        .map_or(f64::NAN, |class| class.mean)
}

pub(super) const TRIALS: [Trial; 1] = [Trial::new(
    "s20",
    "50 peers and 50 usual clients",
    scenario,
    &[
        Mark::at_most("legacy / among themselves", 1.0, |outcome| {
            against_baseline_of(outcome, "legacy")
        }),
        Mark::at_most("ours / legacy", 0.95, |outcome| {
            mean(outcome, "ours") / mean(outcome, "legacy")
        }),
    ],
)
.baseline(among_themselves)];
