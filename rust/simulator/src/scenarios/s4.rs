//! S4: a flash crowd of a hundred thousand, four blocks to a piece: 40 minutes or more, and 10 GB of memory.

use super::{Mark, Trial, origin};
use crate::scenario::Scenario;

pub(super) const TRIALS: [Trial; 1] = [Trial::new(
    "s4",
    "flash crowd of 100000, coarse",
    || Scenario::flash_crowd(100_000, 64).coarser(4),
    &[
        Mark::at_most("makespan / bound", 1.25, |outcome| outcome.report.ratio),
        origin::FIRST_COPY,
        origin::IN_ALL,
    ],
)
.seeds(1)
.slow()];
