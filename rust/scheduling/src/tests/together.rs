//! Whole swarms transfer.

use std::time::Duration;

use super::world::{Nature, World};
use crate::{BanReason, CloseReason, Fact, Input, SwarmConfig, Time, UploaderPolicy};

const MIB: u64 = 1 << 20;

fn minutes(count: u64) -> Duration {
    Duration::from_secs(count * 60)
}

#[test]
fn a_leech_completes_from_a_seed_at_the_speed_of_its_link() {
    for fast in [true, false] {
        let mut world = World::new(1, 200, 65_536);
        world.fast = fast;
        let (seed, leech) = (world.seed(2 * MIB), world.leech(MIB));
        world.introduce(leech, seed);
        assert!(world.run_until_complete(minutes(1)));
        let took = world.nodes[leech].completed_at.unwrap().since_zero();
        let least = Duration::from_millis(200 * 65_536 * 1_000 / (2 << 20));
        assert!(took < least + Duration::from_millis(500), "{took:?}");
        let counters = world.nodes[leech].swarm.counters();
        assert_eq!(counters.wasted, 0);
        assert_eq!(counters.downloaded, world.layout.total());
        assert_eq!(
            world.nodes[seed].swarm.counters().uploaded,
            world.layout.total()
        );
        world.run_for(Duration::from_secs(1));
        assert_eq!(world.nodes[leech].swarm.peer_count(), 0, "nothing to trade");
    }
}

#[test]
fn a_long_fat_link_is_filled() {
    let mut world = World::new(1, 400, 262_144);
    world.latency = Duration::from_millis(100);
    let (seed, leech) = (world.seed(40 * MIB), world.leech(MIB));
    world.introduce(leech, seed);
    assert!(world.run_until_complete(minutes(1)));
    let took = world.nodes[leech].completed_at.unwrap().since_zero();
    assert!(took < Duration::from_secs(5), "{took:?}");
}

#[test]
fn leeches_serve_each_other() {
    let mut world = World::new(2, 160, 131_072);
    let seed = world.seed(2 * MIB);
    let leeches: Vec<usize> = (0..4).map(|_| world.leech(2 * MIB)).collect();
    world.introduce_all();
    assert!(world.run_until_complete(minutes(2)));
    let took = leeches
        .iter()
        .map(|leech| world.nodes[*leech].completed_at.unwrap())
        .max()
        .unwrap();
    // The seed alone would need 40 s for four copies, and 10 s for one.
    assert!(took.since_zero() < Duration::from_secs(16), "{took:?}");
    for leech in leeches {
        assert!(world.nodes[leech].swarm.counters().uploaded > MIB);
    }
    let sent = world.nodes[seed].swarm.counters().uploaded;
    assert!(
        sent < world.layout.total() * 5 / 2,
        "the seed sent {sent} bytes"
    );
}

#[test]
fn the_rarest_pieces_come_first() {
    let mut world = World::new(3, 40, 32_768);
    let seed = world.seed(MIB / 2);
    let common: Vec<u32> = (0..30).collect();
    // These want nothing, so that availability stays as it is, and send next to nothing.
    let others: Vec<usize> = (0..3)
        .map(|_| world.add(Nature::Honest, 5_000, &common))
        .collect();
    for other in &others {
        world.input(*other, Input::Priorities(vec![0; 40]));
    }
    let leech = world.leech(MIB);
    for other in [others.as_slice(), &[seed]].concat() {
        world.introduce(leech, other);
    }
    let done = |world: &World| world.nodes[leech].swarm.have().count() >= 10;
    assert!(world.run(minutes(1), done));
    let order = pieces_verified(&world, leech);
    let rare = order.iter().filter(|piece| **piece >= 30).count();
    assert!(rare >= 9, "{order:?}");
}

#[test]
fn the_endgame_does_not_wait_for_a_slow_peer_and_wastes_little() {
    let mut world = World::new(4, 64, 65_536);
    let (quick, slow) = (world.seed(4 * MIB), world.seed(20_000));
    let leech = world.leech(MIB);
    world.introduce(leech, quick);
    world.introduce(leech, slow);
    let done = |world: &World| world.nodes[leech].swarm.is_complete();
    assert!(world.run(minutes(2), done));
    let counters = world.nodes[leech].swarm.counters();
    assert!(counters.duplicates > 0 && counters.duplicates <= 32);
    assert!(counters.wasted <= 32 * 16_384, "{}", counters.wasted);
    assert!(
        world.now.since_zero() < Duration::from_secs(4),
        "{:?}",
        world.now
    );
}

