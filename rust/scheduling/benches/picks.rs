//! How long a pick takes at a million pieces, as percentiles, which criterion does not give: at most 5 µs at the 99th.
//! Each sample is one arrived block of a piece of one block: it is stored, and a new piece is picked and asked for.
#![allow(missing_docs, clippy::disallowed_methods, clippy::disallowed_types)] // A bench reads a clock.

mod driver;

use std::time::{Duration, Instant};

use p2pcore_protocol::message::Message;
use p2pcore_scheduling::{Bitfield, Input, PeerKey};

use self::driver::{Driver, mix, some};

const MILLION: u32 = 1_000_000;
const SAMPLES: usize = 100_000;

fn main() {
    println!(
        "pick at 1M pieces     p50      p90      p99    p99.9      max  (ns; goal p99 <= 5000)"
    );
    run("a seed", Message::HaveAll, SAMPLES, |_, _| {});
    run(
        "half of the pieces",
        some(MILLION, 128, 99),
        SAMPLES,
        |_, _| {},
    );
    run("1 in 256", some(MILLION, 1, 99), 2_000, |_, _| {});
    run("only the commonest", commonest(), 2_000, |_, _| {});
    needles();
    run("peers come and go", some(MILLION, 128, 99), 20_000, churn);
}

/// The pieces of which there are most: the end of the order.
fn commonest() -> Message {
    let mut bits = Bitfield::new(MILLION);
    (0..MILLION).step_by(250).for_each(|piece| {
        bits.insert(piece);
    });
    Message::Bitfield(bits.to_wire())
}

/// Twice a second a peer with half of the pieces leaves and another comes.
fn churn(driver: &mut Driver, sample: usize) {
    if sample.is_multiple_of(500) {
        let peer = PeerKey(driver.owed.len() as u64 - 1);
        driver.put(Input::PeerDisconnected { peer });
        let peer = driver.connect();
        driver.say(peer, some(MILLION, 128, sample as u64));
    }
}

/// A peer that has nothing gets one common piece, and is asked for it: the bitmaps are intersected from end to end.
fn needles() {
    let mut driver = Driver::new(MILLION, 1);
    for seed in 0..30 {
        let peer = driver.connect();
        driver.say(peer, some(MILLION, 64 + 4 * seed as u8, seed));
    }
    let peer = driver.connect();
    driver.say(peer, Message::Unchoke);
    let mut times = Vec::new();
    for sample in 0..20_000_u64 {
        let piece = (mix(sample) % u64::from(MILLION)) as u32;
        let start = Instant::now();
        driver.say(peer, Message::Have(piece));
        times.push(start.elapsed().as_nanos());
        driver.answer(peer);
        driver.verify();
        driver.pass(Duration::from_millis(1));
    }
    print("a needle", times);
}

fn run(name: &str, holds: Message, samples: usize, before: fn(&mut Driver, usize)) {
    let mut driver = Driver::new(MILLION, 1);
    for seed in 0..30 {
        let peer = driver.connect();
        driver.say(peer, some(MILLION, 64 + 4 * seed as u8, seed));
        // Of those everybody has each: they come last.
        for piece in (0..MILLION).step_by(250) {
            driver.say(peer, Message::Have(piece));
        }
    }
    // Asked for one block at a time: one pick for each that comes.
    let peer = driver.connect();
    driver.put(Input::PeerRequestLimit {
        peer: PeerKey(peer as u64),
        reqq: 1,
    });
    driver.say(peer, holds);
    driver.say(peer, Message::Unchoke);
    let last = driver.connect();
    driver.say(last, some(MILLION, 128, 7));
    let mut times = Vec::with_capacity(samples);
    for sample in 0..samples {
        before(&mut driver, sample);
        let Some(request) = driver.owed[peer].pop_front() else {
            break;
        };
        driver.progress(peer, request.length);
        let arrival = driver.arrival(peer, request);
        let start = Instant::now();
        driver.put(arrival);
        times.push(start.elapsed().as_nanos());
        driver.verify();
        driver.pass(Duration::from_millis(1));
    }
    print(name, times);
}

fn print(name: &str, mut times: Vec<u128>) {
    times.sort_unstable();
    let at = |part: usize| times[(times.len() * part / 1_000).min(times.len() - 1)];
    println!(
        "{name:<20} {:>5}    {:>5}    {:>5}    {:>5}  {:>7}  ({} picks)",
        at(500),
        at(900),
        at(990),
        at(999),
        at(1_000),
        times.len()
    );
}
