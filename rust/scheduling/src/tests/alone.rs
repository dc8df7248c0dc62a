//! One Swarm, and a peer whose every message the test writes itself.

use std::collections::VecDeque;
use std::net::SocketAddr;

use p2pcore_protocol::extension::Coming;
use p2pcore_protocol::layout::Span;
use p2pcore_protocol::message::{Message, Request};
use p2pcore_protocol::{BLOCK, Layout, PieceIndex, Verified};

use crate::{
    CloseReason, Input, Output, PeerInfo, PeerKey, Swarm, SwarmConfig, Ticket, Time, Verdict,
};

/// Drives one Swarm by hand.
pub(super) struct Bench {
    pub(super) swarm: Swarm,
    pub(super) now: Time,
    ticket: u64,
    /// Requests sent and not answered by `answer`, oldest first.
    owed: VecDeque<(PeerKey, Request)>,
}

pub(super) const P: PeerKey = PeerKey(1);
pub(super) const Q: PeerKey = PeerKey(2);

impl Bench {
    pub(super) fn new(pieces: u32, blocks: u32) -> Self {
        Self::with(SwarmConfig::default(), pieces, blocks)
    }

    pub(super) fn with(config: SwarmConfig, pieces: u32, blocks: u32) -> Self {
        let total = u64::from(pieces) * u64::from(blocks * BLOCK);
        let layout = Layout::new(blocks * BLOCK, [Span::File(total)]).unwrap();
        Self {
            swarm: Swarm::new(config, layout, 1),
            now: Time::new(std::time::Duration::from_secs(1)),
            ticket: 0,
            owed: VecDeque::new(),
        }
    }

    pub(super) fn seeding(pieces: u32, blocks: u32) -> Self {
        Self::new(pieces, blocks).complete(pieces)
    }

    /// The same with every piece.
    pub(super) fn complete(self, pieces: u32) -> Self {
        let mut bench = self;
        let all = (0..pieces).map(|piece| Verified::simulated(PieceIndex::new(piece)));
        bench.put(Input::Had(all.collect()));
        bench
    }

    pub(super) fn put(&mut self, input: Input) -> Vec<Output> {
        self.swarm.handle(self.now, input);
        let outputs: Vec<Output> = std::iter::from_fn(|| self.swarm.poll_output()).collect();
        for output in &outputs {
            match output {
                Output::Send {
                    peer,
                    message: Message::Request(request),
                } => self.owed.push_back((*peer, *request)),
                Output::Send {
                    peer,
                    message: Message::Cancel(request),
                } => self.owed.retain(|owed| *owed != (*peer, *request)),
                _ => {}
            }
        }
        outputs
    }

    pub(super) fn connect(&mut self, peer: PeerKey, fast: bool) -> Vec<Output> {
        self.connect_with(peer, fast, false)
    }

    pub(super) fn connect_with(&mut self, peer: PeerKey, fast: bool, v2: bool) -> Vec<Output> {
        let info = PeerInfo {
            addr: SocketAddr::from(([127, 0, 0, 1], 5_000 + peer.0 as u16)),
            outgoing: false,
            peer_id: [peer.0 as u8; 20],
            fast,
            extended: true,
            v2,
        };
        self.put(Input::PeerConnected { peer, info })
    }

    pub(super) fn say(&mut self, peer: PeerKey, message: Message) -> Vec<Output> {
        self.put(Input::Message { peer, message })
    }

    pub(super) fn block(&mut self, peer: PeerKey, request: Request) -> Vec<Output> {
        self.ticket += 1;
        let bytes = request.length;
        let mut outputs = self.put(Input::Progress { peer, bytes });
        outputs.extend(self.put(Input::BlockArrived {
            peer,
            piece: request.piece,
            begin: request.begin,
            length: request.length,
            proven: false,
            ticket: Ticket(self.ticket),
        }));
        outputs
    }

    /// A peer answers the oldest request that it owes, if there is one.
    pub(super) fn next_block(&mut self, peer: PeerKey) -> Vec<Output> {
        let at = self.owed.iter().position(|(owes, _)| *owes == peer);
        let oldest = at.and_then(|at| self.owed.remove(at));
        oldest.map_or(Vec::new(), |(_, request)| self.block(peer, request))
    }

