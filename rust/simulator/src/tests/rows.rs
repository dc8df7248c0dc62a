use std::cell::Cell;

use super::small;
use crate::scenario::{Network, Scenario, UP};
use crate::{Group, Joins, Leaves, run, run_while};

#[test]
fn rows_add_up_to_the_figures() {
    let scenario = small().group(
        Group::new("late", 2)
            .joins(Joins::At(std::time::Duration::from_secs(1)))
            .leaves(Leaves::Complete),
    );
    let report = run(&scenario, 1);
    assert_eq!(report.nodes.len(), scenario.nodes());
    let of = |group| report.nodes.iter().filter(move |node| node.group == group);
    let sent: u64 = of(0).map(|node| node.uploaded).sum();
    assert!((sent as f64 / scenario.bytes() as f64 - report.origin_total).abs() < 1e-9);
    let last = report.nodes.iter().filter_map(|node| node.finished);
    assert!((last.fold(0.0, f64::max) - report.last).abs() < 1e-9);
    let control: u64 = report.nodes.iter().map(|node| node.control).sum();
    assert_eq!(control, report.control);
    for node in of(1).chain(of(2)) {
        assert_eq!(node.downloaded - node.wasted, scenario.bytes());
        assert!(node.joined < node.first_piece.unwrap());
        assert!(node.first_piece.unwrap() < node.finished.unwrap());
    }
    for node in of(2) {
        let late = (node.joined - 1.0).abs() < 1e-9;
        let gone = node.left.is_none_or(|left| node.finished == Some(left));
        assert!(late && gone, "{node:?}");
    }
    let received: u64 = report.nodes.iter().map(|node| node.downloaded).sum();
    assert!(report.blocks >= received / u64::from(p2pcore_protocol::BLOCK));
}

#[test]
fn what_crosses_is_counted_on_links_with_and_without_a_limit() {
    for site_link in [None, Some(4 * UP)] {
        let scenario = Scenario::new(32)
            .network(Network {
                site_link,
                ..Network::default()
            })
            .group(Group::origin())
            .group(Group::new("far", 3).at_site(1));
        let report = run(&scenario, 3);
        let ways: Vec<_> = report
            .links
            .iter()
            .map(|link| (link.from, link.to))
            .collect();
        assert_eq!(ways, [(0, 1)], "nobody at the near site needs anything");
        // What is still on the uplink at the end is counted on the link already: a block for each peer at most.
        let on_the_way = report.links[0].bytes - report.nodes[0].uploaded;
        assert!(on_the_way <= 3 << 14, "{on_the_way}");
    }
}

#[test]
fn a_run_that_is_told_to_stop_has_no_report() {
    let calls = Cell::new(0);
    let report = run_while(&small(), 1, &|_, _| {
        calls.set(calls.get() + 1);
        calls.get() < 3
    });
    assert!(report.is_err() && calls.get() == 3);
}

#[test]
fn progress_goes_from_nothing_to_all_pieces() {
    let seen = std::cell::RefCell::new(Vec::new());
    let report = run_while(&small(), 1, &|done, all| {
        seen.borrow_mut().push((done, all));
        true
    });
    assert_eq!(report.unwrap(), run(&small(), 1));
    let seen = seen.into_inner();
    assert!(seen.iter().all(|(_, all)| *all == 8 * 32));
    assert!(seen.is_sorted() && seen[0].0 == 0 && seen.len() > 3);
    assert_eq!(seen.last(), Some(&(256, 256)));
}
