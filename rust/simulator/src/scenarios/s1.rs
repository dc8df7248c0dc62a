//! S1: a homogeneous flash crowd of 8, 32 and 100 peers.

use super::{Mark, Trial, finished, origin};
use crate::scenario::Scenario;

const MARKS: &[Mark] = &[
    Mark::at_most("makespan / bound", 1.06, |outcome| outcome.report.ratio),
    Mark::at_least("share finished", 1.0, finished),
    origin::FIRST_COPY,
    origin::IN_ALL,
];

pub(super) const TRIALS: [Trial; 3] = [
    Trial::new(
        "s1-8",
        "flash crowd of 8",
        || Scenario::flash_crowd(8, 256),
        MARKS,
    ),
    Trial::new(
        "s1-32",
        "flash crowd of 32",
        || Scenario::flash_crowd(32, 256),
        MARKS,
    ),
    Trial::new(
        "s1-100",
        "flash crowd of 100",
        || Scenario::flash_crowd(100, 256),
        MARKS,
    ),
];
