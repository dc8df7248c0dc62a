//! The one place where bytes become a verified piece.
//!
//! A [`Verified`] value exists only where a piece was hashed here, or where its maker says in so many words that it
//! trusts an earlier check. Nothing but a `Verified` can mark a piece as had. Padding is synthesised: only the data of
//! a piece is passed in. Hybrids must pass both hashes.

use p2pcore_hashing::merkle::{self, LEAF, LeafHasher};
use p2pcore_hashing::{Sha1, Sha1Digest, Sha256Digest};

use crate::index::PieceIndex;
use crate::layout::Layout;
use crate::metainfo::{Format, Metainfo};

/// A piece whose bytes have the hash that the metainfo names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Verified(PieceIndex);

impl Verified {
    /// The piece.
    pub fn piece(self) -> PieceIndex {
        self.0
    }

    /// A piece that an earlier session verified, according to resume data that the caller has found trustworthy.
    pub fn resumed(piece: PieceIndex) -> Self {
        Self(piece)
    }

    /// A piece of a simulated swarm, in which no bytes exist.
    pub fn simulated(piece: PieceIndex) -> Self {
        Self(piece)
    }
}

/// Why bytes are not the piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Mismatch {
    /// They hash to something else.
    #[error("piece {0} does not have its hash")]
    Hash(PieceIndex),
    /// Only one of the two hashes of a hybrid fits: the torrent contradicts itself and must stop (BEP 52).
    #[error("piece {piece} has its {fits} hash but not the other: the torrent contradicts itself")]
    Disagree {
        /// The piece.
        piece: PieceIndex,
        /// Which one fits: `v1` or `v2`.
        fits: &'static str,
    },
    /// The metainfo holds no hash for it (a v2 torrent without piece layers, or a piece out of range).
    #[error("the hash of piece {0} is not known")]
    Unknown(PieceIndex),
    /// Too few or too many bytes.
    #[error("piece {piece} has {expected} bytes of data, found {found}")]
    Length {
        /// The piece.
        piece: PieceIndex,
        /// Bytes of data (without the padding at the end).
        expected: u32,
        /// Bytes passed in.
        found: u64,
    },
}

/// Hashes one piece and compares. `blocks` are its data in order, cut anywhere, without the padding at its end.
pub fn check_piece<'a>(
    meta: &Metainfo,
    piece: PieceIndex,
    blocks: impl Iterator<Item = &'a [u8]>,
) -> Result<Verified, Mismatch> {
    let mut hasher = PieceHasher::new(meta.layout(), piece, meta.format());
    blocks.for_each(|block| hasher.update(block));
    hasher.finish().check(meta)
}

/// Hashes one piece, both ways for a hybrid, while its bytes are in the cache. For checking and for creating.
#[derive(Debug, Clone)]
pub struct PieceHasher {
    layout: Layout,
    piece: PieceIndex,
    flat: Option<Sha1>,
    leaves: Option<LeafHasher>,
    found: u64,
}

impl PieceHasher {
    /// For the hashes that torrents of this format have.
    pub fn new(layout: &Layout, piece: PieceIndex, format: Format) -> Self {
        Self {
            layout: layout.clone(),
            piece,
            flat: (format != Format::V2).then(Sha1::new),
            leaves: (format != Format::V1).then(LeafHasher::new),
            found: 0,
        }
    }

    /// Takes the next bytes of the piece's data.
    pub fn update(&mut self, data: &[u8]) {
        self.found += data.len() as u64;
        // 16 KiB at a time, so that the second hash finds the bytes in the cache.
        for part in data.chunks(LEAF) {
            if let Some(hasher) = &mut self.flat {
                hasher.update(part);
            }
            if let Some(hasher) = &mut self.leaves {
                hasher.update(part);
            }
        }
    }

    /// The hashes; the padding at the piece's end is synthesised.
    pub fn finish(self) -> PieceHashes {
        let Self {
            layout,
            piece,
            flat,
            leaves,
            found,
        } = self;
        let pad = layout.piece_size(piece) - layout.data_size(piece);
        let v1 = flat.map(|mut hasher| {
            update_zeros(&mut hasher, pad);
            hasher.finish()
        });
        let leaves = leaves.map(LeafHasher::finish).unwrap_or_default();
        let file = layout.piece_files(piece).next();
        let length = file.map_or(0, |file| layout.file_size(file));
        let root = || piece_root(&leaves, layout.piece_length(), length);
        let v2 = (!leaves.is_empty()).then(root);
        PieceHashes {
            piece,
            found,
            v1,
            v2,
            leaves,
        }
    }
}

/// What one piece's bytes hash to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PieceHashes {
    /// The piece.
    pub piece: PieceIndex,
    /// Bytes of data that were hashed.
    pub found: u64,
    /// SHA-1 over data and padding (v1 and hybrid).
    pub v1: Option<Sha1Digest>,
    /// The root of the piece's own tree (v2 and hybrid).
    pub v2: Option<Sha256Digest>,
    /// The leaves under `v2`.
    pub leaves: Vec<Sha256Digest>,
}

impl PieceHashes {
    /// Compares with what the metainfo says of the piece.
    pub fn check(&self, meta: &Metainfo) -> Result<Verified, Mismatch> {
        let piece = self.piece;
        let expected = meta.layout().data_size(piece);
        let v1 = meta.piece_hash_v1(piece).copied();
        let v2 = meta.piece_root_v2(piece);
        let wants_v2 = meta.info_hash_v2().is_some() && expected > 0;
        if v1.is_none() && v2.is_none() || wants_v2 && v2.is_none() {
            return Err(Mismatch::Unknown(piece));
        }
        if self.found != u64::from(expected) {
            return Err(Mismatch::Length {
                piece,
                expected,
                found: self.found,
            });
        }
        match (v1.map(|_| v1 == self.v1), v2.map(|_| v2 == self.v2)) {
            (Some(false), Some(true)) => Err(Mismatch::Disagree { piece, fits: "v2" }),
            (Some(true), Some(false)) => Err(Mismatch::Disagree { piece, fits: "v1" }),
            (Some(false), _) | (_, Some(false)) => Err(Mismatch::Hash(piece)),
            _ => Ok(Verified(piece)),
        }
    }
}

/// The 16 KiB leaf hashes of a piece's data, to compare with known leaves and so name the bad blocks (v2).
pub fn leaf_hashes<'a>(blocks: impl Iterator<Item = &'a [u8]>) -> Vec<Sha256Digest> {
    let mut hasher = LeafHasher::new();
    blocks.for_each(|block| hasher.update(block));
    hasher.finish()
}

/// The root over the leaves of one piece: padded to a whole piece, or, in a file no larger than a piece, only to a
/// power of two (BEP 52).
pub fn piece_root(leaves: &[Sha256Digest], piece_length: u32, file_length: u64) -> Sha256Digest {
    let width = if file_length > u64::from(piece_length) {
        piece_length as usize / LEAF
    } else {
        1
    };
    merkle::root(leaves, 0, width)
}

fn update_zeros(hasher: &mut Sha1, mut count: u32) {
    const ZEROS: [u8; LEAF] = [0; LEAF];
    while count > 0 {
        let now = (count as usize).min(LEAF);
        hasher.update(&ZEROS[..now]);
        count -= now as u32;
    }
}
