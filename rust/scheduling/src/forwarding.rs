//! Who passes on soon what it got: how long after a peer got a piece that nobody else had, that piece shows up at
//! another. Who takes and never gives is known by it after one piece.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::identity::Account;
use crate::input::PeerKey;
use crate::time::Time;

/// What is known of how soon pieces are passed on, and by whom.
#[derive(Debug, Default)]
pub(crate) struct Forwarding {
    /// Pieces that one peer alone has from us, of which account, and since when.
    waiting: BTreeMap<u32, (Account, Time)>,
    /// Pieces that were passed on, as far as who has them says: some say so before a piece is verified.
    passed: BTreeMap<u32, Passed>,
    known: BTreeMap<Account, Mean>,
    /// Those of them that pass on in time.
    prompt: usize,
    /// How long newcomers took.
    newcomers: Mean,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Mean(Duration);

/// What one piece said of whoever had it first.
#[derive(Debug, Clone, Copy)]
struct Passed {
    account: Account,
    since: Time,
    /// Who said that it has it, and when.
    to: PeerKey,
    at: Time,
    /// What was known before.
    before: Option<Mean>,
}

impl Passed {
    fn delay(self) -> Duration {
        self.at.since(self.since).min(LONGEST)
    }
}

/// Who takes longer passes nothing on, as far as we can see.
const LONGEST: Duration = Duration::from_secs(6);
/// Beyond this a mean has more of the longest in it than of anything else.
const LATE: Duration = Duration::from_millis(4_800);
/// Pieces that are looked after at once, and accounts of which something is known.
const MOST: usize = 4_096;

impl Mean {
    /// `weight` parts of what was known, and one of the newest.
    fn with(self, delay: Duration, weight: u32) -> Self {
        Self((self.0 * weight + delay) / (weight + 1))
    }

    /// What is known of an account after one more delay.
    fn after(before: Option<Self>, delay: Duration) -> Self {
        before.map_or(Self(delay), |before| before.with(delay, 1))
    }

    fn is_prompt(self) -> bool {
        self.0 < LATE
    }
}

impl Forwarding {
    /// How long it may take to pass a piece on; of whom nothing is known, as long as it took newcomers.
    pub(crate) fn expected(&self, account: Account) -> Duration {
        self.known.get(&account).unwrap_or(&self.newcomers).0
    }

    /// How long it takes, for people to look at; `None`: nothing was seen yet.
    pub(crate) fn known(&self, account: Account) -> Option<Duration> {
        self.known.get(&account).map(|mean| mean.0)
    }

    /// Whether what it gets is likely to be passed on.
    pub(crate) fn is_promising(&self, account: Account) -> bool {
        self.expected(account) < LATE
    }

    /// Whether what it has counts as spread: it passes on what it gets, or nobody is known to.
    pub(crate) fn is_hoped_for(&self, account: Account) -> bool {
        let known = self.known.get(&account);
        self.prompt == 0 || known.is_some_and(|known| known.is_prompt())
    }

    /// Nothing is known of anybody.
    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.known.is_empty()
    }

    /// A peer has a piece from us that nobody else has.
    pub(crate) fn gave(&mut self, now: Time, account: Account, piece: u32) {
        if self.waiting.len() < MOST {
            self.waiting.insert(piece, (account, now));
        }
    }