#[test]
fn a_stalled_peer_loses_its_requests_at_once() {
    let mut world = World::new(5, 64, 65_536);
    let all: Vec<u32> = (0..64).collect();
    let stalls = world.add(Nature::StallsAfter(20), MIB, &all);
    let honest = world.seed(MIB);
    let leech = world.leech(MIB);
    world.introduce(leech, stalls);
    world.introduce(leech, honest);
    let stalled = |world: &World| world.nodes[leech].swarm.counters().stalls > 0;
    assert!(world.run(minutes(1), stalled));
    let snapshots = world.nodes[leech].swarm.peer_snapshots(world.now);
    let snubbed: Vec<_> = snapshots.iter().filter(|peer| peer.snubbed).collect();
    assert_eq!(snubbed.len(), 1);
    assert_eq!(snubbed[0].outstanding, 0);
    let done = |world: &World| world.nodes[leech].swarm.is_complete();
    assert!(world.run(minutes(1), done));
    assert!(
        world.now.since_zero() < Duration::from_secs(8),
        "{:?}",
        world.now
    );
}

#[test]
fn a_liar_is_banned_and_the_honest_are_not() {
    for (knows_leaves, seed) in [(false, 6), (false, 7), (true, 8)] {
        let mut world = World::new(seed, 64, 65_536);
        let all: Vec<u32> = (0..64).collect();
        let liar = world.add(Nature::Liar, MIB, &all);
        let honest = [world.seed(MIB), world.seed(MIB)];
        let leech = world.leech(MIB);
        world.nodes[leech].knows_leaves = knows_leaves;
        for node in [liar, honest[0], honest[1]] {
            world.introduce(leech, node);
        }
        let done = |world: &World| world.nodes[leech].swarm.is_complete();
        assert!(
            world.run(minutes(3), done),
            "{:?}",
            world.nodes[leech].swarm
        );
        let banned: Vec<_> = world.nodes[leech]
            .facts
            .iter()
            .filter_map(|(_, fact)| match fact {
                Fact::PeerBanned { addr, reason, .. } => Some((*addr, *reason)),
                _ => None,
            })
            .collect();
        assert_eq!(banned, [(World::addr(liar), BanReason::CorruptData)]);
        let counters = world.nodes[leech].swarm.counters();
        assert_eq!(counters.closed(CloseReason::CorruptData), 1);
        assert!(counters.pieces_failed > 0);
        // The liar is not let in again.
        world.run_for(minutes(2));
        assert_eq!(
            world.nodes[leech]
                .swarm
                .counters()
                .closed(CloseReason::CorruptData),
            1
        );
    }
}

#[test]
fn a_liar_whose_blocks_mix_with_honest_ones_is_found() {
    for seed in 30..36 {
        let mut world = World::new(seed, 16, 1 << 20);
        let all: Vec<u32> = (0..16).collect();
        let liar = world.add(Nature::Liar, MIB / 4, &all);
        let honest = [(); 3].map(|()| world.seed(MIB / 4));
        let leech = world.leech(MIB);
        for node in [liar, honest[0], honest[1], honest[2]] {
            world.introduce(leech, node);
        }
        let done = |world: &World| world.nodes[leech].swarm.is_complete();
        assert!(world.run(minutes(5), done));
        let counters = world.nodes[leech].swarm.counters();
        assert!(counters.pieces_failed > 1, "the blocks did not mix");
        assert!(
            counters.wasted < 12 * MIB,
            "{} bytes wasted",
            counters.wasted
        );
        let banned: Vec<_> = world.nodes[leech]
            .facts
            .iter()
            .filter_map(|(_, fact)| match fact {
                Fact::PeerBanned { addr, .. } => Some(*addr),
                _ => None,
            })
            .collect();
        assert_eq!(banned, [World::addr(liar)]);
    }
}

#[test]
fn sequential_mode_goes_by_index() {
    let mut world = World::new(9, 100, 65_536);
    let (seed, leech) = (world.seed(MIB), world.leech(MIB));
    world.input(leech, Input::Sequential(true));
    world.introduce(leech, seed);
    assert!(world.run_until_complete(minutes(1)));
    let order = pieces_verified(&world, leech);
    assert_eq!(order, (0..100).collect::<Vec<_>>());
}

