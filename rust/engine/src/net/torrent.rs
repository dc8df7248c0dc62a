//! One torrent on the network thread: its Swarm, its peers, its storage, and the carrying out of what the Swarm says.
//!
//! Nothing here decides about peers or pieces. What is decided is the torrent's life: opening, checking, running,
//! paused, failed, closing. Files are opened and closed only while no job of the torrent is under way.

mod resting;
mod starting;
mod wanting;

use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use p2pcore_protocol::extension::{ExtensionHandshake, ExtensionIds};
use p2pcore_protocol::hashes::HashTrees;
use p2pcore_protocol::message::Message;
use p2pcore_protocol::{FileIndex, Member, Metainfo, PieceIndex, Verified};
use p2pcore_scheduling::{
    CloseReason, Input, PeerInfo, PeerKey, PeerSource, Site, Swarm, SwarmConfig, Ticket, Time,
    Verdict,
};

use tokio::sync::Semaphore;

use self::resting::Resting;
use super::fetched::Fetched;
use super::jobs::{self, JobResult, PieceOutcome};
use super::leaves::Leaves;
use super::peer::Peer;
use super::spare::Spare;
use super::{Net, forget, pump, status, writer};
use crate::api::{AddTorrent, CommandId, EventKind, State, Target, TorrentId};
use crate::error::{StorageError, TorrentError};
use crate::shared::TorrentShared;
use crate::storage::Storage;

/// A torrent of the session.
pub(super) struct Torrent {
    pub id: TorrentId,
    pub meta: Arc<Metainfo>,
    pub shared: Arc<TorrentShared>,
    reads: OnceCell<Arc<Semaphore>>,
    target: Target,
    /// `None` while the torrent rests.
    core: RefCell<Option<Box<Core>>>,
    resting: RefCell<Resting>,
}

/// What changes. One borrow of it handles a batch of inputs and then carries out what the Swarm says.
pub(super) struct Core {
    pub swarm: Swarm,
    pub peers: BTreeMap<PeerKey, Rc<Peer>>,
    pub phase: Phase,
    pub storage: Option<Arc<Storage>>,
    pub fetched: Arc<Fetched>,
    /// Blocks of pieces that are not complete, in memory. The Swarm bounds how many pieces are begun.
    pub partial: BTreeMap<PieceIndex, Vec<Vec<u8>>>,
    /// Payload whose fate the Swarm has not yet told.
    pub tickets: VecDeque<(Ticket, Vec<u8>)>,
    /// Buffers to use again.
    pub spare: Spare,
    pub jobs: usize,
    /// Verified bytes of wanted files.
    pub done_bytes: u64,
    /// For each file, the pieces that are missing.
    pub missing: Vec<u32>,
    pub wanted: Vec<bool>,
    /// How soon each piece is wanted; `None`: all alike.
    pub priorities: Option<Vec<u8>>,
    /// When pieces are due that are not had.
    pub due: BTreeMap<PieceIndex, Time>,
    /// Bytes of wanted files, without the pieces that nobody wants.
    pub wanted_bytes: u64,
    /// Files that a piece on its way to the Swarm makes whole: told after the piece, before the end.
    pub whole: Vec<FileIndex>,
    pub unflushed: bool,
    pub changed: bool,
    pub trees: HashTrees,
    pub leaves: Leaves,
    now: Time,
    next_key: u64,
    user_peers: Vec<SocketAddr>,
    had: Vec<Verified>,
    checking: usize,
    check_error: Option<TorrentError>,
    stop_check: Arc<AtomicBool>,
    paused: bool,
    sequential: bool,
    closing: Option<(bool, Option<CommandId>)>,
    opening: Option<CommandId>,
    reopen: bool,
    before: Sums,
    refreshed: Time,
    flushed: Time,
}

/// Where a torrent is in its life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Phase {
    Opening,
    Checking,
    Running,
    Failed(TorrentError),
    Closing,
}

/// When a torrent is to be looked at again.
pub(super) enum Next {
    /// With the next tick: something goes on.
    Tick,
    At(Time),
    Never,
}

