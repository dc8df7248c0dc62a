//! The session as its owner holds it: starts the network thread, sends it commands, copies snapshots.
//!
//! Every method but `start` and `close` returns at once. The work is in [`net`](crate::net).

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use p2pcore_protocol::{FileIndex, PieceIndex};
use tokio::sync::mpsc::UnboundedSender;

use crate::api::{
    AddTorrent, Amounts, Ban, CommandId, Event, EventKind, Explanation, HIGHEST_PRIORITY, Identity,
    Limits, PeerStatus, SessionConfig, SessionLimits, Status, TorrentId,
};
use crate::ends::Ends;
use crate::error::EngineError;
use crate::events::EventQueue;
use crate::ledger::Ledger;
use crate::net::{self, Order, Setup};
use crate::shared::TorrentShared;

pub(crate) type Torrents = Arc<RwLock<BTreeMap<TorrentId, Arc<TorrentShared>>>>;

/// A running session. Dropping it closes it.
#[derive(Debug)]
pub struct Session {
    orders: UnboundedSender<(CommandId, Order)>,
    events: Arc<EventQueue>,
    torrents: Torrents,
    ends: Arc<Ends>,
    ledger: Arc<Ledger>,
    listening: Vec<SocketAddr>,
    peer_id: [u8; 20],
    next: AtomicU64,
    thread: Mutex<Option<JoinHandle<()>>>,
    ended: Mutex<mpsc::Receiver<()>>,
}

impl Session {
    /// Binds the sockets and starts the threads.
    pub fn start(config: SessionConfig) -> Result<Self, EngineError> {
        let cannot = |error: std::io::Error| EngineError::Start(error.to_string());
        let events = Arc::new(EventQueue::new(config.event_capacity).map_err(cannot)?);
        let torrents = Torrents::default();
        let ends = Arc::<Ends>::default();
        let (orders, inbox) = tokio::sync::mpsc::unbounded_channel();
        let (started, start) = mpsc::channel();
        let (ending, ended) = mpsc::channel::<()>();
        let peer_id = net::new_peer_id();
        let setup = Setup {
            config,
            peer_id,
            events: Arc::clone(&events),
            torrents: Arc::clone(&torrents),
            ends: Arc::clone(&ends),
        };
        let thread = std::thread::Builder::new()
            .name("p2pcore-net".to_owned())
            .spawn(move || {
                let _ending = ending; // dropped at the thread's end: `close` waits for that
                net::run(setup, inbox, &started);
            })
            .map_err(cannot)?;
        let listening = start
            .recv()
            .unwrap_or_else(|_| Err(EngineError::Start("the network thread died".to_owned())))?;
        Ok(Self {
            orders,
            events,
            torrents,
            ends,
            ledger: Arc::default(),
            listening,
            peer_id,
            next: AtomicU64::new(1),
            thread: Mutex::new(Some(thread)),
            ended: Mutex::new(ended),
        })
    }

    /// The addresses that are listened on, with their real ports.
    pub fn listen_addrs(&self) -> Vec<SocketAddr> {
        self.listening.clone()
    }

    /// Our peer id.
    pub fn peer_id(&self) -> [u8; 20] {
        self.peer_id
    }

    /// Where events come out.
    pub fn events(&self) -> Arc<EventQueue> {
        Arc::clone(&self.events)
    }

    /// Adds a torrent. The command is done when its files could be opened; `Checked` follows when they are checked.
    pub fn add(&self, add: AddTorrent) -> Result<(TorrentId, CommandId), EngineError> {
        check(&add)?;
        let id = TorrentId(self.next.fetch_add(1, Ordering::Relaxed));
        let shared = Arc::new(TorrentShared::new(
            Arc::clone(&add.meta),
            Arc::clone(&self.ledger),
        ));
        write(&self.torrents).insert(id, Arc::clone(&shared));
        let command = self.send(Order::Add(id, Box::new(add), shared));
        Ok((id, command))
    }

    /// Closes the torrent's peers and stops its transfer.
    pub fn pause(&self, torrent: TorrentId) -> CommandId {
        self.send(Order::Pause(torrent))
    }

    /// Goes on after a pause or a failure; after a failure the files are opened anew.
    pub fn resume(&self, torrent: TorrentId) -> CommandId {
        self.send(Order::Resume(torrent))
    }

    /// Names a peer to dial.
    pub fn add_peer(&self, torrent: TorrentId, addr: SocketAddr) -> CommandId {
        self.send(Order::AddPeer(torrent, addr))
    }

    /// Takes the torrent out, and deletes the files that it created where asked to.
    pub fn remove(&self, torrent: TorrentId, delete_files: bool) -> CommandId {
        self.send(Order::Remove(torrent, delete_files))
    }

    /// Says which files are wanted; `None`: all.
    pub fn set_files(&self, torrent: TorrentId, files: Option<Vec<FileIndex>>) -> CommandId {
        self.send(Order::SetFiles(torrent, files))
    }

    /// Says how soon each piece is wanted, 0 (not at all) to [`HIGHEST_PRIORITY`]; `None`: all alike. Of files that are
    /// not wanted nothing is fetched, whatever is said here.
    pub fn set_priorities(
        &self,
        torrent: TorrentId,
        priorities: Option<Vec<u8>>,
    ) -> Result<CommandId, EngineError> {
        if let (Some(shared), Some(priorities)) = (self.shared(torrent), &priorities) {
            check_priorities(priorities, shared.meta.layout().piece_count())?;
        }
        Ok(self.send(Order::SetPriorities(torrent, priorities)))
    }

