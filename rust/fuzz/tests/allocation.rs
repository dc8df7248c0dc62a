//! No parser allocates by a length that bytes merely claim: what a run allocates in all is bounded by its input's size.
//! One test in a program of its own, because the count is over the whole process.

use std::alloc::System;

use p2pcore_fuzz::corpus::seeds;
use p2pcore_fuzz::mutate::{Random, mutate};
use p2pcore_fuzz::{SCRIPTED, TARGETS};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static GLOBAL: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Allocated in a run for each byte of input: the targets parse, encode and compare several times over.
const PER_BYTE: usize = 2048;

/// Allocated in any run.
const BASE: usize = 256 * 1024;

#[test]
fn allocation_is_bounded_by_the_bytes_that_are_there() {
    let parsers = TARGETS.iter().filter(|(name, _)| !SCRIPTED.contains(name));
    for (name, target) in parsers {
        let seeds = seeds(name).unwrap();
        let mut random = Random::new(77);
        for seed in &seeds {
            for round in 0..100 {
                let data = if round == 0 {
                    seed.data.clone()
                } else {
                    mutate(&seed.data, &[], &mut random)
                };
                let region = Region::new(GLOBAL);
                target(&data);
                let used = region.change().bytes_allocated;
                let limit = BASE + PER_BYTE * data.len();
                let shown = data[..data.len().min(500)].escape_ascii();
                assert!(
                    used <= limit,
                    "{name}/{}: {used} bytes allocated for {} of input: b\"{shown}\"",
                    seed.name,
                    data.len()
                );
            }
        }
    }
}