    /// A peer answers the oldest request that it owes, well; whole pieces are found good. Whether it owed one.
    pub(super) fn answer(&mut self, peer: PeerKey) -> bool {
        let outputs = self.next_block(peer);
        let owed = !outputs.is_empty();
        for output in outputs {
            if let Output::Check { piece, .. } = output {
                let good = Verdict::Good(Verified::simulated(piece));
                self.put(checked(good));
            }
        }
        owed
    }

    pub(super) fn wait(&mut self, seconds: u64) -> Vec<Output> {
        let end = self.now + std::time::Duration::from_secs(seconds);
        let mut outputs = Vec::new();
        while let Some(due) = self.swarm.poll_timeout().filter(|due| *due <= end) {
            self.now = due.max(self.now);
            outputs.extend(self.put(Input::Tick));
        }
        self.now = end;
        outputs
    }
}

pub(super) fn requests(outputs: &[Output], to: PeerKey) -> Vec<Request> {
    sent(outputs, to)
        .into_iter()
        .filter_map(|message| match message {
            Message::Request(request) => Some(request),
            _ => None,
        })
        .collect()
}

pub(super) fn sent(outputs: &[Output], to: PeerKey) -> Vec<Message> {
    outputs
        .iter()
        .filter_map(|output| match output {
            Output::Send { peer, message } if *peer == to => Some(message.clone()),
            _ => None,
        })
        .collect()
}

/// The end of a check, without prints.
pub(super) fn checked(verdict: Verdict) -> Input {
    let prints = Vec::new();
    Input::Checked { verdict, prints }
}

fn closed(outputs: &[Output]) -> Option<CloseReason> {
    outputs.iter().find_map(|output| match output {
        Output::Close { reason, .. } => Some(*reason),
        _ => None,
    })
}

pub(super) fn request(piece: u32, begin: u32, length: u32) -> Request {
    Request {
        piece,
        begin,
        length,
    }
}

#[test]
fn what_we_have_is_said_first() {
    let first = |bench: &mut Bench, fast| sent(&bench.connect(P, fast), P);
    assert_eq!(first(&mut Bench::new(10, 1), true), [Message::HaveNone]);
    assert_eq!(first(&mut Bench::new(10, 1), false), []);
    assert_eq!(first(&mut Bench::seeding(10, 1), true), [Message::HaveAll]);
    assert_eq!(
        first(&mut Bench::seeding(10, 1), false),
        [Message::Bitfield(vec![0xff, 0xc0])]
    );
}

#[test]
fn a_later_map_replaces_the_first_and_many_are_a_flood() {
    let mut bench = Bench::new(10, 2);
    bench.connect(P, true);
    bench.say(P, Message::Have(1));
    bench.say(P, Message::Bitfield(vec![0x30, 0]));
    assert_eq!(
        bench.swarm.availability(),
        [0, 0, 1, 1, 0, 0, 0, 0, 0, 0],
        "the map is the whole truth"
    );
    bench.say(P, Message::HaveAll);
    assert_eq!(bench.swarm.availability(), [1; 10]);
    let reason = (0..10_000).find_map(|_| closed(&bench.say(P, Message::HaveNone)));
    assert_eq!(reason, Some(CloseReason::Flooded));
    assert_eq!(bench.swarm.availability(), [0; 10]);
}

#[test]
fn messages_that_break_the_protocol_close_the_peer_and_are_counted() {
    let broken = [
        vec![Message::Have(10)],
        vec![Message::Bitfield(vec![0xff])],
        vec![Message::Bitfield(vec![0xff, 0xff])],
        vec![Message::Suggest(10)],
        vec![Message::AllowedFast(u32::MAX)],
        vec![Message::Request(request(10, 0, BLOCK))],
        vec![Message::Request(request(0, 0, 0))],
        vec![Message::Request(request(0, u32::MAX, 2))],
        vec![Message::Request(request(0, 0, 200_000))],
        vec![Message::Cancel(request(0, BLOCK * 2, 1))],
    ];
    for messages in broken {
        let mut bench = Bench::new(10, 2);
        bench.connect(P, true);
        let outputs: Vec<Output> = messages
            .iter()
            .flat_map(|message| bench.say(P, message.clone()))
            .collect();
        assert_eq!(
            closed(&outputs),
            Some(CloseReason::ProtocolError),
            "{messages:?}"
        );
        assert_eq!(bench.swarm.counters().closed(CloseReason::ProtocolError), 1);
        assert_eq!(bench.swarm.peer_count(), 0);
        assert_eq!(bench.say(P, Message::Choke), [], "a closed peer is nobody");
    }
    let mut bench = Bench::new(10, 2);
    bench.connect(P, false);
    let outputs = bench.say(P, Message::HaveAll);
    assert_eq!(
        closed(&outputs),
        Some(CloseReason::ProtocolError),
        "not negotiated"
    );
}