    /// Says that a piece is due so long from now, or (`None`) not at any time. Pieces that are due are fetched before all
    /// others, soonest first; those that are not wanted are not fetched.
    pub fn set_deadline(
        &self,
        torrent: TorrentId,
        piece: PieceIndex,
        within: Option<Duration>,
    ) -> Result<CommandId, EngineError> {
        if let Some(shared) = self.shared(torrent) {
            let pieces = shared.meta.layout().piece_count();
            if piece.get() >= pieces {
                let message = format!("piece {piece} is not one of the torrent's {pieces} pieces");
                return Err(EngineError::BadArgument(message));
            }
        }
        Ok(self.send(Order::SetDeadline(torrent, piece, within)))
    }

    /// Says that no piece is due at any time.
    pub fn clear_deadlines(&self, torrent: TorrentId) -> CommandId {
        self.send(Order::ClearDeadlines(torrent))
    }

    /// Limits the session.
    pub fn set_limits(&self, limits: SessionLimits) -> CommandId {
        self.send(Order::SetLimits(limits))
    }

    /// Limits one torrent.
    pub fn set_torrent_limits(&self, torrent: TorrentId, limits: Limits) -> CommandId {
        self.send(Order::SetTorrentLimits(torrent, limits))
    }

    /// The torrent now; `None` where it is not here.
    pub fn status(&self, torrent: TorrentId) -> Option<Status> {
        self.shared(torrent).map(|shared| shared.status())
    }

    /// Its connected peers.
    pub fn peers(&self, torrent: TorrentId) -> Vec<PeerStatus> {
        let shared = self.shared(torrent);
        shared.map_or_else(Vec::new, |shared| shared.peers())
    }

    /// Why its peers are served or not; `None` where it is not here.
    pub fn explain(&self, torrent: TorrentId) -> Option<Explanation> {
        self.shared(torrent)?.explanation()
    }

    /// Whom it does not speak to; empty where it is not here.
    pub fn bans(&self, torrent: TorrentId) -> Vec<Ban> {
        let shared = self.shared(torrent);
        shared.map_or_else(Vec::new, |shared| shared.bans())
    }

    /// What was given to and received from each identity, over all torrents, since this was called last.
    pub fn take_ledger(&self) -> BTreeMap<Identity, Amounts> {
        self.ledger.take()
    }

    /// One byte for each piece: 1 where it is verified.
    pub fn pieces(&self, torrent: TorrentId) -> Vec<u8> {
        let shared = self.shared(torrent);
        shared.map_or_else(Vec::new, |shared| shared.pieces())
    }

    /// How soon each piece is wanted.
    pub fn priorities(&self, torrent: TorrentId) -> Vec<u8> {
        let shared = self.shared(torrent);
        shared.map_or_else(Vec::new, |shared| shared.priorities())
    }

    /// How many connected peers have each piece.
    pub fn availability(&self, torrent: TorrentId) -> Vec<u16> {
        let shared = self.shared(torrent);
        shared.map_or_else(Vec::new, |shared| shared.availability())
    }

    /// How many connections ended since the start, by why.
    pub fn disconnects(&self) -> BTreeMap<String, u64> {
        self.ends.all()
    }

    /// Closes peers, flushes files, writes resume data, ends the threads. False where that took longer than `timeout`;
    /// then it goes on by itself. May be called again.
    pub fn close(&self, timeout: Duration) -> bool {
        let mut thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        if thread.is_none() {
            return true;
        }
        self.send(Order::Close);
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        if ended.recv_timeout(timeout) == Err(mpsc::RecvTimeoutError::Timeout) {
            return false;
        }
        if let Some(thread) = thread.take() {
            let _ = thread.join(); // a panic there was printed; the session is over either way
        }
        true
    }

    fn shared(&self, torrent: TorrentId) -> Option<Arc<TorrentShared>> {
        let torrents = self.torrents.read().unwrap_or_else(PoisonError::into_inner);
        torrents.get(&torrent).cloned()
    }

    fn send(&self, order: Order) -> CommandId {
        let id = CommandId(self.next.fetch_add(1, Ordering::Relaxed));
        if self.orders.send((id, order)).is_err() {
            self.events.push(Event {
                torrent: None,
                kind: EventKind::Done(id, Err(EngineError::Closed)),
            });
        }
        id
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.close(CLOSE_ON_DROP);
    }
}

/// A session that nobody closed may hold up its owner this long.
const CLOSE_ON_DROP: Duration = Duration::from_secs(5);

pub(crate) fn write(
    torrents: &Torrents,
) -> std::sync::RwLockWriteGuard<'_, BTreeMap<TorrentId, Arc<TorrentShared>>> {
    torrents.write().unwrap_or_else(PoisonError::into_inner)
}

fn check(add: &AddTorrent) -> Result<(), EngineError> {
    let count = add.meta.layout().file_count();
    let beyond = add.files.iter().flatten().find(|file| file.get() >= count);
    if let Some(file) = beyond {
        let message = format!("file {file} is not one of the torrent's {count} files");
        return Err(EngineError::BadArgument(message));
    }
    if !add.meta.has_piece_layers() {
        return Err(crate::error::TorrentError::NoPieceLayers.into());
    }
    Ok(())
}

fn check_priorities(priorities: &[u8], pieces: u32) -> Result<(), EngineError> {
    if priorities.len() != pieces as usize {
        let count = priorities.len();
        let message = format!("{count} priorities for a torrent of {pieces} pieces");
        return Err(EngineError::BadArgument(message));
    }
    let beyond = (0..)
        .zip(priorities)
        .find(|(_, one)| **one > HIGHEST_PRIORITY);
    if let Some((piece, priority)) = beyond {
        let piece: u32 = piece;
        let message =
            format!("piece {piece}: {priority} is not a priority from 0 to {HIGHEST_PRIORITY}");
        return Err(EngineError::BadArgument(message));
    }
    Ok(())
}
