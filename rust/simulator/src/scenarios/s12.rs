//! S12: a thousand come within a second, then twenty a second for ten minutes; each leaves when it has everything and
//! passed on one more piece. By the theorem the population would grow for ever without that piece: twenty a second are
//! more than the origin serves.

use std::time::Duration;

use super::{Mark, Outcome, Trial};
use crate::scenario::{Group, Joins, Leaves, Scenario};

/// Seconds that the stream lasts, and newcomers a second.
const STREAM: u32 = 600;
const RATE: u32 = 20;

fn scenario() -> Scenario {
    let crowd = Group::new("crowd", 1_000).joins(Joins::Within(Duration::from_secs(1)));
    let stream = Group::new("stream", (STREAM * RATE) as usize).joins(Joins::Poisson(RATE.into()));
    Scenario::new(32)
        .group(Group::origin())
        .group(crowd.leaves(Leaves::Lingered))
        .group(stream.leaves(Leaves::Lingered))
}

/// Time to the first piece that all but one in a hundred of the crowd stay below.
fn first_piece(outcome: &Outcome) -> f64 {
    let nodes = outcome.report.nodes.iter();
    let crowd = nodes.filter(|node| node.group == 1);
    let waits = crowd.map(|node| {
        let first = node.first_piece.unwrap_or(f64::INFINITY);
        first - node.joined
    });
    let mut waits: Vec<f64> = waits.collect();
    waits.sort_by(f64::total_cmp);
    waits[waits.len() * 99 / 100]
}

/// Nodes that were there on average from one time to another.
fn population(outcome: &Outcome, from: f64, to: f64) -> f64 {
    let nodes = outcome.report.nodes.iter();
    let stays = nodes.map(|node| {
        let left = node.left.unwrap_or(f64::INFINITY);
        (left.min(to) - node.joined.max(from)).max(0.0)
    });
    stays.sum::<f64>() / (to - from)
}

pub(super) const TRIALS: [Trial; 1] = [Trial::new(
    "s12",
    "1000 at once, then 20 a second that leave",
    scenario,
    &[
        Mark::at_most("first piece, p99 of the crowd", 3.0, first_piece),
        Mark::at_most("population, last / second last", 1.1, |outcome| {
            let quarter = f64::from(STREAM) / 4.0;
            population(outcome, 3.0 * quarter, 4.0 * quarter)
                / population(outcome, 2.0 * quarter, 3.0 * quarter)
        }),
    ],
)
.seeds(2)];
