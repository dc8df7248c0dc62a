//! S19: 60 of a hundred peers cannot be dialled, of which 20 can be met by whom they dial at the same time. Where nobody can,
//! two of the 60 never meet: all that they get comes from the origin and the open ones, which takes 1.43 times the bound of a
//! swarm where all are open.

use super::{Mark, Outcome, Trial, against_first, mean_of, rounds};
use crate::scenario::{Group, Scenario};

const PIECES: u32 = 256;
const OPEN: usize = 40;
const FIREWALLED: usize = 60;
const PUNCHABLE: usize = 20;

fn crowd() -> Scenario {
    Scenario::new(PIECES)
        .group(Group::origin())
        .group(Group::new("open", OPEN))
}

fn scenario() -> Scenario {
    crowd()
        .group(Group::new("firewalled", FIREWALLED - PUNCHABLE).firewalled())
        .group(Group::new("punchable", PUNCHABLE).punchable())
}

fn shut() -> Scenario {
    crowd().group(Group::new("firewalled", FIREWALLED).firewalled())
}

/// Piece times until the origin and the open ones have sent the firewalled ones all.
fn reach() -> f64 {
    f64::from(PIECES) * FIREWALLED as f64 / (1 + OPEN) as f64
}

fn against_open(outcome: &Outcome) -> f64 {
    mean_of(&outcome.report, "firewalled") / mean_of(&outcome.report, "open")
}

pub(super) const TRIALS: [Trial; 2] = [
    Trial::new(
        "s19",
        "100 peers, 60 of them behind firewalls, which 20 of them open for whom they dial",
        scenario,
        &[
            Mark::at_most("makespan / all open", 1.15, against_first),
            Mark::at_most("firewalled / open", 1.25, against_open),
        ],
    )
    .beside(&[|| Scenario::flash_crowd(100, 256)]),
    Trial::new(
        "s19-shut",
        "100 peers, 60 of them behind firewalls that nobody opens",
        shut,
        &[
            Mark::figure("makespan / all open", against_first),
            Mark::figure("makespan / what reach allows", |outcome| {
                outcome.report.last / rounds(outcome, reach())
            }),
            Mark::figure("firewalled / open", against_open),
        ],
    )
    .beside(&[|| Scenario::flash_crowd(100, 256)]),
];
