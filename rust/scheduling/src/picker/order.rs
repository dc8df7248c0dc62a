//! Which piece to begin next: the pieces that are wanted, missing and not begun ("open"), by priority, then by rarity
//! or, in sequential mode, by index.
//!
//! Availability counts peers that lack something; those that have everything are counted apart, by the picker. After a
//! bulk change (a bitfield came or went) the order is stale and is rebuilt at the next pick, at most four times a
//! second: a stale order is still complete, only a little less rare.

use std::time::Duration;

use super::class::Class;
use crate::bitfield::Bitfield;
use crate::buckets::Buckets;
use crate::holdings::Holdings;
use crate::random::Random;
use crate::time::Time;

/// The open pieces in the order in which they are begun.
#[derive(Debug)]
pub(super) struct Order {
    /// Per piece: its place in its class's buckets, where it is open.
    places: Vec<u32>,
    availability: Vec<u16>,
    priorities: Vec<u8>,
    open: Bitfield,
    /// One for each priority in use, highest first.
    classes: Vec<Class>,
    /// Priority to class; meaningless where the priority is not in use.
    classes_by_priority: [u8; 256],
    sequential: bool,
    stale: bool,
    rebuilt: Option<Time>,
}

/// Rebuilding a million pieces takes milliseconds: not more often than this.
const REBUILD_EVERY: Duration = Duration::from_millis(250);

/// Pieces looked at from the front of a class before the bitmaps are intersected.
const PROBES: usize = 256;

/// Pieces that both bitmaps hold, compared by availability before the rarest so far is taken.
const COMPARED: usize = 64;

impl Order {
    /// Every piece open, at priority 1.
    pub(super) fn new(pieces: u32) -> Self {
        let mut order = Self {
            places: vec![0; pieces as usize],
            availability: vec![0; pieces as usize],
            priorities: vec![1; pieces as usize],
            open: Bitfield::full(pieces),
            classes: Vec::new(),
            classes_by_priority: [0; 256],
            sequential: false,
            stale: true,
            rebuilt: None,
        };
        order.build(None);
        order
    }

    /// How many pieces are open.
    pub(super) fn open_count(&self) -> u32 {
        self.open.count()
    }

    /// Whether the piece is open.
    pub(super) fn is_open(&self, piece: u32) -> bool {
        self.open.contains(piece)
    }

    /// Its priority.
    pub(super) fn priority(&self, piece: u32) -> u8 {
        self.priorities[piece as usize]
    }

    /// How many peers have each piece, without those that have everything.
    pub(super) fn availability(&self) -> &[u16] {
        &self.availability
    }

    pub(super) fn is_sequential(&self) -> bool {
        self.sequential
    }

    /// The piece is begun, had or unwanted.
    pub(super) fn remove(&mut self, piece: u32) {
        if !self.open.remove(piece) {
            return;
        }
        let number = self.class_of(piece);
        let class = &mut self.classes[number];
        class.remove(piece);
        if let Some(buckets) = &mut class.buckets {
            buckets.remove(piece, &mut self.places);
        }
    }

    /// The piece is missing again. Its priority must not be 0.
    pub(super) fn add(&mut self, piece: u32, random: &mut Random) {
        if self.priorities[piece as usize] == 0 || !self.open.insert(piece) {
            return;
        }
        let availability = self.availability[piece as usize];
        let number = self.class_of(piece);
        let class = &mut self.classes[number];
        class.add(piece);
        if let Some(buckets) = &mut class.buckets {
            buckets.add(piece, availability, &mut self.places, random);
        }
    }

    /// A peer got the piece.
    pub(super) fn rise(&mut self, piece: u32, random: &mut Random) {
        let count = &mut self.availability[piece as usize];
        *count = count.saturating_add(1);
        if self.open.contains(piece)
            && let class = self.class_of(piece)
            && let Some(buckets) = &mut self.classes[class].buckets
        {
            buckets.rise(piece, &mut self.places, random);
        }
    }

    /// A peer lost the piece.
    pub(super) fn fall(&mut self, piece: u32, random: &mut Random) {
        let count = &mut self.availability[piece as usize];
        *count = count.saturating_sub(1);
        if self.open.contains(piece)
            && let class = self.class_of(piece)
            && let Some(buckets) = &mut self.classes[class].buckets
        {
            buckets.fall(piece, &mut self.places, random);
        }
    }

