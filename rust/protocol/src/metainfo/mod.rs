//! A torrent's metainfo: what a `.torrent` file says, checked.
//!
//! A [`Metainfo`] that exists is valid: its paths are safe, its lengths fit its hashes, piece layers lead to their
//! roots, and the two sides of a hybrid agree. It is immutable and keeps the file's own bytes: the info hashes are over
//! the original `info` bytes, and piece hashes and layers are ranges of them, so a million pieces cost no allocation.
//! It knows nothing of disks, peers or progress.

mod complete;
mod entry;
mod error;
mod parse;
#[cfg(test)]
mod tests;
mod tree;
mod v1;

use std::ops::Range;

pub use error::MetainfoError;
use p2pcore_hashing::merkle::LEAF;
use p2pcore_hashing::{Sha1Digest, Sha256Digest};

use crate::index::{FileIndex, PieceIndex};
use crate::layout::Layout;
use crate::magnet::Magnet;
use crate::path::TorrentPath;

/// Which hashes a torrent has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// SHA-1 of pieces (BEP 3).
    V1,
    /// Merkle trees of files (BEP 52).
    V2,
    /// Both over the same data.
    Hybrid,
}

/// BEP 47 attributes that matter to the user. (Pad files are no files here.)
#[derive(Debug, Clone, PartialEq, Eq, Default, Hash)]
pub struct Attributes {
    /// `x`: the file is a program.
    pub executable: bool,
    /// `h`: the file is hidden.
    pub hidden: bool,
    /// `l`: a symbolic link to this path, which counts from the torrent's root folder like the paths of files. The
    /// file's length is zero.
    pub symlink: Option<TorrentPath>,
}

/// A file that the user sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its path in the torrent's root folder; the torrent's name where the torrent is a single file.
    pub path: TorrentPath,
    /// Bytes.
    pub length: u64,
    /// BEP 47.
    pub attributes: Attributes,
    /// Root of its Merkle tree (v2 and hybrid; empty files have none). Identical files share it.
    pub pieces_root: Option<Sha256Digest>,
}

/// A parsed `.torrent` file. See the module's text for what it promises.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metainfo {
    raw: Vec<u8>,
    info: Range<usize>,
    pieces: Range<usize>,
    /// For each file, where its piece layer stands in `raw`; empty where it has none.
    layers: Vec<Range<usize>>,
    layers_complete: bool,
    info_hash_v1: Option<Sha1Digest>,
    info_hash_v2: Option<Sha256Digest>,
    name: String,
    single_file: bool,
    private: bool,
    source: Option<String>,
    files: Vec<File>,
    layout: Layout,
    outer: Outer,
}

/// What stands outside `info` and is not hashed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Outer {
    trackers: Vec<Vec<String>>,
    web_seeds: Vec<String>,
    http_seeds: Vec<String>,
    comment: Option<String>,
    created_by: Option<String>,
    creation_date: Option<i64>,
}

impl Metainfo {
    /// Reads a `.torrent` file. Foreign habits (unordered keys, unknown fields) are accepted, contradictions are not.
    pub fn parse(bytes: &[u8]) -> Result<Self, MetainfoError> {
        parse::parse(bytes)
    }

