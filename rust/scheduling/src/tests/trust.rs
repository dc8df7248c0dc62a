//! Who is banned, for how long, and what becomes of peers that promise or take too much.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

use p2pcore_protocol::message::{Message, Request};
use p2pcore_protocol::{BLOCK, PieceIndex, Verified};
use proptest::prelude::*;

use super::alone::{Bench, P, Q, checked, requests};
use crate::{
    BanReason, CloseReason, Fact, Input, Output, PeerInfo, PeerKey, PeerSource, Print, Swarm,
    SwarmConfig, Ticket, Verdict,
};

const PIECES: u32 = 5;
const BLOCKS: u32 = 6;

/// A Swarm among peers of which some lie now and then, and who did what.
struct Court {
    bench: Bench,
    here: BTreeSet<PeerKey>,
    owed: Vec<(PeerKey, Request)>,
    next_ticket: u64,
    /// Payload under way: who sent it, and what its print is; 0 is the truth.
    tickets: BTreeMap<Ticket, (PeerKey, u64)>,
    stored: BTreeMap<(u32, u32), (PeerKey, u64)>,
    /// They sent a wrong block of a piece that was checked.
    culprits: BTreeSet<PeerKey>,
    banned: Vec<PeerKey>,
}

impl Court {
    fn new(peers: u64) -> Self {
        let mut court = Self {
            bench: Bench::new(PIECES, BLOCKS),
            here: BTreeSet::new(),
            owed: Vec::new(),
            next_ticket: 0,
            tickets: BTreeMap::new(),
            stored: BTreeMap::new(),
            culprits: BTreeSet::new(),
            banned: Vec::new(),
        };
        for peer in (1..=peers).map(PeerKey) {
            court.here.insert(peer);
            let outputs = court.bench.connect(peer, true);
            court.take(outputs);
            // Small windows, so that many have a part in a piece.
            court.put(Input::PeerRequestLimit { peer, reqq: 2 });
            for message in [Message::HaveAll, Message::Unchoke] {
                court.put(Input::Message { peer, message });
            }
        }
        court
    }

    fn put(&mut self, input: Input) {
        let outputs = self.bench.put(input);
        self.take(outputs);
    }

    fn take(&mut self, outputs: Vec<Output>) {
        for output in outputs {
            match output {
                Output::Send { peer, message } => match message {
                    Message::Request(request) => self.owed.push((peer, request)),
                    Message::Cancel(request) => self.owed.retain(|owed| *owed != (peer, request)),
                    _ => {}
                },
                Output::Store { ticket, span } => {
                    let block = self.tickets.remove(&ticket).expect("stored once");
                    self.stored.insert((span.piece.get(), span.begin), block);
                }
                Output::Drop { piece } => self.stored.retain(|(of, _), _| *of != piece.get()),
                Output::Check { piece, .. } => self.check(piece),
                Output::Close { peer, .. } => self.forget(peer),
                Output::Fact(Fact::PeerBanned { addr, reason, .. }) => {
                    assert_eq!(reason, BanReason::CorruptData);
                    self.banned.push(PeerKey(u64::from(addr.port()) - 5_000));
                }
                _ => {}
            }
        }
    }

    fn forget(&mut self, peer: PeerKey) {
        self.here.remove(&peer);
        self.owed.retain(|(owes, _)| *owes != peer);
    }

    fn check(&mut self, piece: PieceIndex) {
        let of = (piece.get(), 0)..(piece.get() + 1, 0);
        let blocks: Vec<_> = self.stored.range(of).map(|(_, block)| *block).collect();
        let wrong = blocks.iter().filter(|(_, print)| *print != 0);
        let liars: Vec<PeerKey> = wrong.map(|(sender, _)| *sender).collect();
        let verdict = if liars.is_empty() {
            Verdict::Good(Verified::simulated(piece))
        } else {
            let bad_blocks = Vec::new();
            Verdict::Bad { piece, bad_blocks }
        };
        self.culprits.extend(liars);
        let prints = blocks.iter().map(|(_, print)| Print(*print)).collect();
        self.put(Input::Checked { verdict, prints });
    }

