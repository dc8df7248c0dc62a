//! Content-defined chunks: a stream is cut where its last 64 bytes say so.
//!
//! So a change moves only the cuts around it, and two versions of a file share most of their chunks. Pure computation:
//! no I/O, no threads. The cut points are frozen for ever by `tests/vectors.rs`: data that was chunked once must be
//! chunked alike by every later version, on every machine.

mod cutter;
mod gear;
mod lanes;

pub use cutter::{Bounds, BoundsError, Cutter};

/// One chunk of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chunk {
    /// Where it begins.
    pub offset: u64,
    /// Bytes.
    pub length: u32,
    /// BLAKE3 of its bytes.
    pub blake3: [u8; 32],
}

/// Chunks of a stream that comes in parts of any size.
#[derive(Debug, Clone)]
pub struct Chunker {
    cutter: Cutter,
    begun: blake3::Hasher,
    offset: u64,
    length: u32,
}

impl Chunker {
    /// An empty stream.
    pub fn new(bounds: Bounds) -> Self {
        Self {
            cutter: Cutter::new(bounds),
            begun: blake3::Hasher::new(),
            offset: 0,
            length: 0,
        }
    }

    /// Takes the next bytes, and adds the chunks that end in them.
    pub fn update(&mut self, mut data: &[u8], chunks: &mut Vec<Chunk>) {
        while let Some(length) = self.cutter.cut(data) {
            let (last, rest) = data.split_at(length);
            self.take(last);
            chunks.push(self.close());
            data = rest;
        }
        self.take(data);
    }

    /// The last chunk, if the stream did not end with a cut.
    pub fn finish(mut self) -> Option<Chunk> {
        (self.length > 0).then(|| self.close())
    }

    fn take(&mut self, data: &[u8]) {
        self.begun.update(data);
        self.length += data.len() as u32; // at most the largest chunk, which fits
    }

    fn close(&mut self) -> Chunk {
        let chunk = Chunk {
            offset: self.offset,
            length: self.length,
            blake3: *self.begun.finalize().as_bytes(),
        };
        self.begun.reset();
        self.offset += u64::from(self.length);
        self.length = 0;
        chunk
    }
}
