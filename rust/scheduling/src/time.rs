//! Time as an argument: nanoseconds since the driver's own start, for five centuries. Nothing in this crate reads a clock.

use std::ops::{Add, Sub};
use std::time::Duration;

/// A moment, counted from a zero that the driver chose. The simulator's clock and the engine's look the same from here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Time(u64);

impl Time {
    /// The driver's zero.
    pub const ZERO: Self = Self(0);

    /// The moment `since_zero` after the driver's zero.
    pub const fn new(since_zero: Duration) -> Self {
        Self(nanos(since_zero))
    }

    /// How long after the driver's zero this is.
    pub const fn since_zero(self) -> Duration {
        Duration::from_nanos(self.0)
    }

    /// How long after `earlier` this is; zero if it is not.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Time {
    type Output = Self;

    fn add(self, rhs: Duration) -> Self {
        Self(self.0.saturating_add(nanos(rhs)))
    }
}

impl Sub for Time {
    type Output = Duration;

    fn sub(self, rhs: Self) -> Duration {
        self.since(rhs)
    }
}

/// The nanoseconds of a duration, as far as they go.
const fn nanos(time: Duration) -> u64 {
    let all = time.as_nanos();
    if all > u64::MAX as u128 {
        u64::MAX
    } else {
        all as u64
    }
}
