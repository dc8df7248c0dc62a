//! How many blocks may be outstanding at one peer: its bandwidth times its delay, measured, plus a little.
//!
//! The delay is the shortest time from a request that found the peer's queue empty to the first byte of its answer, so
//! that our own queue never counts as delay. The bandwidth is the best of the last three samples of at least 100 ms: of
//! what it was while nobody else was served, little counts any more when somebody is. At the start the window doubles for
//! each round trip, as long as the bandwidth still grows by a quarter.

use std::time::Duration;

use p2pcore_protocol::BLOCK;

use crate::explain::{PathModel, SizedBy};
use crate::time::Time;

/// The window of one peer.
#[derive(Debug, Clone)]
pub(crate) struct Window {
    blocks: u32,
    /// What the peer accepts.
    limit: u32,
    min_rtt: Option<Duration>,
    /// When a request was sent into an empty queue and nothing came since.
    probing: Option<Time>,
    rates: [u64; SAMPLES],
    taken: usize,
    sample_since: Time,
    sample_bytes: u64,
    starting: bool,
    /// Samples in a row without growth.
    flat: u8,
}

/// Never fewer blocks than this, so that a slow start is not a stop-and-wait.
const FLOOR: u32 = 4;
/// Blocks at the start: 128 KiB are no harm to anyone who unchokes us.
const FIRST: u32 = 8;
/// Requests that a peer takes if it does not say (libtorrent's and BEP 10's usual 250).
const UNSAID_LIMIT: u32 = 250;
/// Added to the delay: our own wake-ups, the peer's disk, jitter. More would fill the peer's uplink, where what it says to
/// anybody waits behind it.
const MARGIN: Duration = Duration::from_millis(25);
const SAMPLE: Duration = Duration::from_millis(100);
const SAMPLES: usize = 3;
/// Blocks on top, so that one is always on the way and one being sent.
const EXTRA: u32 = 2;

impl Window {
    /// A window for a peer of which nothing is known.
    pub(crate) fn new() -> Self {
        Self {
            blocks: FIRST,
            limit: UNSAID_LIMIT,
            min_rtt: None,
            probing: None,
            rates: [0; SAMPLES],
            taken: 0,
            sample_since: Time::ZERO,
            sample_bytes: 0,
            starting: true,
            flat: 0,
        }
    }

    /// Blocks that may be outstanding.
    pub(crate) fn blocks(&self) -> u32 {
        self.blocks.min(self.limit)
    }

    /// Requests that the peer takes.
    pub(crate) fn limit(&self) -> u32 {
        self.limit
    }

    /// The shortest round trip of a request, once one was answered.
    pub(crate) fn round_trip(&self) -> Option<Duration> {
        self.min_rtt
    }

    /// The peer says how many requests it takes; `cap` is our own bound.
    pub(crate) fn set_limit(&mut self, limit: u32, cap: u32) {
        self.limit = limit.clamp(1, cap.max(1));
    }

    /// The best bandwidth lately, in bytes per second; 0: not known.
    pub(crate) fn rate(&self) -> u64 {
        self.rates.iter().copied().max().unwrap_or(0)
    }

    /// A request is sent; `outstanding` others are on the way.
    pub(crate) fn on_request(&mut self, now: Time, outstanding: usize) {
        if outstanding == 0 {
            self.probing = Some(now);
            self.sample_since = now;
            self.sample_bytes = 0;
        }
    }

    /// Bytes of an answer came.
    pub(crate) fn on_progress(&mut self, now: Time, bytes: u32) {
        if let Some(sent) = self.probing.take() {
            let rtt = now.since(sent);
            self.min_rtt = Some(self.min_rtt.map_or(rtt, |least| least.min(rtt)));
        }
        self.sample_bytes += u64::from(bytes);
        let passed = now.since(self.sample_since);
        if passed >= SAMPLE.max(self.min_rtt.unwrap_or_default()) {
            self.take_sample(now, passed);
        }
    }

    /// A block is whole.
    pub(crate) fn on_block(&mut self) {
        if self.starting && self.blocks < self.limit {
            self.blocks += 1;
        }
    }

    /// The peer stalled: begin again, carefully.
    pub(crate) fn restart(&mut self) {
        *self = Self {
            blocks: FLOOR,
            limit: self.limit,
            min_rtt: self.min_rtt,
            ..Self::new()
        };
    }

