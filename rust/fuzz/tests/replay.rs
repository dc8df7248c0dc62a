//! Replays every corpus file and a few thousand mutations of each, the same in every run. A find of libFuzzer goes into
//! the corpus and stays covered from then on.

use std::panic::{AssertUnwindSafe, catch_unwind};

use p2pcore_fuzz::corpus::{Seed, seeds};
use p2pcore_fuzz::mutate::{Random, mutate};
use p2pcore_fuzz::{TARGETS, Target};

/// Mutations of one file, fewer for large ones.
const MUTATIONS: usize = 5000;

/// Bytes of all mutations of one file together.
const MUTATED_BYTES: usize = 8 << 20;

fn replay(name: &str) {
    let (_, target) = TARGETS
        .iter()
        .find(|(other, _)| *other == name)
        .expect("a known target");
    let seeds = seeds(name).expect("a folder of corpus files");
    assert!(
        seeds.len() > 5,
        "{} files in the corpus of {name}",
        seeds.len()
    );
    for (number, seed) in seeds.iter().enumerate() {
        let accepted = run(*target, &seed.name, &seed.data);
        if let Some(expected) = seed.accepted() {
            assert_eq!(accepted, expected, "{name}/{}: accepted or not", seed.name);
        }
        let mut random = Random::new(number as u64 * 7919 + 1);
        for _ in 0..MUTATIONS.min(MUTATED_BYTES / (seed.data.len() + 64)) {
            let Seed { data: other, .. } = &seeds[random.below(seeds.len())];
            run(*target, &seed.name, &mutate(&seed.data, other, &mut random));
        }
    }
}

/// Runs the target; where it panics, shows the bytes that made it.
fn run(target: Target, name: &str, data: &[u8]) -> bool {
    catch_unwind(AssertUnwindSafe(|| target(data))).unwrap_or_else(|_| {
        panic!(
            "a mutation of {name} breaks the target: b\"{}\"",
            data.escape_ascii()
        )
    })
}

#[test]
fn bencode_holds() {
    replay("bencode");
}

#[test]
fn lsd_holds() {
    replay("lsd");
}

#[test]
fn magnet_holds() {
    replay("magnet");
}

#[test]
fn metainfo_holds() {
    replay("metainfo");
}

#[test]
fn peer_holds() {
    replay("peer");
}

#[test]
fn picker_holds() {
    replay("picker");
}

#[test]
fn swarm_holds() {
    replay("swarm");
}

#[test]
fn uploader_holds() {
    replay("uploader");
}

#[test]
fn wire_holds() {
    replay("wire");
}
