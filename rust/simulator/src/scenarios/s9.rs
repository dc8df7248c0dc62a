//! S9: a thousand sybils that take and never give, on two hundred honest peers.

use p2pcore_scheduling::UploaderPolicy;

use super::{Mark, Outcome, Trial, against, against_baseline};
use crate::scenario::{Conduct, Group, Scenario};

/// Each peer makes itself known to so many, of which a sixth are honest.
const VIEW: usize = 120;

fn honest() -> Scenario {
    Scenario::flash_crowd(200, 256)
}

fn sybils(prefixes: u32) -> Scenario {
    let mut sybils = Group::new("sybil", 1_000)
        .conduct(Conduct::FreeRider)
        .prefixes(prefixes);
    sybils.counted = false;
    let mut all = honest().group(sybils);
    all.groups[1].view = Some(VIEW);
    all
}

fn slowdown(outcome: &Outcome) -> f64 {
    against(outcome, "peer", 0)
}

const BESIDE_TIT_FOR_TAT: Mark = Mark::figure("honest / tit-for-tat", |outcome| {
    against_baseline(outcome, "peer")
});

pub(super) const TRIALS: [Trial; 2] = [
    Trial::new(
        "s9-10",
        "200 peers and 1000 sybils of 10 prefixes",
        || sybils(10),
        &[
            Mark::at_most("honest / without", 1.05, slowdown),
            BESIDE_TIT_FOR_TAT,
        ],
    )
    .beside(&[honest])
    .baseline(|| sybils(10).uploader(UploaderPolicy::TitForTat)),
    Trial::new(
        "s9-1000",
        "200 peers and 1000 sybils of 1000 prefixes",
        || sybils(1_000),
        &[
            Mark::at_most("honest / without", 1.30, slowdown),
            BESIDE_TIT_FOR_TAT,
        ],
    )
    .beside(&[honest])
    .baseline(|| sybils(1_000).uploader(UploaderPolicy::TitForTat)),
];
