//! S3: a flash crowd of ten thousand, a piece at a time. Slow.

use super::{Mark, Trial};
use crate::scenario::Scenario;

pub(super) const TRIALS: [Trial; 1] = [Trial::new(
    "s3",
    "flash crowd of 10000, by pieces",
    || Scenario::flash_crowd(10_000, 256).by_pieces(),
    &[Mark::at_most("makespan / bound", 1.10, |outcome| {
        outcome.report.ratio
    })],
)
.slow()];