#[test]
fn blocks_that_nobody_asked_for_are_dropped_and_then_the_peer_is() {
    let mut bench = Bench::new(10, 2);
    bench.connect(P, true);
    let mut dropped = 0;
    loop {
        let outputs = bench.block(P, request(0, 0, BLOCK));
        assert!(matches!(outputs[0], Output::Discard { .. }));
        dropped += 1;
        if let Some(reason) = closed(&outputs) {
            assert_eq!(reason, CloseReason::Flooded);
            break;
        }
        assert!(dropped < 100);
    }
    assert_eq!(bench.swarm.counters().wasted, dropped * u64::from(BLOCK));
}

#[test]
fn floods_of_useless_messages_close_the_peer() {
    for message in [
        Message::KeepAlive,
        Message::Have(0),
        Message::Interested,
        Message::Request(request(0, 0, BLOCK)),
        Message::Choke,
        Message::Suggest(3),
        Message::AllowedFast(1),
        Message::Reject(request(0, 0, BLOCK)),
    ] {
        let mut bench = Bench::new(10, 2);
        bench.connect(P, true);
        let reason = (0..20_000).find_map(|_| closed(&bench.say(P, message.clone())));
        assert_eq!(reason, Some(CloseReason::Flooded), "{message:?}");
    }
}

#[test]
fn requests_are_served_while_there_is_room_and_bounded() {
    let mut bench = Bench::seeding(4, 4);
    bench.connect(P, true);
    assert_eq!(
        sent(&bench.say(P, Message::Interested), P),
        [Message::Unchoke]
    );
    assert_eq!(bench.say(P, Message::Request(request(0, 0, BLOCK))), []);
    let outputs = bench.put(Input::Writable {
        peer: P,
        room: BLOCK + 1,
    });
    assert!(matches!(outputs[..], [Output::Serve { peer: P, .. }]));
    let outputs = bench.say(P, Message::Request(request(1, 5, 100)));
    assert!(
        matches!(outputs[..], [Output::Serve { .. }]),
        "at once: there is room left"
    );
    assert_eq!(bench.swarm.counters().uploaded, u64::from(BLOCK) + 100);
    let mut rejected = 0;
    for _ in 0..2_100 {
        let outputs = bench.say(P, Message::Request(request(2, 0, BLOCK)));
        rejected += outputs.len();
    }
    assert_eq!(rejected, 100);
    // A cancel is answered once, and makes room.
    let cancel = bench.say(P, Message::Cancel(request(2, 0, BLOCK)));
    assert_eq!(sent(&cancel, P), [Message::Reject(request(2, 0, BLOCK))]);
    assert_eq!(bench.say(P, Message::Request(request(2, 0, BLOCK))), []);
}

#[test]
fn a_peer_that_is_choked_or_asks_for_what_we_lack_is_refused() {
    let mut bench = Bench::seeding(4, 4);
    bench.connect(P, true);
    let ask = Message::Request(request(0, 0, BLOCK));
    let refused = bench.say(P, ask.clone());
    assert_eq!(sent(&refused, P), [Message::Reject(request(0, 0, BLOCK))]);
    bench.connect(Q, false);
    assert_eq!(bench.say(Q, ask), [], "without BEP 6 silence is the answer");
}

/// Found by the simulator (s17, seed 1): a peer that never delivers kept the last block for ever, because the endgame
/// had spent its duplicates.
#[test]
fn a_later_probe_does_not_keep_its_block_from_others() {
    let mut bench = Bench::new(1, 4);
    for peer in [P, Q] {
        bench.connect(peer, true);
        bench.say(peer, Message::HaveAll);
    }
    let first = bench.say(P, Message::Unchoke);
    assert_eq!(requests(&first, P).len(), 4);
    let (mut stalled, mut probed) = (0, Vec::new());
    while probed.is_empty() {
        stalled += 1;
        assert!(stalled < 60, "no probe");
        probed = requests(&bench.wait(1), P);
    }
    assert_eq!((bench.swarm.counters().stalls, probed.len()), (1, 1));
    let asked = bench.say(Q, Message::Unchoke);
    assert_eq!(requests(&asked, Q).len(), 4, "{asked:?}");
    // The answer to the probe is still welcome.
    let late = bench.block(P, probed[0]);
    assert!(
        late.iter()
            .any(|output| matches!(output, Output::Store { .. }))
    );
}

