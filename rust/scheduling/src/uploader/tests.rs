use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use super::*;
use crate::identity::Identity;

fn account(ip: [u8; 4], key: u64) -> Account {
    Account::of(Identity::of(IpAddr::V4(Ipv4Addr::from(ip))), PeerKey(key))
}

fn at(millis: u64) -> Time {
    Time::new(Duration::from_millis(millis))
}

/// Peers that always want more. Each that has a slot takes an equal part of our link.
struct Crowd {
    policy: Box<dyn Policy>,
    peers: Vec<Candidate>,
    slots: usize,
    seeding: bool,
    link: u64,
    now: u64,
    /// Bytes that each sent us in a second.
    pace: BTreeMap<PeerKey, u64>,
    in_turn: u64,
    sent: u64,
}

const QUANTUM: u64 = 256 * 1024;

impl Crowd {
    fn new(policy: UploaderPolicy, count: u64, slots: usize) -> Self {
        let policy = policy.start(Share::default());
        let peers = (0..count).map(|key| Candidate {
            key: PeerKey(key),
            account: account([10, 0, 0, key as u8], key),
            company: 0,
            gives: 0,
            takes: 0,
            given: 0,
            taken: 0,
            gifts: 0,
            account_taken: 0,
            holds: 0,
            served: None,
            since: Time::ZERO,
            account_since: Time::ZERO,
            passes_on: true,
            snubs: false,
        });
        Self {
            slots: policy.slots().unwrap_or(slots),
            policy,
            peers: peers.collect(),
            seeding: false,
            link: 2_500_000,
            now: 0,
            pace: BTreeMap::new(),
            in_turn: 0,
            sent: 0,
        }
    }

    fn gives(mut self, key: u64, pace: u64) -> Self {
        self.pace.insert(PeerKey(key), pace);
        self.peers[key as usize].gives = pace;
        self
    }

    fn run(&mut self, seconds: u64) {
        let end = self.now + seconds * 1_000;
        let every = self.policy.every().as_millis() as u64;
        while self.now < end {
            let terms = Terms {
                slots: self.slots,
                seeding: self.seeding,
                quantum: QUANTUM,
            };
            self.sum_accounts();
            let choice = self.policy.choose(at(self.now), &self.peers, terms);
            assert_eq!(choice.len(), self.slots.min(self.peers.len()));
            let keys: std::collections::BTreeSet<_> = choice.iter().map(|one| one.0).collect();
            assert_eq!(keys.len(), choice.len(), "nobody is served twice");
            let bytes = self.link * every / 1_000 / choice.len() as u64;
            for peer in &mut self.peers {
                let served = choice.iter().find(|one| one.0 == peer.key).map(|one| one.1);
                if served.is_some() != peer.served.is_some() {
                    peer.since = at(self.now);
                    peer.account_since = peer.since;
                }
                peer.served = served;
                let pace = self.pace.get(&peer.key).copied().unwrap_or(0);
                peer.given += pace * every / 1_000;
                if let Some(served) = served {
                    peer.taken += bytes;
                    peer.takes = bytes * 1_000 / every;
                    self.sent += bytes;
                    self.in_turn += if served == Served::Turn { bytes } else { 0 };
                    peer.gifts += if served.is_gift(peer.given) { bytes } else { 0 };
                }
            }
            let served: Vec<Account> = self
                .peers
                .iter()
                .filter(|peer| peer.served.is_some())
                .map(|peer| peer.account)
                .collect();
            for peer in &mut self.peers {
                if served.contains(&peer.account) {
                    peer.company = 0;
                    peer.account_since = at(self.now);
                }
            }
            self.now += every;
        }
    }

    fn sum_accounts(&mut self) {
        let mut sums = BTreeMap::new();
        for peer in &self.peers {
            *sums.entry(peer.account).or_insert(0) += peer.taken;
        }
        for peer in &mut self.peers {
            peer.account_taken = sums[&peer.account];
        }
    }

    fn taken(&self, key: u64) -> u64 {
        self.peers[key as usize].taken
    }
}

