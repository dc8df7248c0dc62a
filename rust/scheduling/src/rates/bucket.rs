//! One limit: a bucket that starts empty and holds at most an eighth of a second's worth, so that over ten seconds no more
//! than 1.25 % above the limit passes, and under load exactly the limit.

use std::time::Duration;

use crate::time::Time;

/// A limit in bytes per second, or none.
#[derive(Debug, Clone)]
pub(super) struct TokenBucket {
    rate: Option<u64>,
    /// Bytes in hand, in units of one byte times one nanosecond: no rounding is ever lost.
    level: u128,
    at: Time,
}

const SECOND: u128 = 1_000_000_000;

/// Bytes that are worth waking up for, where the rate allows so much: one block, or what passes in 4 ms.
const PORTION: u64 = 16 * 1024;

impl TokenBucket {
    /// A bucket that lets `rate` bytes pass per second; `None`: any number. A rate of zero lets nothing pass.
    pub(super) fn new(rate: Option<u64>) -> Self {
        Self {
            rate,
            level: 0,
            at: Time::ZERO,
        }
    }

    pub(super) fn is_limited(&self) -> bool {
        self.rate.is_some()
    }

    /// Changes the limit; what is in hand is kept up to the new bucket's size.
    pub(super) fn set_rate(&mut self, now: Time, rate: Option<u64>) {
        self.refill(now);
        self.rate = rate;
        self.level = self.level.min(self.burst());
    }

    /// The most that is handed out at once: at least 1. Crumbs are not handed out, and a full bucket holds twice this.
    pub(super) fn portion(&self) -> u64 {
        self.rate.map_or(u64::MAX, |rate| {
            (rate / 256).max(PORTION).min(rate / 16).max(1)
        })
    }

    /// From when on a portion may pass: `None`, now. It does not depend on who asks, so that small wishes never keep large
    /// ones waiting.
    pub(super) fn ready_at(&mut self, now: Time) -> Option<Time> {
        self.refill(now);
        let rate = self.rate?;
        let missing = (u128::from(self.portion()) * SECOND).checked_sub(self.level)?;
        (missing > 0).then(|| now + time_for(missing, rate))
    }

    /// Takes bytes that are ready.
    pub(super) fn spend(&mut self, bytes: u64) {
        self.level = self.level.saturating_sub(u128::from(bytes) * SECOND);
    }

    /// Gives back bytes that were taken and not used.
    pub(super) fn refund(&mut self, bytes: u64) {
        if self.is_limited() {
            self.level =
                (self.level + u128::from(bytes) * SECOND).min(self.burst().max(self.level));
        }
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
        // Nothing flows until the limit is changed; it is asked again then.
        return Duration::from_hours(1);
    }
    let nanos = missing.div_ceil(u128::from(rate));
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Time {
        Time::new(Duration::from_millis(millis))
    }

    #[test]
    fn a_limit_is_exact_over_ten_seconds_after_any_idleness() {
        for rate in [1, 100, 5_000, 10_240, 1_000_000, 3_000_000_000] {
            let mut bucket = TokenBucket::new(Some(rate));
            bucket.refill(at(3_600_000));
            let (mut now, mut passed) = (at(7_200_000), 0);
            let end = now + Duration::from_secs(10);
            while now < end {
                let bytes = bucket.portion();
                if let Some(until) = bucket.ready_at(now) {
                    assert!(until > now);
                    now = until;
                } else {
                    bucket.spend(bytes);
                    passed += bytes;
                }
            }
            let wanted = rate * 10;
            assert!(
                passed.abs_diff(wanted) <= wanted / 50 + 2,
                "rate {rate}: {passed}"
            );
        }
    }

    #[test]
    fn unlimited_lets_everything_pass_and_zero_nothing() {
        let mut any = TokenBucket::new(None);
        assert_eq!((any.portion(), any.ready_at(at(0))), (u64::MAX, None));
        assert!(TokenBucket::new(Some(0)).ready_at(at(900_000)).is_some());
    }

    #[test]
    fn a_refund_can_be_taken_again() {
        let mut bucket = TokenBucket::new(Some(80_000));
        assert_eq!(bucket.ready_at(at(10_000)), None);
        bucket.spend(10_000);
        assert_eq!(
            bucket.ready_at(at(10_000)),
            Some(at(10_000) + Duration::from_micros(62_500))
        );
        bucket.refund(10_000);
        assert_eq!(bucket.ready_at(at(10_000)), None);
    }
}