    /// The file's bytes, as they were read.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.raw.clone()
    }

    /// The `info` dictionary's own bytes, which the info hashes are over.
    pub fn info_bytes(&self) -> &[u8] {
        &self.raw[self.info.clone()]
    }

    /// SHA-1 of `info`, where the torrent has a v1 side.
    pub fn info_hash_v1(&self) -> Option<Sha1Digest> {
        self.info_hash_v1
    }

    /// SHA-256 of `info`, where the torrent has a v2 side.
    pub fn info_hash_v2(&self) -> Option<Sha256Digest> {
        self.info_hash_v2
    }

    /// The 20-byte hashes that name its swarms in handshakes and to trackers: v1 first, then v2 cut to 20 bytes.
    pub fn wire_hashes(&self) -> Vec<[u8; 20]> {
        let v2 = self
            .info_hash_v2
            .as_ref()
            .and_then(|hash| hash.first_chunk::<20>().copied());
        self.info_hash_v1.into_iter().chain(v2).collect()
    }

    /// The file's or root folder's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Which hashes it has.
    pub fn format(&self) -> Format {
        match (self.info_hash_v1, self.info_hash_v2) {
            (_, None) => Format::V1,
            (None, Some(_)) => Format::V2,
            (Some(_), Some(_)) => Format::Hybrid,
        }
    }

    /// Whether the torrent is one file rather than a folder.
    pub fn is_single_file(&self) -> bool {
        self.single_file
    }

    /// Bytes of a piece.
    pub fn piece_length(&self) -> u32 {
        self.layout.piece_length()
    }

    /// Peers come from its trackers only (BEP 27).
    pub fn is_private(&self) -> bool {
        self.private
    }

    /// The files that the user sees, in torrent order.
    pub fn files(&self) -> &[File] {
        &self.files
    }

    /// Where pieces lie in files.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Tracker addresses in tiers (BEP 12).
    pub fn trackers(&self) -> &[Vec<String>] {
        &self.outer.trackers
    }

    /// Web seeds (`url-list`, BEP 19).
    pub fn web_seeds(&self) -> &[String] {
        &self.outer.web_seeds
    }

    /// HTTP seeds (`httpseeds`, BEP 17).
    pub fn http_seeds(&self) -> &[String] {
        &self.outer.http_seeds
    }

    /// The comment.
    pub fn comment(&self) -> Option<&str> {
        self.outer.comment.as_deref()
    }

    /// The program that made it.
    pub fn created_by(&self) -> Option<&str> {
        self.outer.created_by.as_deref()
    }

    /// When it was made, in seconds since 1970.
    pub fn creation_date(&self) -> Option<i64> {
        self.outer.creation_date
    }

    /// `source` in `info`: private trackers set it so that their torrents have hashes of their own.
    pub fn source(&self) -> Option<&str> {
        self.source.as_deref()
    }

    /// Bytes of all files that the user sees.
    pub fn total_size(&self) -> u64 {
        self.layout.user_size()
    }

    /// The v1 hash of a piece.
    pub fn piece_hash_v1(&self, piece: PieceIndex) -> Option<&Sha1Digest> {
        let pieces = self.raw.get(self.pieces.clone())?;
        pieces
            .get(piece.as_usize().checked_mul(20)?..)?
            .first_chunk()
    }

    /// The v2 hash of a piece: its node in the piece layer, or the file's root where the file is no larger than a
    /// piece. `None` where the piece layer is missing.
    pub fn piece_root_v2(&self, piece: PieceIndex) -> Option<Sha256Digest> {
        self.info_hash_v2?;
        let index = self.layout.piece_files(piece).next()?;
        let file = self.files.get(index.as_usize())?;
        if file.length <= u64::from(self.piece_length()) {
            return file.pieces_root;
        }
        let number = (piece.get() - self.layout.file_pieces(index).start) as usize;
        let layer = self.raw.get(self.layers.get(index.as_usize())?.clone())?;
        layer.get(number * 32..)?.first_chunk().copied()
    }

    /// A file's piece layer: 32 bytes for each of its pieces. `None` for files no larger than a piece (their root is
    /// all there is), and where the layer is missing.
    pub fn piece_layer(&self, file: FileIndex) -> Option<&[u8]> {
        let range = self.layers.get(file.as_usize())?;
        if range.is_empty() {
            None
        } else {
            self.raw.get(range.clone())
        }
    }

    /// Whether every v2 piece hash is here. `false` for a v2 torrent in the wild that lacks (some) `piece layers`.
    /// A v1 torrent needs none.
    pub fn has_piece_layers(&self) -> bool {
        self.layers_complete
    }

    /// The same torrent with piece layers that were missing: (root, 32 bytes for each piece). Each is checked against
    /// its root.
    pub fn with_piece_layers(
        &self,
        layers: impl IntoIterator<Item = (Sha256Digest, Vec<u8>)>,
    ) -> Result<Self, MetainfoError> {
        complete::with_layers(self, layers)
    }

    /// Height of the piece layer above the leaves: 0 where pieces are 16 KiB.
    pub fn piece_layer_height(&self) -> u32 {
        (self.piece_length() as usize / LEAF).max(1).ilog2()
    }

    /// The files whose tree has this root: more than one where files are identical.
    pub fn files_with_root(&self, root: Sha256Digest) -> impl Iterator<Item = FileIndex> + use<'_> {
        let numbered = self.files.iter().enumerate();
        numbered
            .filter(move |(_, file)| file.pieces_root == Some(root))
            .map(|(number, _)| FileIndex::new(number as u32))
    }

    /// Where a file goes below the folder that the user names: `name` for a single file, else `name/path`.
    /// Empty where there is no such file.
    pub fn disk_path(&self, file: FileIndex) -> String {
        match self.files.get(file.as_usize()) {
            Some(found) if self.single_file => found.path.to_string(),
            Some(found) => format!("{}/{}", self.name, found.path),
            None => String::new(),
        }
    }

    /// The magnet link that leads to this torrent.
    pub fn magnet(&self) -> Magnet {
        Magnet {
            info_hash_v1: self.info_hash_v1,
            info_hash_v2: self.info_hash_v2,
            name: Some(self.name.clone()),
            length: Some(self.total_size()),
            trackers: self.outer.trackers.iter().flatten().cloned().collect(),
            web_seeds: self.outer.web_seeds.clone(),
            ..Magnet::default()
        }
    }
}