/// Payload counted by Swarms that went before (each start makes a new one).
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sums {
    pub downloaded: u64,
    pub uploaded: u64,
    pub wasted: u64,
}

impl Torrent {
    pub fn new(net: &Net, id: TorrentId, add: AddTorrent, shared: Arc<TorrentShared>) -> Rc<Self> {
        let mut wanted = vec![add.files.is_none(); add.meta.files().len()];
        for file in add.files.iter().flatten() {
            wanted[file.as_usize()] = true;
        }
        let mut core = Core {
            user_peers: add.peers,
            sequential: add.sequential,
            ..Core::new(net, &add.meta, id, wanted)
        };
        let torrent = Self {
            id,
            meta: add.meta,
            shared,
            reads: OnceCell::new(),
            target: add.target,
            core: RefCell::default(),
            resting: RefCell::default(),
        };
        torrent.count_wanted(&mut core);
        *torrent.core.borrow_mut() = Some(Box::new(core));
        Rc::new(torrent)
    }

    /// Lets `act` feed the Swarm, then carries out what the Swarm says.
    pub fn with<T>(&self, net: &Net, act: impl FnOnce(&mut Core) -> T) -> T {
        net.wake(self.id);
        let mut core = self.core(net);
        core.now = net.now();
        let result = act(&mut core);
        pump::carry_out(net, self, &mut core);
        result
    }

    /// Feeds one input.
    pub fn handle(&self, net: &Net, input: Input) {
        self.with(net, |core| core.handle(input));
    }

    pub fn storage(&self) -> Option<Arc<Storage>> {
        let core = self.core.borrow();
        match &*core {
            Some(core) => core.storage.clone(),
            None => self.resting.borrow().storage.clone(),
        }
    }

    /// Turns for reads that wait for a disk.
    pub fn reads(&self) -> &Arc<Semaphore> {
        self.reads
            .get_or_init(|| Arc::new(Semaphore::new(jobs::READS)))
    }

    pub fn is_running(&self) -> bool {
        let core = self.core.borrow();
        core.as_ref()
            .is_none_or(|core| core.phase == Phase::Running && !core.paused)
    }

    /// Opens (or reopens) the files, then checks what they hold.
    /// A handshake was made: the peer's place in the swarm, unless the torrent has stopped meanwhile.
    /// `own_ip`: the address of our end.
    pub fn connected(&self, net: &Net, info: PeerInfo, own_ip: Option<IpAddr>) -> Option<Rc<Peer>> {
        let running = self.is_running();
        if !running || self.is_duplicate(net, &info) {
            net.ends.count(&if running {
                CloseReason::Duplicate
            } else {
                CloseReason::Stopped
            });
            if info.outgoing {
                let addr = info.addr;
                self.handle(
                    net,
                    Input::DialFailed {
                        addr,
                        for_good: false,
                    },
                );
            }
            return None;
        }
        net.connected.set(net.connected.get() + 1);
        let label = net.config.site;
        let own_site = own_ip.map(|ip| Site { label, ip });
        let own_site = own_site.filter(|_| net.config.locality);
        let peer = self.with(net, |core| {
            core.changed = true;
            let key = PeerKey(core.next_key);
            core.next_key += 1;
            let peer = Rc::new(Peer::new(key, info.clone(), own_site));
            if net.lsd.is_near(net.now(), info.addr.ip()) {
                peer.is_near();
            }
            core.peers.insert(key, Rc::clone(&peer));
            core.handle(Input::PeerConnected { peer: key, info });
            core.handle(Input::Writable {
                peer: key,
                room: writer::ROOM,
            });
            // Who speaks BEP 10 says where it is in a moment.
            if let Some(site) = peer.site().filter(|_| !peer.info.extended) {
                core.handle(site);
            }
            peer
        });
        // After the bitfield, which must be the first message.
        if peer.info.extended {
            let payload = self.extension_handshake(net, peer.key).encode();
            peer.send(&Message::Extended { id: 0, payload });
        }
        let (addr, outgoing) = (peer.info.addr, peer.info.outgoing);
        net.emit(Some(self.id), EventKind::PeerConnected { addr, outgoing });
        Some(peer)
    }

