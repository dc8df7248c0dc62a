//! Measures cutting beside the `fastcdc` crate: `cargo run --release -p p2pcore-chunking --example compare`.

use std::hint::black_box;
use std::time::Instant;

use p2pcore_chunking::{Bounds, Chunker, Cutter};

fn main() {
    let mut state = 1_u64;
    let next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 40) as u8
    };
    let data: Vec<u8> = std::iter::repeat_with(next).take(SIZE).collect();
    let bounds = Bounds::new(65_536, None, None).expect("they are in order");
    let mut times = [const { Vec::new() }; 3];
    for _ in 0..9 {
        times[0].push(seconds(|| {
            fastcdc::v2020::FastCDC::new(&data, 16_384, 65_536, 262_144).count()
        }));
        times[1].push(seconds(|| {
            let (mut cutter, mut rest, mut count) = (Cutter::new(bounds), &data[..], 0);
            while let Some(length) = cutter.cut(rest) {
                (rest, count) = (&rest[length..], count + 1);
            }
            count
        }));
        times[2].push(seconds(|| {
            let (mut chunker, mut chunks) = (Chunker::new(bounds), Vec::new());
            chunker.update(&data, &mut chunks);
            chunks.len()
        }));
    }
    for (name, mut times) in ["fastcdc v2020", "cutting", "cutting and BLAKE3"]
        .iter()
        .zip(times)
    {
        times.sort_by(f64::total_cmp);
        let rate = SIZE as f64 / times[times.len() / 2] / f64::from(1 << 30);
        println!("{name:<20}{rate:6.2} GiB/s on one core");
    }
}

fn seconds(work: impl FnOnce() -> usize) -> f64 {
    let start = Instant::now();
    black_box(work());
    start.elapsed().as_secs_f64()
}

const SIZE: usize = 256 << 20;
