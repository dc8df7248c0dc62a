//! Hashing what is on disk.

use p2pcore_protocol::check::PieceHasher;
use p2pcore_protocol::{BlockSpan, Metainfo, Mismatch, PieceIndex, Verified};

use super::{Storage, lock};
use crate::error::StorageError;

/// Reads a piece and compares it with its hashes. `scratch` is kept by the caller, so that the next piece needs none.
pub fn check_on_disk(
    storage: &Storage,
    meta: &Metainfo,
    piece: PieceIndex,
    scratch: &mut Vec<u8>,
) -> Result<Result<Verified, Mismatch>, StorageError> {
    let layout = meta.layout();
    let size = layout.data_size(piece);
    let mut hasher = PieceHasher::new(layout, piece, meta.format());
    let mut begin = 0;
    while begin < size {
        let length = (size - begin).min(RUN);
        if scratch.len() < length as usize {
            scratch.resize(length as usize, 0);
        }
        let run = &mut scratch[..length as usize];
        storage.read(
            BlockSpan {
                piece,
                begin,
                length,
            },
            run,
        )?;
        hasher.update(run);
        begin += length;
    }
    let result = hasher.finish().check(meta);
    let mut state = lock(&storage.state);
    state.unchecked = state.unchecked.saturating_sub(1);
    Ok(result)
}

/// Bytes to one read: they still fit the second-level cache when they are hashed.
const RUN: u32 = 1 << 20;