    /// For people to look at.
    pub(crate) fn explain(&self) -> PathModel {
        let sized_by = if self.blocks >= self.limit {
            SizedBy::Limit
        } else if self.starting {
            SizedBy::Start
        } else if self.model() < self.blocks {
            SizedBy::Least
        } else {
            SizedBy::Model
        };
        PathModel {
            blocks: self.blocks(),
            limit: self.limit,
            rate: self.rate(),
            round_trip: self.min_rtt,
            jitter: Duration::ZERO, // not known here
            margin: MARGIN,
            sized_by,
        }
    }

    fn take_sample(&mut self, now: Time, passed: Duration) {
        let rate = u128::from(self.sample_bytes) * 1_000_000_000 / passed.as_nanos().max(1);
        let rate = u64::try_from(rate).unwrap_or(u64::MAX);
        let best = self.rate();
        self.flat = if rate > best + best / 4 {
            0
        } else {
            self.flat.saturating_add(1)
        };
        self.starting &= self.flat < 3;
        self.rates[self.taken % SAMPLES] = rate;
        self.taken += 1;
        self.sample_since = now;
        self.sample_bytes = 0;
        let model = self.model();
        self.blocks = if self.starting {
            self.blocks.min(model.saturating_mul(2))
        } else {
            model
        };
        self.blocks = self.blocks.max(FLOOR);
    }

    fn model(&self) -> u32 {
        let trip = self.min_rtt.unwrap_or_default();
        let delay = (trip + trip / 4 + MARGIN).as_nanos();
        let bytes = u128::from(self.rate()) * delay / 1_000_000_000;
        u32::try_from(bytes / u128::from(BLOCK))
            .unwrap_or(u32::MAX)
            .saturating_add(EXTRA)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs a link of this rate and delay until `until`; the window then.
    fn run(rate: u64, rtt: Duration, until: Duration) -> u32 {
        let mut window = Window::new();
        window.set_limit(100_000, 100_000);
        // Arrival times of the blocks on the way.
        let mut flying: std::collections::VecDeque<Time> = std::collections::VecDeque::new();
        let per_block = Duration::from_nanos(u64::from(BLOCK) * 1_000_000_000 / rate);
        let mut link_free = Time::ZERO;
        let mut now = Time::ZERO;
        while now.since_zero() < until {
            while flying.len() < window.blocks() as usize {
                window.on_request(now, flying.len());
                link_free = link_free.max(now + rtt) + per_block;
                flying.push_back(link_free);
            }
            now = flying.pop_front().unwrap();
            window.on_progress(now, BLOCK);
            window.on_block();
        }
        window.blocks()
    }

    #[test]
    fn window_fills_the_pipe() {
        for (rate, rtt) in [
            (1_u64 << 30, 1),
            (100 << 20, 1),
            (10 << 20, 200),
            (1 << 20, 20),
        ] {
            let rtt = Duration::from_millis(rtt);
            let pipe = (u128::from(rate) * rtt.as_millis() / 1000 / u128::from(BLOCK)) as u32;
            let window = run(rate, rtt, Duration::from_secs(4));
            assert!(window > pipe, "{rate} B/s, {rtt:?}: {window} <= {pipe}");
            let ahead = u128::from(rate) * (rtt / 4 + MARGIN).as_micros() / 1_000_000;
            let ahead = ahead.div_ceil(u128::from(BLOCK)) as u32;
            assert!(
                window <= pipe + ahead + FLOOR,
                "{rate} B/s, {rtt:?}: {window}"
            );
        }
    }

    #[test]
    fn loopback_has_eight_mebibytes_in_flight_within_a_blink() {
        let window = run(
            1 << 30,
            Duration::from_micros(100),
            Duration::from_millis(20),
        );
        assert!(window * BLOCK >= 8 << 20, "{window} blocks");
    }

    #[test]
    fn a_steady_peer_is_asked_for_ever() {
        let window = run(4 << 20, Duration::from_millis(1), Duration::from_mins(1));
        assert!(window > FLOOR, "{window}");
    }

    #[test]
    fn a_slow_peer_is_not_asked_for_much() {
        let window = run(50 << 10, Duration::from_millis(50), Duration::from_secs(20));
        assert!(window <= 6, "{window}");
    }
}
