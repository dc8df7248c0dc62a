//! How much nonsense one peer may send before it is closed as a flood.
//!
//! Useless messages (repeated haves, requests that cannot be served, refusals) draw from a bucket that honest peers
//! never empty: crossing messages explain a queue's worth of them. Payload that was never asked for is held against
//! the payload that was.

use std::time::Duration;

use crate::time::Time;

/// What is left of our patience with one peer.
#[derive(Debug, Clone)]
pub(crate) struct Patience {
    left: u32,
    at: Time,
    unasked: u64,
    asked: u64,
    /// Refusals in a row, without a block in between.
    refusals: u32,
    /// No requests before this time.
    rest_until: Time,
}

/// Two full request queues in flight at a choke, and some.
const FULL: u32 = 5_000;
const PER_SECOND: u128 = 100;
/// Blocks not asked for that are always forgiven.
const UNASKED_FREE: u64 = 64;
/// Beyond those, one in so many.
const UNASKED_SHARE: u64 = 8;
const FIRST_REST: Duration = Duration::from_millis(100);
const MOST_DOUBLINGS: u32 = 8;

impl Patience {
    pub(crate) fn new(now: Time) -> Self {
        Self {
            left: FULL,
            at: now,
            unasked: 0,
            asked: 0,
            refusals: 0,
            rest_until: Time::ZERO,
        }
    }

    /// A useless message came. Whether that is too many.
    #[must_use]
    pub(crate) fn on_nonsense(&mut self, now: Time) -> bool {
        let gained = now.since(self.at).as_nanos() * PER_SECOND / 1_000_000_000;
        if gained > 0 {
            self.left =
                u32::try_from(gained + u128::from(self.left)).map_or(FULL, |sum| sum.min(FULL));
            self.at = now;
        }
        self.left = self.left.saturating_sub(1);
        self.left == 0
    }

    /// A block came that was asked for.
    pub(crate) fn on_asked(&mut self) {
        self.asked += 1;
        self.refusals = 0;
    }

    /// A block came that was never asked for. Whether that is too many.
    #[must_use]
    pub(crate) fn on_unasked(&mut self) -> bool {
        self.unasked += 1;
        self.unasked > UNASKED_FREE + self.asked / UNASKED_SHARE
    }

    /// It refused a block while it does not choke us: ask it for nothing for a while, longer each time.
    pub(crate) fn on_refusal(&mut self, now: Time) {
        if now >= self.rest_until {
            self.rest_until = now + FIRST_REST * (1 << self.refusals.min(MOST_DOUBLINGS));
            self.refusals += 1;
        }
    }

    /// It refused something a moment ago.
    pub(crate) fn is_resting(&self, now: Time) -> bool {
        now < self.rest_until
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nonsense_is_forgiven_slowly() {
        let mut patience = Patience::new(Time::ZERO);
        assert!((1..FULL).all(|_| !patience.on_nonsense(Time::ZERO)));
        let later = Time::new(Duration::from_secs(1));
        assert!((1..100).all(|_| !patience.on_nonsense(later)));
        assert!(patience.on_nonsense(later) || patience.on_nonsense(later));
    }

    #[test]
    fn unasked_blocks_are_weighed_against_asked_ones() {
        let mut patience = Patience::new(Time::ZERO);
        (0..80).for_each(|_| patience.on_asked());
        assert!((0..74).all(|_| !patience.on_unasked()));
        assert!(patience.on_unasked());
    }

    #[test]
    fn refusals_make_longer_and_longer_rests() {
        let mut patience = Patience::new(Time::ZERO);
        let mut now = Time::new(Duration::from_secs(1));
        for rest in [100, 200, 400] {
            patience.on_refusal(now);
            patience.on_refusal(now);
            assert!(patience.is_resting(now + Duration::from_millis(rest - 1)));
            now = now + Duration::from_millis(rest);
            assert!(!patience.is_resting(now));
        }
    }
}
