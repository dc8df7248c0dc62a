//! How many peers are served at once: as few as use the whole of our link, so that each piece is done, and passed on,
//! soon.
//!
//! What the link can do is not known, so it is found out. While somebody waits for a slot, half as many again are tried
//! now and then: where that raises the rate, the receivers' links were full and not ours, and twice as many are tried. At
//! other times a third less is tried, also where nobody waits: if the rate stays, there were too many. An origin that
//! hides pieces knows by what it promises how many its link asks for, and what it knew is where the search begins.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::time::Time;

/// The number of slots, and what is being tried.
#[derive(Debug)]
pub(crate) struct Slots {
    count: usize,
    least: usize,
    most: usize,
    /// What a slot is good for before the next takes its turn.
    quantum: u64,
    seen: Sample,
    state: State,
    fewer_next: bool,
    /// How long the next rest is.
    rest: Duration,
}

#[derive(Debug, Clone, Copy)]
enum State {
    /// Fewer would not do, and nobody waits for more.
    Enough,
    /// Until the next trial; the rate is measured.
    Rest { until: Time, from: Sample },
    /// Another number than before was just set.
    Settling { from: Sample, before: Known },
    /// What it brings is measured.
    Measuring { from: Sample, before: Known },
}

/// Bytes sent until a time.
#[derive(Debug, Clone, Copy)]
struct Sample(Time, u64);

/// So many slots bring so many bytes per second.
#[derive(Debug, Clone, Copy)]
struct Known {
    slots: usize,
    rate: u64,
}

/// The delays of one receiver are hidden by the others.
const LEAST: usize = 3;
/// On a fast link a piece is short beside them: so much is to be underway at least.
const UNDERWAY: Duration = Duration::from_millis(150);
/// And no more slots than these are needed for that.
const LEAST_OF_FAST: usize = 8;
/// A change is felt after a round trip, a slow start, and when the buffers of new receivers are full, and then measured
/// for as long: until some turns' worth was sent, but not for ever.
const MEASURE: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(5);
/// A trial that fails costs a little: each rest is twice as long as the one before, up to this. It is as long at once
/// where all are served, and fewer cost as much as they are fewer.
const LONGEST_REST: Duration = Duration::from_secs(30);
/// A swarm that begins gets faster by itself.
const FIRST_REST: Duration = Duration::from_secs(3);
/// Percents of [`Known::followed`].
const HALF: i128 = 50;
const NEARLY_ALL: i128 = 75;

impl Slots {
    /// Few at first, and never more than `most`.
    pub(crate) fn new(most: usize, quantum: u64) -> Self {
        Self {
            count: LEAST.min(most),
            least: LEAST.min(most),
            most,
            quantum: quantum.max(1),
            seen: Sample(Time::ZERO, 0),
            state: State::Enough,
            fewer_next: false,
            rest: FIRST_REST,
        }
    }

    /// How many there are now.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// It is known how many our link asks for.
    pub(crate) fn follow(&mut self, count: usize) {
        self.count = count.clamp(self.least, self.most);
        self.state = State::Enough;
    }

    /// How many want a slot, and the bytes sent since the start. To be called about once a second.
    pub(crate) fn observe(&mut self, now: Time, demand: usize, sent: u64) {
        let here = Sample(now, sent);
        self.keep_underway(here);
        self.state = match self.state {
            _ if demand <= self.least => State::Enough,
            State::Enough => State::Rest {
                until: now + FIRST_REST,
                from: here,
            },
            State::Rest { until, from } if self.is_measured(from, here) => {
                if now >= until {
                    self.change(here, demand, from.rate(here), self.count / 2)
                } else {
                    State::Rest { until, from: here }
                }
            }
            State::Settling { from, before } if self.is_measured(from, here) => {
                State::Measuring { from: here, before }
            }
            State::Measuring { from, before } if self.is_measured(from, here) => {
                self.judge(here, demand, before, from.rate(here))
            }
            waiting => waiting,
        };
    }

