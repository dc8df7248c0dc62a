//! The engine's face: what the Python room (or a Rust program) says to a session and hears from it.
//!
//! Commands are synchronous and never block: each returns a [`CommandId`] whose answer comes as
//! [`Event::Done`] through the session's queue. Snapshots are plain values copied under a short lock.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use p2pcore_protocol::{FileIndex, Metainfo, PieceIndex};
pub use p2pcore_scheduling::{
    Amounts, BanReason, BanScope, Choked, Identity, PathModel, Share, Sharing, SizedBy, Standing,
    Trust, UploaderPolicy, Why,
};

use crate::error::{EngineError, TorrentError};

/// Names a command, so that its answer can be told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CommandId(pub u64);

/// Names a torrent within its session; never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TorrentId(pub u64);

/// Bytes per second up and down; `None` is unlimited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Limits {
    /// Payload we send.
    pub upload: Option<u64>,
    /// Payload we receive.
    pub download: Option<u64>,
}

/// The rates of a session. A byte passes when all that it is under let it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SessionLimits {
    /// Over all peers.
    pub all: Limits,
    /// Over the peers on the local network: of private, link-local and loopback addresses.
    pub lan: Limits,
    /// Over the peers on the Internet.
    pub wan: Limits,
    /// Of every peer by itself.
    pub each_peer: Limits,
}

/// The priority of a piece of which nothing else was said.
pub const DEFAULT_PRIORITY: u8 = 4;
/// The highest priority of a piece. The range is libtorrent's; 0 is not fetched.
pub const HIGHEST_PRIORITY: u8 = 7;

/// What a session is started with.
#[derive(Debug, Clone)]
pub struct SessionConfig {
    /// Addresses to listen on (port 0: any free one); empty: do not listen.
    pub listen: Vec<SocketAddr>,
    /// Rates over all torrents.
    pub limits: SessionLimits,
    /// Connected peers over all torrents.
    pub max_peers: usize,
    /// Connected peers for one torrent.
    pub max_peers_per_torrent: usize,
    /// Dials under way at once.
    pub max_half_open: usize,
    /// Peers unchoked at once per torrent, at most.
    pub unchoke_slots: usize,
    /// How each torrent's upload is shared out.
    pub uploader: UploaderPolicy,
    /// The part of it that everybody gets.
    pub base_share: Share,
    /// The only source of a torrent shows its pieces one by one.
    pub origin: bool,
    /// Of the peers at our site one fetches each piece from outside.
    pub locality: bool,
    /// The name of our site, as it goes over the wire; `None`: peers at our site are known by their addresses.
    pub site: Option<[u8; 8]>,
    /// Torrents that are not private are announced on the local network, and peers are found there (BEP 14).
    pub local_discovery: bool,
    /// Peers of torrents that are not private are told of each other, and tell us (BEP 11).
    pub peer_exchange: bool,
    /// How long a dial or a handshake may take.
    pub connect_timeout: Duration,
    /// Where resume data is kept; `None`: nowhere (every start checks all data).
    pub state_dir: Option<PathBuf>,
    /// Hash and disk threads; 0: one per core.
    pub threads: usize,
    /// Facts waiting for the reader before they are counted instead of queued.
    pub event_capacity: usize,
}

/// Where a torrent's bytes are.
#[derive(Debug, Clone)]
pub enum Target {
    /// Seed in place, read-only: the file or the folder that the torrent was made from (its name may differ).
    Seed(PathBuf),
    /// Seed in place, read-only: one local path for each torrent file, in file order.
    SeedFiles(Vec<PathBuf>),
    /// Download into this folder: `into/<name>` or `into/<name>/<path>`.
    Download {
        /// The folder; made if missing.
        into: PathBuf,
        /// Reserve the whole size of each wanted file before the first write.
        preallocate: bool,
        /// Existing files that no session of ours created may be checked, completed and overwritten.
        overwrite: bool,
    },
}

/// A torrent to add.
#[derive(Debug, Clone)]
pub struct AddTorrent {
    /// Its metainfo.
    pub meta: Arc<Metainfo>,
    /// Its data.
    pub target: Target,
    /// Wanted files; `None`: all.
    pub files: Option<Vec<FileIndex>>,
    /// Peers to dial.
    pub peers: Vec<SocketAddr>,
    /// Pieces in order instead of rarest first.
    pub sequential: bool,
    /// Rates of this torrent.
    pub limits: Limits,
}

/// What a torrent is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Hashing what is on disk.
    Checking,
    /// Fetching (and serving).
    Downloading,
    /// Everything wanted is there.
    Seeding,
    /// Paused by the user.
    Paused,
    /// Stopped by an error; `resume` tries again.
    Failed,
    /// Gone from the session.
    Removed,
}

