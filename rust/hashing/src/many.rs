//! SHA-1 and SHA-256 over many streams at once: the same digests as one by one, several times as fast.

use crate::algorithm::{Sha1Lanes, Sha256Lanes};
use crate::backend::Backend;
use crate::digest::{Sha1Digest, Sha256Digest};
use crate::lanes::{Algorithm, BLOCK, Job, compress_all};

/// SHA-1 of each message.
pub fn sha1_many(messages: &[&[u8]]) -> Vec<Sha1Digest> {
    let mut many = Sha1Many::new(messages.len());
    many.update(messages);
    many.finish()
}

/// SHA-256 of each message.
pub fn sha256_many(messages: &[&[u8]]) -> Vec<Sha256Digest> {
    let mut many = Sha256Many::new(messages.len());
    many.update(messages);
    many.finish()
}

/// Several SHA-1 streams, each fed in parts of any length.
#[derive(Debug, Clone)]
pub struct Sha1Many(Many<5>);

impl Sha1Many {
    /// `count` empty streams.
    pub fn new(count: usize) -> Self {
        Self::with(Backend::best(), count)
    }

    /// The same on a given backend, for tests and measurements. One that this processor lacks is replaced by the
    /// portable one.
    pub fn with(backend: Backend, count: usize) -> Self {
        Self(Many::new::<Sha1Lanes>(backend, count))
    }

    /// Gives each stream its next bytes: the first part to the first stream, and so on. Streams without a part wait.
    pub fn update(&mut self, parts: &[&[u8]]) {
        self.0.update::<Sha1Lanes>(parts);
    }

    /// The digests, in order.
    pub fn finish(self) -> Vec<Sha1Digest> {
        let states = self.0.finish::<Sha1Lanes>();
        states.map(bytes).collect()
    }
}

/// Several SHA-256 streams, each fed in parts of any length.
#[derive(Debug, Clone)]
pub struct Sha256Many(Many<8>);

impl Sha256Many {
    /// `count` empty streams.
    pub fn new(count: usize) -> Self {
        Self::with(Backend::best(), count)
    }

    /// The same on a given backend, for tests and measurements. One that this processor lacks is replaced by the
    /// portable one.
    pub fn with(backend: Backend, count: usize) -> Self {
        Self(Many::new::<Sha256Lanes>(backend, count))
    }

    /// Gives each stream its next bytes: the first part to the first stream, and so on. Streams without a part wait.
    pub fn update(&mut self, parts: &[&[u8]]) {
        self.0.update::<Sha256Lanes>(parts);
    }

    /// The digests, in order.
    pub fn finish(self) -> Vec<Sha256Digest> {
        let states = self.0.finish::<Sha256Lanes>();
        states.map(bytes).collect()
    }
}

/// Streams of either digest.
#[derive(Debug, Clone)]
struct Many<const W: usize> {
    backend: Backend,
    streams: Vec<Stream<W>>,
}

/// One stream: its state after whole blocks, and the bytes of the block that is not whole.
#[derive(Debug, Clone)]
struct Stream<const W: usize> {
    state: [u32; W],
    begun: [u8; BLOCK],
    length: u64,
}

impl<const W: usize> Stream<W> {
    fn filled(&self) -> usize {
        (self.length % BLOCK as u64) as usize
    }
}

impl<const W: usize> Many<W> {
    fn new<A: Algorithm<W>>(backend: Backend, count: usize) -> Self {
        let empty = Stream {
            state: A::INITIAL,
            begun: [0; BLOCK],
            length: 0,
        };
        Self {
            backend: backend.or_portable(),
            streams: vec![empty; count],
        }
    }

    fn update<A: Algorithm<W>>(&mut self, parts: &[&[u8]]) {
        debug_assert!(parts.len() <= self.streams.len());
        let mut rest = parts.to_vec();
        // First what completes a block that was begun, then whole blocks, and what is left begins the next.
        if self.streams.iter().any(|stream| stream.filled() > 0) {
            let mut whole = Vec::new();
            for (number, (stream, part)) in self.streams.iter_mut().zip(&mut rest).enumerate() {
                let filled = stream.filled();
                if filled == 0 {
                    continue;
                }
                let (now, later) = part.split_at(part.len().min(BLOCK - filled));
                stream.begun[filled..filled + now.len()].copy_from_slice(now);
                stream.length += now.len() as u64;
                *part = later;
                if stream.filled() == 0 && !now.is_empty() {
                    whole.push(number);
                }
            }
            let begun: Vec<[u8; BLOCK]> = whole.iter().map(|n| self.streams[*n].begun).collect();
            let blocks = whole.into_iter().zip(begun.iter().map(|block| &block[..]));
            self.compress::<A>(blocks);
        }
        let lengths = rest.iter().map(|part| part.len() / BLOCK * BLOCK);
        let bodies = rest
            .iter()
            .zip(lengths)
            .map(|(part, length)| &part[..length]);
        self.compress::<A>(bodies.enumerate());
        for (stream, part) in self.streams.iter_mut().zip(rest) {
            let left = part.len() % BLOCK;
            if stream.filled() == 0 {
                stream.begun[..left].copy_from_slice(&part[part.len() - left..]);
            }
            stream.length += part.len() as u64;
        }
    }

    fn finish<A: Algorithm<W>>(mut self) -> impl Iterator<Item = [u32; W]> {
        let endings: Vec<([u8; 2 * BLOCK], usize)> = self.streams.iter().map(ending).collect();
        let blocks = endings.iter().map(|(bytes, length)| &bytes[..*length]);
        self.compress::<A>(blocks.enumerate());
        self.streams.into_iter().map(|stream| stream.state)
    }

    /// Whole blocks, each with the number of its stream.
    fn compress<'a, A: Algorithm<W>>(&mut self, blocks: impl Iterator<Item = (usize, &'a [u8])>) {
        let (numbers, mut jobs): (Vec<usize>, Vec<Job<'a, W>>) = blocks
            .map(|(number, data)| {
                let state = self.streams[number].state;
                (number, Job { state, data })
            })
            .unzip();
        compress_all::<A, W>(self.backend, &mut jobs);
        for (number, job) in numbers.into_iter().zip(jobs) {
            self.streams[number].state = job.state;
        }
    }
}

/// The last one or two blocks: what was begun, a one bit, zeros, and the length in bits (FIPS 180-4, 5.1.1).
fn ending<const W: usize>(stream: &Stream<W>) -> ([u8; 2 * BLOCK], usize) {
    let filled = stream.filled();
    let length = if filled < BLOCK - 8 { BLOCK } else { 2 * BLOCK };
    let mut bytes = [0; 2 * BLOCK];
    bytes[..filled].copy_from_slice(&stream.begun[..filled]);
    bytes[filled] = 0x80;
    bytes[length - 8..length].copy_from_slice(&(stream.length * 8).to_be_bytes());
    (bytes, length)
}

/// The words of a state, big-endian.
pub(crate) fn bytes<const W: usize, const N: usize>(state: [u32; W]) -> [u8; N] {
    let mut out = [0; N];
    for (four, word) in out.chunks_exact_mut(4).zip(state) {
        four.copy_from_slice(&word.to_be_bytes());
    }
    out
}

#[cfg(test)]
mod tests;
