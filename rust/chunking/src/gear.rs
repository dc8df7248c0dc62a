//! The Gear hash: 64 bits over the last 64 bytes, and the search for a place where it is small.
//!
//! A byte shifts the hash by one and adds its number from a table, so a byte is forgotten after 64 more. Whether a place
//! is a cut therefore depends on nothing but the 64 bytes before it, and places far apart can be looked at side by side.

use crate::lanes::{self, STRIDE};

/// Bytes that the hash remembers.
pub(crate) const WINDOW: usize = 64;

/// The first 256 outputs of `SplitMix64`, started at 0 (Steele, Lea and Flood, 2014). Frozen.
pub(crate) static GEAR: [u64; 256] = {
    let mut table = [0; 256];
    let mut state: u64 = 0;
    let mut i = 0;
    while i < 256 {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        table[i] = mixed ^ (mixed >> 31);
        i += 1;
    }
    table
};

/// The hash one byte later.
#[inline]
fn next(hash: u64, byte: u8) -> u64 {
    (hash << 1).wrapping_add(GEAR[byte as usize])
}

/// The hash after more bytes.
pub(crate) fn roll(hash: u64, data: &[u8]) -> u64 {
    data.iter().fold(hash, |hash, byte| next(hash, *byte))
}

/// The number of bytes up to and including the first after which the hash is below `threshold`. `hash` is that before
/// `data`, and then that after what was looked at. Where a place is likely found soon, `near` saves looking too far.
pub(crate) fn find(hash: &mut u64, data: &[u8], threshold: u64, near: bool) -> Option<usize> {
    Search::new(hash, data, threshold, lanes::are_here()).find(near)
}

/// One byte after the other: what `find` must agree with.
fn find_plain(hash: &mut u64, data: &[u8], threshold: u64) -> Option<usize> {
    for (at, byte) in data.iter().enumerate() {
        *hash = next(*hash, *byte);
        if *hash < threshold {
            return Some(at + 1);
        }
    }
    None
}

/// How far the search has come.
struct Search<'a> {
    hash: &'a mut u64,
    data: &'a [u8],
    at: usize,
    threshold: u64,
    in_vectors: bool,
}

impl<'a> Search<'a> {
    fn new(hash: &'a mut u64, data: &'a [u8], threshold: u64, in_vectors: bool) -> Self {
        Self {
            hash,
            data,
            at: 0,
            threshold,
            in_vectors,
        }
    }

    fn find(mut self, near: bool) -> Option<usize> {
        let found = if near { None } else { self.blocks::<4096>() };
        let found = found.or_else(|| self.blocks::<512>());
        let found = found.or_else(|| self.blocks::<128>());
        found.or_else(|| {
            let found = find_plain(self.hash, &self.data[self.at..], self.threshold)?;
            Some(self.at + found)
        })
    }

    /// Goes on in blocks of four segments, as long as there are whole ones.
    fn blocks<const SEGMENT: usize>(&mut self) -> Option<usize> {
        let (segments, _) = self.data[self.at..].as_chunks::<SEGMENT>();
        let (blocks, _) = segments.as_chunks::<LANES>();
        for block in blocks {
            if let Some(found) = self.block(block) {
                return Some(self.at + found);
            }
            self.at += LANES * SEGMENT;
        }
        None
    }

    /// Four segments side by side: each hash waits for its own last step only. Vectors skip the strides without a hit.
    fn block<const SEGMENT: usize>(&mut self, segments: &[[u8; SEGMENT]; LANES]) -> Option<usize> {
        let mut hashes = [*self.hash, 0, 0, 0];
        #[allow(clippy::needless_range_loop)] // side by side here, too
        for at in SEGMENT - WINDOW..SEGMENT {
            for lane in 1..LANES {
                hashes[lane] = next(hashes[lane], segments[lane - 1][at]);
            }
        }
        // A branch for each, hardly ever taken, costs less than one condition of all.
        macro_rules! step {
            ($lane:literal, $at:ident) => {
                hashes[$lane] = next(hashes[$lane], segments[$lane][$at]);
                if hashes[$lane] < self.threshold {
                    return Some(self.first(hashes, segments, ($lane, $at)));
                }
            };
        }
        let mut from = 0;
        while from < SEGMENT {
            let mut to = SEGMENT;
            if self.in_vectors {
                from = lanes::pass(&mut hashes, segments, from, self.threshold);
                to = (from + STRIDE).min(SEGMENT);
            }
            for at in from..to {
                step!(0, at);
                step!(1, at);
                step!(2, at);
                step!(3, at);
            }
            from = to;
        }
        *self.hash = hashes[3];
        None
    }

    /// A lane hit: the first segment's hit counts, so those before it are looked through to their ends.
    fn first<const SEGMENT: usize>(
        &mut self,
        hashes: [u64; LANES],
        segments: &[[u8; SEGMENT]; LANES],
        (lane, at): (usize, usize),
    ) -> usize {
        for (earlier, segment) in segments[..lane].iter().enumerate() {
            *self.hash = hashes[earlier];
            if let Some(found) = find_plain(self.hash, &segment[at + 1..], self.threshold) {
                return earlier * SEGMENT + at + 1 + found;
            }
        }
        *self.hash = hashes[lane];
        lane * SEGMENT + at + 1
    }
}

pub(crate) const LANES: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_table_is_that_of_splitmix64() {
        assert_eq!(GEAR[0], 0xe220_a839_7b1d_cdaf);
        assert_eq!(GEAR[1], 0x6e78_9e6a_a1b9_65f4);
    }

    proptest! {
        #[test]
        fn side_by_side_and_in_vectors_is_one_after_the_other(
            seed: u64,
            length in 0..80_000_usize,
            bits in 4_u32..16,
            near: bool,
        ) {
            let mut state = seed;
            let data: Vec<u8> = std::iter::repeat_with(|| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                (state >> 40) as u8
            })
            .take(length)
            .collect();
            let (mut one, mut side_by_side, mut in_vectors) = (seed, seed, seed);
            let (mut from, threshold) = (0, 1 << (64 - bits));
            // All hits, one after the other, each search going on where the last ended.
            loop {
                let rest = &data[from..];
                let plain = find_plain(&mut one, rest, threshold);
                prop_assert_eq!(plain, Search::new(&mut side_by_side, rest, threshold, false).find(near));
                prop_assert_eq!(plain, find(&mut in_vectors, rest, threshold, near));
                prop_assert_eq!(one, side_by_side);
                prop_assert_eq!(one, in_vectors);
                let Some(found) = plain else { break };
                from += found;
            }
        }
    }
}
