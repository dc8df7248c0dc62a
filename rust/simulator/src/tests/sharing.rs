//! What those get who give nothing, in a swarm that has less upload than it wants.

use std::ops::Range;

use p2pcore_scheduling::SwarmConfig;

use super::watch::Watch;
use crate::event::Nanos;
use crate::scenario::{Conduct, Group, Scenario};

const CONTRIBUTORS: Range<u32> = 1..9;
const RIDERS: Range<u32> = 9..13;
const SECOND: Nanos = 1_000_000_000;
const UPLINK: u64 = 250_000;

/// While it lasts, from the second minute to the third, everybody wants something of everybody: each has pieces that
/// others lack, and nobody can upload as much as is asked for.
fn slow_swarm(seed: u64) -> Watch {
    let slow = |group: Group| group.links(UPLINK, 10 * UPLINK);
    let riders = Group::new("rider", RIDERS.len()).conduct(Conduct::FreeRider);
    let scenario = Scenario::new(256)
        .group(Group::origin().links(2 * UPLINK, 10 * UPLINK))
        .group(slow(Group::new("contributor", CONTRIBUTORS.len())))
        .group(slow(riders));
    let mut watch = Watch::new(&scenario, seed);
    while watch.world.now < 180 * SECOND && watch.step() {}
    assert!(!watch.world.is_over());
    watch
}

/// Of what contributors upload, a fifth goes round among all; what free riders get tells how much it was. A minute has
/// some 57 pieces of each, and 11 are a fifth: of 1,200 such minutes 13 are off by 0.02 or more, at most by 0.027.
#[test]
fn the_guaranteed_share_is_a_fifth_over_any_minute() {
    let fifth = SwarmConfig::default().base_share.as_part();
    let (mut minutes, mut off, mut sum) = (0, 0, 0.0);
    for seed in 1..=20 {
        let watch = slow_swarm(seed);
        for from in [60, 75, 90, 105, 120] {
            let minute = from * SECOND..(from + 60) * SECOND;
            let sent = |to: Range<u32>| {
                let pairs = to.flat_map(|to| CONTRIBUTORS.map(move |from| (to, from)));
                let blocks = pairs.flat_map(|(to, from)| watch.came(to, from));
                blocks.filter(|at| minute.contains(at)).count() as f64
            };
            let others = (CONTRIBUTORS.len() - 1 + RIDERS.len()) as f64;
            let each = sent(RIDERS) / RIDERS.len() as f64;
            let share = each * others / (sent(CONTRIBUTORS) + sent(RIDERS));
            assert!(
                (share - fifth).abs() < 0.03,
                "seed {seed}, {from} s: {share}"
            );
            minutes += 1;
            off += u32::from((share - fifth).abs() >= 0.02);
            sum += share;
        }
    }
    assert!(off * 100 <= 3 * minutes, "{off} of {minutes} minutes");
    let mean = sum / f64::from(minutes);
    assert!((mean - fifth).abs() < 0.005, "{mean}");
}

/// Whoever is interested gets something each time that the guaranteed part of an uplink has gone round.
#[test]
fn nobody_starves_who_gives_nothing() {
    let part = UPLINK as f64 * SwarmConfig::default().base_share.as_part();
    let piece = f64::from(Scenario::new(1).piece_length);
    let round = (CONTRIBUTORS.len() - 1 + RIDERS.len()) as f64 * piece / part;
    for seed in 1..=20 {
        let watch = slow_swarm(seed);
        for (to, from) in RIDERS.flat_map(|to| CONTRIBUTORS.map(move |from| (to, from))) {
            let came = watch.came(to, from);
            let waits = came.windows(2).map(|pair| pair[1] - pair[0]);
            let longest = waits.max().unwrap_or(Nanos::MAX) as f64 / SECOND as f64;
            // A turn may be longer than a piece where a slot is free. Of 7,680 waits one was longer than one and a half rounds.
            assert!(
                longest < round * 1.6,
                "seed {seed}: {to} waited {longest} s for {from}"
            );
        }
    }
}
