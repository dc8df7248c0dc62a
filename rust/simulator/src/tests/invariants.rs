//! What must be so in any swarm, in swarms drawn at random: see [`Watch`] for the list.

use std::time::Duration;

use super::watch::Watch;
use crate::random::Random;
use crate::scenario::{Group, Joins, Leaves, Scenario, UP};

/// A swarm of honest nodes, with what differs drawn from the seed.
fn drawn(seed: u64) -> Scenario {
    let mut random = Random::new(seed, 9);
    let mut below = |bound: u64| random.below(bound);
    let pieces = 1 + below(60) as u32;
    let mut scenario = Scenario::new(pieces)
        .piece_length((1 + below(16) as u32) << 14)
        .group(Group::origin().links(UP >> below(3), UP << below(3)))
        .group(Group::new("here", 1 + below(12) as usize).links(UP >> below(4), UP << below(3)));
    if below(2) == 0 {
        let late =
            Group::new("late", below(8) as usize).joins(Joins::Within(Duration::from_secs(5)));
        let leaves = [Leaves::Never, Leaves::Complete, Leaves::Lingered][below(3) as usize];
        scenario = scenario.group(late.leaves(leaves));
    }
    if below(3) == 0 {
        scenario = scenario.group(Group::new("walled", below(4) as usize).firewalled());
        scenario = scenario.group(Group::new("punchable", below(4) as usize).punchable());
    }
    if below(3) == 0 {
        scenario = scenario.group(Group::new("usual", below(4) as usize).legacy());
    }
    scenario.network.delay = Duration::from_millis(below(120));
    scenario.config.origin = below(4) > 0;
    scenario
}

#[test]
fn availability_is_the_sum_of_the_maps() {
    for seed in 1..=20 {
        let mut watch = Watch::new(&drawn(seed), seed);
        for event in 1_u64.. {
            if watch.world.is_over() || !watch.step() {
                break;
            }
            if event.is_multiple_of(97) {
                watch.check_availability();
            }
        }
        watch.check_availability();
    }
}

#[test]
fn no_request_is_doubled_before_the_endgame_and_none_is_forgotten() {
    let (mut doubled, mut stalled) = (0, 0);
    for seed in 1..=60 {
        let scenario = drawn(seed);
        let mut watch = Watch::new(&scenario, seed);
        watch.run();
        assert!(watch.world.is_over(), "seed {seed}: {scenario:?}");
        assert_eq!(watch.owed(), 0, "seed {seed}: {scenario:?}");
        stalled += u32::from(!watch.check_duplicates());
        doubled += watch
            .world
            .nodes
            .iter()
            .map(|node| node.swarm.counters().duplicates)
            .sum::<u64>();
    }
    assert!(doubled > 0, "no swarm came to an endgame");
    // Of 1,500 such swarms it is 13 to 15.
    assert!(stalled <= 2, "somebody stalls in {stalled} honest swarms");
}
