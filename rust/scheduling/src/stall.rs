//! When a peer counts as stalled, and what it is given while it does.
//!
//! A peer that owes blocks and sends nothing for several times its usual gap loses all of them at once. From then on it
//! is sent one request now and then (the probe), on which nobody counts, until something comes.

use std::time::Duration;

use crate::time::Time;

/// The patience with one peer.
#[derive(Debug, Clone)]
pub(crate) struct Stall {
    /// The last byte, or the first request into an empty queue.
    since: Time,
    /// Smoothed time between two arrivals while something is owed, and its smoothed deviation (RFC 6298's way).
    gap: Duration,
    deviation: Duration,
    delivered: bool,
    /// While stalled: when the last probe was sent.
    probed: Option<Time>,
}

/// A lost packet and its retransmission pass in this time. A first byte is not waited for longer: who says that it has
/// something and has given nothing yet may never. A disk that spins up takes longer; what it sends then is welcome all
/// the same.
const LEAST: Duration = Duration::from_secs(2);
/// A first byte comes later than the next ones, over a long path and behind what is sent to others.
const FIRST_BYTE: Duration = Duration::from_secs(1);
/// The same where somebody idle can send it instead.
const LEAST_RELIEVED: Duration = Duration::from_millis(500);
const MOST: Duration = Duration::from_secs(30);
/// A lost probe is repeated after this.
const PROBE_AGAIN: Duration = Duration::from_secs(30);

impl Stall {
    pub(crate) fn new() -> Self {
        Self {
            since: Time::ZERO,
            gap: Duration::ZERO,
            deviation: Duration::ZERO,
            delivered: false,
            probed: None,
        }
    }

    /// A request is sent; `outstanding` others are on the way.
    pub(crate) fn on_request(&mut self, now: Time, outstanding: usize) {
        if outstanding == 0 {
            self.since = now;
        }
        if self.probed.is_some() {
            self.probed = Some(now);
        }
    }

    /// Bytes came; `owed`: something was outstanding. Whether this ends a stall.
    pub(crate) fn on_progress(&mut self, now: Time, owed: bool) -> bool {
        let gap = now.since(self.since);
        if owed {
            let off = gap.abs_diff(self.gap);
            self.deviation = (self.deviation * 3 + off) / 4;
            self.gap = (self.gap * 7 + gap) / 8;
            self.delivered = true;
        }
        self.since = now;
        self.probed.take().is_some()
    }

    /// Nothing came for so many times as long as is usual, given that something is outstanding. Where somebody idle can
    /// send it instead (`relieved`), less is lost by a mistake, and it is made sooner.
    pub(crate) fn is_due(&self, now: Time, times: u32, relieved: impl FnOnce() -> bool) -> bool {
        let silent = now.since(self.since);
        silent >= self.patience(LEAST) * times
            || silent >= self.patience(LEAST_RELIEVED) * times && relieved()
    }

    /// It stalled; the oldest request stays with it as the probe.
    pub(crate) fn begin(&mut self, now: Time) {
        self.probed = Some(now);
    }

    /// It stalled and has delivered nothing since.
    pub(crate) fn is_stalled(&self) -> bool {
        self.probed.is_some()
    }

    /// While stalled: a new probe may be sent.
    pub(crate) fn may_probe(&self, now: Time) -> bool {
        self.probed
            .is_some_and(|sent| now.since(sent) >= PROBE_AGAIN)
    }

    /// The probe cannot be answered any more (the peer choked us): the next may follow at once.
    pub(crate) fn lose_probe(&mut self) {
        if self.probed.is_some() {
            self.probed = Some(Time::ZERO);
        }
    }

    /// How much the times between two arrivals vary.
    pub(crate) fn jitter(&self) -> Duration {
        self.deviation
    }

    fn patience(&self, least: Duration) -> Duration {
        if self.delivered {
            ((self.gap + self.deviation) * 4).clamp(least, MOST)
        } else {
            least.max(FIRST_BYTE)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Time {
        Time::new(Duration::from_secs(seconds))
    }

    #[test]
    fn patience_follows_the_usual_gap() {
        let mut quick = Stall::new();
        quick.on_request(at(100), 0);
        assert!(!quick.is_due(at(101), 1, || false) && quick.is_due(at(102), 1, || false));
        assert!(!quick.on_progress(at(100), true));
        assert!(!quick.is_due(at(101), 1, || false) && quick.is_due(at(102), 1, || false));
        let mut slow = Stall::new();
        slow.on_request(at(0), 0);
        for tick in 1..20 {
            slow.on_progress(at(tick * 3), true);
        }
        assert!(!slow.is_due(at(57 + 8), 1, || false) && slow.is_due(at(57 + 20), 1, || false));
    }

    #[test]
    fn patience_is_short_where_somebody_idle_can_send_it() {
        let half = Time::new(Duration::from_millis(10_500));
        let mut stall = Stall::new();
        stall.on_request(at(10), 0);
        assert!(!stall.is_due(half, 1, || true) && stall.is_due(at(11), 1, || true));
        assert!(!stall.is_due(at(11), 1, || false) && stall.is_due(at(12), 1, || false));
        stall.on_progress(at(10), true);
        assert!(!stall.is_due(half, 1, || false) && stall.is_due(half, 1, || true));
    }

    #[test]
    fn a_byte_ends_a_stall() {
        let mut stall = Stall::new();
        stall.begin(at(10));
        assert!(stall.is_stalled() && !stall.may_probe(at(20)) && stall.may_probe(at(40)));
        stall.lose_probe();
        assert!(stall.is_stalled() && stall.may_probe(at(31)));
        assert!(stall.on_progress(at(32), true));
        assert!(!stall.is_stalled());
    }
}
