//! S17: a tenth of the nodes says that it has everything, at once or as an origin does, and takes requests and never
//! answers, or refuses them.

use super::{Mark, Trial};
use crate::scenario::{Conduct, Group, Scenario};

fn honest() -> Scenario {
    Scenario::flash_crowd(90, 256)
}

fn with(conduct: Conduct) -> Scenario {
    let others = Group::new("other", 10).with_everything();
    honest().group(others.conduct(conduct))
}

const TIME: Mark = Mark::at_most("makespan / without", 1.05, super::against_first);

pub(super) const TRIALS: [Trial; 3] = [
    Trial::new(
        "s17-loris",
        "90 peers and 10 that never deliver",
        || with(Conduct::SlowLoris),
        &[TIME],
    )
    .beside(&[honest]),
    Trial::new(
        "s17-hidden",
        "90 peers and 10 that pose as origins",
        || with(Conduct::HiddenLoris),
        &[TIME],
    )
    .beside(&[honest]),
    Trial::new(
        "s17-have",
        "90 peers and 10 that refuse it all",
        || with(Conduct::FakeHave),
        &[TIME],
    )
    .beside(&[honest]),
];
