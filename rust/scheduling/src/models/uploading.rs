//! One of the policies that choose whom to serve, and peers that come, go, give and take: whoever is chosen is there and
//! chosen once, no slot stays empty, and no identity starves. (One of several behind a prefix may: they share what is the
//! prefix's.)

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Duration;

use crate::identity::{Account, Identity};
use crate::input::PeerKey;
use crate::time::Time;
use crate::uploader::{Candidate, Policy, Served, Share, Slots, Terms, UploaderPolicy};

/// What happens. Peers are any numbers.
#[derive(Debug, Clone)]
pub enum Step {
    /// A peer comes, with the last byte of its private address or, above 200, behind one prefix of the open Internet.
    Come(u8),
    /// It leaves.
    Leave(u8),
    /// It sends us so many KiB a second from now on.
    Gives(u8, u16),
    /// It owes us blocks and does not deliver, or does again.
    Snubs(u8, bool),
    /// It passes on what it gets, as far as we know.
    PassesOn(u8, bool),
    /// So many milliseconds pass.
    Wait(u16),
    /// It is chosen anew, as often as the policy likes and at most so many times; our link sends so many KiB a second.
    Choose(u8, u16),
    /// From now on we need nothing, or something again.
    Seeding(bool),
}

/// A policy, and what must be true of it.
#[derive(Debug)]
pub struct Model {
    kind: UploaderPolicy,
    policy: Box<dyn Policy>,
    slots: Slots,
    seeding: bool,
    now: Time,
    peers: BTreeMap<PeerKey, Candidate>,
    sent: u64,
}

const QUANTUM: u64 = 256 * 1024;
const MOST_SLOTS: usize = 6;
/// More are not let in, so that a sequence of operations stays cheap.
const MOST_PEERS: usize = 24;
/// What a model may have sent before everybody has had a turn at the end: nobody is behind by more than this.
const MOST_SENT: u64 = 4 << 30;

impl Model {
    /// Nobody is there. The policy is the `kind`-th.
    pub fn new(kind: u8) -> Self {
        let kind = UploaderPolicy::ALL[usize::from(kind) % UploaderPolicy::ALL.len()];
        Self {
            kind,
            policy: kind.start(Share::default()),
            slots: Slots::new(MOST_SLOTS, QUANTUM),
            seeding: false,
            now: Time::ZERO,
            peers: BTreeMap::new(),
            sent: 0,
        }
    }

    /// One thing happens.
    pub fn step(&mut self, step: Step) {
        match step {
            Step::Come(number) => self.come(number),
            Step::Leave(number) => {
                self.peers.remove(&key(number));
            }
            Step::Gives(number, kib) => self.change(number, |peer| peer.gives = kib_of(kib)),
            Step::Snubs(number, snubs) => self.change(number, |peer| peer.snubs = snubs),
            Step::PassesOn(number, on) => self.change(number, |peer| peer.passes_on = on),
            Step::Wait(millis) => self.pass(Duration::from_millis(millis.into())),
            Step::Choose(times, kib) => {
                (0..times.min(3)).for_each(|_| self.choose(kib_of(kib)));
            }
            Step::Seeding(seeding) => self.seeding = seeding,
        }
    }

    /// From here on nobody comes or goes, and everybody takes what it is served: each identity has a turn.
    pub fn finish(mut self) {
        if self.peers.is_empty() || self.sent > MOST_SENT {
            return;
        }
        let mut waiting: Vec<Account> = self.peers.values().map(|peer| peer.account).collect();
        let link = 8 << 20;
        let rounds = 1_000 + 2 * (self.sent / QUANTUM) * self.peers.len() as u64;
        for _ in 0..rounds {
            self.choose(link);
            for peer in self.peers.values().filter(|peer| peer.served.is_some()) {
                waiting.retain(|account| *account != peer.account);
            }
            if waiting.is_empty() {
                return;
            }
        }
        panic!("{:?} never serves {waiting:?}", self.kind);
    }

    fn come(&mut self, number: u8) {
        if self.peers.len() >= MOST_PEERS || self.peers.contains_key(&key(number)) {
            return;
        }
        let addr = if number > 200 {
            Ipv4Addr::new(203, 0, 113, number)
        } else {
            Ipv4Addr::new(10, 0, 0, number)
        };
        let peer = Candidate {
            key: key(number),
            account: Account::of(Identity::of(addr.into()), key(number)),
            company: 0,
            gives: 0,
            takes: 0,
            given: 0,
            taken: 0,
            gifts: 0,
            account_taken: 0,
            holds: 0,
            served: None,
            since: self.now,
            account_since: self.now,
            passes_on: true,
            snubs: false,
        };
        self.peers.insert(peer.key, peer);
    }

    fn change(&mut self, number: u8, change: impl Fn(&mut Candidate)) {
        self.peers
            .get_mut(&key(number))
            .into_iter()
            .for_each(change);
    }

    fn pass(&mut self, time: Duration) {
        self.now = self.now + time;
        for peer in self.peers.values_mut() {
            peer.given += part_of(peer.gives, time);
        }
    }

    /// One choice, as the Swarm makes it, and the time until the next.
    fn choose(&mut self, link: u64) {
        let accounts: Vec<Account> = self.peers.values().map(|peer| peer.account).collect();
        let all = |account| accounts.iter().filter(|other| **other == account).count();
        for peer in self.peers.values_mut() {
            peer.company = all(peer.account) as u32 - 1;
        }
        let candidates: Vec<Candidate> = self.peers.values().copied().collect();
        self.slots.observe(self.now, candidates.len(), self.sent);
        let count = self.slots.count();
        assert!((1..=MOST_SLOTS).contains(&count), "{count} slots");
        let slots = self.policy.slots().unwrap_or(count);
        let terms = Terms {
            slots,
            seeding: self.seeding,
            quantum: QUANTUM,
        };
        let choice = self.policy.choose(self.now, &candidates, terms);
        assert_eq!(
            choice.len(),
            slots.min(candidates.len()),
            "no slot stays empty"
        );
        let chosen: BTreeMap<PeerKey, Served> = choice.iter().copied().collect();
        assert_eq!(chosen.len(), choice.len(), "nobody is served twice");
        assert!(
            chosen.keys().all(|key| self.peers.contains_key(key)),
            "whoever is served is there"
        );
        let time = self.policy.every();
        let each = part_of(link, time) / chosen.len().max(1) as u64;
        for peer in self.peers.values_mut() {
            let served = chosen.get(&peer.key).copied();
            if served.is_some() != peer.served.is_some() {
                peer.since = self.now;
                peer.account_since = self.now;
            }
            peer.served = served;
            peer.takes = if served.is_some() { link } else { 0 };
            if let Some(served) = served {
                peer.taken += each;
                peer.gifts += if served.is_gift(peer.given) { each } else { 0 };
                self.sent += each;
            }
        }
        self.pass(time);
    }
}

fn key(number: u8) -> PeerKey {
    PeerKey(number.into())
}

fn kib_of(kib: u16) -> u64 {
    u64::from(kib) << 10
}

fn part_of(per_second: u64, time: Duration) -> u64 {
    per_second * time.as_millis() as u64 / 1_000
}
