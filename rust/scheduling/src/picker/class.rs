//! The open pieces of one priority. Each class has a set of its own, so that a peer that lacks all the urgent pieces is
//! not asked about every other piece that it has.
//!
//! Invariant: the words of `open` outside of `words` are zero, so that a class costs what it spans, not the whole torrent.

use std::ops::Range;

use crate::bitfield::Bitfield;
use crate::buckets::Buckets;
use crate::random::Random;

#[derive(Debug)]
pub(super) struct Class {
    open: Bitfield,
    words: Range<usize>,
    /// Only where the order is by rarity.
    pub(super) buckets: Option<Buckets>,
}

impl Class {
    /// Of these pieces, which are sorted, of `count`.
    pub(super) fn new(count: u32, pieces: &[u32]) -> Self {
        let mut class = Self {
            open: Bitfield::new(count),
            words: 0..0,
            buckets: None,
        };
        for &piece in pieces {
            class.add(piece);
        }
        class
    }

    pub(super) fn add(&mut self, piece: u32) {
        self.open.insert(piece);
        let word = piece as usize / 64;
        self.words = if self.words.is_empty() {
            word..word + 1
        } else {
            self.words.start.min(word)..self.words.end.max(word + 1)
        };
    }

    pub(super) fn remove(&mut self, piece: u32) {
        self.open.remove(piece);
        let words = self.open.words();
        // Amortised: each word is left behind once for each time that something in it was put in.
        while !self.words.is_empty() && words[self.words.start] == 0 {
            self.words.start += 1;
        }
    }

    /// The first word with a piece in it.
    pub(super) fn start(&self) -> usize {
        self.words.start
    }

    /// A random word of those with pieces.
    pub(super) fn somewhere(&self, random: &mut Random) -> usize {
        self.words.start + random.below(self.words.len() as u32) as usize
    }

    /// The pieces that are also among `others` (all, where there is no set), by index, from a word of this class on and
    /// around to it.
    pub(super) fn hits<'a>(
        &'a self,
        others: Option<&'a Bitfield>,
        start: usize,
    ) -> impl Iterator<Item = u32> + 'a {
        let common = move |range: Range<usize>| {
            let own = &self.open.words()[range.clone()];
            let theirs = others.map(|others| &others.words()[range.clone()]);
            // Mostly zeros: whole runs of them are passed over at once.
            range.clone().zip(own).filter_map(move |(number, &own)| {
                let theirs = theirs.map_or(u64::MAX, |theirs| theirs[number - range.start]);
                Some((number, own & theirs)).filter(|(_, both)| *both != 0)
            })
        };
        common(start..self.words.end)
            .chain(common(self.words.start..start))
            .flat_map(|(number, both)| {
                let mut left = both;
                std::iter::from_fn(move || {
                    let bit = (left != 0).then(|| left.trailing_zeros())?;
                    left &= left - 1;
                    Some(number as u32 * 64 + bit)
                })
            })
    }
}
