//! S5: few pieces, so that the last of them and the first rounds weigh more.

use super::{Mark, Outcome, Trial};
use crate::scenario::Scenario;

fn ratio(outcome: &Outcome) -> f64 {
    outcome.report.ratio
}

pub(super) const TRIALS: [Trial; 2] = [
    Trial::new(
        "s5-16",
        "100 peers, 16 pieces",
        || Scenario::flash_crowd(100, 16),
        &[Mark::at_most("makespan / bound", 1.20, ratio)],
    ),
    Trial::new(
        "s5-64",
        "100 peers, 64 pieces",
        || Scenario::flash_crowd(100, 64),
        &[Mark::at_most("makespan / bound", 1.10, ratio)],
    ),
];
