//! S11: what the origin has to send.

use super::{Mark, Trial};
use crate::scenario::Scenario;

pub(super) const TRIALS: [Trial; 1] = [Trial::new(
    "s11",
    "origin cost, 300 peers",
    || Scenario::flash_crowd(300, 256),
    &[
        Mark::at_most("copies to the first copy", 1.02, |outcome| {
            outcome.report.origin_first_copy
        }),
        Mark::at_most("copies in all", 1.10, |outcome| outcome.report.origin_total),
    ],
)];
