//! A set of pieces as packed bits. Bit `i` of word `i / 64` is piece `i`; bits past the end are always zero.
//!
//! The wire's order (most significant bit first, BEP 3) exists only in [`Bitfield::from_wire`] and
//! [`Bitfield::to_wire`].

/// A fixed-length set of pieces that knows how many it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bitfield {
    words: Vec<u64>,
    len: u32,
    count: u32,
}

impl Bitfield {
    /// The empty set over `len` pieces.
    pub fn new(len: u32) -> Self {
        Self {
            words: vec![0; (len as usize).div_ceil(64)],
            len,
            count: 0,
        }
    }

    /// The full set over `len` pieces.
    pub fn full(len: u32) -> Self {
        let mut words = vec![u64::MAX; (len as usize).div_ceil(64)];
        if let (Some(last), past @ 1..) = (words.last_mut(), len % 64) {
            *last = (1 << past) - 1;
        }
        Self {
            words,
            len,
            count: len,
        }
    }

    /// Reads a bitfield message for `len` pieces; `None` if its size is wrong or a spare bit is set.
    pub fn from_wire(bytes: &[u8], len: u32) -> Option<Self> {
        if bytes.len() != (len as usize).div_ceil(8) {
            return None;
        }
        let spare = (bytes.len() * 8) as u32 - len;
        if spare > 0 && bytes.last()? & ((1_u8 << spare) - 1) != 0 {
            return None;
        }
        let words: Vec<u64> = bytes
            .chunks(8)
            .map(|chunk| {
                let mut word = [0; 8];
                for (to, from) in word.iter_mut().zip(chunk) {
                    *to = from.reverse_bits();
                }
                u64::from_le_bytes(word)
            })
            .collect();
        let count = words.iter().map(|word| word.count_ones()).sum();
        Some(Self { words, len, count })
    }

    /// The payload of a bitfield message.
    pub fn to_wire(&self) -> Vec<u8> {
        let mut bytes: Vec<u8> = self
            .words
            .iter()
            .flat_map(|word| word.to_le_bytes())
            .map(u8::reverse_bits)
            .collect();
        bytes.truncate((self.len as usize).div_ceil(8));
        bytes
    }

    /// The number of pieces that could be in it.
    pub fn len(&self) -> u32 {
        self.len
    }

    /// Nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Everything is in it.
    pub fn is_full(&self) -> bool {
        self.count == self.len
    }

    /// The number of pieces in it.
    pub fn count(&self) -> u32 {
        self.count
    }

    /// Whether a piece is in it; false out of range.
    pub fn contains(&self, piece: u32) -> bool {
        self.words
            .get(piece as usize / 64)
            .is_some_and(|word| word >> (piece % 64) & 1 == 1)
    }

    /// Puts a piece in; whether it is new. Out of range nothing happens.
    pub fn insert(&mut self, piece: u32) -> bool {
        if piece >= self.len || self.contains(piece) {
            return false;
        }
        self.words[piece as usize / 64] |= 1 << (piece % 64);
        self.count += 1;
        true
    }

    /// Takes a piece out; whether it was there.
    pub fn remove(&mut self, piece: u32) -> bool {
        if !self.contains(piece) {
            return false;
        }
        self.words[piece as usize / 64] &= !(1 << (piece % 64));
        self.count -= 1;
        true
    }

    /// Puts a piece in or takes it out.
    pub(crate) fn set(&mut self, piece: u32, is_in: bool) {
        if is_in {
            self.insert(piece);
        } else {
            self.remove(piece);
        }
    }