    /// A peer with these pieces came (`true`) or left.
    pub(super) fn bulk(&mut self, pieces: &Bitfield, came: bool) {
        for piece in pieces.iter() {
            let count = &mut self.availability[piece as usize];
            *count = if came {
                count.saturating_add(1)
            } else {
                count.saturating_sub(1)
            };
        }
        self.stale |= !pieces.is_empty();
    }

    /// Sets every priority and which pieces are open (those of priority 0 are not).
    pub(super) fn reset(&mut self, priorities: &[u8], mut open: Bitfield, random: &mut Random) {
        for (to, from) in self.priorities.iter_mut().zip(priorities) {
            *to = *from;
        }
        for (piece, &priority) in (0..).zip(&self.priorities) {
            if priority == 0 {
                open.remove(piece);
            }
        }
        self.open = open;
        self.build(Some(random));
    }

    /// By index instead of by rarity.
    pub(super) fn set_sequential(&mut self, sequential: bool, random: &mut Random) {
        if self.sequential != sequential {
            self.sequential = sequential;
            self.build(Some(random));
        }
    }

    /// Brings the order up to date if it is stale and the last time was long enough ago.
    pub(super) fn freshen(&mut self, now: Time, random: &mut Random) {
        let due = self
            .rebuilt
            .is_none_or(|last| now.since(last) >= REBUILD_EVERY);
        if self.stale && due {
            self.rebuilt = Some(now);
            self.build(Some(random));
        }
    }

    /// The piece that comes first for a peer that has everything.
    pub(super) fn first(&self) -> Option<u32> {
        self.classes.iter().find_map(|class| match &class.buckets {
            Some(buckets) => buckets.pieces().first().copied(),
            None => class.hits(None, class.start()).next(),
        })
    }

    /// The best open piece of those that a peer holds, without the ones to avoid.
    pub(super) fn pick(&self, holds: &Holdings, avoid: &[u32], random: &mut Random) -> Option<u32> {
        let fits = |piece: &u32| !avoid.contains(piece);
        self.classes.iter().find_map(|class| {
            let Some(buckets) = &class.buckets else {
                return match holds {
                    Holdings::Nothing | Holdings::Counted(_) => None,
                    Holdings::Some(_) | Holdings::All => class
                        .hits(holds.bits(), class.start())
                        .find(|piece| fits(piece)),
                };
            };
            let pieces = buckets.pieces();
            let mut probed = pieces.iter().take(PROBES).copied();
            let found = probed.find(|piece| holds.contains(*piece) && fits(piece));
            if found.is_some() || pieces.len() <= PROBES {
                return found;
            }
            let start = class.somewhere(random);
            class
                .hits(Some(holds.bits()?), start)
                .filter(|piece| fits(piece))
                .take(COMPARED)
                .min_by_key(|&piece| self.availability[piece as usize])
        })
    }

    /// The same where a peer holds no other piece that could be open.
    pub(super) fn pick_only(&self, piece: u32, holds: &Holdings, avoid: &[u32]) -> Option<u32> {
        let fits = self.is_open(piece) && holds.contains(piece) && !avoid.contains(&piece);
        fits.then_some(piece)
    }

    fn class_of(&self, piece: u32) -> usize {
        usize::from(self.classes_by_priority[usize::from(self.priorities[piece as usize])])
    }

