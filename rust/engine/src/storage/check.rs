//! Hashing what is on disk.

use p2pcore_hashing::Sha256Digest;
use p2pcore_protocol::check::PiecesHasher;
use p2pcore_protocol::{BlockSpan, Format, Metainfo, Mismatch, PieceIndex, Verified};

use super::{Storage, lock};
use crate::aligned::PageBuffer;
use crate::error::StorageError;

/// Reads pieces side by side and compares each with its hashes. `scratch` is kept by the caller, so that the next ones
/// need none.
pub fn check_on_disk(
    storage: &Storage,
    meta: &Metainfo,
    pieces: &[PieceIndex],
    scratch: &mut PageBuffer,
) -> Result<Vec<Result<Verified, Mismatch>>, StorageError> {
    let layout = meta.layout();
    let mut hasher = PiecesHasher::new(layout, pieces, meta.format());
    scratch.grow(BUFFER);
    let run = BUFFER / pieces.len().next_power_of_two();
    let longest = pieces.iter().map(|piece| layout.data_size(*piece)).max();
    for begin in (0..longest.unwrap_or(0)).step_by(run) {
        let mut row: Vec<&[u8]> = Vec::with_capacity(pieces.len());
        for (&piece, part) in pieces.iter().zip(scratch.chunks_mut(run)) {
            let left = layout.data_size(piece).saturating_sub(begin);
            let length = left.min(run as u32);
            let part = &mut part[..length as usize];
            if length > 0 {
                let span = BlockSpan {
                    piece,
                    begin,
                    length,
                };
                storage.read(span, part)?;
            }
            row.push(part);
        }
        hasher.update(&[&row]);
    }
    let mut state = lock(&storage.state);
    state.unchecked = state.unchecked.saturating_sub(pieces.len());
    drop(state);
    let hashes = hasher.finish().into_iter();
    Ok(hashes.map(|hashes| hashes.check(meta)).collect())
}

/// The leaves of a piece that is on disk (v2); none where it is not what it should be.
pub fn leaves_on_disk(
    storage: &Storage,
    meta: &Metainfo,
    piece: PieceIndex,
) -> Result<Option<Vec<Sha256Digest>>, StorageError> {
    let length = meta.layout().data_size(piece);
    let mut data = vec![0; length as usize];
    let span = BlockSpan {
        piece,
        begin: 0,
        length,
    };
    storage.read(span, &mut data)?;
    let mut hasher = PiecesHasher::new(meta.layout(), &[piece], Format::V2);
    for part in data.chunks(BUFFER) {
        hasher.update(&[&[part]]);
    }
    let hashes = hasher.finish().pop();
    let right = hashes.filter(|hashes| hashes.v2 == meta.piece_root_v2(piece));
    Ok(right.map(|hashes| hashes.leaves))
}

/// Bytes read at a time, of all pieces together: they are still in the second-level cache when they are hashed.
const BUFFER: usize = 512 * 1024;
