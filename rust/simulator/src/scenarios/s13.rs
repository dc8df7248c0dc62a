//! S13: two sites of a hundred, a link of one uplink between them.

use super::{Mark, Trial};
use crate::bounds;
use crate::scenario::{DOWN, Group, Network, Scenario, UP};

fn scenario() -> Scenario {
    Scenario::new(256)
        .network(Network {
            site_link: Some(UP),
            ..Network::default()
        })
        .group(Group::origin())
        .group(Group::new("near", 100))
        .group(Group::new("far", 100).at_site(1))
}

pub(super) const TRIALS: [Trial; 1] = [Trial::new(
    "s13",
    "two sites of 100, a link of one uplink",
    scenario,
    &[
        Mark::at_most("copies over the link", 1.05, |outcome| {
            outcome.report.link_copies
        }),
        Mark::at_most("far site / L9", 1.10, |outcome| {
            let (bytes, length) = (outcome.scenario.bytes(), outcome.scenario.piece_length);
            let bound = bounds::site(bytes, length, UP, DOWN, &[UP; 100]);
            outcome
                .report
                .class("far")
                .map_or(f64::INFINITY, |class| class.last)
                / bound
        }),
    ],
)];