#[test]
fn every_policy_has_its_name() {
    for policy in UploaderPolicy::ALL {
        assert_eq!(UploaderPolicy::named(policy.name()), Some(policy));
    }
    assert_eq!(UploaderPolicy::named("best"), None);
}

#[test]
fn the_base_share_is_a_fifth_of_all_bytes() {
    for slots in [2, 3, 4, 5, 8, 13] {
        let mut crowd = Crowd::new(UploaderPolicy::BaseShare, 30, slots);
        for key in 0..20 {
            crowd = crowd.gives(key, 100_000 + key * 1_000);
        }
        crowd.run(20);
        (crowd.sent, crowd.in_turn) = (0, 0);
        crowd.run(60);
        let share = crowd.in_turn as f64 / crowd.sent as f64;
        assert!((0.18..=0.22).contains(&share), "{slots} slots: {share}");
    }
}

#[test]
fn those_who_give_nothing_have_equal_turns_and_none_starves() {
    let mut crowd = Crowd::new(UploaderPolicy::BaseShare, 12, 4);
    for key in 0..6 {
        crowd = crowd.gives(key, 400_000);
    }
    crowd.run(300);
    let riders: Vec<u64> = (6..12).map(|key| crowd.taken(key)).collect();
    let (least, most) = (riders.iter().min().unwrap(), riders.iter().max().unwrap());
    assert!(*least > 0 && *most <= *least * 3 / 2, "{riders:?}");
    let contributors: u64 = (0..6).map(|key| crowd.taken(key)).sum();
    assert!(contributors > 4 * riders.iter().sum::<u64>(), "{riders:?}");
}

#[test]
fn many_identities_behind_one_prefix_have_one_share() {
    let mut crowd = Crowd::new(UploaderPolicy::BaseShare, 40, 4);
    crowd.seeding = true;
    for (at, peer) in crowd.peers.iter_mut().enumerate() {
        let net = if at < 30 { 1 } else { at as u8 };
        peer.account = account([203, 0, net, at as u8], peer.key.0);
    }
    crowd.run(300);
    let sybils: u64 = (0..30).map(|key| crowd.taken(key)).sum();
    assert!(sybils <= crowd.sent * 2 / 11, "{sybils} of {}", crowd.sent);
}

/// Two peers of a seed with one slot: who has it, asked a second later each time. `between` is what happens meanwhile.
fn turns_of_two(between: impl Fn(usize, &mut Vec<Candidate>)) -> Vec<u64> {
    let mut crowd = Crowd::new(UploaderPolicy::BaseShare, 2, 1);
    let terms = Terms {
        slots: 1,
        seeding: true,
        quantum: QUANTUM,
    };
    let turns = (0..4).map(|turn| {
        let choice = crowd
            .policy
            .choose(at(1_000 * turn as u64), &crowd.peers, terms);
        between(turn, &mut crowd.peers);
        choice[0].0.0
    });
    turns.collect()
}

#[test]
fn what_a_slot_was_good_for_counts_also_when_it_is_lost() {
    let turns = turns_of_two(|turn, peers| {
        if turn == 0 {
            (peers[0].taken, peers[0].gifts) = (QUANTUM, QUANTUM);
            peers[1].since = at(500); // it waits for less long
        }
    });
    assert_eq!(turns, [0, 1, 1, 1]);
}

#[test]
fn who_wants_nothing_for_a_moment_is_not_forgotten() {
    let away = std::cell::Cell::new(None);
    let turns = turns_of_two(|turn, peers| match turn {
        0 => {
            (peers[0].taken, peers[0].gifts) = (2 * QUANTUM, 2 * QUANTUM);
            peers[1].since = at(500);
        }
        1 => {
            (peers[1].taken, peers[1].gifts) = (QUANTUM, QUANTUM);
            away.set(Some(peers.remove(0)));
        }
        2 => peers.extend(away.take()),
        _ => {}
    });
    assert_eq!(turns, [0, 1, 1, 1]);
}

