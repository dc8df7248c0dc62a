//! Rates: a bucket that limits them and a meter that measures them. Both are pure: time is an argument.
//!
//! The bucket starts empty and holds at most an eighth of a second's worth, so that over ten seconds no more than
//! 1.25 % above the limit passes, and under load exactly the limit. The meter slides over the last three seconds in
//! whole numbers, so that a replay gives the same figures.

use std::time::Duration;

use crate::time::Time;

/// What a [`TokenBucket`] says to a wish.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grant {
    /// So many bytes may pass now: at least 1, at most what was asked for.
    Granted(u64),
    /// None yet: ask again at this time.
    Wait(Time),
}

/// A rate limit in bytes per second.
#[derive(Debug, Clone)]
pub struct TokenBucket {
    rate: Option<u64>,
    /// Bytes in hand, in units of one byte times one nanosecond: no rounding is ever lost.
    level: u128,
    at: Time,
}

const SECOND: u128 = 1_000_000_000;

/// Bytes that are worth waking up for, where the rate allows so much: one block.
const QUANTUM: u64 = 16 * 1024;

impl TokenBucket {
    /// A bucket that lets `rate` bytes pass per second; `None`: any number. A rate of zero lets nothing pass.
    pub fn new(rate: Option<u64>) -> Self {
        Self {
            rate,
            level: 0,
            at: Time::ZERO,
        }
    }

    /// The limit.
    pub fn rate(&self) -> Option<u64> {
        self.rate
    }

    /// Changes the limit; what is in hand is kept up to the new bucket's size.
    pub fn set_rate(&mut self, now: Time, rate: Option<u64>) {
        self.refill(now);
        self.rate = rate;
        self.level = self.level.min(self.burst());
    }

    /// Takes up to `want` bytes. A wish is granted in part where the bucket holds less; crumbs are not handed out.
    pub fn take(&mut self, now: Time, want: u64) -> Grant {
        let Some(rate) = self.rate else {
            return Grant::Granted(want);
        };
        if want == 0 {
            return Grant::Granted(0);
        }
        self.refill(now);
        let quantum = QUANTUM.min(rate / 16).max(1).min(want);
        let needed = u128::from(quantum) * SECOND;
        if self.level < needed {
            return Grant::Wait(now + time_for(needed - self.level, rate));
        }
        let granted = u64::try_from(self.level / SECOND).map_or(want, |held| held.min(want));
        self.level -= u128::from(granted) * SECOND;
        Grant::Granted(granted)
    }

    /// Gives back bytes that were granted and not used.
    pub fn refund(&mut self, bytes: u64) {
        self.level = (self.level + u128::from(bytes) * SECOND).min(self.burst().max(self.level));
    }

    fn refill(&mut self, now: Time) {
        let passed = now.since(self.at).as_nanos();
        self.at = self.at.max(now);
        let Some(rate) = self.rate else { return };
        self.level = (self.level + passed.saturating_mul(u128::from(rate))).min(self.burst());
    }

    /// An eighth of a second's worth; at least one byte, so that any rate but zero flows.
    fn burst(&self) -> u128 {
        let rate = self.rate.unwrap_or(0);
        u128::from((rate / 8).max(2)) * SECOND
    }
}

