//! S20: half of the swarm are usual clients: tit-for-tat with 4 + 1 slots every ten seconds, no fast extension, no origin
//! mode. They pick and ask as ours do: what is compared is how the two serve.

use super::{Mark, Trial, against, mean_of};
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

pub(super) const TRIALS: [Trial; 1] = [Trial::new(
    "s20",
    "50 peers and 50 usual clients",
    scenario,
    &[
        Mark::at_most("legacy / among themselves", 1.0, |outcome| {
            against(outcome, "legacy", 0)
        }),
        Mark::at_most("ours / legacy", 0.95, |outcome| {
            mean_of(&outcome.report, "ours") / mean_of(&outcome.report, "legacy")
        }),
    ],
)
.beside(&[among_themselves])];
