//! S4: a flash crowd of a hundred thousand, a piece at a time. Very slow.

use super::{Mark, Trial};
use crate::scenario::Scenario;

pub(super) const TRIALS: [Trial; 1] = [Trial::new(
    "s4",
    "flash crowd of 100000, by pieces",
    || Scenario::flash_crowd(100_000, 64).by_pieces(),
    &[Mark::at_most("makespan / bound", 1.25, |outcome| {
        outcome.report.ratio
    })],
)
.slow()];