/// Found by the simulator (s16, seed 5): three sources stood idle for a second, because a piece that they did not have
/// was still free, and so it was no endgame.
#[test]
fn who_is_idle_relieves_a_silent_peer_soon() {
    for others_piece_is_owed in [false, true] {
        let mut bench = Bench::new(4, 4);
        bench.connect(P, true);
        bench.say(P, Message::HaveAll);
        let asked = requests(&bench.say(P, Message::Unchoke), P);
        assert_eq!(asked.len(), 8);
        bench.block(P, asked[0]);
        bench.connect(Q, true);
        bench.say(Q, Message::Unchoke);
        if others_piece_is_owed {
            let none = bench.say(Q, Message::Have(asked[0].piece));
            assert_eq!(requests(&none, Q), [], "nothing is asked of two peers");
        }
        let moved = requests(&bench.wait(1), Q);
        let expected: &[Request] = if others_piece_is_owed {
            &asked[1..4]
        } else {
            &[]
        };
        assert_eq!(moved, expected);
        let stalls = u64::from(others_piece_is_owed);
        assert_eq!(bench.swarm.counters().stalls, stalls);
        bench.wait(1);
        assert_eq!(bench.swarm.counters().stalls, 1);
    }
}

#[test]
fn who_waits_for_a_piece_itself_is_not_relieved_of_it() {
    for waits in [false, true] {
        let mut bench = Bench::new(4, 4);
        bench.connect(P, true);
        bench.say(P, Message::HaveNone);
        bench.say(P, Message::Unchoke);
        let asked = if waits {
            let coming = Coming { piece: 1, hops: 1 };
            bench.put(Input::PeerComing { peer: P, coming })
        } else {
            bench.say(P, Message::Have(1))
        };
        bench.block(P, requests(&asked, P)[0]);
        bench.connect(Q, true);
        bench.say(Q, Message::Have(1));
        bench.say(Q, Message::Unchoke);
        bench.wait(1);
        assert_eq!(bench.swarm.counters().stalls, u64::from(!waits));
    }
}

#[test]
fn a_choke_gives_everything_to_others() {
    let mut bench = Bench::new(2, 4);
    for peer in [P, Q] {
        bench.connect(peer, false);
        bench.say(peer, Message::Bitfield(vec![0b1100_0000]));
    }
    let asked = requests(&bench.say(P, Message::Unchoke), P);
    assert_eq!(asked.len(), 8);
    let none = requests(&bench.say(Q, Message::Unchoke), Q);
    assert_eq!(none, [], "nothing is asked of two peers");
    let moved = requests(&bench.say(P, Message::Choke), Q);
    assert_eq!(moved.len(), 8);
}

#[test]
fn with_the_fast_extension_a_choke_gives_to_others_what_is_rejected() {
    let mut bench = Bench::new(2, 4);
    for peer in [P, Q] {
        bench.connect(peer, true);
        bench.say(peer, Message::HaveAll);
    }
    let asked = requests(&bench.say(P, Message::Unchoke), P);
    bench.say(Q, Message::Unchoke);
    let moved = requests(&bench.say(P, Message::Choke), Q);
    assert_eq!(moved, [], "every request will be answered");
    // One block was on its way; the next is rejected.
    let outputs = bench.block(P, asked[0]);
    assert!(matches!(outputs[0], Output::Store { .. }));
    let outputs = bench.say(P, Message::Reject(asked[1]));
    assert_eq!(requests(&outputs, Q), [asked[1]]);
    for request in &asked[2..] {
        bench.say(P, Message::Reject(*request));
    }
    assert_eq!(bench.swarm.peer_snapshots(bench.now)[0].outstanding, 0);
}

#[test]
fn allowed_fast_pieces_are_fetched_while_choked() {
    let mut bench = Bench::new(4, 2);
    bench.connect(P, true);
    bench.say(P, Message::HaveAll);
    let asked = requests(&bench.say(P, Message::AllowedFast(2)), P);
    assert_eq!(asked, [request(2, 0, BLOCK), request(2, BLOCK, BLOCK)]);
    bench.say(P, Message::Unchoke);
    bench.say(P, Message::Choke);
    let outputs = bench.block(P, asked[0]);
    assert!(matches!(outputs[0], Output::Store { .. }));
}