    fn build(&mut self, random: Option<&mut Random>) {
        let mut used = [false; 256];
        for &priority in &self.priorities {
            used[usize::from(priority)] = true;
        }
        let mut numbers: Vec<Vec<u32>> = Vec::new();
        for priority in (1..256).rev().filter(|&priority| used[priority]) {
            self.classes_by_priority[priority] = numbers.len() as u8;
            numbers.push(Vec::new());
        }
        for piece in self.open.iter() {
            numbers[self.class_of(piece)].push(piece);
        }
        self.stale = random.is_none();
        let count = self.open.len();
        self.classes = numbers.iter().map(|of| Class::new(count, of)).collect();
        if self.sequential {
            return;
        }
        if let Some(random) = random {
            for pieces in &mut numbers {
                random.shuffle(pieces);
            }
        }
        for (class, pieces) in self.classes.iter_mut().zip(&numbers) {
            let buckets = Buckets::build(pieces, &self.availability, &mut self.places);
            class.buckets = Some(buckets);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some(len: u32, pieces: &[u32]) -> Holdings {
        let mut bits = Bitfield::new(len);
        for &piece in pieces {
            bits.insert(piece);
        }
        Holdings::Some(bits)
    }

    #[test]
    fn rarest_comes_first_and_haves_move_pieces() {
        let mut random = Random::new(3);
        let mut order = Order::new(10);
        for (piece, count) in (0..10).zip([3, 2, 4, 1, 5, 2, 3, 4, 5, 5]) {
            (0..count).for_each(|_| order.rise(piece, &mut random));
        }
        assert_eq!(order.pick(&Holdings::All, &[], &mut random), Some(3));
        assert_eq!(order.pick(&some(10, &[0, 2, 4]), &[], &mut random), Some(0));
        assert_eq!(
            order.pick(&some(10, &[0, 2, 4]), &[0], &mut random),
            Some(2)
        );
        order.remove(3);
        order.rise(1, &mut random);
        assert_eq!(order.pick(&Holdings::All, &[], &mut random), Some(5));
        order.add(3, &mut random);
        assert_eq!(order.pick(&Holdings::All, &[], &mut random), Some(3));
    }

    #[test]
    fn priority_goes_before_rarity_and_zero_is_never_picked() {
        let mut random = Random::new(3);
        let mut order = Order::new(4);
        order.reset(&[1, 0, 200, 1], Bitfield::full(4), &mut random);
        order.rise(2, &mut random);
        assert_eq!(order.pick(&Holdings::All, &[], &mut random), Some(2));
        assert_eq!(order.pick(&some(4, &[1]), &[], &mut random), None);
        assert_eq!(order.open_count(), 3);
    }

    #[test]
    fn sequential_goes_by_index_within_a_priority() {
        let mut random = Random::new(3);
        let mut order = Order::new(5_000);
        order.set_sequential(true, &mut random);
        assert_eq!(order.pick(&Holdings::All, &[], &mut random), Some(0));
        order.remove(0);
        assert_eq!(order.pick(&Holdings::All, &[], &mut random), Some(1));
        assert_eq!(
            order.pick(&some(5_000, &[4_000, 4_900]), &[], &mut random),
            Some(4_000)
        );
    }

    #[test]
    fn urgent_pieces_that_a_peer_lacks_are_passed_over() {
        let mut random = Random::new(3);
        for sequential in [false, true] {
            let mut order = Order::new(2_000);
            let priorities: Vec<u8> = (0..2_000).map(|piece| 1 + u8::from(piece < 900)).collect();
            order.reset(&priorities, Bitfield::full(2_000), &mut random);
            order.set_sequential(sequential, &mut random);
            let peer = some(2_000, &[899, 950, 1_999]);
            assert_eq!(order.pick(&peer, &[], &mut random), Some(899));
            order.remove(899);
            let next = order.pick(&peer, &[950], &mut random);
            assert_eq!(next, Some(1_999));
            order.add(899, &mut random);
            assert_eq!(order.pick(&peer, &[], &mut random), Some(899));
        }
    }

    #[test]
    fn a_single_piece_is_found_without_a_search() {
        let mut order = Order::new(10);
        assert_eq!(order.pick_only(3, &Holdings::All, &[]), Some(3));
        assert_eq!(order.pick_only(3, &Holdings::All, &[3]), None);
        assert_eq!(order.pick_only(3, &some(10, &[4]), &[]), None);
        order.remove(3);
        assert_eq!(order.pick_only(3, &Holdings::All, &[]), None);
    }

    #[test]
    fn a_needle_far_down_the_order_is_found() {
        let mut random = Random::new(3);
        let mut order = Order::new(100_000);
        for piece in [99_999, 50_000] {
            order.rise(piece, &mut random);
        }
        order.rise(50_000, &mut random);
        let peer = some(100_000, &[50_000, 99_999]);
        assert_eq!(order.pick(&peer, &[], &mut random), Some(99_999));
    }
}
