//! S13: two sites of a hundred, a link of one uplink between them.

use super::{Mark, Outcome, Trial};
use crate::bounds;
use crate::scenario::{DOWN, Group, Network, Scenario, UP};

/// The far site without some of its peers.
pub(super) fn scenario(but: usize) -> Scenario {
    Scenario::new(256)
        .network(Network {
            site_link: Some(UP),
            ..Network::default()
        })
        .group(Group::origin())
        .group(Group::new("near", 100))
        .group(Group::new("far", 100 - but).at_site(1))
}

pub(super) fn crossed(outcome: &Outcome) -> f64 {
    outcome.report.link_copies
}

pub(super) fn far_site(outcome: &Outcome) -> f64 {
    let (bytes, length) = (outcome.scenario.bytes(), outcome.scenario.piece_length);
    let bound = bounds::site(bytes, length, UP, DOWN, &[UP; 100]);
    let far = outcome.report.class("far");
    far.map_or(f64::INFINITY, |class| class.last) / bound
}

pub(super) const TRIALS: [Trial; 1] = [Trial::new(
    "s13",
    "two sites of 100, a link of one uplink",
    || scenario(0),
    &[
        Mark::at_most("copies over the link", 1.05, crossed),
        Mark::at_most("far site / L9", 1.10, far_site),
    ],
)];