fn time_for(missing: u128, rate: u64) -> Duration {
    if rate == 0 {
        // Nothing flows until set_rate; the driver asks again then.
        return Duration::from_hours(1);
    }
    let nanos = missing.div_ceil(u128::from(rate));
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

const SLOT: Duration = Duration::from_millis(250);
const SLOTS: usize = 13;

/// Bytes per second over the last three seconds (since the first byte, where that is later).
#[derive(Debug, Clone, Default)]
pub struct RateMeter {
    slots: [u64; SLOTS],
    /// Number of the current slot since the driver's zero.
    slot: u64,
    /// The slot of the first byte after a silence, plus one; 0: nothing was counted yet.
    since: u64,
}

impl RateMeter {
    /// A meter that has seen nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Counts bytes that passed at `now`.
    pub fn add(&mut self, now: Time, bytes: u64) {
        let slot = slot_of(now);
        if slot > self.slot {
            self.advance(slot);
        }
        if self.since == 0 {
            self.since = self.slot + 1;
        }
        self.slots[self.slot as usize % SLOTS] += bytes;
    }

    /// Bytes per second.
    pub fn rate(&self, now: Time) -> u64 {
        let slot = slot_of(now).max(self.slot);
        if self.since == 0 || slot - self.slot >= SLOTS as u64 {
            return 0;
        }
        let oldest = (slot + 1).saturating_sub(SLOTS as u64);
        let sum: u64 = (oldest..=self.slot)
            .map(|number| self.slots[number as usize % SLOTS])
            .sum();
        let begun = slot_start(oldest.max(self.since - 1));
        let span = now.since(begun).max(SLOT).as_nanos();
        u64::try_from(u128::from(sum) * SECOND / span).unwrap_or(u64::MAX)
    }

    fn advance(&mut self, slot: u64) {
        if slot - self.slot >= SLOTS as u64 {
            self.slots = [0; SLOTS];
            self.since = slot + 1;
        } else {
            for number in self.slot + 1..=slot {
                self.slots[number as usize % SLOTS] = 0;
            }
        }
        self.slot = slot;
    }
}

fn slot_of(now: Time) -> u64 {
    (now.since_zero().as_nanos() / SLOT.as_nanos()) as u64
}

fn slot_start(slot: u64) -> Time {
    Time::new(Duration::from_millis(250).saturating_mul(u32::try_from(slot).unwrap_or(u32::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Time {
        Time::new(Duration::from_millis(millis))
    }

    /// Takes as a greedy driver would for `seconds`, in wishes of `want`, waking when told; counts what passed.
    fn drain(bucket: &mut TokenBucket, from: Time, seconds: u64, want: u64) -> u64 {
        let end = from + Duration::from_secs(seconds);
        let (mut now, mut passed) = (from, 0);
        while now < end {
            match bucket.take(now, want) {
                Grant::Granted(bytes) => {
                    assert!(bytes > 0 && bytes <= want);
                    passed += bytes;
                }
                Grant::Wait(until) => {
                    assert!(until > now);
                    now = until;
                }
            }
        }
        passed
    }

    #[test]
    fn limit_is_exact_over_ten_seconds() {
        for rate in [1, 100, 5_000, 10_240, 1_000_000, 3_000_000_000] {
            for want in [1_000, 16_384, 131_072] {
                if rate / want > 100_000 {
                    continue;
                }
                let mut bucket = TokenBucket::new(Some(rate));
                // An hour of idleness saves up no more than the burst.
                let _ = bucket.take(at(3_600_000), 1);
                let passed = drain(&mut bucket, at(7_200_000), 10, want);
                let wanted = rate * 10;
                assert!(
                    passed.abs_diff(wanted) <= wanted / 50 + 2,
                    "rate {rate}, wishes of {want}: {passed} of {wanted}"
                );
            }
        }
    }

    #[test]
    fn unlimited_grants_everything_and_zero_nothing() {
        assert_eq!(
            TokenBucket::new(None).take(at(0), 1 << 40),
            Grant::Granted(1 << 40)
        );
        let mut none = TokenBucket::new(Some(0));
        assert!(matches!(none.take(at(900_000), 10), Grant::Wait(_)));
    }

    #[test]
    fn refund_can_be_taken_again() {
        let mut bucket = TokenBucket::new(Some(80_000));
        let Grant::Granted(first) = bucket.take(at(10_000), 10_000) else {
            panic!("a full bucket waits");
        };
        assert!(matches!(bucket.take(at(10_000), 10_000), Grant::Wait(_)));
        bucket.refund(first);
        assert_eq!(bucket.take(at(10_000), 10_000), Grant::Granted(first));
    }

    #[test]
    fn meter_follows_a_steady_stream_and_forgets() {
        let mut meter = RateMeter::new();
        for tick in 0..1_000 {
            meter.add(at(5_000 + tick * 10), 1_000);
        }
        let rate = meter.rate(at(14_990));
        assert!((99_000..=101_000).contains(&rate), "{rate}");
        assert!(meter.rate(at(16_500)) < 60_000);
        assert_eq!(meter.rate(at(30_000)), 0);
    }

    #[test]
    fn meter_is_quick_to_rise() {
        let mut meter = RateMeter::new();
        meter.add(at(100_000), 500_000);
        assert_eq!(meter.rate(at(100_000)), 2_000_000);
        assert_eq!(meter.rate(at(101_000)), 500_000);
    }
}
