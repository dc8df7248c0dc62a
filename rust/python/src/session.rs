//! `RawSession`: the engine's session, one method per command.
//!
//! Commands return numbers at once; their answers come through `drain_events`. In a forked child the engine's
//! threads do not exist: Python checks the pid before each call, and dropping the session there does nothing.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use p2pcore_engine::api::{
    AddTorrent, Limits, SessionConfig, SessionLimits, Share, Target, TorrentId, UploaderPolicy,
};
use p2pcore_engine::events::EventQueue;
use p2pcore_engine::session::Session;
use p2pcore_protocol::site::label;
use p2pcore_protocol::{FileIndex, PieceIndex};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PyTuple};

use crate::metainfo::PyMetainfo;
use crate::{errors, events, explain, snapshots, verify};

/// A running session.
#[pyclass(frozen, module = "p2pcore._p2pcore")]
pub struct RawSession {
    session: Arc<Session>,
    events: Arc<EventQueue>,
    pid: u32,
}

type Address = (String, u16);
type Rates = (Option<u64>, Option<u64>);
/// All, the local network, the Internet, each peer.
type SessionRates = [Rates; 4];

#[pymethods]
impl RawSession {
    /// Binds the sockets and starts the threads.
    #[new]
    #[pyo3(signature = (*, listen, limits, max_peers, max_peers_per_torrent, max_half_open, unchoke_slots, uploader, base_share, origin_mode,
                        locality, site, local_discovery, peer_exchange, connect_timeout, state_dir, threads, event_capacity))]
    #[allow(clippy::too_many_arguments, clippy::fn_params_excessive_bools)] // one keyword for each field of the configuration
    fn new(
        py: Python<'_>,
        listen: Vec<Address>,
        limits: SessionRates,
        max_peers: usize,
        max_peers_per_torrent: usize,
        max_half_open: usize,
        unchoke_slots: usize,
        uploader: &str,
        base_share: f64,
        origin_mode: bool,
        locality: bool,
        site: Option<&str>,
        local_discovery: bool,
        peer_exchange: bool,
        connect_timeout: f64,
        state_dir: Option<PathBuf>,
        threads: usize,
        event_capacity: usize,
    ) -> PyResult<Self> {
        let uploader = UploaderPolicy::named(uploader)
            .ok_or_else(|| PyValueError::new_err(format!("{uploader:?} is no uploader")))?;
        let config = SessionConfig {
            listen: addresses(py, &listen)?,
            limits: session_rates(limits),
            max_peers,
            max_peers_per_torrent,
            max_half_open,
            unchoke_slots,
            uploader,
            base_share: Share::part(base_share),
            origin: origin_mode,
            locality,
            site: site.map(label),
            local_discovery,
            peer_exchange,
            connect_timeout: seconds(connect_timeout),
            state_dir,
            threads,
            event_capacity,
        };
        let session = py
            .detach(|| Session::start(config))
            .map_err(|error| errors::raise(py, errors::engine(py, &error)))?;
        let events = session.events();
        Ok(Self {
            session: Arc::new(session),
            events,
            pid: std::process::id(),
        })
    }

    /// The addresses that are listened on, as (host, port).
    fn listen_addresses(&self) -> Vec<(String, u16)> {
        let addresses = self.session.listen_addrs();
        addresses.iter().map(events::address).collect()
    }

    /// Our 20-byte peer id.
    fn peer_id<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.session.peer_id())
    }

    /// How many connections ended, by why.
    fn disconnects(&self, py: Python<'_>) -> BTreeMap<String, u64> {
        py.detach(|| self.session.disconnects())
    }

    /// Seeds from one path, or from one path for each file. Answers (torrent, command).
    #[pyo3(signature = (meta, paths, *, in_place, peers, limits))]
    fn seed(
        &self,
        py: Python<'_>,
        meta: &PyMetainfo,
        paths: Vec<PathBuf>,
        in_place: bool,
        peers: Vec<Address>,
        limits: Rates,
    ) -> PyResult<(u64, u64)> {
        let target = verify::target(paths, in_place);
        let add = AddTorrent {
            meta: Arc::clone(meta.inner()),
            target,
            files: None,
            peers: addresses(py, &peers)?,
            sequential: false,
            limits: rates(limits),
        };
        self.add(py, add)
    }

    /// Downloads into a folder. Answers (torrent, command).
    #[pyo3(signature = (meta, into, *, files, peers, sequential, preallocate, overwrite, limits))]
    #[allow(clippy::too_many_arguments, clippy::fn_params_excessive_bools)] // one keyword for each option
    fn fetch(
        &self,
        py: Python<'_>,
        meta: &PyMetainfo,
        into: PathBuf,
        files: Option<Vec<u32>>,
        peers: Vec<Address>,
        sequential: bool,
        preallocate: bool,
        overwrite: bool,
        limits: Rates,
    ) -> PyResult<(u64, u64)> {
        let add = AddTorrent {
            meta: Arc::clone(meta.inner()),
            target: Target::Download {
                into,
                preallocate,
                overwrite,
            },
            files: files.map(indices),
            peers: addresses(py, &peers)?,
            sequential,
            limits: rates(limits),
        };
        self.add(py, add)
    }

    fn pause(&self, py: Python<'_>, torrent: u64) -> u64 {
        py.detach(|| self.session.pause(TorrentId(torrent))).0
    }

    fn resume(&self, py: Python<'_>, torrent: u64) -> u64 {
        py.detach(|| self.session.resume(TorrentId(torrent))).0
    }

    fn add_peer(&self, py: Python<'_>, torrent: u64, address: Address) -> PyResult<u64> {
        let addr = socket(py, &address)?;
        Ok(py
            .detach(|| self.session.add_peer(TorrentId(torrent), addr))
            .0)
    }

    fn remove(&self, py: Python<'_>, torrent: u64, delete_files: bool) -> u64 {
        py.detach(|| self.session.remove(TorrentId(torrent), delete_files))
            .0
    }

    fn set_files(&self, py: Python<'_>, torrent: u64, files: Option<Vec<u32>>) -> u64 {
        let files = files.map(indices);
        py.detach(|| self.session.set_files(TorrentId(torrent), files))
            .0
    }

    /// A byte for each piece, or `None`: all alike.
    #[pyo3(signature = (torrent, priorities))]
    fn set_piece_priorities(
        &self,
        py: Python<'_>,
        torrent: u64,
        priorities: Option<Vec<u8>>,
    ) -> PyResult<u64> {
        py.detach(|| self.session.set_priorities(TorrentId(torrent), priorities))
            .map(|command| command.0)
            .map_err(|error| errors::raise(py, errors::engine(py, &error)))
    }

    /// Seconds from now, or `None`: not at any time.
    #[pyo3(signature = (torrent, piece, within))]
    fn set_piece_deadline(
        &self,
        py: Python<'_>,
        torrent: u64,
        piece: u32,
        within: Option<f64>,
    ) -> PyResult<u64> {
        let (piece, within) = (PieceIndex::new(piece), within.map(seconds));
        py.detach(|| self.session.set_deadline(TorrentId(torrent), piece, within))
            .map(|command| command.0)
            .map_err(|error| errors::raise(py, errors::engine(py, &error)))
    }

    fn clear_piece_deadlines(&self, py: Python<'_>, torrent: u64) -> u64 {
        py.detach(|| self.session.clear_deadlines(TorrentId(torrent)))
            .0
    }

    /// Limits of the session.
    fn set_limits(&self, py: Python<'_>, limits: SessionRates) -> u64 {
        py.detach(|| self.session.set_limits(session_rates(limits)))
            .0
    }

    /// Limits of one torrent.
    fn set_torrent_limits(&self, py: Python<'_>, torrent: u64, limits: Rates) -> u64 {
        let torrent = TorrentId(torrent);
        py.detach(|| self.session.set_torrent_limits(torrent, rates(limits)))
            .0
    }

    /// The fields of a `Status`, or `None` where the torrent is gone.
    fn status<'py>(&self, py: Python<'py>, torrent: u64) -> PyResult<Option<Bound<'py, PyTuple>>> {
        // Under the GIL: letting go of it costs more than the copy.
        let status = self.session.status(TorrentId(torrent));
        status
            .map(|status| snapshots::status(py, &status))
            .transpose()
    }

    /// For each connected peer, the fields of a `Peer`.
    fn peers<'py>(&self, py: Python<'py>, torrent: u64) -> PyResult<Bound<'py, PyList>> {
        let peers = py.detach(|| self.session.peers(TorrentId(torrent)));
        let rows = peers
            .iter()
            .map(|peer| snapshots::peer(py, peer))
            .collect::<PyResult<Vec<_>>>()?;
        PyList::new(py, rows)
    }

    /// Why its peers are served or not (see `explain.rs`), or `None` where the torrent is gone.
    fn explain<'py>(&self, py: Python<'py>, torrent: u64) -> PyResult<Option<Bound<'py, PyTuple>>> {
        py.detach(|| self.session.explain(TorrentId(torrent)))
            .map(|explanation| explain::explanation(py, &explanation))
            .transpose()
    }

    /// For each ban that has not ended, the fields of a `Ban`.
    fn bans<'py>(&self, py: Python<'py>, torrent: u64) -> PyResult<Bound<'py, PyList>> {
        let bans = py.detach(|| self.session.bans(TorrentId(torrent)));
        let rows = bans
            .iter()
            .map(|ban| snapshots::ban(py, ban))
            .collect::<PyResult<Vec<_>>>()?;
        PyList::new(py, rows)
    }

    /// An (identity, given, received) for each with whom something was exchanged since this was called last.
    fn take_ledger<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let amounts = py.detach(|| self.session.take_ledger());
        explain::amounts(py, &amounts)
    }

    /// A byte for each piece: 1 where it is verified.
    fn pieces<'py>(&self, py: Python<'py>, torrent: u64) -> Bound<'py, PyBytes> {
        let pieces = py.detach(|| self.session.pieces(TorrentId(torrent)));
        PyBytes::new(py, &pieces)
    }

    /// A byte for each piece: how soon it is wanted.
    fn piece_priorities<'py>(&self, py: Python<'py>, torrent: u64) -> Bound<'py, PyBytes> {
        let priorities = py.detach(|| self.session.priorities(TorrentId(torrent)));
        PyBytes::new(py, &priorities)
    }

    /// A little-endian 16-bit number for each piece: how many connected peers have it.
    fn availability<'py>(&self, py: Python<'py>, torrent: u64) -> Bound<'py, PyBytes> {
        let bytes: Vec<u8> = py.detach(|| {
            let counts = self.session.availability(TorrentId(torrent));
            counts.into_iter().flat_map(u16::to_le_bytes).collect()
        });
        PyBytes::new(py, &bytes)
    }

    /// A descriptor that is readable while events wait.
    fn event_fd(&self) -> Option<i32> {
        event_fd(&self.events)
    }

    /// Takes the wake-up byte away; to be called before `drain_events`.
    fn clear_wake(&self) {
        self.events.clear_wake();
    }

    /// Takes the wake-up byte away, and from now on only answers and ends make another.
    fn hush(&self) {
        self.events.hush();
    }

    /// Ends the quiet after `hush` if no event waits, and says whether none does.
    fn rouse(&self) -> bool {
        self.events.rouse()
    }

    /// Whether no event waits.
    fn events_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// Takes up to `limit` events, oldest first, as (kind, torrent, a, b).
    fn drain_events<'py>(&self, py: Python<'py>, limit: usize) -> PyResult<Bound<'py, PyList>> {
        let batch = py.detach(|| self.events.drain(limit));
        let rows = batch
            .iter()
            .map(|event| events::row(py, event))
            .collect::<PyResult<Vec<_>>>()?;
        PyList::new(py, rows)
    }

    /// Waits until events are there (true) or the time is over (false).
    fn wait_events(&self, py: Python<'_>, timeout: f64) -> bool {
        py.detach(|| self.events.wait(seconds(timeout)))
    }

    /// Stops everything; false where something was still going on after `timeout`. May be called again.
    fn close(&self, py: Python<'_>, timeout: f64) -> bool {
        py.detach(|| self.session.close(seconds(timeout)))
    }
}