    /// Whose peer has a piece from us that nobody else has, or had when it left; once for each piece.
    pub(crate) fn waiting(&self) -> impl Iterator<Item = Account> + '_ {
        self.waiting.values().map(|(account, _)| *account)
    }

    /// Who alone has a piece from us, as far as we know.
    pub(crate) fn given(&self, piece: u32) -> Option<Account> {
        self.waiting.get(&piece).map(|(account, _)| *account)
    }

    /// Another peer has a piece: who passed it on, and after how long.
    pub(crate) fn seen(
        &mut self,
        now: Time,
        piece: u32,
        to: PeerKey,
    ) -> Option<(Account, Duration)> {
        let (account, since) = self.waiting.remove(&piece)?;
        if self.passed.len() >= MOST {
            self.passed.clear();
        }
        let passed = Passed {
            account,
            since,
            to,
            at: now,
            before: self.known.get(&account).copied(),
        };
        self.passed.insert(piece, passed);
        Some((account, passed.delay()))
    }

    /// Who counted as having passed a piece on to this peer, if that says in good time that it lacks it after all.
    pub(crate) fn credited(&self, now: Time, piece: u32, to: PeerKey) -> Option<Account> {
        let passed = self.passed.get(&piece)?;
        let doubtful = passed.to == to && now.since(passed.at) < LONGEST;
        doubtful.then_some(passed.account)
    }

    /// The piece was not passed on, and is waited for as before. What else was learned since stays.
    pub(crate) fn unseen(&mut self, piece: u32) {
        let Some(passed) = self.passed.remove(&piece) else {
            return;
        };
        let account = passed.account;
        self.waiting.insert(piece, (account, passed.since));
        let after = Mean::after(passed.before, passed.delay());
        if self.known.get(&account) == Some(&after) {
            self.know(account, passed.before);
        }
    }

    fn know(&mut self, account: Account, mean: Option<Mean>) {
        let prompt = |mean: Option<Mean>| usize::from(mean.is_some_and(Mean::is_prompt));
        let before = match mean {
            Some(mean) => self.known.insert(account, mean),
            None => self.known.remove(&account),
        };
        self.prompt = self.prompt + prompt(mean) - prompt(before);
    }

    /// A peer whose piece was not passed on in all this time. To be asked until there is none.
    pub(crate) fn next_late(&mut self, now: Time) -> Option<(Account, Duration)> {
        let late = |(_, (_, since)): &(&u32, &(Account, Time))| now.since(*since) >= LONGEST;
        let piece = self.waiting.iter().find(late).map(|(piece, _)| *piece)?;
        let (account, _) = self.waiting.remove(&piece)?;
        Some((account, LONGEST))
    }

    /// It took so long.
    pub(crate) fn learn(&mut self, account: Account, delay: Duration) {
        let known = self.known.get(&account).copied();
        if known.is_some() {
            self.know(account, Some(Mean::after(known, delay)));
            return;
        }
        self.newcomers = self.newcomers.with(delay, 7);
        if self.known.len() >= MOST {
            (self.known, self.prompt) = (BTreeMap::new(), 0); // all are newcomers again
        }
        self.know(account, Some(Mean::after(None, delay)));
    }

    /// The part of newcomers that can be expected to pass on what they get, of `all`; one at least.
    pub(crate) fn promising(&self, all: u32) -> u32 {
        let lost = u128::from(all) * self.newcomers.0.as_nanos() / LONGEST.as_nanos();
        all.saturating_sub(u32::try_from(lost).unwrap_or(all))
            .max(1)
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;
    use crate::identity::Identity;

    const TO: PeerKey = PeerKey(9);

    fn at(millis: u64) -> Time {
        Time::new(Duration::from_millis(millis))
    }

    fn account(prefix: u8) -> Account {
        let addr = IpAddr::V4(Ipv4Addr::new(203, 0, prefix, 1));
        Account::of(Identity::of(addr), PeerKey(0))
    }

    #[test]
    fn whoever_passes_on_is_known_by_when_others_have_it() {
        let mut forwarding = Forwarding::default();
        forwarding.gave(at(100), account(1), 7);
        assert_eq!(forwarding.seen(at(300), 8, TO), None);
        let seen = forwarding.seen(at(400), 7, TO);
        assert_eq!(seen, Some((account(1), Duration::from_millis(300))));
        assert_eq!(forwarding.seen(at(500), 7, TO), None);
        forwarding.learn(account(1), Duration::from_millis(300));
        forwarding.learn(account(1), Duration::from_millis(500));
        let expected = forwarding.expected(account(1));
        assert_eq!(expected, Duration::from_millis(400));
    }

    #[test]
    fn a_piece_that_turned_out_wrong_was_not_passed_on() {
        let mut forwarding = Forwarding::default();
        forwarding.gave(at(0), account(1), 7);
        let (by, delay) = forwarding.seen(at(500), 7, TO).unwrap();
        forwarding.learn(by, delay);
        assert!(forwarding.known(account(1)).is_some());
        assert_eq!(forwarding.credited(at(900), 7, PeerKey(8)), None);
        assert_eq!(forwarding.credited(at(6_500), 7, TO), None);
        assert_eq!(forwarding.credited(at(900), 7, TO), Some(account(1)));
        forwarding.unseen(7);
        assert_eq!(forwarding.known(account(1)), None);
        assert_eq!(forwarding.next_late(at(6_000)), Some((account(1), LONGEST)));
        forwarding.learn(account(1), LONGEST);
        forwarding.unseen(7);
        assert!(!forwarding.is_promising(account(1)), "it is not told twice");
    }

    #[test]
    fn what_else_was_learned_stays() {
        let mut forwarding = Forwarding::default();
        forwarding.gave(at(0), account(1), 7);
        let (by, delay) = forwarding.seen(at(500), 7, TO).unwrap();
        forwarding.learn(by, delay);
        forwarding.learn(by, LONGEST);
        let known = forwarding.known(by);
        forwarding.unseen(7);
        assert_eq!(forwarding.known(by), known);
        assert_eq!(forwarding.waiting().count(), 1);
    }

    #[test]
    fn newcomers_are_trusted_as_far_as_others_were_worth_it() {
        let mut forwarding = Forwarding::default();
        assert!(forwarding.is_promising(account(100)));
        assert_eq!(forwarding.promising(4), 4);
        for peer in 0..50 {
            forwarding.gave(at(0), account(0), peer);
        }
        assert_eq!(forwarding.next_late(at(5_999)), None);
        let mut late = 0;
        while let Some((_, delay)) = forwarding.next_late(at(6_000)) {
            forwarding.learn(account(late), delay);
            late += 1;
        }
        assert_eq!(late, 50);
        assert!(!forwarding.is_promising(account(100)) && forwarding.is_hoped_for(account(100)));
        assert!(forwarding.is_hoped_for(account(3)), "nobody is better");
        forwarding.learn(account(101), Duration::from_secs(1));
        assert!(!forwarding.is_hoped_for(account(3)) && forwarding.is_hoped_for(account(101)));
        assert_eq!(forwarding.promising(4), 1);
    }
}
