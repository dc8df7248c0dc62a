//! Measures every backend with every number of streams: `cargo run --release -p p2pcore-hashing --example lanes`.

use std::hint::black_box;
use std::time::Instant;

use p2pcore_hashing::{Backend, Sha1Many, Sha256Many};

fn main() {
    let data: Vec<u8> = (0..16 * STRIDE).map(|i| (i ^ (i >> 8)) as u8).collect();
    let parts: Vec<&[u8]> = data.chunks(STRIDE).map(|part| &part[..PART]).collect();
    println!("GiB/s on one core, by number of streams");
    for backend in Backend::ALL.into_iter().filter(|one| one.is_available()) {
        for digest in ["SHA-1", "SHA-256"] {
            print!("{digest:<8}{:<10}", backend.name());
            for streams in [1, 2, 3, 4, 5, 6, 8, 10, 12, 14, 16] {
                let seconds = best_of(|| {
                    if digest == "SHA-1" {
                        let mut many = Sha1Many::with(backend, streams);
                        many.update(&parts[..streams]);
                        black_box(many.finish());
                    } else {
                        let mut many = Sha256Many::with(backend, streams);
                        many.update(&parts[..streams]);
                        black_box(many.finish());
                    }
                });
                let rate = (streams * PART) as f64 / seconds / f64::from(1 << 30);
                print!("{streams:>4}: {rate:<5.2}");
            }
            println!();
        }
    }
}

fn best_of(mut work: impl FnMut()) -> f64 {
    let once = || {
        let start = Instant::now();
        work();
        start.elapsed().as_secs_f64()
    };
    std::iter::repeat_with(once)
        .take(200)
        .fold(f64::MAX, f64::min)
}

const PART: usize = 64 * 1024;

/// Streams that lie a power of two apart would fight for the same cache lines.
const STRIDE: usize = PART + 192;
