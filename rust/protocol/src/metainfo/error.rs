//! Why a `.torrent` file is refused. All of it is the file's fault.

use crate::layout::LayoutError;
use crate::path::PathError;

/// Why a metainfo is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MetainfoError {
    /// Not bencoded.
    #[error("not a torrent file: {0}")]
    Bencode(#[from] crate::bencode::BencodeError),
    /// A field that must be there is not.
    #[error("{0:?} is missing")]
    Missing(&'static str),
    /// A field has the wrong type.
    #[error("{field:?} is not {expected}")]
    Type {
        /// The field.
        field: &'static str,
        /// What it should be.
        expected: &'static str,
    },
    /// A version of the format that is not known.
    #[error("meta version {0} is not known")]
    Version(i64),
    /// A piece length that the format does not allow.
    #[error("piece length {0} is not allowed: v2 needs a power of two of at least 16384")]
    PieceLength(i64),
    /// A length below zero.
    #[error("a file has the length {0}")]
    NegativeLength(i64),
    /// A path or name that must not be used.
    #[error("unsafe path: {0}")]
    Path(#[from] PathError),
    /// Two files with one path, or a file where another has a folder.
    #[error("{0:?} is named twice, or is both a file and a folder")]
    Clash(String),
    /// The paths add up to far more than the file's own size: a bomb.
    #[error("the paths add up to {found} bytes, more than {limit}")]
    PathBytes {
        /// Bytes of all paths.
        found: usize,
        /// Bytes accepted for a file of this size.
        limit: usize,
    },
    /// The files make no layout.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// `pieces` does not fit the files.
    #[error("{found} bytes of piece hashes for {pieces} pieces of 20 bytes")]
    PieceCount {
        /// Bytes in `pieces`.
        found: usize,
        /// Pieces that the files need.
        pieces: u32,
    },
    /// A v2 file without the root of its tree.
    #[error("{0:?} has no pieces root")]
    PiecesRoot(String),
    /// A node in the file tree that is a file and has siblings.
    #[error("{0:?} is a file node with other entries beside it")]
    FileNode(String),
    /// A piece layer of the wrong size.
    #[error("the piece layer of {path:?} has {found} bytes, expected {expected}")]
    LayerSize {
        /// The file.
        path: String,
        /// Bytes found.
        found: usize,
        /// 32 for each piece.
        expected: u64,
    },
    /// A piece layer that does not lead to the file's root.
    #[error("the piece layer of {0:?} does not lead to its pieces root")]
    LayerRoot(String),
    /// The two sides of a hybrid differ.
    #[error("the v1 and v2 sides differ: {0}")]
    Disagree(String),
    /// A torrent without a single byte.
    #[error("the torrent has no data")]
    NoFiles,
}
