//! Measures one way to cut on one core: `cargo run --release -p p2pcore-chunking --example compare -- WAY MIB`.
//!
//! WAY is `p2pcore` or `fastcdc`, the crate of that name. Prints the seconds that MIB MiB of random bytes take, without
//! a digest of the chunks; `benches/bench_hashing.py` runs it.

use std::env;
use std::hint::black_box;
use std::time::Instant;

use fastcdc::v2020::FastCDC;
use p2pcore_chunking::{Bounds, Cutter};

fn main() {
    let words: Vec<String> = env::args().skip(1).collect();
    let [way, size] = &words[..] else {
        panic!(
            "two words are needed, WAY and MIB, and {} are given",
            words.len()
        )
    };
    let size: usize = size.parse().expect("MIB is a number");
    let cut = match way.as_str() {
        "fastcdc" => by_fastcdc,
        "p2pcore" => by_cutter,
        _ => panic!("there is no way {way:?}"),
    };
    let data = random(size << 20);
    black_box(cut(&data)); // warms up
    let start = Instant::now();
    black_box(cut(&data));
    println!("{}", start.elapsed().as_secs_f64());
}

/// How many chunks there are.
fn by_fastcdc(data: &[u8]) -> usize {
    FastCDC::new(data, AVERAGE / 4, AVERAGE, AVERAGE * 4).count()
}

/// The same of ours, with the same bounds: they are a quarter of the average, and four times it.
fn by_cutter(data: &[u8]) -> usize {
    let bounds = Bounds::new(AVERAGE as u64, None, None).expect("they are in order");
    let (mut cutter, mut rest, mut count) = (Cutter::new(bounds), data, 0);
    while let Some(length) = cutter.cut(rest) {
        (rest, count) = (&rest[length..], count + 1);
    }
    count
}

fn random(length: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 40) as u8
    };
    std::iter::repeat_with(next).take(length).collect()
}

const AVERAGE: usize = 65_536;