    /// Whether the peer is connected already and that connection is the one to keep: of two that crossed, both sides
    /// keep the one that the larger peer id dialled.
    fn is_duplicate(&self, net: &Net, info: &PeerInfo) -> bool {
        let core = self.core(net);
        let mut same = core
            .peers
            .values()
            .filter(|peer| peer.info.peer_id == info.peer_id);
        let Some(other) = same.next() else {
            return false;
        };
        let ours_wins = net.peer_id > info.peer_id;
        if other.info.outgoing == info.outgoing || info.outgoing != ours_wins {
            return true;
        }
        other.close(CloseReason::Duplicate);
        false
    }

    fn extension_handshake(&self, net: &Net, to: PeerKey) -> ExtensionHandshake {
        let core = self.core(net);
        let only = core.swarm.is_complete().then_some(true);
        let hides = core.swarm.may_hide_from(to);
        ExtensionHandshake {
            ids: ExtensionIds {
                lt_donthave: Some(DONT_HAVE_ID),
                upload_only: Some(UPLOAD_ONLY_ID),
                ut_pex: core.swarm.config().exchange.then_some(EXCHANGE_ID),
                p2_site: net.config.locality.then_some(SITE_ID),
                p2_seeds: Some(SEEDS_ID),
                p2_punch: core.swarm.config().exchange.then_some(PUNCH_ID),
                p2_coming: Some(COMING_ID),
                ..ExtensionIds::default()
            },
            client: Some(concat!("p2pcore ", env!("CARGO_PKG_VERSION")).to_owned()),
            reqq: Some(core.swarm.config().upload_queue),
            upload_only: only.filter(|_| !hides),
            hidden_only: only.filter(|_| hides),
            passes: Some(true),
            site: net.config.site,
            listen_port: net.listen_port.get(),
            ..ExtensionHandshake::default()
        }
    }

    /// The connection is over.
    pub fn disconnected(&self, net: &Net, peer: &Peer, reason: CloseReason) {
        net.connected.set(net.connected.get() - 1);
        self.with(net, |core| {
            core.changed = true;
            // A torrent that was opened anew does not know the peers of its time before.
            if core.peers.remove(&peer.key).is_some() {
                core.forget_leaves_of(peer.key);
                core.handle(Input::PeerDisconnected { peer: peer.key });
            }
        });
        net.ends.count(&reason);
        let (addr, reason) = (peer.info.addr, reason.to_string());
        net.emit(Some(self.id), EventKind::PeerDisconnected { addr, reason });
    }

    pub fn add_peers(&self, net: &Net, addrs: &[SocketAddr]) {
        self.with(net, |core| {
            core.user_peers.extend(addrs);
            if core.phase == Phase::Running {
                core.handle(from_user(addrs));
            }
        });
    }

    /// Somebody on the local network takes part; whether that is of use to us: not to whoever needs nothing.
    pub fn found_nearby(&self, net: &Net, addr: SocketAddr) -> bool {
        let looks = self.core.borrow().as_ref().is_some_and(|core| {
            core.phase == Phase::Running && !core.paused && !core.swarm.is_complete()
        });
        if looks {
            let found = vec![(addr, PeerSource::Local)];
            self.handle(net, Input::Addresses(found));
        }
        looks
    }

    /// Whoever has this address was heard on the local network.
    pub fn is_near(&self, net: &Net, ip: IpAddr) {
        let there = |peer: &Rc<Peer>| peer.info.addr.ip().to_canonical() == ip.to_canonical();
        let core = self.core.borrow();
        let peers = core.iter().flat_map(|core| core.peers.values());
        let near: Vec<Rc<Peer>> = peers.filter(|peer| there(peer)).cloned().collect();
        drop(core);
        for peer in near {
            peer.is_near();
            if let Some(site) = peer.site() {
                self.handle(net, site);
            }
        }
    }

    pub fn pause(&self, net: &Net) {
        self.with(net, |core| {
            core.paused = true;
            core.handle(Input::Pause);
            core.unflushed = true;
        });
        self.refresh(net);
    }

