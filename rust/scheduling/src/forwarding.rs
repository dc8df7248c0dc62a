//! Who passes on soon what we gave it: how long after a peer got a piece of ours that piece shows up at another.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::input::PeerKey;
use crate::time::Time;

/// Pieces that peers have from us, and that nobody else was seen with since.
#[derive(Debug, Default)]
pub(crate) struct Forwarding {
    given: BTreeMap<u32, (PeerKey, Time)>,
}

/// Who takes longer passes nothing on, as far as we can see.
const LONGEST: Duration = Duration::from_secs(5);
/// Pieces that are looked after at once.
const MOST: usize = 1_024;

/// How long a peer takes to pass a piece on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Delay(Option<Duration>);

impl Delay {
    /// Half of the newest, half of what was known.
    fn add(&mut self, delay: Duration) {
        self.0 = Some(self.0.map_or(delay, |known| (known + delay) / 2));
    }

    /// What is expected; of a newcomer neither the best nor the worst.
    pub(crate) fn expected(self) -> Duration {
        self.0.unwrap_or(LONGEST / 4)
    }
}

impl Forwarding {
    /// A peer has a piece from us.
    pub(crate) fn gave(&mut self, now: Time, peer: PeerKey, piece: u32) {
        if self.given.len() < MOST {
            self.given.entry(piece).or_insert((peer, now));
        }
    }

    /// Another peer has a piece: who passed it on, and after how long.
    pub(crate) fn seen(&mut self, now: Time, piece: u32) -> Option<(PeerKey, Duration)> {
        let (peer, since) = self.given.remove(&piece)?;
        Some((peer, now.since(since).min(LONGEST)))
    }

    /// Whose pieces were not passed on in all this time.
    pub(crate) fn expire(&mut self, now: Time) -> Vec<(PeerKey, Duration)> {
        let late = |(peer, since): &(PeerKey, Time)| (now.since(*since) >= LONGEST).then_some(*peer);
        let late: Vec<(u32, PeerKey)> = self
            .given
            .iter()
            .filter_map(|(piece, given)| late(given).map(|peer| (*piece, peer)))
            .collect();
        let over = late.iter().map(|(piece, peer)| {
            self.given.remove(piece);
            (*peer, LONGEST)
        });
        over.collect()
    }
}

impl Extend<Duration> for Delay {
    fn extend<T: IntoIterator<Item = Duration>>(&mut self, delays: T) {
        delays.into_iter().for_each(|delay| self.add(delay));
    }
}
