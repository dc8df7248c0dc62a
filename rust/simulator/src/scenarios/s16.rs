//! S16: of four sources one stops sending when nearly all is there.

use super::{Mark, Trial};
use crate::scenario::{Conduct, Group, Scenario, UP};

fn scenario() -> Scenario {
    let share = Scenario::new(256).bytes() / 4;
    let stalls = Conduct::StallsAfter(share / 50 * 49);
    Scenario::new(256)
        .group(Group::new("source", 3).with_everything())
        .group(Group::origin().conduct(stalls))
        .group(Group::new("peer", 1).links(UP, 8 * UP))
}

pub(super) const TRIALS: [Trial; 1] = [Trial::new(
    "s16",
    "one of four sources stalls near the end",
    scenario,
    &[
        Mark::at_most("seconds after the stall", 1.5, |outcome| {
            outcome.report.after_stall
        }),
        Mark::at_most("share wasted", 0.005, |outcome| outcome.report.wasted),
    ],
)];
