//! What the scheduler costs, through the public Swarm: a HAVE, a control message, a block, a second of a seed's upkeep.
//! `make bench-scheduler` runs it. The driver's own books are in the figures, so that they are upper bounds.
#![allow(missing_docs, clippy::disallowed_methods, clippy::disallowed_types)] // A bench reads a clock.

mod driver;

use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use p2pcore_protocol::message::{Message, Request};
use p2pcore_protocol::{BLOCK, PieceIndex};
use p2pcore_scheduling::{Input, PeerKey};

use self::driver::{Driver, mix, some};

const MILLION: u32 = 1_000_000;

/// The `n`-th piece that a peer gets: all of them in an order of its own.
fn nth(n: u64, peer: u64, pieces: u32) -> u32 {
    // A prime that divides no number of pieces used here.
    ((n * 7_368_787 + mix(peer) % 1_000_003) % u64::from(pieces)) as u32
}

/// A HAVE at a million pieces: at most 150 ns.
fn have(c: &mut Criterion) {
    let mut driver = Driver::new(MILLION, 1);
    for seed in 0..20 {
        let peer = driver.connect();
        driver.say(peer, some(MILLION, 128, seed));
    }
    let first = driver.owed.len() as u64;
    for _ in 0..100 {
        driver.connect();
    }
    let mut n = 0_u64;
    let mut next = |driver: &mut Driver| {
        let peer = first + n % 100;
        driver.say(peer as usize, Message::Have(nth(n / 100, peer, MILLION)));
        n += 1;
    };
    (0..100).for_each(|_| next(&mut driver));
    c.bench_function("have/1M pieces", |b| b.iter(|| next(&mut driver)));
}

const PEERS: usize = 500;
const PIECES: u32 = 100_000;

/// A swarm of 500, of which we have a half, and so do they.
fn crowd(blocks: u32) -> Driver {
    let mut driver = Driver::new(PIECES, blocks);
    driver.had((0..PIECES).filter(|&piece| mix(u64::from(piece)).is_multiple_of(2)));
    for seed in 0..PEERS as u64 {
        let peer = driver.connect();
        driver.say(peer, some(PIECES, 128, seed + 1));
        driver.say(peer, Message::Interested);
    }
    driver
}

/// One kind of control message after the other, from one peer after the other. Each call says how many it sent.
#[derive(Default)]
struct Talk {
    n: u64,
}

impl Talk {
    fn peer(&mut self) -> usize {
        self.n += 1;
        (self.n % PEERS as u64) as usize
    }

    fn have(&mut self, driver: &mut Driver) -> u64 {
        let peer = self.peer();
        // One in two is new to the peer, as its bitfield was.
        let piece = nth(self.n / PEERS as u64, peer as u64, PIECES);
        driver.say(peer, Message::Have(piece));
        1
    }

    fn interest(&mut self, driver: &mut Driver) -> u64 {
        let peer = self.peer();
        driver.say(peer, Message::NotInterested);
        driver.say(peer, Message::Interested);
        2
    }

    fn request(&mut self, driver: &mut Driver) -> u64 {
        let peer = self.peer();
        let piece = nth(self.n, 0, PIECES);
        let length = BLOCK;
        let begin = 0;
        let request = Request {
            piece,
            begin,
            length,
        };
        driver.say(peer, Message::Request(request));
        driver.say(peer, Message::Cancel(request));
        2
    }

    fn unchoke(&mut self, driver: &mut Driver) -> u64 {
        let peer = self.peer();
        driver.say(peer, Message::Unchoke);
        driver.say(peer, Message::Choke);
        let mut count = 2;
        while let Some(request) = driver.owed[peer].pop_front() {
            driver.say(peer, Message::Reject(request));
            count += 1;
        }
        count
    }

    /// What a busy swarm says: nine in ten messages are HAVEs.
    fn mixed(&mut self, driver: &mut Driver) -> u64 {
        let mut count = 0;
        for _ in 0..9 {
            count += self.have(driver);
        }
        count
            + match mix(self.n) % 20 {
                0 => self.unchoke(driver),
                1..8 => self.interest(driver),
                _ => self.request(driver),
            }
    }
}

