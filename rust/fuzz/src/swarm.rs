//! The Swarm: whatever peers, storage and the clock do, in any order, it keeps to its contract with the driver.
//!
//! The bytes are a script: each step is an input to the Swarm. The driver here carries out every output the way the
//! engine does, keeps its own books, and stops where an output names a peer, a payload or a piece that is not there.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;

use p2pcore_protocol::extension::Coming;
use p2pcore_protocol::holepunch::{Failure, Holepunch};
use p2pcore_protocol::layout::{Layout, Span};
use p2pcore_protocol::message::{Message, Request};
use p2pcore_protocol::pex::{Exchange, Told};
use p2pcore_protocol::{BLOCK, BlockSpan, Member, PieceIndex, Says, SiteNews, Verified};
use p2pcore_scheduling::{
    CloseReason, Extensions, Input, Output, PeerInfo, PeerKey, PeerSource, Print, Swarm,
    SwarmConfig, Ticket, Time, Verdict,
};

use crate::script::Script;

/// Outputs after one input: a Swarm that says more has begun to loop.
const MOST_OUTPUTS: usize = 20_000;

/// Feeds a script; accepted means that it had at least one whole step.
pub fn swarm(data: &[u8]) -> bool {
    let Some(layout) = layout() else { return false };
    // A script of odd length runs with room for two maps of what peers have.
    let usual = SwarmConfig::default();
    let max_map_bytes = [usual.max_map_bytes, 16][data.len() % 2];
    let config = SwarmConfig {
        max_map_bytes,
        me: member(3),
        locality: true,
        ..usual
    };
    let mut world = World::new(layout, &config);
    let mut script = Script(data);
    let mut steps = 0;
    while let Some(step) = script.byte() {
        world.step(step, &mut script);
        steps += 1;
    }
    steps > 0
}

/// Seven pieces of 48 KiB with padding inside, at an end, and as a whole piece; the last is short.
fn layout() -> Option<Layout> {
    let spans = [
        Span::File(100_000),
        Span::Pad(30_000),
        Span::File(16_384),
        Span::Pad(50_224),
        Span::File(100_001),
        Span::File(20_000),
    ];
    Layout::new(3 * BLOCK, spans).ok()
}

struct World {
    swarm: Swarm,
    layout: Layout,
    now: Time,
    next_key: u64,
    peers: BTreeMap<PeerKey, SocketAddr>,
    /// Those that speak BEP 6, and those of BEP 54: who speaks both may be told of a piece before it is there.
    fast: BTreeSet<PeerKey>,
    corrigible: BTreeSet<PeerKey>,
    dials: BTreeSet<SocketAddr>,
    /// What peers were asked for and have not sent.
    asked: VecDeque<(PeerKey, Request)>,
    /// Payloads, and whether each has its leaf.
    tickets: BTreeMap<Ticket, bool>,
    stored: BTreeMap<PieceIndex, BTreeSet<BlockSpan>>,
    checks: VecDeque<PieceIndex>,
    verified: BTreeSet<PieceIndex>,
    /// Stored blocks of which the Swarm was told that they are right.
    proven: BTreeSet<BlockSpan>,
}

impl World {
    fn new(layout: Layout, config: &SwarmConfig) -> Self {
        Self {
            swarm: Swarm::new(*config, layout.clone(), 7),
            layout,
            now: Time::ZERO,
            next_key: 0,
            peers: BTreeMap::new(),
            fast: BTreeSet::new(),
            corrigible: BTreeSet::new(),
            dials: BTreeSet::new(),
            asked: VecDeque::new(),
            tickets: BTreeMap::new(),
            stored: BTreeMap::new(),
            checks: VecDeque::new(),
            verified: BTreeSet::new(),
            proven: BTreeSet::new(),
        }
    }

