//! The Swarm: one torrent's transfer as a pure state machine. This file holds the parts together and delegates.
//!
//! After every input the Swarm is settled: peers that found room are asked for blocks, free slots are given away,
//! addresses are dialled. Timers need no precision: one tick looks at everything, four times a second while blocks are
//! owed to us, once a second otherwise, and never while there is nobody to look at.

mod announcing;
mod blocks;
mod connecting;
mod exchanging;
mod filling;
mod importing;
mod maps;
mod messages;
mod offering;
mod outbox;
mod pieces;
mod punching;
mod relaying;
mod revealing;
mod seeds;
mod serving;
mod showing;
mod steering;
mod upkeep;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use p2pcore_protocol::Layout;

use self::outbox::Outbox;
use self::upkeep::Timers;
use crate::bans::{Ban, Bans};
use crate::bitfield::Bitfield;
use crate::blame::Blame;
use crate::config::SwarmConfig;
use crate::dialer::{Dial, Dialer, Limits};
use crate::exchange::Register;
use crate::explain::Sharing;
use crate::forwarding::Forwarding;
use crate::identity::{Account, Identity};
use crate::input::{Input, PeerKey};
use crate::linger::{Demand, Linger};
use crate::locality::Locality;
use crate::need::Taken;
use crate::origin::Origin;
use crate::output::{Fact, Output};
use crate::peers::{Peer, Peers};
use crate::picker::{Picked, Picker};
use crate::random::Random;
use crate::snapshot::{Counters, PeerSnapshot};
use crate::tally::{Amounts, Tally};
use crate::time::Time;
use crate::uploader::{Policy, Slots};

/// One torrent's transfer. `handle` one input, then take outputs until there are none, then wait for `poll_timeout`.
#[derive(Debug)]
pub struct Swarm {
    config: SwarmConfig,
    layout: Layout,
    peers: Peers,
    picker: Picker,
    blame: Blame,
    bans: Bans,
    taken: Taken,
    /// Whoever had all that it can need when it was last chosen whom to serve.
    sated: Vec<Account>,
    tally: Tally,
    dialer: Dialer,
    register: Register,
    random: Random,
    out: Outbox,
    counters: Counters,
    timers: Timers,
    paused: bool,
    completed: bool,
    /// From completion until leaving does no harm.
    linger: Option<Linger>,
    policy: Box<dyn Policy>,
    slots: Slots,
    /// Only while we are the only source.
    origin: Option<Origin>,
    forwarding: Forwarding,
    /// Unless it is switched off.
    locality: Option<Locality>,
    seed: u64,
    todo: Todo,
    /// Reused between picks.
    picked: Vec<Picked>,
    whole: Vec<u32>,
    /// Pieces that were announced and are not there yet.
    coming: Vec<u32>,
}

/// What one input left to be settled.
#[derive(Debug, Default)]
#[allow(clippy::struct_excessive_bools)] // Independent facts, not one state.
struct Todo {
    /// Blocks or budget became free: look at every peer.
    fill_all: bool,
    /// An unchoke slot may be free.
    slots: bool,
    /// Need or holdings changed so that some peers may be of no use.
    useless: bool,
    /// Another peer has everything now, or one that had is gone.
    seeds: bool,
    /// The needed pieces changed: is everything there now, or not any more?
    completion: bool,
}

/// Who is connected is not dialled for so long.
const CONNECTED: Duration = Duration::from_mins(1);

impl Swarm {
    /// A Swarm that has nothing and wants everything. The same seed and inputs give the same outputs.
    pub fn new(config: SwarmConfig, layout: Layout, seed: u64) -> Self {
        let mut swarm = Self {
            config,
            peers: Peers::default(),
            picker: Picker::new(layout.clone(), config.max_partial_bytes, seed),
            blame: Blame::default(),
            bans: Bans::default(),
            taken: Taken::default(),
            sated: Vec::new(),
            tally: Tally::default(),
            dialer: Dialer::new(config.max_candidates, seed ^ 0x6469_616c),
            register: Register::default(),
            random: Random::new(seed ^ 0x6d65_6574),
            out: Outbox::default(),
            counters: Counters::default(),
            timers: Timers::default(),
            paused: false,
            completed: false,
            linger: None,
            policy: config.uploader.start(config.base_share),
            slots: Slots::new(config.unchoke_slots, Self::quantum(&layout)),
            origin: None,
            forwarding: Forwarding::default(),
            locality: config
                .locality
                .then(|| Locality::new(config.me, layout.piece_count())),
            seed,
            todo: Todo::default(),
            picked: Vec::new(),
            whole: Vec::new(),
            coming: Vec::new(),
            layout,
        };
        // A torrent of empty files is complete from the start.
        swarm.settle_completion(Time::ZERO);
        swarm
    }

