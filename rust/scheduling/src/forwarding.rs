//! Who passes on soon what it got: how long after a peer got a piece that nobody else had, that piece shows up at
//! another. Who takes and never gives is known by it after one piece.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::input::PeerKey;
use crate::time::Time;

/// What is known of how soon pieces are passed on.
#[derive(Debug, Default)]
pub(crate) struct Forwarding {
    /// Pieces that one peer alone has from us, and since when.
    waiting: BTreeMap<u32, (PeerKey, Time)>,
    /// How long newcomers took.
    newcomers: Mean,
}

/// How long one peer takes, as far as is known.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Passing(Option<Mean>);

#[derive(Debug, Clone, Copy, Default)]
struct Mean(Duration);

/// Who takes longer passes nothing on, as far as we can see.
const LONGEST: Duration = Duration::from_secs(5);
/// Pieces that are looked after at once.
const MOST: usize = 1_024;

impl Mean {
    /// `weight` parts of what was known, and one of the newest.
    fn add(&mut self, delay: Duration, weight: u32) {
        self.0 = (self.0 * weight + delay) / (weight + 1);
    }
}

impl Passing {
    /// How long it may take to pass a piece on.
    pub(crate) fn expected(self, by: &Forwarding) -> Duration {
        self.0.unwrap_or(by.newcomers).0
    }

    /// How long it takes, for people to look at; `None`: nothing was seen yet.
    pub(crate) fn known(self) -> Option<Duration> {
        self.0.map(|mean| mean.0)
    }

    /// What it has counts as spread: nothing is known against it.
    pub(crate) fn is_hoped_for(self) -> bool {
        self.0.is_none_or(|known| known.0 < LONGEST * 4 / 5)
    }

    /// Whether what it gets is likely to be passed on.
    pub(crate) fn is_promising(self, by: &Forwarding) -> bool {
        self.expected(by) < LONGEST * 4 / 5
    }
}

impl Forwarding {
    /// A peer has a piece from us that nobody else has.
    pub(crate) fn gave(&mut self, now: Time, peer: PeerKey, piece: u32) {
        if self.waiting.len() < MOST {
            self.waiting.insert(piece, (peer, now));
        }
    }

    /// Another peer has a piece: who passed it on, and after how long.
    pub(crate) fn seen(&mut self, now: Time, piece: u32) -> Option<(PeerKey, Duration)> {
        let (peer, since) = self.waiting.remove(&piece)?;
        Some((peer, now.since(since).min(LONGEST)))
    }

    /// A peer whose pieces were not passed on in all this time. To be asked until there is none.
    pub(crate) fn next_late(&mut self, now: Time) -> Option<(PeerKey, Duration)> {
        let late = |(_, (_, since)): &(&u32, &(PeerKey, Time))| now.since(*since) >= LONGEST;
        let piece = self.waiting.iter().find(late).map(|(piece, _)| *piece)?;
        let (peer, _) = self.waiting.remove(&piece)?;
        Some((peer, LONGEST))
    }

    /// A peer took so long.
    pub(crate) fn learn(&mut self, passing: &mut Passing, delay: Duration) {
        if let Some(known) = &mut passing.0 {
            known.add(delay, 1);
        } else {
            passing.0 = Some(Mean(delay));
            self.newcomers.add(delay, 7);
        }
    }

    /// The part of newcomers that can be expected to pass on what they get, of `all`.
    pub(crate) fn promising(&self, all: u32) -> u32 {
        let lost = u128::from(all) * self.newcomers.0.as_nanos() / LONGEST.as_nanos();
        all - u32::try_from(lost).unwrap_or(all).min(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Time {
        Time::new(Duration::from_millis(millis))
    }

    #[test]
    fn whoever_passes_on_is_known_by_when_others_have_it() {
        let mut forwarding = Forwarding::default();
        let mut passing = Passing::default();
        forwarding.gave(at(100), PeerKey(1), 7);
        assert_eq!(forwarding.seen(at(300), 8), None);
        let seen = forwarding.seen(at(400), 7);
        assert_eq!(seen, Some((PeerKey(1), Duration::from_millis(300))));
        assert_eq!(forwarding.seen(at(500), 7), None);
        forwarding.learn(&mut passing, Duration::from_millis(300));
        forwarding.learn(&mut passing, Duration::from_millis(500));
        assert_eq!(passing.expected(&forwarding), Duration::from_millis(400));
    }

    #[test]
    fn newcomers_are_trusted_as_far_as_others_were_worth_it() {
        let mut forwarding = Forwarding::default();
        let newcomer = Passing::default();
        assert_eq!(newcomer.expected(&forwarding), Duration::ZERO);
        assert_eq!(forwarding.promising(4), 4);
        for peer in 0..50 {
            forwarding.gave(at(0), PeerKey(peer), peer as u32);
        }
        assert_eq!(forwarding.next_late(at(4_999)), None);
        while let Some((_, delay)) = forwarding.next_late(at(5_000)) {
            forwarding.learn(&mut Passing::default(), delay);
        }
        assert!(newcomer.expected(&forwarding) > Duration::from_secs(4));
        assert_eq!(forwarding.promising(4), 1);
    }
}