    /// The pieces in it, in order.
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        (0_u32..).zip(&self.words).flat_map(|(number, &word)| {
            let mut left = word;
            std::iter::from_fn(move || {
                let bit = (left != 0).then(|| left.trailing_zeros())?;
                left &= left - 1;
                Some(number * 64 + bit)
            })
        })
    }

    /// The same from a piece on.
    pub(crate) fn iter_from(&self, from: u32) -> impl Iterator<Item = u32> + '_ {
        let first = from as usize / 64;
        let mask = u64::MAX << (from % 64);
        let words = self.words.iter().enumerate().skip(first);
        words.flat_map(move |(number, &word)| {
            let mut left = if number == first { word & mask } else { word };
            std::iter::from_fn(move || {
                let bit = (left != 0).then(|| left.trailing_zeros())?;
                left &= left - 1;
                Some(number as u32 * 64 + bit)
            })
        })
    }

    /// Puts in all the pieces of another of the same length.
    pub(crate) fn add_all(&mut self, other: &Self) {
        for (word, more) in self.words.iter_mut().zip(&other.words) {
            *word |= more;
        }
        self.count = self.words.iter().map(|word| word.count_ones()).sum();
    }

    /// Leaves only the pieces that are also in another of the same length.
    pub(crate) fn keep_only(&mut self, other: &Self) {
        for (word, kept) in self.words.iter_mut().zip(&other.words) {
            *word &= kept;
        }
        self.count = self.words.iter().map(|word| word.count_ones()).sum();
    }

    /// The number of pieces in both.
    pub fn count_common(&self, other: &Self) -> u32 {
        self.words
            .iter()
            .zip(&other.words)
            .map(|(a, b)| (a & b).count_ones())
            .sum()
    }

    /// The packed words, least significant bit first.
    pub fn words(&self) -> &[u64] {
        &self.words
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wire_order_is_most_significant_bit_first() {
        let set = Bitfield::from_wire(&[0b1000_0001, 0b0100_0000], 10).unwrap();
        assert_eq!(set.iter().collect::<Vec<_>>(), [0, 7, 9]);
        assert_eq!(set.to_wire(), [0b1000_0001, 0b0100_0000]);
        assert_eq!(set.count(), 3);
    }

    #[test]
    fn wrong_size_and_spare_bits_are_refused() {
        assert_eq!(Bitfield::from_wire(&[0, 0, 0], 10), None);
        assert_eq!(Bitfield::from_wire(&[0], 10), None);
        assert_eq!(Bitfield::from_wire(&[0, 0b0010_0000], 10), None);
        assert!(Bitfield::from_wire(&[], 0).is_some());
    }

    #[test]
    fn full_and_empty_count_right() {
        for len in [0, 1, 63, 64, 65, 1000] {
            let full = Bitfield::full(len);
            assert_eq!(full.iter().count() as u32, len);
            assert!(full.is_full());
            assert_eq!(
                Bitfield::from_wire(&full.to_wire(), len),
                Some(full.clone())
            );
            assert_eq!(full.count_common(&Bitfield::new(len)), 0);
        }
    }

    #[test]
    fn it_can_be_gone_over_from_anywhere() {
        let mut bits = Bitfield::new(200);
        for piece in [0, 63, 64, 130, 199] {
            bits.insert(piece);
        }
        for from in 0..=200 {
            let expected: Vec<u32> = bits.iter().filter(|piece| *piece >= from).collect();
            assert_eq!(bits.iter_from(from).collect::<Vec<_>>(), expected);
        }
    }

    #[test]
    fn union_and_intersection_count_right() {
        let of = |pieces: &[u32]| {
            let mut bits = Bitfield::new(100);
            for &piece in pieces {
                bits.insert(piece);
            }
            bits
        };
        let mut bits = of(&[1, 70, 99]);
        bits.add_all(&of(&[2, 70]));
        assert_eq!(bits, of(&[1, 2, 70, 99]));
        bits.keep_only(&of(&[2, 70, 71]));
        assert_eq!(bits, of(&[2, 70]));
    }

    #[test]
    fn insert_and_remove_say_what_changed() {
        let mut set = Bitfield::new(70);
        assert!(set.insert(69));
        assert!(!set.insert(69));
        assert!(!set.insert(70));
        assert!(set.contains(69) && !set.contains(70));
        assert!(set.remove(69) && !set.remove(69));
        assert!(set.is_empty());
    }
}
