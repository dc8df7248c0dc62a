//! S7: 30 % free riders; all stay. The ideal model's times stand in for the runs with other base shares, which today's
//! scheduler does not know.

use super::{Mark, Outcome, Trial, rounds};
use crate::bounds;
use crate::scenario::{Conduct, DOWN, Group, Scenario, UP};

pub(super) const CONTRIBUTORS: usize = 210;
pub(super) const RIDERS: usize = 90;

pub(super) fn contributors() -> Scenario {
    Scenario::new(256)
        .group(Group::origin().links(4 * UP, DOWN))
        .group(Group::new("contributor", CONTRIBUTORS))
}

pub(super) fn scenario() -> Scenario {
    contributors().group(Group::new("rider", RIDERS).conduct(Conduct::FreeRider))
}

fn mean_of_contributors(outcome: &Outcome) -> f64 {
    outcome
        .report
        .class("contributor")
        .map_or(f64::INFINITY, |class| class.mean)
}

/// Ideal piece times of contributors without a base share, and with uniform service.
const WITHOUT_BASE: f64 = 270.0;
const UNIFORM: f64 = 338.0;

pub(super) const TRIALS: [Trial; 1] = [Trial::new(
    "s7",
    "300 peers, 30 % free riders",
    scenario,
    &[
        Mark::at_most("makespan / L10", 1.12, |outcome| {
            let bytes = outcome.scenario.bytes();
            let bound = bounds::free_riders(bytes, 4 * UP, &[UP; CONTRIBUTORS], RIDERS).everybody;
            outcome.report.last / bound
        }),
        Mark::at_most("contributors / ideal b = 0", 1.10, |outcome| {
            mean_of_contributors(outcome) / rounds(outcome, WITHOUT_BASE)
        }),
        Mark::at_most("contributors / ideal uniform", 0.85, |outcome| {
            mean_of_contributors(outcome) / rounds(outcome, UNIFORM)
        }),
        Mark::at_most("riders' last / contributors", 1.45, |outcome| {
            let riders = outcome
                .report
                .class("rider")
                .map_or(f64::INFINITY, |class| class.last);
            riders / mean_of_contributors(outcome)
        }),
    ],
)];
