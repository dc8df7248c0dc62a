//! Content-defined chunks of a buffer or a file, in one pass and bounded memory.

use std::fs::File;
use std::io::Read as _;

use p2pcore_chunking::Chunker;
pub use p2pcore_chunking::{Bounds, BoundsError, Chunk};

use crate::aligned::PageBuffer;
use crate::error::StorageError;
use crate::pieces::{HashError, Input};
use crate::sources::Progress;

/// Cuts and hashes. The same bytes give the same chunks, in whatever way they are given.
pub fn chunk(
    input: &Input<'_>,
    bounds: Bounds,
    progress: Progress<'_>,
) -> Result<Vec<Chunk>, HashError> {
    let mut chunker = Chunker::new(bounds);
    let mut chunks = Vec::new();
    let mut done = 0;
    let mut take = |part: &[u8], total: u64| {
        chunker.update(part, &mut chunks);
        done += part.len() as u64;
        if progress(done, total) {
            Ok(())
        } else {
            Err(HashError::Stopped)
        }
    };
    match input {
        Input::Bytes(bytes) => {
            for part in bytes.chunks(RUN) {
                take(part, bytes.len() as u64)?;
            }
        }
        Input::Path(path) => {
            let failed = |operation, error| StorageError::new(operation, path, &error);
            let mut file = File::open(path).map_err(|error| failed("open", error))?;
            let metadata = file.metadata().map_err(|error| failed("open", error))?;
            let mut buffer = PageBuffer::new(RUN);
            loop {
                match file.read(&mut buffer) {
                    Ok(0) => break,
                    Ok(count) => take(&buffer[..count], metadata.len())?,
                    Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(failed("read", error).into()),
                }
            }
        }
    }
    chunks.extend(chunker.finish());
    Ok(chunks)
}

/// Bytes at a time: they are still in the second-level cache when they are hashed.
const RUN: usize = 512 * 1024;