    /// Takes in one thing that happened at `now`, which never goes back.
    pub fn handle(&mut self, now: Time, input: Input) {
        match input {
            Input::PeerConnected { peer, info } => self.on_connected(now, peer, info),
            Input::PeerDisconnected { peer } => self.on_disconnected(now, peer),
            Input::PeerRequestLimit { peer, reqq } => self.on_request_limit(now, peer, reqq),
            Input::PeerExtensions { peer, said } => self.on_extensions(now, peer, &said),
            Input::Exchanged { peer, exchange } => self.on_exchanged(now, peer, &exchange),
            Input::Punched { peer, said } => self.on_punched(now, peer, said),
            Input::SeedsSeen { peer, seeds } => self.on_seeds_seen(now, peer, seeds),
            Input::PeerUploadOnly { peer, upload_only } => {
                self.on_upload_only(peer, upload_only);
            }
            Input::PeerSite { peer, local, news } => self.on_site(now, peer, local, news),
            Input::SiteNews { peer, news } => self.on_site_news(now, peer, news),
            Input::Message { peer, message } => self.on_message(now, peer, message),
            Input::BlockArrived {
                peer,
                piece,
                begin,
                length,
                proven,
                ticket,
            } => self.on_block(now, peer, (piece, begin, length), proven, ticket),
            Input::Progress { peer, bytes } => self.on_progress(now, peer, bytes),
            Input::Writable { peer, room } => self.on_writable(now, peer, room),
            Input::Checked { verdict, prints } => self.on_checked(now, verdict, &prints),
            Input::LeavesCame {
                peer,
                piece,
                proven,
            } => self.on_leaves(now, peer, piece, &proven),
            Input::LeavesRefused { peer } => self.on_leaves_refused(peer),
            Input::Had(pieces) => self.on_had(now, &pieces),
            Input::Priorities(priorities) => self.on_priorities(now, &priorities),
            Input::Sequential(sequential) => self.picker.set_sequential(sequential),
            Input::Deadline { piece, within } => self.on_deadline(now, piece, within),
            Input::NoDeadlines => self.picker.clear_deadlines(),
            Input::Addresses(addresses) => {
                for (addr, source) in addresses {
                    self.dialer.add(now, addr, source);
                }
            }
            Input::DialFailed { addr, for_good } => self.dialer.on_failed(now, addr, for_good),
            Input::PeerComing { peer, coming } => self.on_coming(now, peer, coming),
            Input::PeerLacks { peer, piece } => self.on_lacks(now, peer, piece),
            Input::StoreFailed { piece } => self.on_store_failed(now, piece),
            Input::Misbehaved { peer, reason } => self.on_misbehaved(now, peer, reason),
            Input::Pause => self.on_pause(now),
            Input::Resume => self.on_resume(now),
            Input::Tick => {}
        }
        self.settle(now);
    }

