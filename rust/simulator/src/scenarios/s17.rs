//! S17: a tenth of the nodes says that it has everything, takes requests and never answers.

use super::{Mark, Trial};
use crate::scenario::{Conduct, Group, Scenario};

fn scenario() -> Scenario {
    let loris = Group::new("loris", 10).with_everything();
    Scenario::flash_crowd(90, 256).group(loris.conduct(Conduct::SlowLoris))
}

pub(super) const TRIALS: [Trial; 1] = [Trial::new(
    "s17",
    "90 peers and 10 that never deliver",
    scenario,
    &[Mark::at_most(
        "makespan / without",
        1.05,
        super::against_first,
    )],
)
.beside(&[|| Scenario::flash_crowd(90, 256)])];
