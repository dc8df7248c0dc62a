//! Hash requests of BEP 52: which are sound, what answers them, and what an answer proves.
//!
//! The piece layer of a file and the layers above it are served from the metainfo; of what is below, the leaves of one
//! piece at a time, which whoever serves them hashes anew ([`leaves`]).
//! A tree is padded to a power of two with the roots of all-zero subtrees; padded nodes are sent like others. A request
//! counts `proof_layers` from its base layer upwards; the first of them that the asker computes from the asked nodes
//! itself are counted but not sent. Files no larger than a piece have no piece layer and are never asked for.
//!
//! A [`HashTrees`] belongs to one torrent. It keeps every fourth layer of a tree that was asked for (a fifteenth of the
//! piece layer's size), so that an answer costs a few thousand hashes at most, whatever the torrent's size.

mod leaves;

use std::collections::BTreeMap;
use std::sync::Arc;

use p2pcore_hashing::Sha256Digest;
use p2pcore_hashing::merkle;

use crate::index::{FileIndex, PieceIndex};
use crate::message::HashRequest;
use crate::metainfo::Metainfo;

/// Most hashes of the base layer in one request: what BEP 52 advises. More is rejected.
pub const MAX_HASHES: u32 = 512;

/// Why a hash request is rejected, or an answer refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HashError {
    /// The torrent has no file with that root and a piece layer (a v1 torrent has none at all).
    #[error("no file with a piece layer has the root that was asked for")]
    UnknownRoot,
    /// Below the piece layer, or not below the root.
    #[error("layer {layer} was asked for, the tree has {lowest} to {highest}")]
    Layer {
        /// Base layer of the request.
        layer: u32,
        /// The piece layer.
        lowest: u32,
        /// The layer just below the root.
        highest: u32,
    },
    /// No power of two, or too many.
    #[error("{0} hashes were asked for: not a power of two up to {MAX_HASHES}")]
    Count(u32),
    /// Not a multiple of the count, or past the end of the layer.
    #[error("hashes from {index} on were asked for, {length} of them, of a layer of {width}")]
    Range {
        /// First hash.
        index: u32,
        /// Number of hashes.
        length: u32,
        /// Nodes of the layer, padding included.
        width: u64,
    },
    /// The proof reaches past the root, or (of an answer) does not reach it.
    #[error("{found} proof layers, the tree has {layers} below its root")]
    Proof {
        /// Proof layers of the request.
        found: u32,
        /// Layers from the base layer to just below the root.
        layers: u32,
    },
    /// We do not have the piece layer ourselves.
    #[error("the piece layer is not known yet")]
    Missing,
    /// An answer with too few or too many hashes.
    #[error("{found} hashes came, {expected} were asked for")]
    AnswerSize {
        /// Hashes in the answer.
        found: usize,
        /// Hashes and uncles that the request asks for.
        expected: usize,
    },
    /// An answer that does not lead to the root.
    #[error("the hashes do not lead to the root of their file")]
    AnswerRoot,
    /// An answer that is proven, but has other nodes than padding after the last piece: no client makes such a tree.
    #[error("the tree holds data after the last piece of its file")]
    AnswerPadding,
}

/// Piece hashes that were proven to be those of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProvenHashes {
    /// The file.
    pub file: FileIndex,
    /// The first piece, counted over the torrent.
    pub first: PieceIndex,
    /// One hash for each piece from there on; padding is left out.
    pub hashes: Vec<Sha256Digest>,
}

/// The trees of a torrent's files, from their piece layers to their roots.
#[derive(Debug, Clone)]
pub struct HashTrees {
    meta: Arc<Metainfo>,
    /// Files with a piece layer by root, sorted. Identical files share a root.
    files: Vec<(Sha256Digest, FileIndex)>,
    /// Upper layers of the trees that were asked for.
    rungs: BTreeMap<FileIndex, Vec<Vec<Sha256Digest>>>,
}

impl HashTrees {
    /// The trees of this torrent. Nothing is hashed before it is asked for.
    pub fn new(meta: Arc<Metainfo>) -> Self {
        let piece_length = u64::from(meta.piece_length());
        let numbered = (0..).map(FileIndex::new).zip(meta.files());
        let mut files: Vec<_> = numbered
            .filter(|(_, file)| file.length > piece_length)
            .filter_map(|(index, file)| Some((file.pieces_root?, index)))
            .collect();
        files.sort_unstable();
        Self {
            meta,
            files,
            rungs: BTreeMap::new(),
        }
    }

