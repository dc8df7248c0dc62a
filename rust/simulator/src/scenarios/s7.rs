//! S7: 30 % free riders; all stay.

use super::{Trial, riders};
use crate::scenario::Scenario;

pub(super) fn scenario() -> Scenario {
    riders::swarm(None)
}

pub(super) const TRIALS: [Trial; 1] = [Trial::new(
    "s7",
    "300 peers, 30 % free riders",
    scenario,
    &[
        riders::MAKESPAN,
        riders::WITH_BASE,
        riders::BETTER,
        riders::BESIDE_TIT_FOR_TAT,
        riders::LAST_RIDER,
    ],
)
.beside(&[
    || riders::without_base(scenario()),
    || riders::uniform(scenario()),
])
.baseline(|| riders::tit_for_tat(scenario()))];