type Say = fn(&mut Talk, &mut Driver) -> u64;

/// Messages without payload at 500 peers: 500,000 a second are 2 µs each.
fn control(c: &mut Criterion) {
    let mut group = c.benchmark_group("control/500 peers");
    let kinds: [(&str, Say); 5] = [
        ("have", Talk::have),
        ("interest", Talk::interest),
        ("request", Talk::request),
        ("unchoke", Talk::unchoke),
        ("mixed", Talk::mixed),
    ];
    for (name, say) in kinds {
        let mut driver = crowd(16);
        let mut talk = Talk::default();
        group.throughput(Throughput::Elements(1));
        group.bench_function(name, |b| {
            b.iter_custom(|messages| {
                let start = Instant::now();
                let mut done = 0;
                while done < messages {
                    let count = say(&mut talk, &mut driver);
                    done += count;
                    // So many a second that nobody counts as flooding us.
                    driver.pass(Duration::from_micros(20 * count));
                }
                start.elapsed() * messages as u32 / done as u32
            });
        });
    }
    group.finish();
}

/// All that a block costs at 500 peers, at 100 MB/s, with its part of verdicts, of our HAVEs and of ticks: at most 1 µs.
fn block(c: &mut Criterion) {
    let mut group = c.benchmark_group("block/500 peers");
    group.throughput(Throughput::Elements(1));
    for blocks in [16, 64, 256] {
        let fresh = || {
            let mut driver = crowd(blocks);
            (0..PEERS).for_each(|peer| driver.say(peer, Message::Unchoke));
            driver
        };
        let mut driver = fresh();
        let mut peer = 0;
        group.bench_function(BenchmarkId::new("piece of", blocks), |b| {
            b.iter_custom(|count| {
                let mut spent = Duration::ZERO;
                let mut left = count;
                while left > 0 {
                    if driver.swarm.have().count() > PIECES * 9 / 10 {
                        driver = fresh();
                    }
                    let start = Instant::now();
                    let batch = left.min(10_000);
                    for _ in 0..batch {
                        let silent = (0..PEERS).all(|_| {
                            peer = (peer + 1) % PEERS;
                            !driver.answer(peer)
                        });
                        assert!(!silent, "nobody is asked for anything");
                        driver.verify();
                        driver.pass(Duration::from_micros(160));
                    }
                    spent += start.elapsed();
                    left -= batch;
                }
                spent
            });
        });
    }
    group.finish();
}

/// A second of a seed's upkeep with its choice of whom to serve, while those who have a slot take something.
fn choice(c: &mut Criterion) {
    let mut group = c.benchmark_group("choice");
    for peers in [10, 100, 1_000] {
        let mut driver = Driver::new(1_000, 16);
        driver.had(0..1_000);
        for seed in 0..peers {
            let peer = driver.connect();
            driver.say(peer, some(1_000, 128, seed + 1));
            driver.say(peer, Message::Interested);
        }
        group.bench_function(BenchmarkId::new("peers", peers), |b| {
            b.iter_custom(|seconds| {
                let mut spent = Duration::ZERO;
                for _ in 0..seconds {
                    take(&mut driver);
                    driver.now = driver.now + Duration::from_secs(1);
                    let start = Instant::now();
                    driver.put(Input::Tick);
                    spent += start.elapsed();
                }
                spent
            });
        });
    }
    group.finish();
}

/// Those who have a slot take 16 blocks; the others say that they are still there.
fn take(driver: &mut Driver) {
    for peer in 0..driver.owed.len() {
        if !driver.unchoked[peer] {
            driver.say(peer, Message::Unchoke);
            driver.say(peer, Message::Choke);
            continue;
        }
        let piece = PieceIndex::new(peer as u32 % 1_000);
        for span in driver.swarm.layout().clone().blocks(piece) {
            driver.say(
                peer,
                Message::Request(Request {
                    piece: piece.get(),
                    begin: span.begin,
                    length: span.length,
                }),
            );
        }
        let peer = PeerKey(peer as u64);
        driver.put(Input::Writable {
            peer,
            room: 1 << 20,
        });
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(3));
    targets = have, control, block, choice
}
criterion_main!(benches);
