//! S3: a flash crowd of ten thousand, four blocks to a piece.

use super::{Mark, Trial, origin};
use crate::scenario::Scenario;

pub(super) const TRIALS: [Trial; 1] = [Trial::new(
    "s3",
    "flash crowd of 10000, coarse",
    || Scenario::flash_crowd(10_000, 256).coarser(4),
    &[
        Mark::at_most("makespan / bound", 1.10, |outcome| outcome.report.ratio),
        origin::FIRST_COPY,
        origin::IN_ALL,
    ],
)
.seeds(1)];