#[test]
fn priorities_choose_what_is_fetched_and_what_comes_first() {
    let mut world = World::new(10, 60, 65_536);
    let (seed, leech) = (world.seed(MIB), world.leech(MIB));
    let mut priorities = vec![0_u8; 60];
    priorities[10..20].fill(1);
    priorities[40..50].fill(200);
    world.input(leech, Input::Priorities(priorities));
    world.introduce(leech, seed);
    let done = |world: &World| world.nodes[leech].swarm.is_complete();
    assert!(world.run(minutes(1), done));
    let order = pieces_verified(&world, leech);
    assert_eq!(order.len(), 20);
    assert!(
        order[..9].iter().all(|piece| (40..50).contains(piece)),
        "{order:?}"
    );
    assert!(
        world.nodes[leech]
            .facts
            .iter()
            .any(|(_, fact)| *fact == Fact::Completed)
    );
    // More is wanted later: the seed is dialled again, and there is a second completion.
    world.run_for(Duration::from_secs(5));
    assert_eq!(world.nodes[leech].swarm.peer_count(), 0);
    world.input(leech, Input::Priorities(vec![1; 60]));
    assert!(!world.nodes[leech].swarm.is_complete());
    assert!(world.run(minutes(2), done));
    let completions = world.nodes[leech].facts.iter();
    assert_eq!(
        completions
            .filter(|(_, fact)| *fact == Fact::Completed)
            .count(),
        2
    );
    assert_eq!(pieces_verified(&world, leech).len(), 60);
}

#[test]
fn a_piece_that_became_unwanted_is_given_back() {
    let mut world = World::new(10, 8, 1 << 20);
    let (seed, leech) = (world.seed(MIB), world.leech(MIB));
    world.introduce(leech, seed);
    world.run_for(Duration::from_millis(1_500));
    let mut priorities = vec![0; 8];
    priorities[3] = 1;
    world.input(leech, Input::Priorities(priorities));
    let done = |world: &World| world.nodes[leech].swarm.is_complete();
    assert!(world.run(minutes(1), done));
    world.run_for(Duration::from_secs(1));
    assert!(world.nodes[leech].swarm.have().count() <= 4);
    assert!(world.nodes[leech].swarm.have().contains(3));
}

#[test]
fn everyone_is_unchoked_in_turn() {
    for uploader in UploaderPolicy::ALL {
        everyone_has_a_part(uploader);
    }
}

fn everyone_has_a_part(uploader: UploaderPolicy) {
    let mut world = World::new(11, 400, 262_144);
    let all: Vec<u32> = (0..400).collect();
    let config = SwarmConfig {
        uploader,
        unchoke_slots: 2,
        origin: false,
        ..SwarmConfig::default()
    };
    let seed = world.add_with(config, Nature::Honest, MIB / 4, &all);
    let leeches: Vec<usize> = (0..8).map(|_| world.leech(MIB)).collect();
    // Each knows only the seed.
    for leech in &leeches {
        world.introduce(*leech, seed);
    }
    for _ in 0..24 {
        world.run_for(Duration::from_secs(10));
        let snapshots = world.nodes[seed].swarm.peer_snapshots(world.now);
        let unchoked = snapshots.iter().filter(|peer| !peer.choking).count();
        assert!(unchoked <= 2, "{uploader:?}: {unchoked}");
    }
    for leech in leeches {
        let got = world.nodes[leech].swarm.counters().downloaded;
        assert!(got > MIB / 2, "{uploader:?}: {got}");
    }
}

#[test]
fn an_interested_peer_is_unchoked_at_once_when_a_slot_is_free() {
    let mut world = World::new(12, 10, 65_536);
    let (seed, leech) = (world.seed(MIB), world.leech(MIB));
    world.introduce(leech, seed);
    let started = |world: &World| world.nodes[leech].swarm.counters().downloaded > 0;
    assert!(world.run(Duration::from_millis(100), started));
}

#[test]
fn a_pause_lets_go_and_a_resume_goes_on() {
    let mut world = World::new(13, 100, 65_536);
    let (seed, leech) = (world.seed(MIB), world.leech(MIB));
    world.introduce(leech, seed);
    world.run_for(Duration::from_secs(3));
    let before = world.nodes[leech].swarm.have().count();
    assert!(before > 10 && before < 90);
    world.input(leech, Input::Pause);
    assert_eq!(world.nodes[leech].swarm.peer_count(), 0);
    world.run_for(Duration::from_secs(30));
    assert!(world.nodes[leech].swarm.have().count() <= before + 2);
    assert_eq!(world.nodes[leech].swarm.poll_timeout(), None);
    world.input(leech, Input::Resume);
    assert!(world.run_until_complete(Duration::from_secs(10)));
}

