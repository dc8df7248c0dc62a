//! S8: the free riders of S7 with a large view: each knows everybody.

use super::{Mark, Trial, riders, s7};
use crate::scenario::Scenario;

fn scenario() -> Scenario {
    riders::swarm(Some(riders::CONTRIBUTORS + riders::RIDERS))
}

const SMALL_VIEW: usize = 2;

pub(super) const TRIALS: [Trial; 1] = [Trial::new(
    "s8",
    "30 % free riders that know everybody",
    scenario,
    &[
        riders::WITH_BASE,
        riders::BETTER,
        riders::BESIDE_TIT_FOR_TAT,
        riders::LAST_RIDER,
        Mark::at_most("contributors / s7", 1.10, |outcome| {
            riders::contributors(outcome, SMALL_VIEW)
        }),
    ],
)
.beside(&[
    || riders::without_base(scenario()),
    || riders::uniform(scenario()),
    s7::scenario,
])
.baseline(|| riders::tit_for_tat(scenario()))];