    /// The bytes between two samples say something about the rate.
    fn is_measured(&self, from: Sample, here: Sample) -> bool {
        let (time, sent) = (here.0.since(from.0), here.1.saturating_sub(from.1));
        let turns = self.quantum.saturating_mul(LEAST as u64);
        time >= *MEASURE.start() && (sent >= turns || time >= *MEASURE.end())
    }

    fn keep_underway(&mut self, here: Sample) {
        if here.0.since(self.seen.0) < *MEASURE.start() {
            return;
        }
        let rate = std::mem::replace(&mut self.seen, here).rate(here);
        let bytes = u128::from(rate) * UNDERWAY.as_millis() / 1_000;
        let slots = usize::try_from(bytes / u128::from(self.quantum)).unwrap_or(usize::MAX);
        self.least = slots.clamp(LEAST, LEAST_OF_FAST).min(self.most);
        self.count = self.count.max(self.least);
    }

    /// Tries up to `step` more slots, or fewer.
    fn change(&mut self, here: Sample, demand: usize, rate: u64, step: usize) -> State {
        self.count = self.count.min(demand);
        let before = Known {
            slots: self.count,
            rate,
        };
        let most = self.most.min(demand);
        let (more, fewer) = (self.count < most, self.count > self.least);
        if fewer && (self.fewer_next || !more) {
            self.count = (self.count - self.count / 3).max(self.least);
        } else if more {
            self.count = (self.count + step.max(1)).min(most);
        }
        State::Settling { from: here, before }
    }

    /// More slots stay if the rate follows by half at least, fewer stay if it does not. Where it follows nearly all the
    /// way, only the receivers are slow, and many more are tried at once.
    fn judge(&mut self, here: Sample, demand: usize, before: Known, rate: u64) -> State {
        let followed = before.followed(self.count, rate);
        if self.count > before.slots {
            if followed < HALF {
                // Our link was full on the way there.
                let step = (self.count - before.slots) as i128 * followed.max(0) / 100;
                let step = usize::try_from(step).unwrap_or(0);
                (self.count, self.fewer_next) = ((before.slots + step).max(self.least), true);
            } else if self.count < self.most.min(demand) {
                let nearly_all = followed >= NEARLY_ALL;
                let step = if nearly_all {
                    self.count
                } else {
                    self.count / 2
                };
                return self.change(here, demand, rate, step);
            }
        } else if self.count < before.slots && followed < HALF {
            return self.change(here, demand, rate, 0);
        } else {
            (self.count, self.fewer_next) = (before.slots.max(self.least), false);
            if followed >= NEARLY_ALL {
                if self.count < self.most.min(demand) {
                    return self.change(here, demand, before.rate, self.count / 2);
                }
                self.rest = LONGEST_REST;
            }
        }
        let rest = self.rest;
        self.rest = (2 * rest).min(LONGEST_REST);
        State::Rest {
            until: here.0 + rest,
            from: here,
        }
    }
}

impl Known {
    /// How far the rate followed the number of slots, in percent: 0 where our link is full, 100 where the receivers' are.
    fn followed(self, slots: usize, rate: u64) -> i128 {
        let (was, is) = (self.slots as i128, slots as i128);
        let (before, now) = (i128::from(self.rate), i128::from(rate));
        let change = 100 * (now - before) * was;
        change.checked_div(before * (is - was)).unwrap_or(0)
    }
}

