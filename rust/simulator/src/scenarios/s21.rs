//! S21: one source and one peer over a long path, and over a fat one.

use std::time::Duration;

use super::{Mark, Trial};
use crate::scenario::{Group, Network, Scenario};

fn scenario(rate: u64, delay: Duration, pieces: u32) -> Scenario {
    Scenario::new(pieces)
        .network(Network {
            delay,
            spread: 0.0,
            ..Network::default()
        })
        .group(Group::origin().links(rate, rate))
        .group(Group::new("peer", 1).links(rate, rate))
}

const GIGABIT: u64 = 125_000_000;

const MARKS: &[Mark] = &[Mark::at_least(
    "share of the link after 3 s",
    0.95,
    |outcome| outcome.report.late_rate,
)];

pub(super) const TRIALS: [Trial; 2] = [
    Trial::new(
        "s21-long",
        "1 Gb/s, 200 ms",
        || scenario(GIGABIT, Duration::from_millis(100), 5_000),
        MARKS,
    ),
    Trial::new(
        "s21-fat",
        "10 Gb/s, 20 ms",
        || scenario(10 * GIGABIT, Duration::from_millis(10), 30_000),
        MARKS,
    ),
];
