//! Time as an argument: nanoseconds since the driver's own start. Nothing in this crate reads a clock.

use std::ops::{Add, Sub};
use std::time::Duration;

/// A moment, counted from a zero that the driver chose. The simulator's clock and the engine's look the same from here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Time(Duration);

impl Time {
    /// The driver's zero.
    pub const ZERO: Self = Self(Duration::ZERO);

    /// The moment `since_zero` after the driver's zero.
    pub const fn new(since_zero: Duration) -> Self {
        Self(since_zero)
    }

    /// How long after the driver's zero this is.
    pub const fn since_zero(self) -> Duration {
        self.0
    }

    /// How long after `earlier` this is; zero if it is not.
    pub const fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

impl Add<Duration> for Time {
    type Output = Self;

    fn add(self, rhs: Duration) -> Self {
        Self(self.0.saturating_add(rhs))
    }
}

impl Sub for Time {
    type Output = Duration;

    fn sub(self, rhs: Self) -> Duration {
        self.since(rhs)
    }
}