#[test]
fn a_refused_block_is_not_asked_for_again_at_once() {
    let mut bench = Bench::new(1, 2);
    bench.connect(P, true);
    bench.say(P, Message::HaveAll);
    let asked = requests(&bench.say(P, Message::Unchoke), P);
    let mut count = 0;
    for ask in &asked {
        count += requests(&bench.say(P, Message::Reject(*ask)), P).len();
    }
    assert_eq!(count, 0);
    assert_eq!(requests(&bench.wait(3), P).len(), 2);
}

#[test]
fn the_block_size_of_the_last_piece_is_respected() {
    let layout = Layout::new(4 * BLOCK, [Span::File(u64::from(BLOCK) * 5 + 3)]).unwrap();
    let mut bench = Bench::new(1, 1);
    bench.swarm = Swarm::new(SwarmConfig::default(), layout, 1);
    bench.connect(P, true);
    bench.say(P, Message::HaveAll);
    let mut asked = requests(&bench.say(P, Message::Unchoke), P);
    asked.sort_by_key(|ask| (ask.piece, ask.begin));
    assert_eq!(asked.last(), Some(&request(1, BLOCK, 3)));
    assert_eq!(asked.len(), 6);
    let checks: usize = asked
        .iter()
        .map(|ask| bench.block(P, *ask))
        .map(|outputs| {
            let check = |output: &&Output| matches!(output, Output::Check { .. });
            outputs.iter().filter(check).count()
        })
        .sum();
    assert_eq!(checks, 2);
}

#[test]
fn a_piece_lost_by_storage_is_fetched_again() {
    let mut bench = Bench::new(1, 1);
    bench.connect(P, true);
    bench.say(P, Message::HaveAll);
    let asked = requests(&bench.say(P, Message::Unchoke), P);
    bench.block(P, asked[0]);
    let piece = PieceIndex::new(0);
    let outputs = bench.put(Input::StoreFailed { piece });
    assert_eq!(requests(&outputs, P), asked);
    bench.block(P, asked[0]);
    let outputs = bench.put(checked(Verdict::Good(Verified::simulated(piece))));
    assert_eq!(closed(&outputs), Some(CloseReason::NothingToTrade));
}

#[test]
fn a_silent_peer_is_kept_alive_and_then_dropped() {
    let mut bench = Bench::new(10, 1);
    bench.connect(P, true);
    bench.connect(Q, true);
    let mut outputs = bench.wait(110);
    assert!(sent(&outputs, P).contains(&Message::KeepAlive));
    bench.say(Q, Message::KeepAlive);
    outputs = bench.wait(60);
    assert_eq!(closed(&outputs), Some(CloseReason::TimedOut));
    assert_eq!(bench.swarm.peer_count(), 1);
}

#[test]
fn a_peer_that_gives_up_a_piece_is_not_asked_for_it() {
    let mut bench = Bench::new(2, 1);
    bench.connect(P, true);
    bench.say(P, Message::HaveAll);
    assert_eq!(bench.swarm.seeds(), 1);
    bench.put(Input::PeerLacks { peer: P, piece: 0 });
    assert_eq!(
        (bench.swarm.seeds(), bench.swarm.availability()),
        (0, vec![0, 1])
    );
    let asked = requests(&bench.say(P, Message::Unchoke), P);
    assert_eq!(asked, [request(1, 0, BLOCK)]);
}

#[test]
fn peers_beyond_the_limit_are_closed() {
    let mut bench = Bench::new(2, 1);
    for key in 0..200 {
        assert_eq!(closed(&bench.connect(PeerKey(key), true)), None);
    }
    let outputs = bench.connect(PeerKey(200), true);
    assert_eq!(closed(&outputs), Some(CloseReason::TooManyPeers));
}

#[test]
fn an_upload_only_peer_gets_no_slot() {
    let mut bench = Bench::new(4, 1);
    bench.put(Input::Had(vec![Verified::simulated(PieceIndex::new(0))]));
    bench.connect(P, true);
    bench.put(Input::PeerUploadOnly {
        peer: P,
        upload_only: true,
    });
    assert_eq!(sent(&bench.say(P, Message::Interested), P), []);
}