    pub fn resume(&self, net: &Net) {
        self.with(net, |core| {
            core.paused = false;
            match core.phase {
                Phase::Failed(_) => core.reopen = true,
                Phase::Running => {
                    core.handle(Input::Resume);
                    net.lsd.announce(net, self);
                }
                Phase::Opening | Phase::Checking | Phase::Closing => {}
            }
        });
        self.advance(net);
        self.refresh(net);
    }

    /// Stops with an error. What was verified stays; `resume` opens the files anew.
    pub fn fail(&self, net: &Net, error: impl Into<TorrentError>) {
        let error = error.into();
        let failed = self.with(net, |core| core.fail(&error));
        if failed {
            self.refresh(net); // whoever hears of it finds it in the status
            net.emit(Some(self.id), EventKind::Failed(error));
        }
    }

    /// Leaves the session once its jobs are done; answers `command` then.
    pub fn remove(&self, net: &Net, delete: bool, command: Option<CommandId>) {
        self.with(net, |core| {
            core.stop_check.store(true, Ordering::Relaxed);
            core.handle(Input::Pause);
            let (deleting, waiting) = core.closing.take().unwrap_or((false, None));
            if let Some(waiting) = waiting {
                net.answer(Some(self.id), waiting, Ok(()));
            }
            core.closing = Some((delete || deleting, command));
        });
        self.advance(net);
    }

    /// Takes the next step of the torrent's life that waited for its jobs to end.
    fn advance(&self, net: &Net) {
        let mut core = self.core(net);
        if core.jobs > 0 || core.phase == Phase::Closing {
            return;
        }
        if let Some((delete, _)) = core.closing {
            core.phase = Phase::Closing;
            core.jobs += 1;
            jobs::close(net, self.id, core.storage.take(), Some(delete));
        } else if core.reopen {
            self.start(net, &mut core);
        }
    }

    /// Takes in the end of a job.
    pub fn finish(&self, net: &Net, result: JobResult) {
        net.wake(self.id);
        self.core(net).jobs -= 1;
        match result {
            JobResult::Opened(opened) => self.opened(net, opened),
            JobResult::Checked(result) => self.checked(net, result),
            JobResult::Piece {
                piece,
                blocks,
                outcome,
            } => {
                self.piece_done(net, piece, blocks, outcome);
            }
            JobResult::Flushed(Ok(())) => {}
            JobResult::Flushed(Err(error)) => self.fail(net, error),
            JobResult::Closed(result) => return self.closed(net, result),
        }
        self.advance(net);
        self.rest();
    }

    fn piece_done(
        &self,
        net: &Net,
        piece: PieceIndex,
        blocks: Vec<Vec<u8>>,
        outcome: PieceOutcome,
    ) {
        let bytes: usize = blocks.iter().map(Vec::len).sum();
        net.in_pool
            .set(net.in_pool.get().saturating_sub(bytes as u64));
        if !net.is_congested() {
            net.drained.notify_waiters();
        }
        let failed = self.with(net, |core| {
            let bad_blocks = match outcome {
                PieceOutcome::Bad(_) => core.bad_blocks(piece, &blocks),
                PieceOutcome::Stored(..) | PieceOutcome::Failed(_) => Vec::new(),
            };
            core.recycle(blocks);
            match outcome {
                PieceOutcome::Stored(verified, prints) => {
                    core.unflushed = true;
                    self.shared.set_piece(piece);
                    core.due.remove(&piece);
                    let mut whole = Vec::new();
                    core.piece_present(self, piece, &mut whole);
                    whole.retain(|file| core.wanted[file.as_usize()]);
                    core.whole = whole;
                    let verdict = Verdict::Good(verified);
                    core.handle(Input::Checked { verdict, prints });
                    None
                }
                PieceOutcome::Bad(prints) => {
                    let verdict = Verdict::Bad { piece, bad_blocks };
                    core.handle(Input::Checked { verdict, prints });
                    None
                }
                PieceOutcome::Failed(error) => {
                    core.handle(Input::StoreFailed { piece });
                    Some(error)
                }
            }
        });
        if let Some(error) = failed {
            self.fail(net, error);
        }
    }