impl Sample {
    fn rate(self, later: Self) -> u64 {
        let nanos = later.0.since(self.0).as_nanos().max(1);
        let bytes = u128::from(later.1.saturating_sub(self.1));
        u64::try_from(bytes * 1_000_000_000 / nanos).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUANTUM: u64 = 1 << 18;

    /// The slots after each second, where so many KiB go out in a second with so many slots.
    fn after(most: usize, seconds: u64, sends: impl Fn(u64, u64) -> u64) -> Vec<usize> {
        let mut slots = Slots::new(most, QUANTUM);
        let mut sent = 0;
        let second = |second| {
            slots.observe(Time::new(Duration::from_secs(second)), most, sent);
            sent += sends(second, slots.count() as u64) << 10;
            slots.count()
        };
        (0..seconds).map(second).collect()
    }

    /// On a link of `up` KiB a second and with receivers of `down` each.
    fn run(up: u64, down: u64, most: usize, seconds: u64) -> Vec<usize> {
        after(most, seconds, |_, slots| up.min(down * slots))
    }

    #[test]
    fn few_serve_where_our_link_is_full() {
        let counts = run(1_000, 900, 100, 200);
        assert_eq!(counts.last(), Some(&LEAST));
        let tried = counts.iter().filter(|count| **count > LEAST).count();
        assert!(tried > 0 && tried < 40, "{counts:?}");
    }

    #[test]
    fn more_serve_until_our_link_is_full() {
        let counts = run(10_000, 250, 100, 60);
        let last = *counts.last().unwrap();
        assert!((40..=66).contains(&last), "{counts:?}");
        assert!(counts[14] >= 40, "{counts:?}");
        assert!(run(10_000, 10, 50, 200).contains(&50));
    }

    #[test]
    fn where_only_the_receivers_are_slow_nearly_always_all_are_served() {
        let counts = run(10_000, 100, 40, 200);
        let fewer = counts[30..].iter().filter(|count| **count < 40).count();
        assert!((1..=20).contains(&fewer), "{counts:?}");
    }

    #[test]
    fn the_search_begins_where_it_was_known() {
        let mut slots = Slots::new(50, QUANTUM);
        for count in [20, 100, 1, 30] {
            slots.follow(count);
            assert_eq!(slots.count(), count.clamp(LEAST, 50));
        }
        slots.observe(Time::new(Duration::from_secs(1)), 50, 0);
        assert_eq!(slots.count(), 30);
    }

    #[test]
    fn fewer_serve_again_when_the_receivers_get_faster() {
        let after = after(100, 200, |second, slots| {
            let down = if second < 40 { 250 } else { 9_000 };
            10_000.min(down * slots)
        });
        assert!(after[39] >= 40 && after[199] <= 8, "{after:?}");
    }

    #[test]
    fn more_are_tried_at_once_where_fewer_cost_all_of_their_part() {
        // While the first more are tried something else fills our link.
        let after = after(
            100,
            60,
            |second, slots| {
                if second < 8 { 750 } else { 250 * slots }
            },
        );
        assert!(after[24] >= 40, "{after:?}");
    }

    #[test]
    fn how_far_the_rate_followed() {
        let before = Known {
            slots: 4,
            rate: 1_000,
        };
        assert_eq!(before.followed(8, 1_000), 0);
        assert_eq!(before.followed(8, 1_500), 50);
        assert_eq!(before.followed(2, 500), 100);
        assert_eq!(before.followed(2, 1_000), 0);
        assert_eq!(before.followed(4, 2_000), 0);
        let nothing = Known { slots: 4, rate: 0 };
        assert_eq!(nothing.followed(8, u64::MAX), 0);
    }

    #[test]
    fn a_fast_link_has_more_pieces_underway() {
        let after = |rate: u64| {
            let mut slots = Slots::new(100, QUANTUM);
            for second in 1..4 {
                slots.observe(Time::new(Duration::from_secs(second)), LEAST, second * rate);
            }
            slots.count()
        };
        assert_eq!(after(2_500_000), LEAST);
        assert_eq!(after(10_000_000), 5);
        assert_eq!(after(1 << 30), LEAST_OF_FAST);
    }

    #[test]
    fn nothing_is_tried_while_nobody_waits() {
        let mut slots = Slots::new(100, QUANTUM);
        for second in 0..100 {
            slots.observe(
                Time::new(Duration::from_secs(second)),
                LEAST,
                second * 1_000,
            );
        }
        assert_eq!(slots.count(), LEAST);
        assert_eq!(Slots::new(2, QUANTUM).count(), 2);
    }
}
