//! Several seeds begin a swarm that has nothing. What they send twice before there is a first copy is time lost. Later they
//! may all go on: the fluid bound counts all their uplinks, so nothing is asked of what they send in all. They do not know
//! each other: two that have everything have nothing to talk about.

use super::{Mark, Trial, origin};
use crate::scenario::{Group, Leaves, Scenario};

const SEEDS: usize = 3;
const PEERS: usize = 60;

fn scenario(seeds: Group) -> Scenario {
    Scenario::new(256)
        .group(seeds)
        .group(Group::new("peer", PEERS))
}

fn seeds(name: &'static str, count: usize) -> Group {
    Group::new(name, count).with_everything()
}

const TIME: Mark = Mark::at_most("makespan / fluid bound", 1.10, |outcome| {
    outcome.report.last / outcome.report.fluid_bound
});
const IN_ALL: Mark = Mark::figure("copies in all", |outcome| outcome.report.origin_total);
const AT: Mark = Mark::figure("first copy at", |outcome| outcome.report.first_copy_at);
const MARKS: &[Mark] = &[origin::FIRST_COPY, IN_ALL, TIME, AT];

pub(super) const TRIALS: [Trial; 3] = [
    Trial::new(
        "origins",
        "3 seeds, 60 peers",
        || scenario(seeds("origin", SEEDS)),
        MARKS,
    ),
    Trial::new(
        "origins-goes",
        "3 seeds, one goes early",
        || {
            let part = 256 * (256 << 10) / 10;
            let going = seeds("going", 1).leaves(Leaves::Sent(part));
            scenario(seeds("origin", SEEDS - 1)).group(going)
        },
        MARKS,
    ),
    Trial::new(
        "origins-legacy",
        "2 seeds, one of them a usual client",
        || scenario(seeds("origin", 1)).group(seeds("usual", 1).legacy()),
        MARKS,
    ),
];
