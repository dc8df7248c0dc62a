//! S14: two sites of a hundred and a link that is wide enough not to matter, and should still not be wasted. Where there
//! is but one site, nobody looks after a link.

use super::{Mark, Trial, against_first};
use crate::scenario::{Group, Network, Scenario, UP};

fn scenario() -> Scenario {
    Scenario::new(256)
        .network(Network {
            site_link: Some(20 * UP),
            ..Network::default()
        })
        .group(Group::origin())
        .group(Group::new("near", 100))
        .group(Group::new("far", 100).at_site(1))
}

pub(super) const TRIALS: [Trial; 1] = [Trial::new(
    "s14",
    "two sites of 100, a wide link",
    scenario,
    &[
        Mark::at_most("copies over the link", 1.10, |outcome| {
            outcome.report.link_copies
        }),
        Mark::at_most("makespan / one site", 1.03, against_first),
    ],
)
.beside(&[|| Scenario::flash_crowd(200, 256)])];