impl RawSession {
    fn add(&self, py: Python<'_>, add: AddTorrent) -> PyResult<(u64, u64)> {
        py.detach(|| self.session.add(add))
            .map(|(torrent, command)| (torrent.0, command.0))
            .map_err(|error| errors::raise(py, errors::engine(py, &error)))
    }
}

impl Drop for RawSession {
    fn drop(&mut self) {
        if self.pid != std::process::id() {
            // The threads that closing would wait for stayed in the parent: leave the memory as it is.
            std::mem::forget(Arc::clone(&self.session));
            return;
        }
        let session = &self.session;
        let closed = Python::try_attach(|py| py.detach(|| session.close(CLOSE_WITHIN)));
        if closed.is_none() {
            session.close(CLOSE_WITHIN);
        }
    }
}

#[cfg(unix)]
#[allow(clippy::unnecessary_wraps)] // not every system has a descriptor to wait on
fn event_fd(events: &EventQueue) -> Option<i32> {
    Some(events.fd())
}

#[cfg(not(unix))]
fn event_fd(_events: &EventQueue) -> Option<i32> {
    None
}

fn socket(py: Python<'_>, (host, port): &Address) -> PyResult<SocketAddr> {
    let ip: IpAddr = host.parse().map_err(|_| {
        errors::raise_message(
            py,
            "ArgumentError",
            &format!("{host:?} is not an IP address"),
        )
    })?;
    Ok(SocketAddr::new(ip, *port))
}

fn addresses(py: Python<'_>, addresses: &[Address]) -> PyResult<Vec<SocketAddr>> {
    addresses
        .iter()
        .map(|address| socket(py, address))
        .collect()
}

fn indices(raw: Vec<u32>) -> Vec<FileIndex> {
    raw.into_iter().map(FileIndex::new).collect()
}

fn rates((upload, download): Rates) -> Limits {
    Limits { upload, download }
}

fn session_rates([all, lan, wan, each_peer]: SessionRates) -> SessionLimits {
    SessionLimits {
        all: rates(all),
        lan: rates(lan),
        wan: rates(wan),
        each_peer: rates(each_peer),
    }
}

/// Python's seconds; what is no length of time (negative, not a number, too long) becomes the nearest that is.
fn seconds(seconds: f64) -> Duration {
    let longest = Duration::from_secs(u64::from(u32::MAX));
    if seconds > 0.0 {
        Duration::try_from_secs_f64(seconds).map_or(longest, |time| time.min(longest))
    } else {
        Duration::ZERO
    }
}

/// How long a session that nobody closed may hold up its own destruction.
const CLOSE_WITHIN: Duration = Duration::from_secs(5);
