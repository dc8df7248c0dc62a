//! Who can be known at a moment: nodes that came, or are just coming, and have not gone.

use crate::event::Nanos;
use crate::random::Random;

/// The nodes that are there.
#[derive(Debug)]
pub(super) struct Present {
    /// Nodes still to come with their times, the next one last.
    coming: Vec<(Nanos, u32)>,
    there: Vec<u32>,
    /// The place of each node among those.
    place: Vec<Option<u32>>,
}

impl Present {
    pub(super) fn new(joins: impl Iterator<Item = Nanos>) -> Self {
        let mut coming: Vec<(Nanos, u32)> = joins.zip(0..).collect();
        coming.sort_unstable_by(|one, other| other.cmp(one));
        Self {
            place: vec![None; coming.len()],
            coming,
            there: Vec::new(),
        }
    }

    /// Those there at `now`, which never goes back, in no order that means anything.
    pub(super) fn at(&mut self, now: Nanos) -> &[u32] {
        while let Some((_, node)) = self.coming.pop_if(|(at, _)| *at <= now) {
            self.place[node as usize] = Some(self.there.len() as u32);
            self.there.push(node);
        }
        &self.there
    }

    /// A node went.
    pub(super) fn remove(&mut self, node: u32) {
        if let Some(place) = self.place[node as usize].take() {
            self.there.swap_remove(place as usize);
            if let Some(moved) = self.there.get(place as usize) {
                self.place[*moved as usize] = Some(place);
            }
        }
    }

    /// `count` different ones but `node`; there are more than that.
    pub(super) fn choose(&self, node: u32, count: usize, random: &mut Random) -> Vec<u32> {
        let mut chosen = Vec::with_capacity(count);
        while chosen.len() < count {
            let other = self.there[random.below(self.there.len() as u64) as usize];
            if other != node && !chosen.contains(&other) {
                chosen.push(other);
            }
        }
        chosen
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_come_in_time_and_go() {
        let mut present = Present::new([5, 0, 9, 0].into_iter());
        let sorted = |present: &mut Present, now| {
            let mut there = present.at(now).to_vec();
            there.sort_unstable();
            there
        };
        assert_eq!(sorted(&mut present, 0), [1, 3]);
        assert_eq!(sorted(&mut present, 5), [0, 1, 3]);
        present.remove(1);
        present.remove(2);
        assert_eq!(sorted(&mut present, 9), [0, 2, 3]);
        let mut random = Random::new(1, 0);
        for _ in 0..20 {
            let mut chosen = present.choose(3, 2, &mut random);
            chosen.sort_unstable();
            assert_eq!(chosen, [0, 2]);
        }
        for node in [3, 0, 2] {
            present.remove(node);
        }
        assert!(present.at(99).is_empty());
    }
}