    fn step(&mut self, step: u8, script: &mut Script<'_>) {
        match step % 20 {
            0 | 1 => self.connect(script),
            2 => self.disconnect(script),
            3..=7 => self.message(script),
            8..=11 => self.answer(script),
            12 => self.unasked_block(script),
            13 | 14 => self.verdict(script),
            15 => self.pass_time(script),
            16 => self.addresses(script),
            17 => self.steer(script),
            18 => self.about_peer(script),
            _ => self.dial_ends(script),
        }
    }

    /// Hands in one input and carries out all that follows.
    fn handle(&mut self, input: Input) {
        let mut inputs = VecDeque::from([input]);
        while let Some(input) = inputs.pop_front() {
            self.swarm.handle(self.now, input);
            for count in 0.. {
                assert!(
                    count < MOST_OUTPUTS,
                    "the outputs after one input do not end"
                );
                let Some(output) = self.swarm.poll_output() else {
                    break;
                };
                inputs.extend(self.carry_out(output));
            }
        }
        self.compare();
    }

    fn carry_out(&mut self, output: Output) -> Option<Input> {
        match output {
            Output::Send { peer, message } => self.sent(peer, &message),
            Output::Serve { peer, span } => {
                assert!(
                    self.peers.contains_key(&peer),
                    "serves {peer:?}, who is gone"
                );
                assert!(
                    self.verified.contains(&span.piece) || self.proven.contains(&span),
                    "serves {span:?} unverified"
                );
                let checked = self
                    .layout
                    .check_span(span.piece.get(), span.begin, span.length);
                assert_eq!(checked, Some(span));
            }
            Output::Store { ticket, span } => {
                let proven = self.tickets.remove(&ticket);
                assert!(proven.is_some(), "stores {ticket:?}, which is not there");
                let block = self.layout.block_at(span.piece, span.begin, span.length);
                assert!(block.is_some(), "stores {span:?}, which is no block");
                assert!(
                    !self.verified.contains(&span.piece),
                    "stores into a verified piece"
                );
                self.stored.entry(span.piece).or_default().insert(span);
                if proven == Some(true) {
                    self.proven.insert(span);
                }
            }
            Output::Discard { ticket } => {
                assert!(
                    self.tickets.remove(&ticket).is_some(),
                    "discards {ticket:?}, which is not there"
                );
            }
            Output::Check { piece, .. } => self.check(piece),
            Output::Drop { piece } => {
                self.stored.remove(&piece);
                self.proven.retain(|span| span.piece != piece);
            }
            Output::AskLeaves { peer, piece } => {
                assert!(
                    self.peers.contains_key(&peer),
                    "asks {peer:?} for leaves, who is gone"
                );
                assert!(
                    !self.verified.contains(&piece),
                    "asks for leaves of {piece}"
                );
            }
            Output::Dial { addr, .. } => {
                assert!(self.dials.insert(addr), "dials {addr} twice at once");
            }
            Output::Close { peer, .. } => {
                assert!(
                    self.peers.remove(&peer).is_some(),
                    "closes {peer:?}, who is gone"
                );
                self.asked.retain(|(other, _)| *other != peer);
                return Some(Input::PeerDisconnected { peer });
            }
            Output::Fact(_) => {}
        }
        None
    }

    fn sent(&mut self, peer: PeerKey, message: &Message) {
        assert!(
            self.peers.contains_key(&peer),
            "sends {message:?} to {peer:?}, who is gone"
        );
        match message {
            Message::Request(request) => {
                let piece = self.layout.piece(request.piece);
                let block = piece
                    .and_then(|piece| self.layout.block_at(piece, request.begin, request.length));
                assert!(block.is_some(), "asks for {request:?}, which is no block");
                self.asked.push_back((peer, *request));
            }
            Message::Have(piece) => {
                let ahead = self.fast.contains(&peer) && self.corrigible.contains(&peer);
                assert!(
                    self.verified.contains(&PieceIndex::new(*piece)) || ahead,
                    "claims a piece"
                );
            }
            _ => {}
        }
    }

