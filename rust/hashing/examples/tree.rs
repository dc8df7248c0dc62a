//! Measures the layers of a Merkle tree above its leaves, on the backend that `P2PCORE_HASH` names:
//! `cargo run --release -p p2pcore-hashing --example tree`. A number after it is how often, for counting instructions.

use std::hint::black_box;
use std::time::Instant;

use p2pcore_hashing::{Backend, Sha256Digest, merkle, sha256};

fn main() {
    let leaves: Vec<Sha256Digest> = (0..LEAVES as u32)
        .map(|n| sha256(&n.to_le_bytes()))
        .collect();
    let times = std::env::args().nth(1).map_or(Ok(200), |text| text.parse());
    let times: usize = times.expect("the argument is how often");
    let mut best = f64::MAX;
    for _ in 0..times {
        let start = Instant::now();
        black_box(merkle::root(black_box(&leaves), 0, 1));
        best = best.min(start.elapsed().as_secs_f64());
    }
    println!(
        "{:<10}{:.1} ns for each of {} inner nodes",
        Backend::best().name(),
        best * 1e9 / (LEAVES - 1) as f64,
        LEAVES - 1
    );
}

/// Those of 64 MiB.
const LEAVES: usize = 4096;