/// P and Q, seeds with a window of two, sent two blocks each of one piece, and it is bad.
fn suspects(pieces: u32) -> (Bench, PieceIndex, Vec<Output>) {
    let mut bench = Bench::new(pieces, 4);
    let mut asked = Vec::new();
    for peer in [P, Q] {
        bench.connect(peer, true);
        bench.put(Input::PeerRequestLimit { peer, reqq: 2 });
        bench.say(peer, Message::HaveAll);
        asked.push(requests(&bench.say(peer, Message::Unchoke), peer));
    }
    let piece = PieceIndex::new(asked[0][0].piece);
    let all = [asked[0].clone(), asked[1].clone()].concat();
    assert!(all.iter().all(|ask| ask.piece == piece.get()), "{all:?}");
    for (peer, asks) in [(P, &asked[0]), (Q, &asked[1])] {
        for ask in asks {
            bench.owed.retain(|owed| *owed != (peer, *ask));
            bench.block(peer, *ask);
        }
    }
    let bad_blocks = Vec::new();
    let outputs = bench.put(checked(Verdict::Bad { piece, bad_blocks }));
    (bench, piece, outputs)
}

#[test]
fn a_bad_piece_of_two_senders_is_fetched_again_from_one() {
    let (mut bench, piece, outputs) = suspects(1);
    assert!(outputs.contains(&Output::Drop { piece }));
    assert_eq!(closed(&outputs), None, "which of them is not known");
    // Both are suspects and nobody else is there: one of them gets all of it, the other nothing.
    let first = requests(&outputs, P);
    assert_eq!((first.len(), requests(&outputs, Q).len()), (2, 0));
    let mut asked = first;
    let mut last = Vec::new();
    while let Some(ask) = asked.pop() {
        last = bench.block(P, ask);
        asked.extend(requests(&last, P));
        assert_eq!(requests(&last, Q), []);
    }
    assert!(last.contains(&Output::Check {
        piece,
        prints: false
    }));
    let bad_blocks = Vec::new();
    let outputs = bench.put(checked(Verdict::Bad { piece, bad_blocks }));
    assert_eq!(closed(&outputs), Some(CloseReason::CorruptData));
    assert_eq!(
        bench.swarm.peer_snapshots(bench.now)[0].key,
        Q,
        "only the sender goes"
    );
    assert_eq!(requests(&outputs, Q).len(), 2);
}

#[test]
fn a_bad_piece_is_fetched_from_somebody_clean_where_possible() {
    const R: PeerKey = PeerKey(3);
    let mut bench = suspects(1).0;
    bench.connect(R, true);
    bench.say(R, Message::HaveAll);
    bench.say(R, Message::Unchoke);
    // P began it again; when P lets go, the clean one gets it, not the other suspect.
    let outputs = bench.say(P, Message::Choke);
    assert_eq!(requests(&outputs, Q), []);
    let outputs = [outputs, bench.wait(2)].concat();
    assert_eq!(requests(&outputs, Q), []);
    assert_eq!(requests(&outputs, R).len(), 4);
}

#[test]
fn a_piece_under_suspicion_starts_anew_when_its_only_sender_leaves() {
    let (mut bench, piece, outputs) = suspects(1);
    bench.block(P, requests(&outputs, P)[0]);
    let outputs = bench.put(Input::PeerDisconnected { peer: P });
    assert!(outputs.contains(&Output::Drop { piece }));
    assert_eq!(requests(&outputs, Q).len(), 2);
}

#[test]
fn a_piece_that_a_suspect_began_alone_is_open_to_all_when_it_leaves() {
    // P delivers what it owes, so that it begins pieces of its own, and leaves anywhere in the middle.
    for delivered in 0..10 {
        let (mut bench, ..) = suspects(3);
        for _ in 0..delivered {
            bench.answer(P);
        }
        bench.put(Input::PeerDisconnected { peer: P });
        while bench.answer(Q) {}
        assert!(bench.swarm.is_complete(), "after {delivered} blocks");
        assert!(bench.swarm.counters().wasted <= 8 * u64::from(BLOCK));
    }
}