    fn check(&mut self, piece: PieceIndex) {
        assert!(!self.verified.contains(&piece), "checks {piece} again");
        let blocks: BTreeSet<_> = self.layout.blocks(piece).collect();
        let stored = self.stored.get(&piece).cloned().unwrap_or_default();
        assert_eq!(
            stored, blocks,
            "checks {piece} before every block is stored"
        );
        assert!(
            !self.checks.contains(&piece),
            "checks {piece} twice at once"
        );
        self.checks.push_back(piece);
    }

    /// The Swarm's own account of things against ours.
    fn compare(&self) {
        let availability = self.swarm.availability();
        assert!(
            availability
                .iter()
                .all(|&count| usize::from(count) <= self.peers.len())
        );
        let snapshots = self.swarm.peer_snapshots(self.now);
        assert!(snapshots.len() <= self.peers.len());
    }

    fn peer(&self, script: &mut Script<'_>) -> Option<PeerKey> {
        let number = script.small(self.peers.len() as u32);
        self.peers.keys().nth(number as usize).copied()
    }

    fn connect(&mut self, script: &mut Script<'_>) {
        let outgoing = self.dials.pop_first();
        let addr = outgoing.unwrap_or_else(|| address(script.small(40)));
        let peer = PeerKey(self.next_key);
        self.next_key += 1;
        let flags = script.small(8);
        let info = PeerInfo {
            addr,
            outgoing: outgoing.is_some(),
            peer_id: [script.small(30) as u8; 20],
            fast: flags & 1 != 0,
            extended: flags & 2 != 0,
            v2: flags & 4 != 0,
        };
        self.peers.insert(peer, addr);
        if info.fast {
            self.fast.insert(peer);
        }
        self.handle(Input::PeerConnected { peer, info });
    }

    fn disconnect(&mut self, script: &mut Script<'_>) {
        let Some(peer) = self.peer(script) else {
            return;
        };
        self.peers.remove(&peer);
        self.asked.retain(|(other, _)| *other != peer);
        self.handle(Input::PeerDisconnected { peer });
    }

    fn message(&mut self, script: &mut Script<'_>) {
        let Some(peer) = self.peer(script) else {
            return;
        };
        let message = message(script);
        self.handle(Input::Message { peer, message });
    }

    /// A peer sends what it was asked for.
    fn answer(&mut self, script: &mut Script<'_>) {
        let number = script.small(self.asked.len() as u32) as usize;
        if let Some((peer, request)) = self.asked.remove(number) {
            self.block(peer, request, script.yes());
        }
    }

    fn unasked_block(&mut self, script: &mut Script<'_>) {
        let Some(peer) = self.peer(script) else {
            return;
        };
        let request = Request {
            length: script.number().clamp(1, 1 << 17),
            ..request(script)
        };
        self.block(peer, request, script.yes());
    }

    fn block(&mut self, peer: PeerKey, request: Request, proven: bool) {
        let Request {
            piece,
            begin,
            length,
        } = request;
        self.handle(Input::Progress {
            peer,
            bytes: length,
        });
        if !self.peers.contains_key(&peer) {
            return;
        }
        let ticket = Ticket(self.next_key);
        self.next_key += 1;
        self.tickets.insert(ticket, proven);
        self.handle(Input::BlockArrived {
            peer,
            piece,
            begin,
            length,
            proven,
            ticket,
        });
        assert!(
            !self.tickets.contains_key(&ticket),
            "{ticket:?} was neither stored nor discarded"
        );
    }

    fn verdict(&mut self, script: &mut Script<'_>) {
        let Some(piece) = self.checks.pop_front() else {
            return;
        };
        self.proven.retain(|span| span.piece != piece);
        let blocks = self.layout.blocks(piece);
        let prints = blocks.map(|_| Print(script.small(2).into())).collect();
        let verdict = match script.small(6) {
            0 => {
                self.stored.remove(&piece);
                return self.handle(Input::StoreFailed { piece });
            }
            1 => {
                let blocks: Vec<_> = self.layout.blocks(piece).collect();
                let bad = script.small(blocks.len() as u32 + 1) as usize;
                let bad_blocks = blocks.get(..bad).unwrap_or_default().to_vec();
                Verdict::Bad { piece, bad_blocks }
            }
            _ => {
                self.verified.insert(piece);
                self.stored.remove(&piece);
                Verdict::Good(Verified::simulated(piece))
            }
        };
        self.handle(Input::Checked { verdict, prints });
    }

