//! The engine's errors, split by guilt: the system's (operation, path, errno), the user's, ours.

use std::io;
use std::path::PathBuf;

/// A file operation that the system refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot {operation} {path}: {message}", path = path.display())]
pub struct StorageError {
    /// What was tried: "open", "create", "read", "write", "reserve", "flush", ...
    pub operation: &'static str,
    /// On which path.
    pub path: PathBuf,
    /// The system's number, where it gave one.
    pub errno: Option<i32>,
    /// In words.
    pub message: String,
}

impl StorageError {
    /// From what the system said.
    pub fn new(operation: &'static str, path: impl Into<PathBuf>, error: &io::Error) -> Self {
        Self {
            operation,
            path: path.into(),
            errno: error.raw_os_error(),
            message: error.to_string(),
        }
    }

    /// For what the system did not notice (a file that changed, or is not ours).
    pub fn refused(
        operation: &'static str,
        path: impl Into<PathBuf>,
        errno: Option<i32>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            operation,
            path: path.into(),
            errno,
            message: message.into(),
        }
    }

    /// For a job that died.
    pub(crate) fn panicked() -> Self {
        Self::refused(
            "finish",
            "",
            None,
            "a worker thread panicked: this is a bug",
        )
    }
}

/// Why a torrent stopped.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TorrentError {
    /// A file operation failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// Data passes one of a hybrid's hashes and not the other: the torrent itself is wrong.
    #[error("piece {piece} passes one of the hybrid's two hashes and fails the other")]
    HashesDisagree {
        /// The piece.
        piece: u32,
    },
    /// The metainfo has no piece hashes to check against (a v2 torrent without piece layers).
    #[error("the torrent has no piece layers: its data cannot be verified")]
    NoPieceLayers,
}

/// Why a command failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EngineError {
    /// The torrent's data is the trouble.
    #[error(transparent)]
    Torrent(#[from] TorrentError),
    /// A listening socket could not be opened.
    #[error("cannot listen on {addr}: {message}")]
    Listen {
        /// The address asked for.
        addr: std::net::SocketAddr,
        /// The system's number.
        errno: Option<i32>,
        /// In words.
        message: String,
    },
    /// The session is closed.
    #[error("the session is closed")]
    Closed,
    /// No such torrent in this session.
    #[error("the torrent is not in this session")]
    NoSuchTorrent,
    /// The same torrent is here already.
    #[error("torrent {info_hash} is already in this session")]
    AlreadyAdded {
        /// Its info hash in hex.
        info_hash: String,
    },
    /// An argument is wrong.
    #[error("{0}")]
    BadArgument(String),
    /// The runtime's threads could not be made.
    #[error("cannot start the session: {0}")]
    Start(String),
}

impl From<StorageError> for EngineError {
    fn from(error: StorageError) -> Self {
        Self::Torrent(TorrentError::Storage(error))
    }
}