/// A torrent at one moment. Bytes count payload of user files unless they say otherwise.
#[derive(Debug, Clone, PartialEq)]
pub struct Status {
    /// What it is doing.
    pub state: State,
    /// Verified bytes of wanted files, without pieces of priority 0.
    pub done: u64,
    /// Bytes of wanted files, without pieces of priority 0.
    pub wanted: u64,
    /// Bytes hashed so far at start (0 after a fast resume).
    pub checked: u64,
    /// Bytes that the check at start has to hash in all (0: none needed).
    pub to_check: u64,
    /// Payload bytes received from peers.
    pub downloaded: u64,
    /// Payload bytes sent to peers.
    pub uploaded: u64,
    /// Payload received that was of no use (duplicates, failed pieces).
    pub wasted: u64,
    /// Receiving, bytes per second.
    pub download_rate: f64,
    /// Sending, bytes per second.
    pub upload_rate: f64,
    /// Connected peers.
    pub peers: u32,
    /// Connected peers that have everything.
    pub seeds: u32,
    /// Verified pieces.
    pub pieces: u32,
    /// What went wrong, in state `Failed`.
    pub error: Option<TorrentError>,
}

/// A connected peer at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct PeerStatus {
    /// Its address.
    pub addr: SocketAddr,
    /// Its client's name, as far as it says so.
    pub client: String,
    /// We dialled it.
    pub outgoing: bool,
    /// Share of pieces that it has, 0 to 1.
    pub progress: f64,
    /// Payload received from it.
    pub downloaded: u64,
    /// Payload sent to it.
    pub uploaded: u64,
    /// Bytes per second received from it.
    pub download_rate: f64,
    /// Bytes per second sent to it.
    pub upload_rate: f64,
    /// We choke it.
    pub choking: bool,
    /// It chokes us.
    pub choked: bool,
    /// We want something that it has.
    pub interested: bool,
    /// It wants something that we have.
    pub wanting: bool,
    /// Requests of ours that it has not answered.
    pub outstanding: u32,
    /// Why it is treated as it is.
    pub why: Why,
}

/// Why a torrent's peers are served or not, at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Explanation {
    /// How the upload is shared out.
    pub sharing: Sharing,
    /// Payload bytes sent to all peers since the torrent was added.
    pub uploaded: u64,
    /// The connected peers.
    pub peers: Vec<PeerStatus>,
}

/// A peer that a torrent does not speak to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ban {
    /// Its address, as it was seen.
    pub addr: SocketAddr,
    /// What it did last.
    pub reason: BanReason,
    /// How much is closed because of it and others.
    pub scope: BanScope,
    /// When it ends.
    pub until: SystemTime,
    /// How often it was banned, with this time.
    pub times: u32,
}

/// A fact, or the answer to a command. `torrent` is absent where the fact is the session's.
#[derive(Debug, Clone)]
pub struct Event {
    /// Which torrent.
    pub torrent: Option<TorrentId>,
    /// What.
    pub kind: EventKind,
}

/// What happened.
#[derive(Debug, Clone)]
pub enum EventKind {
    /// A command ended. Never dropped.
    Done(CommandId, Result<(), EngineError>),
    /// The data on disk has been checked (or taken from resume data); transfer begins.
    Checked,
    /// A piece was verified, written, and can be served.
    PieceVerified(PieceIndex),
    /// A piece failed its hash and is fetched again.
    PieceFailed(PieceIndex),
    /// A file is whole: verified, and readable from another process.
    FileCompleted(FileIndex),
    /// A peer could not be connected to; another attempt may follow.
    DialFailed {
        /// Address.
        addr: SocketAddr,
        /// Why.
        reason: String,
    },
    /// Handshakes were made.
    PeerConnected {
        /// Address.
        addr: SocketAddr,
        /// Who dialled.
        outgoing: bool,
    },
    /// A connection ended.
    PeerDisconnected {
        /// Address.
        addr: SocketAddr,
        /// Why.
        reason: String,
    },
    /// A peer is not spoken to for a while.
    PeerBanned {
        /// Address.
        addr: SocketAddr,
        /// Why.
        reason: BanReason,
        /// Until when.
        until: SystemTime,
    },
    /// Every wanted file is whole. Never dropped.
    Completed,
    /// After completion one more piece was passed on, or nobody connected wants any. Never dropped.
    MayLeave,
    /// The torrent stopped. Never dropped.
    Failed(TorrentError),
    /// So many facts were not queued, because the reader was slow.
    Dropped(u64),
}
