//! Streams of bytes, cut into 16 KiB leaves, each hashed by itself (BEP 52).

use crate::digest::{Sha256, Sha256Digest};
use crate::many::sha256_many;
use crate::merkle::LEAF;

/// The leaves of several streams at once.
#[derive(Debug, Clone)]
pub struct LeavesMany {
    streams: Vec<Stream>,
}

#[derive(Debug, Clone, Default)]
struct Stream {
    /// The leaf that is not whole yet.
    begun: Sha256,
    filled: usize,
    leaves: Vec<Sha256Digest>,
}

impl LeavesMany {
    /// `count` empty streams.
    pub fn new(count: usize) -> Self {
        Self {
            streams: vec![Stream::default(); count],
        }
    }

    /// Takes rows of parts: each row gives each stream its next bytes. Leaves that are whole within their part are
    /// hashed together, all rows of them.
    pub fn update(&mut self, rows: &[&[&[u8]]]) {
        let mut whole: Vec<(usize, usize)> = Vec::new();
        let mut bytes: Vec<&[u8]> = Vec::new();
        for row in rows {
            for (number, (stream, part)) in self.streams.iter_mut().zip(*row).enumerate() {
                let (leaves, rest) = stream.begin(part).as_chunks::<LEAF>();
                for leaf in leaves {
                    whole.push((number, stream.leaves.len()));
                    stream.leaves.push([0; 32]);
                    bytes.push(leaf);
                }
                stream.begin(rest);
            }
        }
        for ((number, place), leaf) in whole.into_iter().zip(sha256_many(&bytes)) {
            self.streams[number].leaves[place] = leaf;
        }
    }

    /// The leaves of all bytes taken, for each stream; the last covers what is left and is not padded. No bytes, no
    /// leaves.
    pub fn finish(self) -> Vec<Vec<Sha256Digest>> {
        self.streams.into_iter().map(Stream::finish).collect()
    }
}

impl Stream {
    /// Takes what belongs to the leaf that is not whole; answers what is left. A part of less than a leaf begins one.
    fn begin<'a>(&mut self, part: &'a [u8]) -> &'a [u8] {
        if self.filled == 0 && part.len() >= LEAF {
            return part;
        }
        let (now, later) = part.split_at(part.len().min(LEAF - self.filled));
        self.begun.update(now);
        self.filled += now.len();
        if self.filled == LEAF {
            self.close();
        }
        later
    }

    fn close(&mut self) {
        self.leaves.push(std::mem::take(&mut self.begun).finish());
        self.filled = 0;
    }

    fn finish(mut self) -> Vec<Sha256Digest> {
        if self.filled > 0 {
            self.close();
        }
        self.leaves
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::sha256;

    #[test]
    fn leaves_do_not_depend_on_how_the_bytes_arrive() {
        let data: Vec<u8> = (0..LEAF * 5 + 5).map(|n| (n % 251) as u8).collect();
        let (one, other) = (&data[..], &data[7..LEAF * 2 + 9]);
        let whole = |data: &[u8]| data.chunks(LEAF).map(sha256).collect::<Vec<_>>();
        for part in [1000, LEAF - 1, LEAF, LEAF + 1, 3 * LEAF - 1, data.len()] {
            let mut hasher = LeavesMany::new(2);
            let empty: &[u8] = &[];
            let mut others = other.chunks(part).chain(std::iter::repeat(empty));
            let rows: Vec<[&[u8]; 2]> = one
                .chunks(part)
                .map(|part| [part, others.next().unwrap_or(empty)])
                .collect();
            for rows in rows.chunks(3) {
                let rows: Vec<&[&[u8]]> = rows.iter().map(|row| &row[..]).collect();
                hasher.update(&rows);
            }
            assert_eq!(hasher.finish(), [whole(one), whole(other)], "{part}");
        }
        assert!(LeavesMany::new(1).finish()[0].is_empty());
    }
}
