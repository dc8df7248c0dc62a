//! S2: a flash crowd of a thousand.

use super::{Mark, Trial, origin};
use crate::scenario::Scenario;

pub(super) const TRIALS: [Trial; 1] = [Trial::new(
    "s2",
    "flash crowd of 1000",
    || Scenario::flash_crowd(1_000, 256),
    &[
        Mark::at_most("makespan / bound", 1.08, |outcome| outcome.report.ratio),
        Mark::at_most("p99 / p50", 1.05, |outcome| {
            outcome.report.p99 / outcome.report.p50
        }),
        origin::FIRST_COPY,
        origin::IN_ALL,
    ],
)];