#[test]
fn a_partial_seed_completes_what_it_wants_and_serves_it() {
    let mut world = World::new(14, 40, 65_536);
    let (seed, partial, leech) = (world.seed(MIB), world.leech(MIB), world.leech(MIB));
    let mut priorities = vec![0; 40];
    priorities[..20].fill(1);
    world.input(partial, Input::Priorities(priorities));
    world.introduce(partial, seed);
    let done = |world: &World| world.nodes[partial].swarm.is_complete();
    assert!(world.run(minutes(1), done));
    world.introduce(leech, partial);
    let half = |world: &World| world.nodes[leech].swarm.have().count() == 20;
    assert!(world.run(minutes(1), half));
}

#[test]
fn pieces_larger_than_the_budget_do_not_block() {
    let mut world = World::new(15, 12, 4 << 20);
    let seed = world.seed(20 * MIB);
    let config = SwarmConfig {
        max_partial_bytes: 6 << 20,
        ..SwarmConfig::default()
    };
    let leech = world.add_with(config, Nature::Honest, MIB, &[]);
    world.introduce(leech, seed);
    assert!(world.run_until_complete(minutes(1)));
    assert!(world.now.since_zero() < Duration::from_secs(4));
}

#[test]
fn the_same_seed_gives_the_same_trace() {
    let run = |seed| {
        let mut world = World::new(seed, 40, 65_536);
        world.seed(MIB);
        (0..3).for_each(|_| {
            world.leech(MIB);
        });
        world.introduce_all();
        assert!(world.run_until_complete(minutes(1)));
        world
            .nodes
            .into_iter()
            .map(|node| node.trace)
            .collect::<Vec<_>>()
    };
    assert_eq!(run(20), run(20));
    assert_ne!(run(20), run(21));
}

#[test]
fn a_swarm_with_nobody_sleeps() {
    let mut world = World::new(16, 4, 65_536);
    let leech = world.leech(MIB);
    assert_eq!(world.nodes[leech].swarm.poll_timeout(), None);
    assert_eq!(world.now, Time::ZERO);
}

fn pieces_verified(world: &World, node: usize) -> Vec<u32> {
    let facts = world.nodes[node].facts.iter();
    facts
        .filter_map(|(_, fact)| match fact {
            Fact::PieceVerified(piece) => Some(piece.get()),
            _ => None,
        })
        .collect()
}

/// One seed and so many leeches that all know each other, with links of the same rate.
fn crowd(seed: u64, leeches: usize) -> (World, usize) {
    let mut world = World::new(seed, 128, 65_536);
    let origin = world.seed(MIB);
    for _ in 0..leeches {
        world.leech(MIB);
    }
    world.introduce_all();
    (world, origin)
}

#[test]
fn a_crowd_is_done_soon_after_the_only_source_has_sent_one_copy() {
    for seed in 40..44 {
        let (mut world, origin) = crowd(seed, 8);
        assert!(world.run_until_complete(minutes(1)));
        let copies = world.nodes[origin].swarm.counters().uploaded * 100 / world.layout.total();
        assert!(copies < 140, "{copies} % of a copy");
        let took = world.nodes.iter().filter_map(|node| node.completed_at);
        let took = took.max().unwrap().since_zero();
        // One copy takes 8 s.
        assert!(took < Duration::from_secs(10), "{took:?}");
    }
}

#[test]
fn an_origin_soon_shows_everything_to_whoever_wants_something_else() {
    let mut world = World::new(45, 128, 65_536);
    let (seed, first, picky) = (world.seed(MIB), world.leech(MIB), world.leech(MIB));
    let mut wanted = vec![0; 128];
    wanted[100] = 1;
    world.input(picky, Input::Priorities(wanted));
    world.introduce(first, seed);
    world.run_for(Duration::from_millis(100));
    world.introduce(picky, seed);
    let done = |world: &World| world.nodes[picky].swarm.is_complete();
    assert!(world.run(Duration::from_secs(4), done));
}

#[test]
fn silent_peers_hold_up_nobody_at_an_origin() {
    let mut world = World::new(46, 128, 65_536);
    let seed = world.seed(MIB);
    let silent: Vec<usize> = (0..50)
        .map(|_| world.add(Nature::StallsAfter(0), MIB, &[]))
        .collect();
    for node in silent {
        world.input(node, Input::Priorities(vec![0; 128])); // it wants nothing, and says so by silence
        world.introduce(node, seed);
    }
    world.run_for(Duration::from_millis(200));
    let leech = world.leech(MIB);
    world.introduce(leech, seed);
    let done = |world: &World| world.nodes[leech].swarm.is_complete();
    assert!(world.run(Duration::from_secs(20), done));
}
