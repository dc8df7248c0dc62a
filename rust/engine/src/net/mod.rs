//! The network thread: one single-threaded tokio runtime that owns every socket, every Swarm and no lock.
//!
//! Tasks on this thread share state through `Rc` and `RefCell`; a borrow never lives across an `await`. Hashing and
//! files are on the pool's threads; their results come back as [`Done`](jobs::Done) through one channel.

mod connect;
mod fetched;
mod jobs;
mod leaves;
mod limits;
mod listen;
mod lsd;
mod outbox;
mod outgoing;
mod peer;
mod pump;
mod reader;
mod spare;
mod status;
mod stream;
mod torrent;
mod writer;

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::{Duration, SystemTime};

use p2pcore_protocol::{FileIndex, PieceIndex};
use p2pcore_scheduling::Time;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tokio::sync::{Notify, Semaphore};
use tokio::task::LocalSet;
use tokio::time::{Instant, Interval};

use crate::api::{
    AddTorrent, CommandId, Event, EventKind, Limits, SessionConfig, SessionLimits, TorrentId,
};
use crate::ends::Ends;
use crate::error::EngineError;
use crate::events::EventQueue;
use crate::pool::Pool;
use crate::prints::Printer;
use crate::session::{Torrents, write};
use crate::shared::TorrentShared;

use jobs::Done;
use limits::Limiter;
use lsd::Lsd;
use torrent::{Next, Torrent};

/// A command on its way to the network thread.
#[derive(Debug)]
pub(crate) enum Order {
    Add(TorrentId, Box<AddTorrent>, Arc<TorrentShared>),
    Pause(TorrentId),
    Resume(TorrentId),
    AddPeer(TorrentId, SocketAddr),
    Remove(TorrentId, bool),
    SetFiles(TorrentId, Option<Vec<FileIndex>>),
    SetPriorities(TorrentId, Option<Vec<u8>>),
    SetDeadline(TorrentId, PieceIndex, Option<Duration>),
    ClearDeadlines(TorrentId),
    SetLimits(SessionLimits),
    SetTorrentLimits(TorrentId, Limits),
    Close,
}

/// What the thread is started with.
pub(crate) struct Setup {
    pub config: SessionConfig,
    pub peer_id: [u8; 20],
    pub events: Arc<EventQueue>,
    pub torrents: Torrents,
    pub ends: Arc<Ends>,
}

/// What every task of the thread can reach.
struct Net {
    /// Itself, for tasks that it starts.
    me: Weak<Net>,
    config: SessionConfig,
    peer_id: [u8; 20],
    events: Arc<EventQueue>,
    public: Torrents,
    ends: Arc<Ends>,
    pool: Arc<Pool>,
    printer: Printer,
    done: UnboundedSender<Done>,
    torrents: RefCell<BTreeMap<TorrentId, Rc<Torrent>>>,
    /// Every wire hash (two for a hybrid) to its torrent.
    by_hash: RefCell<BTreeMap<[u8; 20], TorrentId>>,
    /// Torrents in which something goes on.
    awake: RefCell<BTreeSet<TorrentId>>,
    /// Told when there is one.
    woken: Notify,
    /// When something is to be done in those that sleep, if anything is.
    alarms: RefCell<BTreeSet<(Time, TorrentId)>>,
    half_open: Semaphore,
    limits: Limiter,
    lsd: Lsd,
    listen_port: Cell<Option<u16>>,
    connected: Cell<usize>,
    /// Handshakes of incoming connections under way.
    greeting: Cell<usize>,
    /// Payload bytes in the hands of the pool.
    in_pool: Cell<u64>,
    /// Told when `in_pool` has fallen.
    drained: Notify,
    start: Instant,
}

impl Net {
    fn new(setup: Setup, addrs: &[SocketAddr], done: UnboundedSender<Done>) -> Rc<Self> {
        let threads = match setup.config.threads {
            0 => std::thread::available_parallelism().map_or(2, std::num::NonZero::get),
            threads => threads,
        };
        Rc::new_cyclic(|me| Self {
            me: Weak::clone(me),
            half_open: Semaphore::new(setup.config.max_half_open.max(1)),
            limits: Limiter::default(),
            lsd: Lsd::new(&setup.peer_id),
            peer_id: setup.peer_id,
            events: setup.events,
            public: setup.torrents,
            ends: setup.ends,
            pool: Arc::new(Pool::new(threads, "p2pcore-pool")),
            printer: Printer::default(),
            done,
            torrents: RefCell::default(),
            by_hash: RefCell::default(),
            awake: RefCell::default(),
            woken: Notify::new(),
            alarms: RefCell::default(),
            listen_port: Cell::new(addrs.first().map(SocketAddr::port)),
            connected: Cell::new(0),
            greeting: Cell::new(0),
            in_pool: Cell::new(0),
            drained: Notify::new(),
            start: Instant::now(),
            config: setup.config,
        })
    }