#[test]
fn the_guilty_of_a_known_bad_block_is_closed_at_once() {
    let mut bench = Bench::new(1, 4);
    let mut asked = Vec::new();
    for peer in [P, Q] {
        bench.connect(peer, true);
        bench.put(Input::PeerRequestLimit { peer, reqq: 2 });
        bench.say(peer, Message::HaveAll);
        asked.push(requests(&bench.say(peer, Message::Unchoke), peer));
    }
    for (peer, asks) in [(P, &asked[0]), (Q, &asked[1])] {
        for ask in asks {
            bench.block(peer, *ask);
        }
    }
    let piece = PieceIndex::new(0);
    let bad_blocks = vec![p2pcore_protocol::BlockSpan {
        piece,
        begin: asked[1][0].begin,
        length: BLOCK,
    }];
    bench.put(checked(Verdict::Bad { piece, bad_blocks }));
    let left = bench.swarm.peer_snapshots(bench.now);
    assert_eq!(left.iter().map(|peer| peer.key).collect::<Vec<_>>(), [P]);
}

#[test]
fn a_have_wakes_a_peer_that_had_nothing_for_us() {
    let mut bench = Bench::new(3, 1);
    bench.connect(P, true);
    let asks = |outputs: &[Output]| requests(outputs, P);
    let outputs = bench.say(P, Message::Have(0));
    assert_eq!(sent(&outputs, P), [Message::Interested]);
    let first = asks(&bench.say(P, Message::Unchoke));
    assert_eq!(first, [request(0, 0, BLOCK)]);
    bench.connect(Q, true);
    bench.say(Q, Message::Have(0));
    assert_eq!(requests(&bench.say(Q, Message::Unchoke), Q), []);
    assert_eq!(
        asks(&bench.say(P, Message::Have(1))),
        [request(1, 0, BLOCK)]
    );
    assert_eq!(
        requests(&bench.say(Q, Message::Have(2)), Q),
        [request(2, 0, BLOCK)]
    );
}

#[test]
fn a_piece_that_turns_out_to_be_there_is_not_fetched_on() {
    let mut bench = Bench::new(1, 4);
    bench.connect(P, true);
    bench.say(P, Message::HaveAll);
    let asked = requests(&bench.say(P, Message::Unchoke), P);
    bench.block(P, asked[0]);
    let piece = PieceIndex::new(0);
    let outputs = bench.put(Input::Had(vec![Verified::simulated(piece)]));
    assert!(outputs.contains(&Output::Drop { piece }));
    let cancels = sent(&outputs, P);
    let cancelled = |message: &&Message| matches!(message, Message::Cancel(_));
    assert_eq!(cancels.iter().filter(cancelled).count(), 3);
    assert!(bench.swarm.is_complete());
}

#[test]
fn short_pieces_of_a_seed_are_begun_in_rows_of_256_kib_and_of_others_one_by_one() {
    let rows = |has: Message| {
        let mut bench = Bench::new(64, 1);
        bench.connect(P, true);
        bench.say(P, has);
        bench.say(P, Message::Unchoke);
        let mut order = Vec::new();
        while let Some(&(_, request)) = bench.owed.front() {
            order.push(request.piece);
            bench.answer(P);
        }
        let begins = |pair: &&[u32]| pair[1] != pair[0] + 1;
        (order.len(), 1 + order.windows(2).filter(begins).count())
    };
    let (pieces, in_rows) = rows(Message::HaveAll);
    assert!((pieces, in_rows <= 4) == (64, true), "{in_rows}");
    let (pieces, one_by_one) = rows(Message::Bitfield([[0xff; 7].as_slice(), &[0xfe]].concat()));
    assert!((pieces, one_by_one > 30) == (63, true), "{one_by_one}");
}

#[test]
fn a_row_of_short_pieces_is_left_for_one_that_is_wanted_more() {
    let mut bench = Bench::new(256, 1);
    bench.connect(P, true);
    bench.say(P, Message::HaveAll);
    bench.say(P, Message::Unchoke);
    bench.answer(P);
    let mut priorities = vec![1; 256];
    let known: Vec<u32> = bench
        .owed
        .iter()
        .map(|(_, request)| request.piece)
        .collect();
    let urgent = (known[known.len() - 1] + 128) % 256; // in another row
    priorities[urgent as usize] = 7;
    bench.put(Input::Priorities(priorities));
    let next = loop {
        let mut asked = bench.owed.iter().map(|(_, request)| request.piece);
        match asked.find(|piece| !known.contains(piece)) {
            Some(piece) => break piece,
            None => assert!(bench.answer(P), "nothing is asked for"),
        }
    };
    assert_eq!(next, urgent);
}
