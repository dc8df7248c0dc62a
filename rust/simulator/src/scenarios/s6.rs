//! S6: uplinks of a quarter, a half, one and two and a quarter; an origin of four.

use super::{Mark, Trial, mean_of, rounds};
use crate::scenario::{DOWN, Group, Scenario, UP};

fn scenario() -> Scenario {
    let class = |name, up| Group::new(name, 75).links(up, DOWN);
    Scenario::new(256)
        .group(Group::origin().links(4 * UP, DOWN))
        .group(class("quarter", UP / 4))
        .group(class("half", UP / 2))
        .group(class("one", UP))
        .group(class("two", UP * 9 / 4))
}

/// Where all are served alike, every class needs 239 piece times in the ideal model.
const UNIFORM: f64 = 239.0;

pub(super) const TRIALS: [Trial; 1] = [Trial::new(
    "s6",
    "300 peers of four uplinks",
    scenario,
    &[
        Mark::at_most("makespan / fluid bound", 1.12, |outcome| {
            outcome.report.last / outcome.report.fluid_bound
        }),
        Mark::at_most("fast class / ideal uniform", 0.6, |outcome| {
            mean_of(&outcome.report, "two") / rounds(outcome, UNIFORM)
        }),
        Mark::at_least("uplinks used while wanted", 0.95, |outcome| {
            outcome.report.utilisation_wanted
        }),
    ],
)];