    fn pass_time(&mut self, script: &mut Script<'_>) {
        let wait = Duration::from_millis(u64::from(script.small(250)).pow(2));
        self.now = self.now + wait;
        if let Some(deadline) = self.swarm.poll_timeout().filter(|_| script.small(2) == 0) {
            self.now = self.now.max(deadline);
        }
        self.handle(Input::Tick);
    }

    fn addresses(&mut self, script: &mut Script<'_>) {
        let sources = [
            PeerSource::User,
            PeerSource::Incoming,
            PeerSource::Local,
            PeerSource::Exchange,
        ];
        let source = sources[script.small(4) as usize];
        let found = (0..script.small(5))
            .map(|_| (address(script.small(40)), source))
            .collect();
        self.handle(Input::Addresses(found));
    }

    /// Some of the blocks that are there have their leaves; of what is not there the Swarm is told in vain.
    fn prove(&mut self, script: &mut Script<'_>) -> Input {
        let piece = PieceIndex::new(script.small(8));
        let proven: Vec<u32> = (0..4).filter(|_| script.yes()).collect();
        let there = self.stored.get(&piece);
        let there = there.filter(|_| !self.checks.contains(&piece));
        let right = there.into_iter().flatten();
        let right = right.filter(|span| proven.contains(&(span.begin / BLOCK)));
        self.proven.extend(right);
        Input::LeavesCame {
            peer: PeerKey(script.small(8).into()),
            piece,
            proven,
        }
    }

    fn steer(&mut self, script: &mut Script<'_>) {
        let input = match script.small(8) {
            7 => self.prove(script),
            5 => Input::Deadline {
                piece: script.small(9),
                within: script
                    .yes()
                    .then(|| Duration::from_millis(script.wide().into())),
            },
            6 => Input::NoDeadlines,
            0 => Input::Sequential(script.small(2) == 0),
            1 => {
                let pieces = self.layout.piece_count();
                Input::Priorities((0..pieces).map(|_| script.small(3) as u8).collect())
            }
            2 => Input::Pause,
            3 => Input::Resume,
            _ => {
                let piece = self.layout.piece(script.small(8));
                let idle = |piece: &PieceIndex| {
                    !self.stored.contains_key(piece) && !self.checks.contains(piece)
                };
                let had: Vec<_> = piece.into_iter().filter(idle).collect();
                self.verified.extend(&had);
                Input::Had(had.into_iter().map(Verified::simulated).collect())
            }
        };
        self.handle(input);
    }

    fn about_peer(&mut self, script: &mut Script<'_>) {
        let Some(peer) = self.peer(script) else {
            return;
        };
        let input = match script.small(13) {
            12 => Input::PeerComing {
                peer,
                coming: Coming {
                    piece: script.small(9),
                    hops: script.small(4) as u8,
                },
            },
            11 => Input::LeavesRefused { peer },
            0 => Input::PeerRequestLimit {
                peer,
                reqq: script.number(),
            },
            1 => Input::PeerUploadOnly {
                peer,
                upload_only: script.small(2) == 0,
            },
            2 => return self.misbehave(peer),
            3 => Input::PeerLacks {
                peer,
                piece: script.small(9),
            },
            4 => Input::PeerSite {
                peer,
                local: script.small(3) > 0,
                news: (script.small(3) > 0).then_some(9),
            },
            5 => Input::SiteNews {
                peer,
                news: (0..script.small(4)).map(|_| site_news(script)).collect(),
            },
            6 => Input::PeerExtensions {
                peer,
                said: Extensions {
                    passes: script.yes(),
                    dont_have: self.says_if_it_is_corrigible(peer, script),
                    seeds: script.yes().then_some(8),
                    exchange: script.yes().then_some(10),
                    punch: script.yes().then_some(11),
                    coming: script.yes().then_some(12),
                    listen_port: script.yes().then_some(6_881),
                },
            },
            7 => Input::SeedsSeen {
                peer,
                seeds: (0..script.small(9))
                    .map(|_| member(script.small(12) as u8))
                    .collect(),
            },
            8 => Input::Exchanged {
                peer,
                exchange: exchange(script),
            },
            9 => Input::Punched {
                peer,
                said: holepunch(script),
            },
            _ => Input::Writable {
                peer,
                room: script.number(),
            },
        };
        self.handle(input);
    }

