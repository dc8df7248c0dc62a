//! The leaves below one piece: by them a block is proven, or its sender found out, before the rest of its piece is there.

use p2pcore_hashing::Sha256Digest;
use p2pcore_hashing::merkle;

use super::{HashError, HashTrees, MAX_HASHES, uncle_count};
use crate::index::PieceIndex;
use crate::message::HashRequest;

impl HashTrees {
    /// The request for the leaves of a piece, which need no proof: the piece's hash is known. None where there is nothing
    /// to ask for: of a piece that is one block, or more than [`MAX_HASHES`] of them (8 MiB), and of a file no larger than
    /// a piece.
    pub fn leaf_request(&self, piece: PieceIndex) -> Option<HashRequest> {
        let layout = self.meta.layout();
        let file = layout.piece_files(piece).next()?;
        let found = self.meta.files().get(file.as_usize())?;
        if found.length <= u64::from(self.meta.piece_length()) {
            return None;
        }
        let length = 1_u32.checked_shl(self.meta.piece_layer_height())?;
        if !(2..=MAX_HASHES).contains(&length) {
            return None;
        }
        let number = piece.get() - layout.file_pieces(file).start;
        Some(HashRequest {
            pieces_root: found.pieces_root?,
            base_layer: 0,
            index: number.checked_mul(length)?,
            length,
            proof_layers: 0,
        })
    }

    /// The pieces whose leaves a request asks for: one, or one of each file where files are identical.
    pub fn pieces_of_leaves(&self, request: &HashRequest) -> Result<Vec<PieceIndex>, HashError> {
        let &HashRequest {
            base_layer,
            index,
            length,
            proof_layers,
            ..
        } = request;
        let lowest = self.meta.piece_layer_height();
        let mut files = self.files_with_root(&request.pieces_root).peekable();
        let file = *files.peek().ok_or(HashError::UnknownRoot)?;
        let shape = self.shape(file);
        if base_layer != 0 || lowest == 0 {
            return Err(shape.wrong_layer(base_layer));
        }
        if length > MAX_HASHES || Some(length) != 1_u32.checked_shl(lowest) {
            return Err(HashError::Count(length));
        }
        let number = index / length;
        if !index.is_multiple_of(length) || number >= shape.pieces {
            let width = shape.width() << lowest;
            return Err(HashError::Range {
                index,
                length,
                width,
            });
        }
        let layers = shape.depth + lowest;
        if proof_layers >= layers {
            return Err(HashError::Proof {
                found: proof_layers,
                layers,
            });
        }
        let layout = self.meta.layout();
        Ok(files
            .map(|file| PieceIndex::new(layout.file_pieces(file).start + number))
            .collect())
    }

    /// The hashes that answer a request for leaves that was found sound: the `leaves` of its piece, padding, and uncles.
    pub fn answer_leaves(
        &mut self,
        request: &HashRequest,
        leaves: &[Sha256Digest],
    ) -> Result<Vec<Sha256Digest>, HashError> {
        let mut hashes = leaves.to_vec();
        hashes.resize(request.length as usize, merkle::pad_hash(0));
        if uncle_count(request) > 0 {
            let lowest = self.meta.piece_layer_height();
            let above = HashRequest {
                base_layer: lowest,
                index: request.index >> lowest,
                length: 1,
                proof_layers: request.proof_layers - lowest,
                ..*request
            };
            hashes.extend(self.answer(&above)?.into_iter().skip(1));
        }
        Ok(hashes)
    }

    /// The leaves of a piece, without padding, that an answer to its [`leaf_request`](Self::leaf_request) proves.
    pub fn verify_leaves(
        &self,
        piece: PieceIndex,
        hashes: &[Sha256Digest],
    ) -> Result<Vec<Sha256Digest>, HashError> {
        let expected = 1_usize << self.meta.piece_layer_height();
        if hashes.len() != expected {
            let found = hashes.len();
            return Err(HashError::AnswerSize { found, expected });
        }
        let root = self.meta.piece_root_v2(piece).ok_or(HashError::Missing)?;
        if merkle::root(hashes, 0, 1) != root {
            return Err(HashError::AnswerRoot);
        }
        let blocks = self.meta.layout().blocks(piece).count();
        match hashes.split_at_checked(blocks) {
            Some((leaves, padding)) if padding.iter().all(|leaf| *leaf == merkle::pad_hash(0)) => {
                Ok(leaves.to_vec())
            }
            _ => Err(HashError::AnswerPadding),
        }
    }
}
