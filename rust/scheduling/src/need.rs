//! Who had from us all that it can need: more than the whole torrent, and some. Such a peer is never refused, because
//! honest ones may share its prefix; it comes after everybody else.
//!
//! Peers behind one prefix of the open Internet are counted together, also those that left within a day, so that coming
//! again under another name gains nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::identity::Account;
use crate::input::PeerKey;
use crate::time::Time;
use crate::uploader::{Candidate, Served, Terms, in_turn};

/// What was given to those that left.
#[derive(Debug, Default)]
pub(crate) struct Taken(BTreeMap<Account, (u64, Time)>);

/// Beyond, whoever left longest ago is forgotten.
const KEPT: usize = 4_096;
const FORGOTTEN: Duration = Duration::from_hours(24);
/// Blocks that are lost on the way, or fetched twice in an endgame: a part of the whole, and some pieces.
const SLACK_PART: u64 = 20;
const SLACK_PIECES: u64 = 4;

/// What a peer can need of a torrent.
pub(crate) fn cap(total: u64, piece: u32) -> u64 {
    total
        .saturating_add(total / SLACK_PART)
        .saturating_add(SLACK_PIECES * u64::from(piece))
}

/// The slots that nobody else takes go to those that had what they need, in turn.
pub(crate) fn leftovers(
    now: Time,
    mut last: Vec<Candidate>,
    terms: Terms,
    taken: usize,
) -> impl Iterator<Item = (PeerKey, Served)> {
    last.sort_by_key(|peer| in_turn(peer, now, terms.quantum));
    let free = terms.slots.saturating_sub(taken);
    let served = last.into_iter().take(free);
    served.map(|peer| (peer.key, Served::Room))
}

impl Taken {
    /// Nobody that left is remembered.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A peer leaves that got so many bytes. One that cannot come again under the same account is of no interest.
    pub(crate) fn on_left(&mut self, now: Time, account: Account, bytes: u64) {
        if bytes == 0 || !account.outlasts_connections() {
            return;
        }
        if self.0.len() >= KEPT && !self.0.contains_key(&account) {
            let oldest = self.0.iter().min_by_key(|(_, (_, left))| *left);
            if let Some(oldest) = oldest.map(|(account, _)| *account) {
                self.0.remove(&oldest);
            }
        }
        let before = self.before(now, account);
        self.0.insert(account, (before.saturating_add(bytes), now));
    }

    /// The accounts that had more than `cap`, given what those that are here had.
    pub(crate) fn over(
        &self,
        now: Time,
        cap: u64,
        here: impl Iterator<Item = (Account, u64)>,
    ) -> Vec<Account> {
        let mut sums = self.sums(now, here);
        sums.retain(|_, sum| *sum > cap);
        sums.into_keys().collect()
    }

    /// What each account had, of those that are here.
    pub(crate) fn sums(
        &self,
        now: Time,
        here: impl Iterator<Item = (Account, u64)>,
    ) -> BTreeMap<Account, u64> {
        let mut sums = BTreeMap::new();
        for (account, bytes) in here {
            let sum = sums
                .entry(account)
                .or_insert_with(|| self.before(now, account));
            *sum = sum.saturating_add(bytes);
        }
        sums
    }

    fn before(&self, now: Time, account: Account) -> u64 {
        let left = self.0.get(&account);
        let recent = left.filter(|(_, left)| now.since(*left) < FORGOTTEN);
        recent.map_or(0, |(bytes, _)| *bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::Identity;

    fn account(ip: [u8; 4], key: u64) -> Account {
        Account::of(Identity::of(ip.into()), PeerKey(key))
    }

    #[test]
    fn a_prefix_is_counted_as_one_also_when_it_comes_again() {
        let mut taken = Taken::default();
        let (one, other) = (account([8, 8, 8, 1], 1), account([8, 8, 8, 2], 2));
        let elsewhere = account([8, 8, 9, 1], 3);
        taken.on_left(Time::ZERO, one, 60);
        let over = |now, bytes| {
            let here = [(other, bytes), (elsewhere, 90)];
            taken.over(now, 100, here.into_iter())
        };
        assert!(over(Time::ZERO, 40).is_empty());
        assert_eq!(over(Time::ZERO, 41), [other]);
        assert!(over(Time::new(FORGOTTEN), 41).is_empty());
    }

    #[test]
    fn a_private_host_is_counted_by_connection() {
        let mut taken = Taken::default();
        let (one, other) = (account([10, 0, 0, 1], 1), account([10, 0, 0, 1], 2));
        taken.on_left(Time::ZERO, one, 1_000);
        let here = [(other, 100)].into_iter();
        assert!(taken.over(Time::ZERO, 100, here).is_empty());
    }

    #[test]
    fn the_table_is_bounded_and_forgets_the_oldest() {
        let mut taken = Taken::default();
        for number in 0..10_000_u32 {
            let [.., high, low] = number.to_be_bytes();
            let now = Time::new(Duration::from_secs(number.into()));
            taken.on_left(now, account([8, high, low, 1], 1), 1);
        }
        assert_eq!(taken.0.len(), KEPT);
        assert!(taken.0.contains_key(&account([8, 39, 15, 1], 1)));
    }

    #[test]
    fn a_cap_leaves_room_for_blocks_that_are_sent_twice() {
        assert_eq!(cap(1_000_000, 1_000), 1_054_000);
        assert_eq!(cap(u64::MAX, 1), u64::MAX);
    }
}
