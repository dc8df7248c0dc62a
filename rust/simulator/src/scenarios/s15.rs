//! S15: peers behind a thin link go while they import: ten a minute of a hundred, at random times.

use std::time::Duration;

use super::{Mark, Trial, s13};
use crate::scenario::{Group, Leaves, Scenario};

/// So many go within two minutes; the swarm needs about half a minute.
const GOING: usize = 20;

fn scenario() -> Scenario {
    let mut going = Group::new("going", GOING)
        .at_site(1)
        .leaves(Leaves::Within(Duration::from_mins(2)));
    going.counted = false;
    s13::scenario(GOING).group(going)
}

pub(super) const TRIALS: [Trial; 1] = [Trial::new(
    "s15",
    "two sites, a thin link, importers go",
    scenario,
    &[
        Mark::at_most("copies over the link", 1.15, s13::crossed),
        Mark::at_most("far site / L9", 1.10, s13::far_site),
    ],
)];