#[test]
fn those_that_came_alone_have_the_first_turn() {
    let mut crowd = Crowd::new(UploaderPolicy::BaseShare, 6, 1);
    for peer in &mut crowd.peers[..5] {
        peer.account = account([203, 0, 113, 1], 0);
        peer.company = 4;
    }
    crowd.run(1);
    assert!(crowd.taken(5) > 0);
    crowd.run(60);
    let company: u64 = (0..5).map(|key| crowd.taken(key)).sum();
    assert!(
        company * 3 / 2 > crowd.taken(5),
        "then an equal one: {company}"
    );
}

/// Twelve peers of a seed; each has pieces for so many seconds of our link.
fn seeded(has: impl Fn(usize) -> u64) -> Crowd {
    let mut crowd = Crowd::new(UploaderPolicy::BaseShare, 12, 4);
    crowd.seeding = true;
    for (at, peer) in crowd.peers.iter_mut().enumerate() {
        peer.holds = has(at) * crowd.link;
    }
    crowd
}

#[test]
fn one_half_of_a_seed_goes_to_whoever_has_least() {
    let mut crowd = seeded(|at| if at < 2 { 0 } else { 1_000 });
    crowd.run(60);
    let least = crowd.taken(0) + crowd.taken(1);
    let half = crowd.sent / 2;
    assert!(
        (half..half * 13 / 10).contains(&least),
        "{least} of {}",
        crowd.sent
    );
    assert!(
        (2..12).all(|key| crowd.taken(key) > 0),
        "the other is everybody's"
    );
}

#[test]
fn who_says_that_it_has_nothing_is_believed_as_far_as_it_took_nothing() {
    let mut crowd = seeded(|at| if at < 6 { 0 } else { 5 });
    for peer in &mut crowd.peers[..6] {
        peer.account = account([203, 0, 113, 1], 0);
    }
    crowd.run(200);
    let liars: u64 = (0..6).map(|key| crowd.taken(key)).sum();
    assert!(liars <= crowd.sent / 5, "{liars} of {}", crowd.sent);
}

#[test]
fn who_gives_three_times_as_much_gets_about_that() {
    let mut crowd = Crowd::new(UploaderPolicy::BaseShare, 9, 4);
    for key in 0..9 {
        crowd = crowd.gives(key, if key < 3 { 400_000 } else { 130_000 });
    }
    crowd.run(200);
    let ratio = crowd.taken(0) as f64 / crowd.taken(8) as f64;
    assert!((2.5..=3.5).contains(&ratio), "{ratio}");
}

#[test]
fn everyone_has_a_turn_when_seeding() {
    for policy in [
        UploaderPolicy::BaseShare,
        UploaderPolicy::TitForTat,
        UploaderPolicy::RoundRobin,
    ] {
        let mut crowd = Crowd::new(policy, 20, 4);
        crowd.seeding = true;
        crowd.run(300);
        let taken: Vec<u64> = (0..20).map(|key| crowd.taken(key)).collect();
        let (least, most) = (taken.iter().min().unwrap(), taken.iter().max().unwrap());
        assert!(*least * 2 >= *most, "{policy:?}: {taken:?}");
    }
}

#[test]
fn tit_for_tat_serves_the_most_generous_and_one_more() {
    let mut crowd = Crowd::new(UploaderPolicy::TitForTat, 20, 0);
    for key in 0..10 {
        crowd = crowd.gives(key, 100_000 + key * 10_000);
    }
    crowd.run(400);
    let best: u64 = (6..10).map(|key| crowd.taken(key)).sum();
    assert_eq!(best, crowd.sent * 4 / 5);
    assert!((10..20).any(|key| crowd.taken(key) > 0));
    // A peer that owes us blocks has no slot of its own.
    crowd.peers[9].snubs = true;
    let before = crowd.taken(9);
    crowd.run(10);
    assert_eq!(crowd.taken(9), before);
}

#[test]
fn the_fastest_are_served_and_one_in_turn() {
    let mut crowd = Crowd::new(UploaderPolicy::Fastest, 20, 4);
    for (at, peer) in crowd.peers.iter_mut().enumerate() {
        peer.takes = at as u64 * 1_000;
    }
    crowd.run(200);
    assert!((0..20).all(|key| crowd.taken(key) > 0));
}
