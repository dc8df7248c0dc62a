//! The one place where bytes become a verified piece.
//!
//! A [`Verified`] value exists only where a piece was hashed here, or where its maker says in so many words that it
//! trusts an earlier check. Nothing but a `Verified` can mark a piece as had. Padding is synthesised: only the data of
//! a piece is passed in. Hybrids must pass both hashes.

use p2pcore_hashing::merkle::{self, LEAF};
use p2pcore_hashing::{LANES, LeavesMany, Sha1Digest, Sha1Many, Sha256Digest};

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
    let blocks: Vec<&[u8]> = blocks.collect();
    let mut checked = check_pieces(meta, &[(piece, &blocks)]);
    checked.pop().unwrap_or(Err(Mismatch::Unknown(piece)))
}

/// Hashes several pieces side by side, which is several times as fast as one after the other, and compares each.
pub fn check_pieces<'a, B: AsRef<[u8]>>(
    meta: &Metainfo,
    pieces: &[(PieceIndex, &'a [B])],
) -> Vec<Result<Verified, Mismatch>> {
    let numbers: Vec<PieceIndex> = pieces.iter().map(|(piece, _)| *piece).collect();
    let mut hasher = PiecesHasher::new(meta.layout(), &numbers, meta.format());
    let most = pieces.iter().map(|(_, blocks)| blocks.len()).max();
    let rows: Vec<Vec<&[u8]>> = (0..most.unwrap_or(0))
        .map(|row| {
            let part = |blocks: &'a [B]| blocks.get(row).map_or(&[][..], AsRef::as_ref);
            pieces.iter().map(|(_, blocks)| part(blocks)).collect()
        })
        .collect();
    let rows: Vec<&[&[u8]]> = rows.iter().map(Vec::as_slice).collect();
    // As many rows at a time as keep the lanes full while the bytes stay in the cache.
    for rows in rows.chunks(LANES.div_ceil(pieces.len().max(1))) {
        hasher.update(rows);
    }
    let hashes = hasher.finish().into_iter();
    hashes.map(|hashes| hashes.check(meta)).collect()
}

/// Hashes pieces side by side, both ways for a hybrid, while their bytes are in the cache. For checking and for
/// creating.
#[derive(Debug, Clone)]
pub struct PiecesHasher {
    layout: Layout,
    pieces: Vec<PieceIndex>,
    flat: Option<Sha1Many>,
    leaves: Option<LeavesMany>,
    found: Vec<u64>,
}

impl PiecesHasher {
    /// For the hashes that torrents of this format have.
    pub fn new(layout: &Layout, pieces: &[PieceIndex], format: Format) -> Self {
        let count = pieces.len();
        Self {
            layout: layout.clone(),
            pieces: pieces.to_vec(),
            flat: (format != Format::V2).then(|| Sha1Many::new(count)),
            leaves: (format != Format::V1).then(|| LeavesMany::new(count)),
            found: vec![0; count],
        }
    }

    /// Takes rows of parts: each row gives each piece the next bytes of its data. All rows together should fit the
    /// cache.
    pub fn update(&mut self, rows: &[&[&[u8]]]) {
        for row in rows {
            for (found, part) in self.found.iter_mut().zip(*row) {
                *found += part.len() as u64;
            }
            if let Some(flat) = &mut self.flat {
                flat.update(row);
            }
        }
        if let Some(leaves) = &mut self.leaves {
            leaves.update(rows);
        }
    }

    /// The hashes; the padding at the end of a piece is synthesised.
    pub fn finish(self) -> Vec<PieceHashes> {
        let Self {
            layout,
            pieces,
            flat,
            leaves,
            found,
        } = self;
        let v1 = flat.map(|mut flat| {
            let pads = pieces
                .iter()
                .map(|p| layout.piece_size(*p) - layout.data_size(*p));
            update_zeros(&mut flat, pads.collect());
            flat.finish()
        });
        let mut leaves = leaves.map(LeavesMany::finish);
        let hashes = pieces.into_iter().enumerate().map(|(number, piece)| {
            let leaves = leaves.as_mut().map(|all| std::mem::take(&mut all[number]));
            let leaves = leaves.unwrap_or_default();
            let file = layout.piece_files(piece).next();
            let length = file.map_or(0, |file| layout.file_size(file));
            let root = || piece_root(&leaves, layout.piece_length(), length);
            PieceHashes {
                piece,
                found: found[number],
                v1: v1.as_ref().map(|all| all[number]),
                v2: (!leaves.is_empty()).then(root),
                leaves,
            }
        });
        hashes.collect()
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

fn update_zeros(flat: &mut Sha1Many, mut counts: Vec<u32>) {
    const ZEROS: [u8; LEAF] = [0; LEAF];
    while counts.iter().any(|count| *count > 0) {
        let now = |count: &u32| &ZEROS[..(*count as usize).min(LEAF)];
        flat.update(&counts.iter().map(now).collect::<Vec<_>>());
        for count in &mut counts {
            *count = count.saturating_sub(LEAF as u32);
        }
    }
}