    /// The files that a root names: those with a piece layer, more than one where files are identical.
    pub fn files_with_root(&self, root: &Sha256Digest) -> impl Iterator<Item = FileIndex> + '_ {
        let first = self.files.partition_point(|(other, _)| other < root);
        let root = *root;
        let from_first = self.files.get(first..).unwrap_or_default();
        from_first
            .iter()
            .take_while(move |(other, _)| *other == root)
            .map(|&(_, file)| file)
    }

    /// Whether a request is one that we would serve, and of which file.
    pub fn check(&self, request: &HashRequest) -> Result<FileIndex, HashError> {
        let mut files = self.files_with_root(&request.pieces_root);
        let file = files.next().ok_or(HashError::UnknownRoot)?;
        self.shape(file).check(request)?;
        Ok(file)
    }

    /// The hashes that answer a request: those of the base layer, then the uncles, lowest first. An error means that
    /// the request is to be rejected (BEP 52: hash reject with the same fields).
    pub fn answer(&mut self, request: &HashRequest) -> Result<Vec<Sha256Digest>, HashError> {
        let file = self.check(request)?;
        let shape = self.shape(file);
        let meta = Arc::clone(&self.meta);
        let (layer, _) = meta
            .piece_layer(file)
            .ok_or(HashError::Missing)?
            .as_chunks::<32>();
        let rungs = self
            .rungs
            .entry(file)
            .or_insert_with(|| climb(layer, shape));
        let node = |level: u32, number: u64| {
            let rung = level / RUNG;
            let nodes = if rung == 0 {
                layer
            } else {
                &rungs[rung as usize - 1]
            };
            subtree(nodes, shape.lowest + rung * RUNG, level % RUNG, number)
        };
        let base = request.base_layer - shape.lowest;
        let (index, length) = (u64::from(request.index), u64::from(request.length));
        let asked = (index..index + length).map(|number| node(base, number));
        let first_uncle = request.length.ilog2();
        let uncles = (first_uncle..first_uncle + uncle_count(request))
            .map(|up| node(base + up, (index >> up) ^ 1));
        Ok(asked.chain(uncles).collect())
    }

    /// The requests that fetch a file's whole piece layer, with full proofs. None for a file that has no piece layer.
    pub fn requests(&self, file: FileIndex) -> impl Iterator<Item = HashRequest> + use<> {
        let meta = &self.meta;
        let found = meta.files().get(file.as_usize());
        let found = found.filter(|found| found.length > u64::from(meta.piece_length()));
        let root = found.and_then(|found| found.pieces_root);
        let shape = self.shape(file);
        let length = shape.width().min(u64::from(MAX_HASHES)) as u32;
        root.into_iter().flat_map(move |pieces_root| {
            (0..shape.pieces)
                .step_by(length as usize)
                .map(move |index| HashRequest {
                    pieces_root,
                    base_layer: shape.lowest,
                    index,
                    length,
                    proof_layers: shape.depth.saturating_sub(1),
                })
        })
    }

    /// What an answer proves, for each file that has the root. The caller has made sure that it asked exactly this
    /// `request`. Only requests as [`requests`](Self::requests) makes them can be proven: of the piece layer, with a
    /// proof up to the root.
    pub fn verify(
        &self,
        request: &HashRequest,
        hashes: &[Sha256Digest],
    ) -> Result<Vec<ProvenHashes>, HashError> {
        self.check(request)?;
        self.files_with_root(&request.pieces_root)
            .map(|file| self.verify_file(file, request, hashes))
            .collect()
    }

    fn verify_file(
        &self,
        file: FileIndex,
        request: &HashRequest,
        hashes: &[Sha256Digest],
    ) -> Result<ProvenHashes, HashError> {
        let shape = self.shape(file);
        shape.check(request)?;
        if request.base_layer != shape.lowest {
            return Err(shape.wrong_layer(request.base_layer));
        }
        let uncles = uncle_count(request);
        if request.length.ilog2() + uncles != shape.depth {
            return Err(HashError::Proof {
                found: request.proof_layers,
                layers: shape.depth,
            });
        }
        let length = request.length as usize;
        let expected = length + uncles as usize;
        let (nodes, uncles) = match hashes.split_at_checked(length) {
            Some(parts) if hashes.len() == expected => parts,
            _ => {
                return Err(HashError::AnswerSize {
                    found: hashes.len(),
                    expected,
                });
            }
        };
        if !merkle::verify_proof(nodes, request.index as usize, uncles, &request.pieces_root) {
            return Err(HashError::AnswerRoot);
        }
        let real = shape
            .pieces
            .saturating_sub(request.index)
            .min(request.length);
        let (nodes, padding) = nodes.split_at(real as usize);
        if padding
            .iter()
            .any(|node| *node != merkle::pad_hash(shape.lowest))
        {
            return Err(HashError::AnswerPadding);
        }
        let first = self.meta.layout().file_pieces(file).start + request.index;
        Ok(ProvenHashes {
            file,
            first: PieceIndex::new(first),
            hashes: nodes.to_vec(),
        })
    }

    fn shape(&self, file: FileIndex) -> Shape {
        let pieces = self.meta.layout().file_pieces(file).len() as u32;
        let depth = pieces.max(1).next_power_of_two().ilog2();
        Shape {
            lowest: self.meta.piece_layer_height(),
            pieces,
            depth,
        }
    }
}

