//! Small scenarios whose traces are written down: whatever changes what a swarm does, on purpose or not, changes them.
//! After a change on purpose: `make sim-golden`.

use crate::{run, scenarios};

/// Lines of a scenario, a seed, and the trace.
const GOLDEN: &str = include_str!("golden.txt");

#[test]
fn the_traces_are_those_written_down() {
    let mut differ = Vec::new();
    for line in GOLDEN.lines() {
        let (name, rest) = line.split_once(' ').unwrap();
        let (seed, trace) = rest.split_once(' ').unwrap();
        let trial = &scenarios::named(name)[0];
        let report = run(&trial.scenario(), seed.parse().unwrap());
        if format!("{:016x}", report.trace) != trace {
            differ.push(line);
        }
    }
    assert!(GOLDEN.lines().count() >= 5);
    assert!(
        differ.is_empty(),
        "other traces than written down (make sim-golden writes the new ones): {differ:?}"
    );
}