    fn closed(&self, net: &Net, result: Result<(), StorageError>) {
        let mut core = self.core(net);
        let command = core.closing.take();
        self.shared.ledger.book(core.swarm.take_amounts());
        drop(core);
        self.shared.update(|status| {
            status.state = State::Removed;
            status.peers = 0;
        });
        forget(net, self);
        if let Some((_, Some(command))) = command {
            net.answer(Some(self.id), command, result.map_err(Into::into));
        }
    }

    /// Deadlines, flushing and the public face. When to look again, if nothing happens before.
    pub fn tick(&self, net: &Net) -> Next {
        if self.core.borrow().is_none() {
            return Next::Never;
        }
        let now = net.now();
        let mut core = self.core(net);
        if core
            .swarm
            .poll_timeout()
            .is_some_and(|deadline| deadline <= now)
        {
            core.now = now;
            core.handle(Input::Tick);
            pump::carry_out(net, self, &mut core);
        }
        if core.unflushed
            && now.since(core.flushed) >= FLUSH_EVERY
            && core.phase == Phase::Running
            && let Some(storage) = &core.storage
        {
            jobs::flush(net, self.id, Arc::clone(storage));
            core.jobs += 1;
            core.flushed = now;
            core.unflushed = false;
        }
        let active = core.changed || !core.peers.is_empty();
        if active && now.since(core.refreshed) >= REFRESH_EVERY {
            self.publish(net, &mut core);
        }
        if core.changed || core.unflushed || core.jobs > 0 || !core.peers.is_empty() {
            return Next::Tick;
        }
        let due = core.swarm.poll_timeout();
        drop(core);
        self.rest();
        due.map_or(Next::Never, Next::At)
    }

    /// Brings the public face up to date now.
    pub fn refresh(&self, net: &Net) {
        self.publish(net, &mut self.core(net));
    }

    /// Whether anything is written: seeds are read-only.
    pub fn downloads(&self) -> bool {
        matches!(self.target, Target::Download { .. })
    }

    fn publish(&self, net: &Net, core: &mut Core) {
        core.refreshed = net.now();
        core.changed = !core.peers.is_empty();
        status::publish(self, core);
    }

    fn pieces_per_file(&self) -> Vec<u32> {
        let files = 0..self.meta.files().len() as u32;
        let layout = self.meta.layout();
        files
            .map(|file| layout.file_pieces(FileIndex::new(file)).len() as u32)
            .collect()
    }

    fn empty_files<'a>(&'a self, wanted: &'a [bool]) -> impl Iterator<Item = FileIndex> + 'a {
        let layout = self.meta.layout();
        let files = (0..wanted.len() as u32).map(FileIndex::new);
        files.filter(|file| wanted[file.as_usize()] && layout.file_pieces(*file).is_empty())
    }
}

impl Core {
    fn new(net: &Net, meta: &Arc<Metainfo>, id: TorrentId, wanted: Vec<bool>) -> Self {
        Self {
            swarm: new_swarm(net, meta, id),
            peers: BTreeMap::new(),
            phase: Phase::Opening,
            storage: None,
            fetched: Arc::default(),
            partial: BTreeMap::new(),
            tickets: VecDeque::new(),
            spare: Spare::default(),
            jobs: 0,
            done_bytes: 0,
            missing: Vec::new(),
            wanted,
            priorities: None,
            due: BTreeMap::new(),
            wanted_bytes: 0,
            whole: Vec::new(),
            unflushed: false,
            changed: true,
            trees: HashTrees::new(Arc::clone(meta)),
            leaves: Leaves::default(),
            now: net.now(),
            next_key: 0,
            user_peers: Vec::new(),
            had: Vec::new(),
            checking: 0,
            check_error: None,
            stop_check: Arc::default(),
            paused: false,
            sequential: false,
            closing: None,
            opening: None,
            reopen: false,
            before: Sums::default(),
            refreshed: Time::ZERO,
            flushed: Time::ZERO,
        }
    }

    /// Feeds the Swarm. What it says is carried out at the end of the batch.
    pub fn handle(&mut self, input: Input) {
        self.swarm.handle(self.now, input);
    }