    fn now(&self) -> Time {
        Time::new(self.start.elapsed())
    }

    /// What people's clocks show at a time of ours.
    fn wall_clock(&self, time: Time) -> SystemTime {
        SystemTime::now() + time.since(self.now())
    }

    fn emit(&self, torrent: Option<TorrentId>, kind: EventKind) {
        self.events.push(Event { torrent, kind });
    }

    fn answer(
        &self,
        torrent: Option<TorrentId>,
        command: CommandId,
        result: Result<(), EngineError>,
    ) {
        self.emit(torrent, EventKind::Done(command, result));
    }

    fn torrent(&self, id: TorrentId) -> Option<Rc<Torrent>> {
        self.torrents.borrow().get(&id).cloned()
    }

    fn by_hash(&self, hash: &[u8; 20]) -> Option<Rc<Torrent>> {
        let id = *self.by_hash.borrow().get(hash)?;
        self.torrent(id)
    }

    /// Has the torrent looked at with every tick, until it says that nothing goes on.
    fn wake(&self, id: TorrentId) {
        self.awake.borrow_mut().insert(id);
        self.woken.notify_one();
    }

    /// Waits for the next tick. While all torrents sleep there is none: thousands of them cost nothing.
    async fn next_tick(&self, ticks: &mut Interval) {
        while self.awake.borrow().is_empty() {
            let alarm = self.alarms.borrow().first().map(|(due, _)| *due);
            let woken = self.woken.notified();
            let Some(due) = alarm else {
                woken.await;
                continue;
            };
            let left = due.since(self.now());
            if tokio::time::timeout(left, woken).await.is_err() {
                break;
            }
        }
        ticks.tick().await;
    }

    /// Looks at those in which something goes on, and at those whose alarm goes off.
    fn tick(&self) {
        let mut awake = self.awake.take();
        let now = self.now();
        let mut alarms = self.alarms.borrow_mut();
        while let Some((due, id)) = alarms.first().copied().filter(|(due, _)| *due <= now) {
            alarms.remove(&(due, id));
            awake.insert(id);
        }
        drop(alarms);
        for id in awake {
            let next = self.torrent(id).map(|torrent| torrent.tick(self));
            match next {
                Some(Next::Tick) => {
                    self.awake.borrow_mut().insert(id);
                }
                Some(Next::At(due)) => {
                    self.alarms.borrow_mut().insert((due, id));
                }
                Some(Next::Never) | None => {}
            }
        }
    }

    /// Sockets are not read while more than this waits for the pool: the sender's window closes.
    fn is_congested(&self) -> bool {
        self.in_pool.get() > POOL_HIGH
    }
}

/// The thread's body. Tells `started` the bound addresses or what failed, then runs until `Close`.
pub(crate) fn run(
    setup: Setup,
    inbox: UnboundedReceiver<(CommandId, Order)>,
    started: &Sender<Result<Vec<SocketAddr>, EngineError>>,
) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .max_blocking_threads(jobs::READERS)
        .thread_name("p2pcore-read")
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            let _ = started.send(Err(EngineError::Start(error.to_string())));
            return;
        }
    };
    let local = LocalSet::new();
    local.block_on(&runtime, async move {
        let listeners = match listen::bind(&setup.config.listen) {
            Ok(listeners) => listeners,
            Err(error) => {
                let _ = started.send(Err(error));
                return;
            }
        };
        let addrs: Vec<_> = listeners
            .iter()
            .filter_map(|l| l.local_addr().ok())
            .collect();
        let (done, results) = tokio::sync::mpsc::unbounded_channel();
        let net = Net::new(setup, &addrs, done);
        net.limits.set_session(&net, net.config.limits);
        let limited = Rc::clone(&net);
        tokio::task::spawn_local(async move { limited.limits.run(&limited).await });
        if net.config.local_discovery {
            lsd::start(&net, &addrs);
        }
        let _ = started.send(Ok(addrs));
        for listener in listeners {
            tokio::task::spawn_local(listen::accept(Rc::clone(&net), listener));
        }
        serve(&net, inbox, results).await;
    });
}

/// Commands, results and ticks, until the session is closed.
async fn serve(
    net: &Rc<Net>,
    mut inbox: UnboundedReceiver<(CommandId, Order)>,
    mut results: UnboundedReceiver<Done>,
) {
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            order = inbox.recv() => match order {
                Some((command, Order::Close)) => {
                    close(net, &mut results).await;
                    net.answer(None, command, Ok(()));
                    while let Ok((late, _)) = inbox.try_recv() {
                        net.answer(None, late, Err(EngineError::Closed));
                    }
                    return;
                }
                Some((command, order)) => obey(net, command, order),
                None => return close(net, &mut results).await,
            },
            Some(done) = results.recv() => {
                finish(net, done);
                while let Ok(done) = results.try_recv() {
                    finish(net, done);
                }
            }
            () = net.next_tick(&mut ticks) => net.tick(),
        }
    }
}