/// The part of a file's tree that can be asked for.
#[derive(Debug, Clone, Copy)]
struct Shape {
    /// Height of the piece layer above the leaves.
    lowest: u32,
    /// Real nodes of the piece layer.
    pieces: u32,
    /// Layers from the piece layer (counted) to the root (not counted).
    depth: u32,
}

impl Shape {
    /// Nodes of the piece layer, padding included.
    fn width(self) -> u64 {
        1 << self.depth
    }

    fn check(self, request: &HashRequest) -> Result<(), HashError> {
        let &HashRequest {
            base_layer,
            index,
            length,
            proof_layers,
            ..
        } = request;
        let level = base_layer
            .checked_sub(self.lowest)
            .filter(|&level| level < self.depth)
            .ok_or(self.wrong_layer(base_layer))?;
        // BEP 52 wants at least two; libtorrent asks for one where a single piece is left over.
        if !length.is_power_of_two() || length > MAX_HASHES {
            return Err(HashError::Count(length));
        }
        let width = self.width() >> level;
        if !index.is_multiple_of(length) || u64::from(index) + u64::from(length) > width {
            return Err(HashError::Range {
                index,
                length,
                width,
            });
        }
        let layers = self.depth - level;
        if proof_layers >= layers {
            return Err(HashError::Proof {
                found: proof_layers,
                layers,
            });
        }
        Ok(())
    }

    fn wrong_layer(self, layer: u32) -> HashError {
        let highest = (self.lowest + self.depth).saturating_sub(1);
        HashError::Layer {
            layer,
            lowest: self.lowest,
            highest,
        }
    }
}

/// Layers from one kept layer to the next.
const RUNG: u32 = 4;

/// Uncles that go with an answer. The request was checked: its length is not zero.
fn uncle_count(request: &HashRequest) -> u32 {
    (request.proof_layers + 1).saturating_sub(request.length.ilog2())
}

/// Every [`RUNG`]th layer above the piece layer. Nodes of nothing but padding are left out.
fn climb(layer: &[Sha256Digest], shape: Shape) -> Vec<Vec<Sha256Digest>> {
    let mut rungs: Vec<Vec<_>> = Vec::new();
    for number in 1..=shape.depth / RUNG {
        let below = rungs.last().map_or(layer, Vec::as_slice);
        let height = shape.lowest + (number - 1) * RUNG;
        let nodes = below.chunks(1 << RUNG);
        rungs.push(
            nodes
                .map(|nodes| merkle::root(nodes, height, 1 << RUNG))
                .collect(),
        );
    }
    rungs
}

/// Node `number` of the layer `up` layers above `nodes`, which stand at `height`.
fn subtree(nodes: &[Sha256Digest], height: u32, up: u32, number: u64) -> Sha256Digest {
    let first = (number << up) as usize;
    let last = nodes.len().min(first + (1 << up));
    match nodes.get(first..last) {
        Some(nodes) if !nodes.is_empty() => merkle::root(nodes, height, 1 << up),
        _ => merkle::pad_hash(height + up),
    }
}

#[cfg(test)]
mod tests;