    /// A peer sends something that it owes.
    fn answer(&mut self, at: usize, print: u64) {
        let (peer, request) = self.owed.remove(at);
        self.next_ticket += 1;
        let ticket = Ticket(self.next_ticket);
        self.tickets.insert(ticket, (peer, print));
        self.put(Input::BlockArrived {
            peer,
            piece: request.piece,
            begin: request.begin,
            length: request.length,
            proven: false,
            ticket,
        });
        let bytes = request.length;
        self.put(Input::Progress { peer, bytes });
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn whoever_sent_a_wrong_block_is_banned_and_nobody_else(
        peers in 2..9_u64,
        liars in any::<u8>(),
        lies_in in 1..6_u64,
        steps in prop::collection::vec((any::<u16>(), any::<u8>()), 300),
    ) {
        let mut court = Court::new(peers);
        // The first one is honest and stays, so that the transfer can end.
        let lies = |peer: PeerKey| peer != P && liars >> (peer.0 - 1) & 1 == 1;
        let mut steps = steps.into_iter().cycle();
        for _ in 0..5_000 {
            if court.bench.swarm.is_complete() {
                break;
            }
            let Some((number, dice)) = steps.next() else { break };
            let number = usize::from(number);
            if dice < 3 {
                let others: Vec<PeerKey> = court.here.iter().copied().filter(|peer| *peer != P).collect();
                if let Some(peer) = others.get(number % 16).copied() {
                    court.forget(peer);
                    court.put(Input::PeerDisconnected { peer });
                }
            } else if court.owed.is_empty() {
                let outputs = court.bench.wait(1);
                court.take(outputs);
            } else {
                let at = number % court.owed.len();
                let dice = u64::from(dice);
                let lie = lies(court.owed[at].0) && dice % lies_in == 0;
                // Some liars send the same, some do not.
                court.answer(at, if lie { 1 + dice % 7 } else { 0 });
            }
        }
        prop_assert!(court.bench.swarm.is_complete());
        let banned: BTreeSet<PeerKey> = court.banned.iter().copied().collect();
        prop_assert_eq!(court.banned.len(), banned.len(), "each is told once");
        prop_assert_eq!(&banned, &court.culprits);
        for peer in court.bench.swarm.peer_snapshots(court.bench.now) {
            prop_assert_eq!(peer.why.trust.parole, 0, "nobody is left under suspicion");
        }
    }
}

fn info(addr: &str, outgoing: bool) -> PeerInfo {
    PeerInfo {
        addr: addr.parse().unwrap(),
        outgoing,
        peer_id: [7; 20],
        fast: true,
        extended: true,
        v2: false,
    }
}

fn refused(outputs: &[Output]) -> bool {
    outputs.iter().any(|output| {
        let reason = CloseReason::Banned;
        matches!(output, Output::Close { reason: why, .. } if *why == reason)
    })
}

/// A peer that we dialled sends a whole piece that is bad.
fn lie(bench: &mut Bench, peer: PeerKey, addr: &str) -> Vec<Output> {
    let info = info(addr, true);
    bench.put(Input::PeerConnected { peer, info });
    bench.say(peer, Message::HaveAll);
    let mut piece = None;
    for request in requests(&bench.say(peer, Message::Unchoke), peer) {
        let outputs = bench.block(peer, request);
        piece = piece.or(outputs.iter().find_map(|output| match output {
            Output::Check { piece, .. } => Some(*piece),
            _ => None,
        }));
    }
    let piece = piece.expect("a whole piece");
    let bad_blocks = Vec::new();
    bench.put(checked(Verdict::Bad { piece, bad_blocks }))
}

#[test]
fn a_banned_peer_is_neither_dialled_nor_let_in_until_the_ban_ends() {
    const LIAR: &str = "198.51.100.7:6881";
    const HOUR: u64 = 3_600;
    let addr: SocketAddr = LIAR.parse().unwrap();
    let within = None;
    let dial = Output::Dial { addr, within };
    let mut bench = Bench::new(9, 1);
    let known = || Input::Addresses(vec![(addr, PeerSource::User)]);
    assert!(bench.put(known()).contains(&dial));
    let outputs = lie(&mut bench, PeerKey(1), LIAR);
    let until = bench.now + Duration::from_secs(HOUR);
    let reason = BanReason::CorruptData;
    let banned = Fact::PeerBanned {
        addr,
        reason,
        until,
    };
    assert!(outputs.contains(&Output::Fact(banned)));
    let bans = bench.swarm.bans(bench.now);
    assert_eq!(
        (bans[0].addr, bans[0].until, bans[0].times),
        (addr, until, 1)
    );
    for key in 2..6 {
        // It comes from another port now, and the user insists, which does not help.
        let info = info("198.51.100.7:50000", false);
        let peer = PeerKey(key);
        assert!(refused(&bench.put(Input::PeerConnected { peer, info })));
        assert!(!bench.put(known()).contains(&dial));
        assert!(!bench.wait(HOUR / 4 - 1).contains(&dial));
    }
    assert!(bench.wait(5).contains(&dial));
    assert!(bench.swarm.bans(bench.now).is_empty());
    let outputs = lie(&mut bench, PeerKey(9), LIAR);
    let until = bench.now + 4 * Duration::from_secs(HOUR);
    let told = |output: &Output| matches!(output, Output::Fact(Fact::PeerBanned { until: end, .. }) if *end == until);
    assert!(outputs.iter().any(told), "the second lasts longer");
}

#[test]
fn a_flood_and_a_broken_message_ban_for_minutes() {
    let mut bench = Bench::new(4, 1);
    bench.connect(P, true);
    bench.connect(Q, true);
    bench.say(P, Message::Have(99));
    while bench.swarm.peer_count() > 0 {
        bench.say(Q, Message::KeepAlive);
    }
    let bans = bench.swarm.bans(bench.now);
    let of = |reason| bans.iter().find(|ban| ban.reason == reason);
    let minutes = |reason| of(reason).map(|ban| ban.until.since(bench.now).as_secs() / 60);
    assert_eq!(minutes(BanReason::BrokeProtocol), Some(1));
    assert_eq!(minutes(BanReason::Flooded), Some(5));
}

#[test]
fn what_is_announced_and_not_given_does_not_count() {
    let mut bench = Bench::new(40, 1);
    for peer in [P, Q] {
        bench.connect(peer, true);
    }
    bench.say(P, Message::HaveAll);
    for piece in 0..20 {
        bench.say(Q, Message::Have(piece));
    }
    let count = |bench: &Bench| {
        (
            bench.swarm.availability()[0],
            bench.swarm.availability()[39],
        )
    };
    assert_eq!(count(&bench), (2, 1));
    // P refuses everything, and is asked again after longer and longer rests.
    let mut asked = requests(&bench.say(P, Message::Unchoke), P);
    while count(&bench).0 == 2 {
        for request in std::mem::take(&mut asked) {
            let outputs = bench.say(P, Message::Reject(request));
            asked.extend(requests(&outputs, P));
        }
        asked.extend(requests(&bench.wait(2), P));
    }
    assert_eq!(count(&bench), (1, 0));
    assert_eq!(bench.swarm.seeds(), 0);
    // More haves of it do not count either, and its leaving takes nothing away.
    bench.say(Q, Message::Have(39));
    assert_eq!(count(&bench), (1, 1));
    while asked.is_empty() {
        asked.extend(requests(&bench.wait(2), P));
    }
    bench.block(P, asked[0]);
    assert_eq!(count(&bench), (2, 2), "it delivered");
    bench.put(Input::PeerDisconnected { peer: P });
    assert_eq!(count(&bench), (1, 1));
}

#[test]
fn who_stalls_is_not_counted_on_and_leaves_nothing_behind() {
    let mut bench = Bench::new(8, 1);
    bench.connect(P, true);
    bench.say(P, Message::HaveAll);
    bench.say(P, Message::Unchoke);
    bench.wait(30);
    assert_eq!(bench.swarm.availability(), [0; 8]);
    bench.say(P, Message::Bitfield(vec![0xf0]));
    bench.say(P, Message::Have(7));
    bench.put(Input::PeerLacks { peer: P, piece: 0 });
    assert_eq!(bench.swarm.availability(), [0; 8]);
    bench.put(Input::PeerDisconnected { peer: P });
    assert_eq!(bench.swarm.availability(), [0; 8]);
}

/// A seed of 16 pieces, which is no origin.
fn seed(unchoke_slots: usize) -> Bench {
    let mut bench = Bench::new(16, 1);
    let config = SwarmConfig {
        origin: false,
        unchoke_slots,
        ..SwarmConfig::default()
    };
    bench.swarm = Swarm::new(config, bench.swarm.layout().clone(), 1);
    let all = (0..16).map(|piece| Verified::simulated(PieceIndex::new(piece)));
    bench.put(Input::Had(all.collect()));
    bench
}

/// A peer with nothing comes, and wants what we have.
fn come(bench: &mut Bench, key: u64, addr: &str) -> PeerKey {
    let peer = PeerKey(key);
    let info = PeerInfo {
        peer_id: [key as u8; 20],
        ..info(addr, false)
    };
    bench.put(Input::PeerConnected { peer, info });
    bench.put(Input::Writable {
        peer,
        room: 1 << 30,
    });
    bench.say(peer, Message::HaveNone);
    bench.say(peer, Message::Interested);
    peer
}

fn choked(bench: &Bench, peer: PeerKey) -> bool {
    let peers = bench.swarm.peer_snapshots(bench.now);
    let found = peers.iter().find(|snapshot| snapshot.key == peer);
    found.is_some_and(|peer| peer.choking)
}

#[test]
fn those_behind_one_prefix_wait_for_one_slot() {
    let mut bench = seed(1);
    let later = |bench: &mut Bench| bench.now = bench.now + Duration::from_millis(10);
    let first = come(&mut bench, 1, "192.0.2.1:1");
    let mut of_prefix = Vec::new();
    for key in 2..9 {
        later(&mut bench);
        of_prefix.push(come(&mut bench, key, &format!("203.0.113.{key}:1")));
    }
    later(&mut bench);
    let other = come(&mut bench, 9, "198.51.100.1:1");
    let late = come(&mut bench, 10, "192.0.3.1:1");
    let mut chain = |chain: &[PeerKey]| {
        for pair in chain.windows(2) {
            let (leaves, follows) = (pair[0], pair[1]);
            later(&mut bench);
            assert!(!choked(&bench, leaves) && choked(&bench, follows));
            bench.put(Input::PeerDisconnected { peer: leaves });
            assert!(!choked(&bench, follows), "{follows:?}");
        }
    };
    // Those that came alone have the first turns, then the prefix has one, then another of it.
    chain(&[first, other, late, of_prefix[0], of_prefix[1]]);
}

#[test]
fn whoever_had_a_copy_comes_after_those_who_had_not() {
    let mut bench = seed(2);
    let ask = |piece| {
        Message::Request(Request {
            piece,
            begin: 0,
            length: BLOCK,
        })
    };
    // One takes a whole copy and half of another, under two names of one prefix.
    for key in 1..3 {
        let greedy = come(&mut bench, key, &format!("203.0.113.{key}:1"));
        for piece in (0..16).take(if key == 1 { 16 } else { 8 }) {
            bench.say(greedy, ask(piece));
            bench.wait(1);
        }
        bench.put(Input::PeerDisconnected { peer: greedy });
    }
    assert_eq!(bench.swarm.counters().uploaded, 24 * u64::from(BLOCK));
    let greedy = come(&mut bench, 3, "203.0.113.3:1");
    // Alone it is served all the same.
    bench.wait(3);
    assert!(!choked(&bench, greedy));
    let others: Vec<PeerKey> = (10..14)
        .map(|key| come(&mut bench, key, &format!("203.0.{key}.1:1")))
        .collect();
    bench.wait(2);
    let mut served = BTreeSet::<PeerKey>::new();
    for _ in 0..60 {
        bench.wait(1);
        assert!(choked(&bench, greedy), "others wait");
        served.extend(others.iter().filter(|peer| !choked(&bench, **peer)));
    }
    assert_eq!(served.len(), others.len());
    for peer in others {
        bench.put(Input::PeerDisconnected { peer });
    }
    bench.wait(3);
    assert!(!choked(&bench, greedy));
}
