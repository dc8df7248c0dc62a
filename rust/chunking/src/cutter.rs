//! Where a stream is cut: `FastCDC`'s rule (Xia et al., 2020) over the Gear hash.
//!
//! No cut within the least length; then a hash that few places have; from near the average on, one that many have; and at
//! the greatest length in any case. So lengths gather around the average.

use crate::gear::{WINDOW, find, roll};

/// How long chunks are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    minimum: u32,
    average: u32,
    maximum: u32,
}

/// Bounds that cannot be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "chunks of {minimum} to {maximum} bytes, {average} on average, cannot be cut: {LEAST} <= minimum <= average <= \
     maximum <= {GREATEST} must hold"
)]
pub struct BoundsError {
    /// Bytes of the shortest.
    pub minimum: u64,
    /// Bytes on average.
    pub average: u64,
    /// Bytes of the longest.
    pub maximum: u64,
}

/// The hash looks back over 64 bytes of the chunk itself.
const LEAST: u64 = WINDOW as u64;

/// A chunk is hashed and sent whole.
const GREATEST: u64 = 1 << 30;

impl Bounds {
    /// Bounds around an average; a quarter of it and four times it where none are given.
    pub fn new(
        average: u64,
        minimum: Option<u64>,
        maximum: Option<u64>,
    ) -> Result<Self, BoundsError> {
        let minimum = minimum.unwrap_or(average / 4);
        let maximum = maximum.unwrap_or(average.saturating_mul(4));
        if LEAST <= minimum && minimum <= average && average <= maximum && maximum <= GREATEST {
            Ok(Self {
                minimum: minimum as u32,
                average: average as u32,
                maximum: maximum as u32,
            })
        } else {
            Err(BoundsError {
                minimum,
                average,
                maximum,
            })
        }
    }

    /// Where the second, easier hash begins: with it here, chunks of random bytes are as long as the average.
    fn turn(&self) -> u32 {
        (self.average - self.average / 16 * 3).max(self.minimum)
    }

    /// Below this before the turn: one place in four averages.
    fn hard(&self) -> u64 {
        u64::MAX / u64::from(self.average) / EASE
    }

    /// Below this from the turn on: four places in an average.
    fn easy(&self) -> u64 {
        u64::MAX / u64::from(self.average) * EASE
    }
}

const EASE: u64 = 4;

/// Cuts a stream that comes in parts of any size; the parts do not matter.
#[derive(Debug, Clone)]
pub struct Cutter {
    bounds: Bounds,
    /// Bytes since the last cut.
    length: u32,
    /// Over the last 64 of them, once they are near the least length.
    hash: u64,
}

impl Cutter {
    /// At the start of a stream.
    pub fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            length: 0,
            hash: 0,
        }
    }

    /// How many of these bytes belong to the chunk, if it ends in them: call again with the rest. Otherwise all were
    /// taken.
    pub fn cut(&mut self, data: &[u8]) -> Option<usize> {
        let Bounds {
            minimum, maximum, ..
        } = self.bounds;
        let mut at = self.until(minimum - WINDOW as u32, data.len());
        self.length += at as u32;
        // The window's bytes; the last of them may already end the chunk.
        let window = self.until(minimum - 1, data.len() - at);
        self.hash = roll(self.hash, &data[at..at + window]);
        self.length += window as u32;
        at += window;
        if self.length < minimum - 1 {
            return None;
        }
        let parts = [
            (self.bounds.turn() - 1, self.bounds.hard(), false),
            (maximum - 1, self.bounds.easy(), true),
        ];
        for (end, threshold, near) in parts {
            let part = &data[at..at + self.until(end, data.len() - at)];
            if let Some(found) = find(&mut self.hash, part, threshold, near) {
                return Some(self.close(at + found));
            }
            self.length += part.len() as u32;
            at += part.len();
        }
        // One more byte makes it as long as it may be.
        (at < data.len()).then(|| self.close(at + 1))
    }

    fn close(&mut self, at: usize) -> usize {
        (self.length, self.hash) = (0, 0);
        at
    }

    /// Bytes until the chunk is `length` long, of `left`.
    fn until(&self, length: u32, left: usize) -> usize {
        left.min(length.saturating_sub(self.length) as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn noise(seed: u64, length: usize) -> Vec<u8> {
        let mut state = seed;
        let next = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as u8
        };
        std::iter::repeat_with(next).take(length).collect()
    }

    fn cuts(bounds: Bounds, parts: impl IntoIterator<Item = Vec<u8>>) -> Vec<usize> {
        let mut cutter = Cutter::new(bounds);
        let (mut lengths, mut open) = (Vec::new(), 0);
        for part in parts {
            let mut part = &part[..];
            while let Some(length) = cutter.cut(part) {
                lengths.push(open + length);
                open = 0;
                part = &part[length..];
            }
            open += part.len();
        }
        lengths.extend((open > 0).then_some(open));
        lengths
    }

    /// The rule written out: every window hashed anew, every length looked at.
    fn naive(bounds: Bounds, mut data: &[u8]) -> Vec<usize> {
        let mut lengths = Vec::new();
        while !data.is_empty() {
            let ends = |length: &usize| {
                let threshold = if *length < bounds.turn() as usize {
                    bounds.hard()
                } else {
                    bounds.easy()
                };
                roll(0, &data[length - WINDOW..*length]) < threshold
            };
            let most = data.len().min(bounds.maximum as usize);
            let cut = (bounds.minimum as usize..most).find(ends).unwrap_or(most);
            lengths.push(cut);
            data = &data[cut..];
        }
        lengths
    }

    proptest! {
        #[test]
        fn cuts_follow_the_rule_however_the_bytes_arrive(
            seed: u64,
            length in 0_usize..60_000,
            average in 64_u64..8_000,
            least in 64_u64..3_000,
            more in 0_u64..9_000,
            part in 1_usize..7_000,
        ) {
            let average = average.max(least);
            let bounds = Bounds::new(average, Some(least), Some(average + more)).unwrap();
            let data = noise(seed, length);
            let expected = naive(bounds, &data);
            prop_assert_eq!(&cuts(bounds, [data.clone()]), &expected);
            prop_assert_eq!(&cuts(bounds, data.chunks(part).map(<[u8]>::to_vec)), &expected);
            prop_assert_eq!(expected.iter().sum::<usize>(), length);
        }
    }

    #[test]
    fn lengths_gather_around_the_average() {
        let bounds = Bounds::new(8192, None, None).unwrap();
        let lengths = cuts(bounds, [noise(1, 16 << 20)]);
        let mean = (16 << 20) / lengths.len();
        assert!((7900..8500).contains(&mean), "{mean}");
        let (_, whole) = lengths.split_last().unwrap();
        assert!(
            whole
                .iter()
                .all(|length| (2048..=4 * 8192).contains(length))
        );
        let near = lengths
            .iter()
            .filter(|length| (4096..16_384).contains(*length));
        assert!(near.count() * 10 > lengths.len() * 9);
    }

    #[test]
    fn bounds_that_cannot_be_are_refused() {
        for (average, minimum, maximum) in [
            (0, None, None),
            (255, None, None),
            (1000, Some(1001), None),
            (1000, None, Some(999)),
            (1000, Some(63), None),
            (1 << 29, None, None),
            (u64::MAX, None, None),
        ] {
            let refused = Bounds::new(average, minimum, maximum).unwrap_err();
            assert_eq!(refused.average, average);
        }
        assert!(Bounds::new(256, None, None).is_ok());
    }
}
