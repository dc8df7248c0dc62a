//! What a Swarm of a million pieces and a thousand peers keeps in memory. A program of its own: the count is over the
//! process. `cargo test -p p2pcore-scheduling --test memory -- --nocapture` prints the figures.
//!
//! What is asserted: a peer with everything, or nothing, costs no bitmap; any other costs one bit for each piece and
//! little more, until 64 MiB are used up; beyond it costs no bitmap either; and all of it is given back.

#![expect(clippy::cast_possible_wrap, reason = "bytes of one process")]

use std::alloc::System;
use std::net::SocketAddr;

use p2pcore_protocol::layout::Span;
use p2pcore_protocol::message::Message;
use p2pcore_protocol::{BLOCK, Layout, PieceIndex, Verified};
use p2pcore_scheduling::{Input, PeerInfo, PeerKey, Swarm, SwarmConfig, Time};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static GLOBAL: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const PIECES: u32 = 1_000_000;
const PEERS: u64 = 1_000;
/// One bit for each piece.
const BITMAP: isize = PIECES as isize / 8;

/// Bytes allocated and not freed.
fn held(region: &Region<'_, System>) -> isize {
    let change = region.change();
    change.bytes_allocated as isize - change.bytes_deallocated as isize
}

fn put(swarm: &mut Swarm, input: Input) {
    swarm.handle(Time::ZERO, input);
    while swarm.poll_output().is_some() {}
}

/// Bytes that each of so many peers that say this adds, and bytes that stay when all have left.
fn cost(
    swarm: &mut Swarm,
    region: &Region<'_, System>,
    (peers, says): (u64, &Message),
) -> (isize, isize) {
    let before = held(region);
    for number in 0..peers {
        let [.., a, b] = number.to_be_bytes();
        let info = PeerInfo {
            addr: SocketAddr::from(([81, a, b, 1], 6881)),
            outgoing: false,
            peer_id: [7; 20],
            fast: true,
            extended: true,
            v2: false,
        };
        let peer = PeerKey(number);
        put(swarm, Input::PeerConnected { peer, info });
        let message = says.clone();
        put(swarm, Input::Message { peer, message });
    }
    assert_eq!(swarm.peer_count() as u64, peers);
    let each = (held(region) - before) / peers as isize;
    for number in 0..peers {
        let peer = PeerKey(number);
        put(swarm, Input::PeerDisconnected { peer });
    }
    (each, held(region) - before)
}

#[test]
fn a_million_pieces_and_a_thousand_peers() {
    let length = u64::from(PIECES) * u64::from(BLOCK);
    let layout = Layout::new(BLOCK, [Span::File(length)]).unwrap();
    let config = SwarmConfig {
        max_peers: PEERS as usize,
        origin: false,
        ..SwarmConfig::default()
    };
    let region = Region::new(GLOBAL);
    let mut swarm = Swarm::new(config, layout, 1);
    let pieces = held(&region);
    // Half of them, in runs of eight.
    let half = Message::Bitfield([255, 0].repeat(BITMAP as usize / 2));
    let (with_half, _) = cost(&mut swarm, &region, (500, &half));
    let (beyond, left) = cost(&mut swarm, &region, (PEERS, &half));
    let (with_all, _) = cost(&mut swarm, &region, (PEERS, &Message::HaveAll));
    let (with_none, _) = cost(&mut swarm, &region, (PEERS, &Message::HaveNone));
    let all = (0..PIECES).map(|piece| Verified::simulated(PieceIndex::new(piece)));
    put(&mut swarm, Input::Had(all.collect()));
    let (with_half_as_seed, _) = cost(&mut swarm, &region, (20, &half));
    let each_piece = pieces as f64 / f64::from(PIECES);
    let mib = |bytes: isize| bytes as f64 / f64::from(1 << 20);
    println!(
        "1,000,000 pieces, no peer: {:.1} MiB, {each_piece:.1} bytes a piece",
        mib(pieces)
    );
    println!(
        "a peer with half of them: {with_half} bytes, with all: {with_all}, with none: {with_none}"
    );
    println!(
        "1,000 peers with half: {:.1} MiB (their bitmaps would be {:.1})",
        mib(pieces + beyond * PEERS as isize),
        mib(BITMAP * PEERS as isize)
    );
    println!(
        "a peer with half of them, when we have all: {with_half_as_seed} bytes (in mind: 4,096)"
    );
    println!("left behind when they are gone: {left} bytes");
    assert!(each_piece <= 16.0, "{each_piece} bytes a piece");
    assert!(
        with_all <= 4_096 && with_none <= 4_096,
        "{with_all}, {with_none}"
    );
    assert!(
        (BITMAP..=BITMAP + 4_096).contains(&with_half),
        "{with_half}"
    );
    let budget = config.max_map_bytes as isize + 4_096 * PEERS as isize;
    assert!(
        beyond * PEERS as isize <= budget,
        "{beyond} bytes for each of {PEERS}"
    );
    assert!(left <= 1 << 20, "{left} bytes are left behind");
}
