//! S8: the free riders of S7 with a large view: each knows everybody.

use super::{Mark, Trial, against_baseline_of, s7};
use crate::scenario::{Conduct, Group, Scenario};

fn scenario() -> Scenario {
    let rider = Group::new("rider", s7::RIDERS).conduct(Conduct::FreeRider);
    s7::contributors().group(rider.view(s7::CONTRIBUTORS + s7::RIDERS))
}

pub(super) const TRIALS: [Trial; 1] = [Trial::new(
    "s8",
    "30 % free riders that know everybody",
    scenario,
    &[Mark::at_most("contributors / s7", 1.10, |outcome| {
        against_baseline_of(outcome, "contributor")
    })],
)
.baseline(s7::scenario)];
