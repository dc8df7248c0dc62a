use std::collections::BTreeSet;
use std::time::Duration;

use super::small;
use crate::scenario::{Scenario, UP};
use crate::world::World;
use crate::{Conduct, Group, Joins, Leaves, Reach, run};

#[test]
fn a_free_rider_sends_nothing_and_still_finishes() {
    let scenario = small().group(Group::new("rider", 3).conduct(Conduct::FreeRider));
    let report = run(&scenario, 1);
    let rider = report.class("rider").expect("a group of that name");
    assert_eq!((rider.finished, report.finished), (3, 11));
    assert!(rider.given.abs() < f64::EPSILON);
    assert!(report.class("peer").expect("a group of that name").given > 0.5);
}

#[test]
fn a_slow_loris_is_found_to_stall_and_sends_nothing() {
    let loris = Group::new("loris", 2)
        .with_everything()
        .conduct(Conduct::SlowLoris);
    // Long enough for two seconds of patience with a first byte.
    let scenario = Scenario::flash_crowd(8, 128).group(loris);
    let mut world = World::new(scenario, 1);
    world.run();
    let lorises = || world.nodes.iter().filter(|node| node.what.class == "loris");
    assert!(lorises().all(|node| node.seen.sent == 0 && node.seen.stalled.is_some()));
    let honest = || world.nodes.iter().filter(|node| node.what.counted);
    assert!(honest().all(|node| node.seen.completed.is_some()));
    assert!(
        honest()
            .map(|node| node.swarm.counters().stalls)
            .sum::<u64>()
            >= 2
    );
}

#[test]
fn who_only_says_that_it_has_pieces_costs_the_origin_no_second_copies() {
    for seed in [2, 5, 8] {
        let loris = Group::new("loris", 10).with_everything();
        let scenario = Scenario::flash_crowd(40, 128).group(loris.conduct(Conduct::HiddenLoris));
        let report = run(&scenario, seed);
        let table = report.table();
        assert!(
            report.origin_first_copy > 0.99 && report.origin_first_copy < 1.10,
            "{table}"
        );
    }
}

#[test]
fn an_origin_shows_no_more_than_its_link_carries_where_sockets_take_whole_pieces() {
    let scenario = Scenario::flash_crowd(100, 64).coarser(4);
    let report = run(&scenario, 1);
    assert!(report.origin_first_copy <= 1.02, "{report:?}");
}

#[test]
fn who_knows_only_the_origin_is_told_of_the_others() {
    let mut scenario = Scenario::flash_crowd(30, 128);
    scenario.groups[1].view = Some(0);
    scenario.groups[0].view = Some(30);
    scenario.groups[0].joins = Joins::At(Duration::from_millis(1));
    let copies = |exchange| {
        let mut scenario = scenario.clone();
        scenario.config.exchange = exchange;
        run(&scenario, 1).origin_total
    };
    let (told, alone) = (copies(true), copies(false));
    assert!(told < 2.0 && alone > 20.0, "{told} and {alone} copies");
}

#[test]
fn liars_are_found_and_nobody_else() {
    let failed = [false, true].map(|leaves_known| {
        let mut scenario =
            Scenario::flash_crowd(8, 128).group(Group::new("liar", 2).conduct(Conduct::Liar));
        scenario.leaves_known = leaves_known;
        let report = run(&scenario, 1);
        let table = report.table();
        assert_eq!(
            (report.liars_found, report.honest_banned),
            (2, 0),
            "{table}"
        );
        assert_eq!(report.finished, 8, "{table}");
        report.pieces_failed
    });
    // By its leaf a block is found out before its piece can fail, unless it comes before its leaf.
    assert!(failed[1] < failed[0] / 2, "{failed:?}");
}

#[test]
fn who_stalls_keeps_back_from_then_on() {
    let scenario = Scenario::new(32)
        .group(Group::origin())
        .group(
            Group::new("stops", 1)
                .with_everything()
                .conduct(Conduct::StallsAfter(1 << 20)),
        )
        .group(Group::new("peer", 1).links(UP, 4 * UP));
    let mut world = World::new(scenario, 1);
    world.run();
    let stops = &world.nodes[1];
    assert_eq!(stops.seen.sent, 1 << 20);
    assert!(stops.seen.stalled.is_some() && world.nodes[2].seen.completed.is_some());
}

#[test]
fn the_origin_leaves_after_what_it_was_to_send() {
    let bytes = small().bytes();
    let mut scenario = Scenario::new(32)
        .group(Group::origin().leaves(Leaves::Sent(bytes / 2)))
        .group(Group::new("peer", 8));
    scenario.limit = Duration::from_secs(30);
    let report = run(&scenario, 1);
    assert!((report.origin_total - 0.5).abs() < 0.01);
    assert_eq!(report.finished, 0, "half of the pieces are in no node");
    assert!((report.last - 30.0).abs() < 1e-9);
}

#[test]
fn the_firewalled_dial_the_others_and_finish() {
    let scenario = small()
        .group(Group::new("firewalled", 6).firewalled())
        .group(Group::new("punchable", 6).punchable());
    let mut world = World::new(scenario, 1);
    let mut pairs = BTreeSet::new();
    while !world.is_over() && world.step() {
        pairs.extend(world.pairs());
    }
    let mut counted = world.nodes.iter().filter(|node| node.what.counted);
    assert!(counted.all(|node| node.seen.completed.is_some()));
    let reach = |node: u32| world.nodes[node as usize].what.reach;
    let met = |these: [Reach; 2]| {
        let met = pairs.iter().filter(|(one, other)| {
            let pair = [reach(*one), reach(*other)];
            pair == these || pair == [these[1], these[0]]
        });
        met.count()
    };
    assert!(met([Reach::Open, Reach::Firewalled]) > 0);
    assert_eq!(met([Reach::Firewalled, Reach::Firewalled]), 0);
    // An open one, or the origin, told each of them of the other.
    assert!(met([Reach::Punchable, Reach::Firewalled]) > 0);
    assert!(met([Reach::Punchable, Reach::Punchable]) > 0);
}