    fn says_if_it_is_corrigible(&mut self, peer: PeerKey, script: &mut Script<'_>) -> Option<u8> {
        if script.yes() {
            self.corrigible.insert(peer);
            return Some(7);
        }
        self.corrigible.remove(&peer);
        None
    }

    /// The codec found a peer out: the driver closes it.
    fn misbehave(&mut self, peer: PeerKey) {
        self.handle(Input::Misbehaved {
            peer,
            reason: CloseReason::ProtocolError,
        });
        if self.peers.remove(&peer).is_some() {
            self.asked.retain(|(other, _)| *other != peer);
            self.handle(Input::PeerDisconnected { peer });
        }
    }

    fn dial_ends(&mut self, script: &mut Script<'_>) {
        if let Some(addr) = self.dials.pop_last() {
            self.handle(Input::DialFailed {
                addr,
                for_good: script.small(2) == 0,
            });
        }
    }
}

fn address(number: u32) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, number as u8], 6881))
}

fn request(script: &mut Script<'_>) -> Request {
    Request {
        piece: script.small(9),
        begin: script.number(),
        length: if script.small(2) == 0 {
            BLOCK
        } else {
            script.number()
        },
    }
}

/// As in the peer ids that peers come with.
fn member(number: u8) -> Member {
    Member(u64::from_be_bytes([number; 8]))
}

fn exchange(script: &mut Script<'_>) -> Exchange {
    let told = |script: &mut Script<'_>| Told {
        addr: address(script.small(40)),
        seed: script.yes(),
        reachable: script.yes(),
    };
    Exchange {
        added: (0..script.small(9)).map(|_| told(script)).collect(),
        dropped: (0..script.small(3))
            .map(|_| address(script.small(40)))
            .collect(),
    }
}

fn holepunch(script: &mut Script<'_>) -> Holepunch {
    let addr = address(script.small(40));
    match script.small(3) {
        0 => Holepunch::Rendezvous(addr),
        1 => Holepunch::Connect(addr),
        _ => Holepunch::Failed(addr, Failure::NotConnected),
    }
}

fn site_news(script: &mut Script<'_>) -> SiteNews {
    let says = match script.small(4) {
        0 => Says::Gone,
        pieces => Says::Here((1..pieces).map(|_| script.small(9)).collect()),
    };
    let member = member(script.small(30) as u8);
    SiteNews { member, says }
}

fn message(script: &mut Script<'_>) -> Message {
    match script.small(20) {
        0 => Message::Choke,
        1..=4 => Message::Unchoke,
        5 | 6 => Message::Interested,
        7 => Message::NotInterested,
        8 | 9 => Message::Have(script.small(9)),
        10 | 11 => Message::Bitfield(vec![script.byte().unwrap_or_default() & 0xfe]),
        12 | 13 => Message::Request(request(script)),
        14 => Message::Cancel(request(script)),
        15 => Message::Reject(request(script)),
        16 => Message::HaveAll,
        17 => Message::HaveNone,
        18 => Message::AllowedFast(script.number()),
        _ => match script.small(4) {
            0 => Message::Suggest(script.number()),
            1 => Message::KeepAlive,
            2 => Message::Port(1),
            _ => Message::Unknown(99),
        },
    }
}
