//! Measures a rate: a meter that slides over the last three seconds in whole numbers, so that a replay gives the same
//! figures.

use std::time::Duration;

use crate::time::Time;

const SECOND: u128 = 1_000_000_000;
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
    now.since_zero().as_millis() as u64 / SLOT.as_millis() as u64
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