    /// The next thing to do, in order.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.out.pop()
    }

    /// When to hand in `Input::Tick` if nothing else happens.
    pub fn poll_timeout(&self) -> Option<Time> {
        let dial = self.dialer.next_due(self.dial_limits());
        let dial = dial.filter(|_| !self.paused);
        match (self.timers.next(), dial) {
            (Some(tick), Some(dial)) => Some(tick.min(dial)),
            (tick, dial) => tick.or(dial),
        }
    }

    /// What it was started with.
    pub fn config(&self) -> &SwarmConfig {
        &self.config
    }

    /// The model of the torrent.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The verified pieces.
    pub fn have(&self) -> &Bitfield {
        self.picker.have()
    }

    /// Every wanted piece is there.
    pub fn is_complete(&self) -> bool {
        self.picker.need().is_empty()
    }

    /// We hide pieces from the peer, or may: we are the only source, and show them one by one once there are others.
    pub fn may_hide_from(&self, peer: PeerKey) -> bool {
        self.peers
            .get(peer)
            .is_some_and(|peer| peer.shown.is_some())
    }

    /// Paused: no peer, no dial.
    pub fn is_paused(&self) -> bool {
        self.paused
    }

    /// How many connected peers have each piece.
    pub fn availability(&self) -> Vec<u16> {
        self.picker.availability()
    }

    /// The connected peers, in the order of their keys.
    pub fn peer_snapshots(&self, now: Time) -> Vec<PeerSnapshot> {
        let pieces = self.layout.piece_count();
        self.peers
            .iter()
            .map(|peer| peer.snapshot(now, pieces, &self.forwarding))
            .collect()
    }

    /// How the upload is shared out now.
    pub fn sharing(&self) -> Sharing {
        Sharing {
            policy: self.config.uploader,
            base_share: self.config.base_share,
            slots: self.slots(),
            most_slots: self.config.unchoke_slots,
            origin: self.origin.is_some(),
        }
    }

    /// What was given to and received from each identity since this was called last.
    pub fn take_amounts(&mut self) -> BTreeMap<Identity, Amounts> {
        for peer in self.peers.iter_mut() {
            self.tally.book(peer);
        }
        self.tally.take()
    }

    /// Goes on with what a Swarm before it held against peers.
    pub fn inherit(&mut self, before: Self) {
        self.bans = before.bans;
        self.taken = before.taken;
    }

    /// Nothing is known, held against anybody or about to be done that would not be in a new Swarm that is given the same
    /// pieces.
    pub fn is_fresh(&self) -> bool {
        self.peers.is_empty()
            && self.bans.is_empty()
            && self.taken.is_empty()
            && self.tally.is_empty()
            && self.dialer.is_empty()
            && self.forwarding.is_empty()
            && self.locality.as_ref().is_none_or(Locality::is_fresh)
            && self.linger.is_none()
            && self.out.is_empty()
    }

    /// The bans that have not ended.
    pub fn bans(&self, now: Time) -> Vec<Ban> {
        self.bans.all(now)
    }

    /// The number of connected peers.
    pub fn peer_count(&self) -> usize {
        self.peers.len()
    }

    /// The number of connected peers that have everything.
    pub fn seeds(&self) -> usize {
        usize::from(self.picker.seeds())
    }

    /// Sums since the start.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Does what the last input made possible.
    fn settle(&mut self, now: Time) {
        let ticks = self.timers.is_due(now);
        if ticks {
            self.upkeep(now);
        }
        if std::mem::take(&mut self.todo.completion) {
            self.settle_completion(now);
        }
        if ticks || self.peers.is_empty() {
            self.settle_linger(now);
        }
        if std::mem::take(&mut self.todo.useless) {
            self.close_useless(now);
        }
        if std::mem::take(&mut self.todo.seeds) {
            self.tell_of_seeds(now);
        }
        if std::mem::take(&mut self.todo.slots) {
            self.give_free_slots(now);
        }
        if std::mem::take(&mut self.todo.fill_all) {
            self.fill_all(now);
        }
        if !self.paused {
            self.dial(now);
        }
        self.timers.set(now, !self.peers.is_empty());
    }

    fn settle_completion(&mut self, now: Time) {
        let complete = self.is_complete();
        if complete && !self.completed {
            self.out.push(Output::Fact(Fact::Completed));
            self.linger = Some(Linger::new(now, self.counters.uploaded));
            self.settle_linger(now);
        } else if self.completed && !complete {
            self.dialer.on_incomplete(now);
            self.linger = None;
        }
        self.completed = complete;
        self.todo.useless = true;
    }

    fn settle_linger(&mut self, now: Time) {
        let Some(linger) = self.linger else {
            return;
        };
        let wanting = |peer: &Peer| peer.wants && !peer.wants_nothing();
        let demand = if self.peers.iter().all(Peer::wants_nothing) {
            Demand::Nothing
        } else if self.peers.iter().any(wanting) {
            Demand::Something
        } else {
            Demand::NothingYet
        };
        let piece = u64::from(self.layout.piece_length());
        if linger.is_over(now, self.counters.uploaded, piece, demand) {
            self.linger = None;
            self.out.push(Output::Fact(Fact::MayLeave));
        }
    }

    fn next_dial(&mut self, now: Time) -> Option<Dial> {
        let limits = self.dial_limits();
        let (bans, peers) = (&self.bans, &self.peers);
        let not_before = |addr: SocketAddr| {
            let banned = bans.of_address(now, addr);
            banned.or_else(|| peers.has_one_at(addr).then(|| now + CONNECTED))
        };
        self.dialer.next(now, limits, not_before)
    }

    fn dial_limits(&self) -> Limits {
        Limits {
            connected: self.peers.len(),
            max_peers: self.config.max_peers,
            neighbours: self.config.neighbours.min(self.config.max_peers / 2),
            max_dials: self.config.max_dials,
            complete: self.is_complete(),
        }
    }
}
