//! How free riders fare, and those who contribute, under each way to share out the upload. What S7 and S8 have in common.

use p2pcore_scheduling::{Share, UploaderPolicy};

use super::{Mark, Outcome, against, against_baseline, mean_of};
use crate::bounds;
use crate::scenario::{Conduct, DOWN, Group, Scenario, UP};

pub(super) const CONTRIBUTORS: usize = 210;
pub(super) const RIDERS: usize = 90;

/// Contributors and free riders; these know half of the usual number, or so many.
pub(super) fn swarm(view: Option<usize>) -> Scenario {
    let mut riders = Group::new("rider", RIDERS).conduct(Conduct::FreeRider);
    riders.view = view;
    Scenario::new(256)
        .group(Group::origin().links(4 * UP, DOWN))
        .group(Group::new("contributor", CONTRIBUTORS))
        .group(riders)
}

pub(super) fn without_base(mut swarm: Scenario) -> Scenario {
    swarm.config.base_share = Share::part(0.0);
    swarm
}

pub(super) fn uniform(swarm: Scenario) -> Scenario {
    swarm.uploader(UploaderPolicy::RoundRobin)
}

pub(super) fn tit_for_tat(swarm: Scenario) -> Scenario {
    swarm.uploader(UploaderPolicy::TitForTat)
}

/// The runs to compare with come in this order.
pub(super) const WITHOUT_BASE: usize = 0;
pub(super) const UNIFORM: usize = 1;

pub(super) const MAKESPAN: Mark = Mark::at_most("makespan / L10", 1.12, |outcome| {
    let bytes = outcome.scenario.bytes();
    let bound = bounds::free_riders(bytes, 4 * UP, &[UP; CONTRIBUTORS], RIDERS).everybody;
    outcome.report.last / bound
});
pub(super) const WITH_BASE: Mark = Mark::at_most("contributors / b = 0", 1.10, |outcome| {
    contributors(outcome, WITHOUT_BASE)
});
pub(super) const BETTER: Mark = Mark::at_most("contributors / uniform", 0.85, |outcome| {
    contributors(outcome, UNIFORM)
});
pub(super) const BESIDE_TIT_FOR_TAT: Mark = Mark::figure("contributors / tit-for-tat", |outcome| {
    against_baseline(outcome, "contributor")
});
pub(super) const LAST_RIDER: Mark = Mark::at_most("riders' last / contributors", 1.45, |outcome| {
    let riders = outcome.report.class("rider");
    let last = riders.map_or(f64::INFINITY, |class| class.last);
    last / mean_of(&outcome.report, "contributor")
});

pub(super) fn contributors(outcome: &Outcome, beside: usize) -> f64 {
    against(outcome, "contributor", beside)
}