fn obey(net: &Rc<Net>, command: CommandId, order: Order) {
    let with = |id: TorrentId, act: &dyn Fn(&Rc<Torrent>)| match net.torrent(id) {
        Some(torrent) => {
            act(&torrent);
            net.answer(Some(id), command, Ok(()));
        }
        None => net.answer(Some(id), command, Err(EngineError::NoSuchTorrent)),
    };
    match order {
        Order::Add(id, add, shared) => add_torrent(net, id, *add, shared, command),
        Order::Pause(id) => with(id, &|torrent| torrent.pause(net)),
        Order::Resume(id) => with(id, &|torrent| torrent.resume(net)),
        Order::AddPeer(id, addr) => with(id, &|torrent| torrent.add_peers(net, &[addr])),
        Order::SetFiles(id, files) => with(id, &|torrent| torrent.set_files(net, files.as_deref())),
        Order::SetPriorities(id, priorities) => with(id, &|torrent| {
            torrent.set_priorities(net, priorities.as_deref());
        }),
        Order::SetDeadline(id, piece, within) => {
            with(id, &|torrent| torrent.set_deadline(net, piece, within));
        }
        Order::ClearDeadlines(id) => with(id, &|torrent| torrent.clear_deadlines(net)),
        Order::SetTorrentLimits(id, limits) => {
            with(id, &|_| net.limits.set_torrent(net, id, limits));
        }
        Order::SetLimits(limits) => {
            net.limits.set_session(net, limits);
            net.answer(None, command, Ok(()));
        }
        Order::Remove(id, delete) => match net.torrent(id) {
            Some(torrent) => torrent.remove(net, delete, Some(command)),
            None => net.answer(Some(id), command, Err(EngineError::NoSuchTorrent)),
        },
        Order::Close => {} // taken care of by `serve`
    }
}

fn add_torrent(
    net: &Rc<Net>,
    id: TorrentId,
    add: AddTorrent,
    shared: Arc<TorrentShared>,
    command: CommandId,
) {
    let hashes = add.meta.wire_hashes();
    let known = |hash: &&[u8; 20]| net.by_hash.borrow().contains_key(*hash);
    if let Some(hash) = hashes.iter().find(known) {
        let info_hash = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        write(&net.public).remove(&id);
        return net.answer(
            Some(id),
            command,
            Err(EngineError::AlreadyAdded { info_hash }),
        );
    }
    for hash in hashes {
        net.by_hash.borrow_mut().insert(hash, id);
    }
    net.limits.set_torrent(net, id, add.limits);
    let torrent = Torrent::new(net, id, add, shared);
    net.torrents.borrow_mut().insert(id, Rc::clone(&torrent));
    torrent.open(net, Some(command));
}

/// Forgets a torrent whose storage is closed, or was never opened.
fn forget(net: &Net, torrent: &Torrent) {
    net.torrents.borrow_mut().remove(&torrent.id);
    net.lsd.forget(torrent.id);
    net.limits.set_torrent(net, torrent.id, Limits::default());
    net.by_hash.borrow_mut().retain(|_, id| *id != torrent.id);
    write(&net.public).remove(&torrent.id);
}

fn finish(net: &Rc<Net>, done: Done) {
    if let Some(torrent) = net.torrent(done.torrent) {
        torrent.finish(net, done.result);
    }
}

async fn close(net: &Rc<Net>, results: &mut UnboundedReceiver<Done>) {
    let torrents: Vec<_> = net.torrents.borrow().values().cloned().collect();
    for torrent in &torrents {
        torrent.remove(net, false, None);
    }
    while !net.torrents.borrow().is_empty() {
        match results.recv().await {
            Some(done) => finish(net, done),
            None => break,
        }
    }
}

/// A new peer id from the system's random numbers.
pub(crate) fn new_peer_id() -> [u8; 20] {
    use std::hash::{BuildHasher as _, Hasher as _, RandomState};
    let mut random = [0; 12];
    for part in random.chunks_mut(8) {
        let value = RandomState::new().build_hasher().finish().to_le_bytes();
        part.copy_from_slice(&value[..part.len()]);
    }
    p2pcore_protocol::client::peer_id(random)
}

/// How often a Swarm's deadlines are looked at: choking, snubbing and dialling are matters of seconds.
const TICK: Duration = Duration::from_millis(100);

/// Four pieces of 16 MiB, or a tenth of a second of hashing.
const POOL_HIGH: u64 = 64 << 20;
