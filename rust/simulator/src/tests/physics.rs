use std::time::Duration;

use super::{no_delay, small};
use crate::scenario::{DOWN, Joins, Network, Scenario, UNLIMITED, UP};
use crate::{Group, run};

#[test]
fn one_source_and_one_peer_take_the_time_of_the_uplink() {
    let scenario = Scenario::flash_crowd(1, 64);
    let report = run(&scenario, 1);
    let least = report.fluid_bound;
    assert!(
        report.last > least && report.last < least + 0.5,
        "{}",
        report.table()
    );
    assert!((report.origin_total - 1.0).abs() < 1e-9);
    // Of two uplinks one is idle.
    assert!(report.utilisation > 0.47 && report.utilisation <= 0.5);
}

#[test]
fn a_slow_downlink_is_the_bottleneck() {
    let scenario = Scenario::new(64)
        .group(Group::origin())
        .group(Group::new("peer", 1).links(UP, UP / 4));
    let report = run(&scenario, 1);
    let least = scenario.bytes() as f64 / (UP / 4) as f64;
    assert!((report.fluid_bound - least).abs() < 1e-9);
    assert!(
        report.last > least && report.last < least * 1.05,
        "{}",
        report.table()
    );
}

/// The round model: one piece to a round, and a piece can be passed on in the round after. Nobody beats it.
#[test]
fn without_delays_a_small_swarm_is_near_the_round_model() {
    for (slots, most) in [(1, 1.15), (50, 1.1)] {
        for seed in 1..=5 {
            let mut scenario = Scenario::new(64)
                .network(no_delay())
                .group(Group::origin().links(UP, UNLIMITED))
                .group(Group::new("peer", 8).links(UP, UNLIMITED));
            scenario.check = Duration::ZERO;
            scenario.config.unchoke_slots = slots;
            let report = run(&scenario, seed);
            let round = f64::from(scenario.piece_length) / UP as f64;
            assert!((report.piece_bound / round - 67.0).abs() < 1e-9);
            let fits = report.ratio >= 1.0 && report.ratio <= most;
            assert!(fits, "{}", report.table());
        }
    }
}

#[test]
fn no_run_beats_the_bounds() {
    for seed in 1..=3 {
        let report = run(&small(), seed);
        assert!(report.last >= report.fluid_bound.max(report.piece_bound));
        assert!(report.origin_first_copy >= 1.0 && report.utilisation <= 1.0);
        assert!(report.first_piece_p50 <= report.first_piece_p99);
        assert!(report.first_piece_p99 < report.first && report.first <= report.p50);
        assert!(report.p50 <= report.p95 && report.p95 <= report.p99 && report.p99 <= report.last);
    }
}

#[test]
fn a_link_between_sites_takes_no_more_than_its_rate() {
    let rate = UP / 2;
    let scenario = Scenario::new(32)
        .network(Network {
            site_link: Some(rate),
            ..Network::default()
        })
        .group(Group::origin())
        .group(Group::new("far", 3).at_site(1));
    let report = run(&scenario, 3);
    let far = report.class("far").expect("a group of that name");
    let crossed = report.link_copies * scenario.bytes() as f64;
    assert_eq!(report.finished, 3);
    assert!(report.link_copies >= 1.0 && crossed / far.last <= rate as f64);
    assert!(far.last >= scenario.bytes() as f64 / rate as f64);
}

#[test]
fn latecomers_count_from_their_coming() {
    let late = Duration::from_secs(20);
    let scenario = small().group(Group::new("late", 1).joins(Joins::At(late)));
    let report = run(&scenario, 1);
    let class = report.class("late").expect("a group of that name");
    let least = scenario.bytes() as f64 / DOWN as f64;
    assert!(class.mean > least && class.mean < 5.0, "{}", report.table());
    assert!(report.last > 20.0);
}
