//! S18: one node in twenty sends corrupt blocks; found by whole pieces (v1) or by blocks (v2).

use super::{Mark, Outcome, Trial};
use crate::scenario::{Conduct, Group, Scenario};

const LIARS: usize = 5;

fn without(leaves_known: bool) -> Scenario {
    Scenario {
        leaves_known,
        ..Scenario::flash_crowd(95, 256)
    }
}

fn scenario(leaves_known: bool) -> Scenario {
    without(leaves_known).group(Group::new("liar", LIARS).conduct(Conduct::Liar))
}

/// Failed pieces for each pair of an honest node and a liar.
fn failures(outcome: &Outcome) -> f64 {
    outcome.report.pieces_failed as f64 / (outcome.report.counted * LIARS) as f64
}

const FOUND: Mark = Mark::at_least("liars found of 5", 5.0, |outcome| {
    outcome.report.liars_found as f64
});
const HONEST: Mark = Mark::at_most("honest nodes banned", 0.0, |outcome| {
    outcome.report.honest_banned as f64
});
const MISSED: Mark = Mark::at_most("liars that got away", 0.0, |outcome| {
    outcome.report.liars_missed as f64
});
const TIME: Mark = Mark::at_most("makespan / without", 1.05, super::against_first);

pub(super) const TRIALS: [Trial; 2] = [
    Trial::new(
        "s18-v1",
        "95 peers and 5 liars, v1",
        || scenario(false),
        &[
            FOUND,
            HONEST,
            MISSED,
            TIME,
            Mark::at_most("failures per pair", 2.0, failures),
        ],
    )
    .beside(&[|| without(false)]),
    Trial::new(
        "s18-v2",
        "95 peers and 5 liars, v2",
        || scenario(true),
        &[
            FOUND,
            HONEST,
            MISSED,
            TIME,
            Mark::at_most("failures per pair", 1.0, failures),
        ],
    )
    .beside(&[|| without(true)]),
];
