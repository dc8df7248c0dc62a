//! S19: 60 of a hundred peers cannot be dialled. Nobody punches holes, so two of those never meet: all that they get
//! comes from the origin and the open ones, which takes 1.43 times the bound of a swarm where all are open.

use super::{Mark, Trial, against_first, mean_of, rounds};
use crate::scenario::{Group, Scenario};

const PIECES: u32 = 256;
const OPEN: usize = 40;
const FIREWALLED: usize = 60;

fn scenario() -> Scenario {
    Scenario::new(PIECES)
        .group(Group::origin())
        .group(Group::new("open", OPEN))
        .group(Group::new("firewalled", FIREWALLED).firewalled())
}

/// Piece times until the origin and the open ones have sent the firewalled ones all.
fn reach() -> f64 {
    f64::from(PIECES) * FIREWALLED as f64 / (1 + OPEN) as f64
}

pub(super) const TRIALS: [Trial; 1] = [Trial::new(
    "s19",
    "100 peers, 60 of them firewalled",
    scenario,
    &[
        Mark::at_most("makespan / all open", 1.15, against_first),
        Mark::figure("makespan / what reach allows", |outcome| {
            outcome.report.last / rounds(outcome, reach())
        }),
        Mark::at_most("firewalled / open", 1.25, |outcome| {
            mean_of(&outcome.report, "firewalled") / mean_of(&outcome.report, "open")
        }),
    ],
)
.beside(&[|| Scenario::flash_crowd(100, 256)])];
