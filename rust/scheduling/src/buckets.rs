//! The pieces of one priority class, rarest first: one array, cut into buckets by availability.
//!
//! A HAVE moves a piece over the edge of its bucket and to a random place in the next: O(1). Taking a piece out, or
//! putting it back, passes it through the buckets below: one swap for each. Where availability changed in bulk the
//! order is stale, never wrong: each piece stays in exactly one place, and a rebuild sorts by counting.

use crate::random::Random;

/// `order[head..]` holds the pieces; bucket `b` ends at `ends[b]` and starts where the one before ends.
#[derive(Debug, Clone, Default)]
pub(crate) struct Buckets {
    order: Vec<u32>,
    head: u32,
    ends: Vec<u32>,
}

impl Buckets {
    /// Sorts `pieces` by availability, keeping their order where it is equal: the caller has shuffled them.
    pub(crate) fn build(pieces: &[u32], availability: &[u16], places: &mut [u32]) -> Self {
        let rarity = |piece: u32| usize::from(availability[piece as usize]);
        let buckets = pieces.iter().map(|&piece| rarity(piece) + 1).max();
        let mut ends = vec![0_u32; buckets.unwrap_or(0)];
        for &piece in pieces {
            ends[rarity(piece)] += 1;
        }
        let mut sum = 0;
        for end in &mut ends {
            // For now where the bucket starts; after the next loop, where it ends.
            (sum, *end) = (sum + *end, sum);
        }
        let mut order = vec![0; pieces.len()];
        for &piece in pieces {
            let next = &mut ends[rarity(piece)];
            order[*next as usize] = piece;
            places[piece as usize] = *next;
            *next += 1;
        }
        Self {
            order,
            head: 0,
            ends,
        }
    }

    /// The pieces, rarest first.
    pub(crate) fn pieces(&self) -> &[u32] {
        &self.order[self.head as usize..]
    }

    /// The availability by which a piece is sorted in.
    pub(crate) fn bucket(&self, piece: u32, places: &[u32]) -> usize {
        self.bucket_at(places[piece as usize])
    }

    /// Takes a piece out.
    pub(crate) fn remove(&mut self, piece: u32, places: &mut [u32]) {
        let mut at = places[piece as usize];
        for bucket in (0..=self.bucket_at(at)).rev() {
            let first = self.start(bucket);
            self.swap(at, first, places);
            at = first;
            if bucket > 0 {
                self.ends[bucket - 1] += 1;
            }
        }
        self.head += 1;
    }

    /// Puts a piece in that is not there, at a random place of its bucket.
    pub(crate) fn add(
        &mut self,
        piece: u32,
        availability: u16,
        places: &mut [u32],
        random: &mut Random,
    ) {
        let bucket = usize::from(availability);
        self.grow_to(bucket);
        if self.head > 0 {
            self.head -= 1;
            self.put(piece, self.head, places);
            for lower in 0..bucket {
                let last = self.ends[lower] - 1;
                self.swap(places[piece as usize], last, places);
                self.ends[lower] -= 1;
            }
        } else {
            self.order.push(piece);
            self.put(piece, self.order.len() as u32 - 1, places);
            for higher in (bucket + 1..self.ends.len()).rev() {
                self.ends[higher] += 1;
                let first = self.start(higher);
                self.swap(places[piece as usize], first, places);
            }
            self.ends[bucket] += 1;
        }
        self.scatter(piece, bucket, places, random);
    }

    /// One more peer has the piece.
    pub(crate) fn rise(&mut self, piece: u32, places: &mut [u32], random: &mut Random) {
        let at = places[piece as usize];
        let bucket = self.bucket_at(at);
        self.grow_to(bucket + 1);
        self.ends[bucket] -= 1;
        self.swap(at, self.ends[bucket], places);
        self.scatter(piece, bucket + 1, places, random);
    }

    /// One peer fewer has the piece.
    pub(crate) fn fall(&mut self, piece: u32, places: &mut [u32], random: &mut Random) {
        let at = places[piece as usize];
        let bucket = self.bucket_at(at);
        if bucket == 0 {
            return;
        }
        self.swap(at, self.start(bucket), places);
        self.ends[bucket - 1] += 1;
        self.scatter(piece, bucket - 1, places, random);
    }

    fn bucket_at(&self, place: u32) -> usize {
        self.ends.partition_point(|&end| end <= place)
    }

    fn start(&self, bucket: usize) -> u32 {
        if bucket == 0 {
            self.head
        } else {
            self.ends[bucket - 1]
        }
    }

    fn grow_to(&mut self, bucket: usize) {
        if self.ends.len() <= bucket {
            self.ends.resize(bucket + 1, self.order.len() as u32);
        }
    }

    fn scatter(&mut self, piece: u32, bucket: usize, places: &mut [u32], random: &mut Random) {
        let start = self.start(bucket);
        let other = start + random.below(self.ends[bucket] - start);
        self.swap(places[piece as usize], other, places);
    }

    fn put(&mut self, piece: u32, place: u32, places: &mut [u32]) {
        self.order[place as usize] = piece;
        places[piece as usize] = place;
    }

    fn swap(&mut self, one: u32, other: u32, places: &mut [u32]) {
        self.order.swap(one as usize, other as usize);
        places[self.order[one as usize] as usize] = one;
        places[self.order[other as usize] as usize] = other;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Every piece is where `places` says, in the bucket of its availability.
    fn check(buckets: &Buckets, availability: &[u16], places: &[u32], inside: &[bool]) {
        assert_eq!(
            buckets.pieces().len(),
            inside.iter().filter(|is| **is).count()
        );
        for (place, &piece) in buckets.order.iter().enumerate().skip(buckets.head as usize) {
            assert!(inside[piece as usize]);
            assert_eq!(places[piece as usize], place as u32);
            assert_eq!(
                buckets.bucket_at(place as u32),
                usize::from(availability[piece as usize])
            );
        }
    }

    proptest! {
        #[test]
        fn every_move_keeps_the_order(
            start in prop::collection::vec(0_u16..5, 1..40),
            moves in prop::collection::vec((0_u8..3, any::<u32>()), 0..200),
        ) {
            let mut availability = start;
            let count = availability.len();
            let mut places = vec![0; count];
            let pieces: Vec<u32> = (0..count as u32).collect();
            let mut buckets = Buckets::build(&pieces, &availability, &mut places);
            let mut inside = vec![true; count];
            let mut random = Random::new(1);
            check(&buckets, &availability, &places, &inside);
            for (kind, raw) in moves {
                let piece = raw % count as u32;
                let at = piece as usize;
                match (kind, inside[at]) {
                    (0, true) => {
                        buckets.remove(piece, &mut places);
                        inside[at] = false;
                    }
                    (0, false) => {
                        buckets.add(piece, availability[at], &mut places, &mut random);
                        inside[at] = true;
                    }
                    (1, true) => {
                        availability[at] += 1;
                        buckets.rise(piece, &mut places, &mut random);
                    }
                    (2, true) if availability[at] > 0 => {
                        availability[at] -= 1;
                        buckets.fall(piece, &mut places, &mut random);
                    }
                    _ => {}
                }
                check(&buckets, &availability, &places, &inside);
            }
        }
    }
}