    pub fn now(&self) -> Time {
        self.now
    }

    /// A block's payload is complete. An error where it is known not to be what it should be.
    pub fn block_arrived(
        &mut self,
        peer: PeerKey,
        piece: u32,
        begin: u32,
        data: Vec<u8>,
    ) -> Result<(), CloseReason> {
        let right = self.is_right(piece, begin, &data);
        if right == Some(false) {
            return Err(CloseReason::CorruptData);
        }
        let ticket = Ticket(self.next_key);
        self.next_key += 1;
        let length = data.len() as u32;
        self.tickets.push_back((ticket, data));
        self.handle(Input::BlockArrived {
            peer,
            piece,
            begin,
            length,
            proven: right == Some(true),
            ticket,
        });
        Ok(())
    }

    /// The payload that a ticket names.
    pub fn take_ticket(&mut self, ticket: Ticket) -> Option<Vec<u8>> {
        let at = self
            .tickets
            .iter()
            .position(|(other, _)| *other == ticket)?;
        self.tickets.remove(at).map(|(_, data)| data)
    }

    pub fn recycle(&mut self, blocks: Vec<Vec<u8>>) {
        blocks.into_iter().for_each(|block| self.spare.give(block));
    }

    /// Counts a piece for its files; adds those that are whole now.
    fn piece_present(&mut self, torrent: &Torrent, piece: PieceIndex, whole: &mut Vec<FileIndex>) {
        self.done_bytes += torrent.wanted_bytes(self, piece);
        for file in torrent.meta.layout().piece_files(piece) {
            let missing = &mut self.missing[file.as_usize()];
            *missing = missing.saturating_sub(1);
            if *missing == 0 {
                whole.push(file);
            }
        }
    }

    fn fail(&mut self, error: &TorrentError) -> bool {
        let fails = !matches!(self.phase, Phase::Failed(_) | Phase::Closing);
        if fails {
            self.phase = Phase::Failed(error.clone());
            self.stop_check.store(true, Ordering::Relaxed);
            self.handle(Input::Pause);
        }
        fails
    }

    pub fn is_paused(&self) -> bool {
        self.paused
    }

    pub fn sums(&self) -> Sums {
        let counters = self.swarm.counters();
        Sums {
            downloaded: self.before.downloaded + counters.downloaded,
            uploaded: self.before.uploaded + counters.uploaded,
            wasted: self.before.wasted + counters.wasted,
        }
    }
}

fn new_swarm(net: &Net, meta: &Metainfo, id: TorrentId) -> Swarm {
    let config = SwarmConfig {
        max_peers: net.config.max_peers_per_torrent,
        unchoke_slots: net.config.unchoke_slots,
        uploader: net.config.uploader,
        base_share: net.config.base_share,
        origin: net.config.origin,
        me: Member::of(&net.peer_id),
        locality: net.config.locality,
        max_dials: net.config.max_half_open,
        exchange: net.config.peer_exchange && !meta.is_private(),
        ..SwarmConfig::default()
    };
    let own = net
        .peer_id
        .last_chunk()
        .map_or(0, |bytes| u64::from_le_bytes(*bytes));
    Swarm::new(config, meta.layout().clone(), own ^ id.0)
}

fn from_user(addrs: &[SocketAddr]) -> Input {
    Input::Addresses(addrs.iter().map(|addr| (*addr, PeerSource::User)).collect())
}

/// Our ids for extension messages, told in the extension handshake.
pub(super) const DONT_HAVE_ID: u8 = 1;
pub(super) const UPLOAD_ONLY_ID: u8 = 2;
pub(super) const SITE_ID: u8 = 3;
pub(super) const SEEDS_ID: u8 = 4;
pub(super) const EXCHANGE_ID: u8 = 5;
pub(super) const PUNCH_ID: u8 = 6;
pub(super) const COMING_ID: u8 = 7;

/// How much work a crash may cost: pieces of the last seconds are hashed again.
const FLUSH_EVERY: std::time::Duration = std::time::Duration::from_secs(5);

/// How old snapshots may be.
const REFRESH_EVERY: std::time::Duration = std::time::Duration::from_millis(200);
