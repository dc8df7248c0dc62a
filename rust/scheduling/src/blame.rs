//! Who sent corrupt data: named exactly, and nobody else.
//!
//! The only sender of a failed piece is guilty. Of several, nothing is known yet: a print of every block is kept, with
//! its sender, and the piece is fetched again from a single peer, not one of the suspects where somebody else can. Once
//! the piece is good, each block whose print differs names who sent it, and all others are clear. Until then the blocks
//! of suspects are not mixed with others' where that can be helped, so that a further failure has one sender. Where leaf
//! hashes are known (v2) the guilty are named at once.
//!
//! A print is a hash under a key that no peer knows, so that none can make two blocks of one print. Prints are kept of
//! failed pieces only, and not of more than [`BLOCKS_KEPT`] blocks.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::bans::Name;
use crate::explain::Trust;
use crate::input::{PeerKey, Print};

/// The suspicion against one peer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Parole {
    suspected: u32,
    open: u32,
}

impl Parole {
    /// It had a part in a failed piece.
    pub(crate) fn suspect(&mut self) {
        self.suspected += 1;
        self.open += 1;
    }

    /// A piece in which it had a part is resolved.
    pub(crate) fn clear(&mut self) {
        self.open = self.open.saturating_sub(1);
    }

    /// For people to look at.
    pub(crate) fn trust(self) -> Trust {
        Trust {
            suspected: self.suspected,
            parole: self.open,
        }
    }

    /// Its blocks should not be mixed with others'.
    pub(crate) fn is_on(self) -> bool {
        self.open > 0
    }
}

/// The failed pieces that are not yet good, and the last peers that left.
#[derive(Debug, Default)]
pub(crate) struct Blame {
    cases: BTreeMap<u32, Case>,
    /// Pieces of which there are prints, the oldest first.
    printed: VecDeque<u32>,
    /// Blocks of which there are prints.
    blocks: usize,
    /// Peers that left, so that a piece that fails later can still be held against them; the oldest is forgotten.
    departed: VecDeque<(PeerKey, Name)>,
}

/// A failed piece.
#[derive(Debug, Default)]
struct Case {
    /// Sorted.
    suspects: Vec<PeerKey>,
    /// What each attempt at it was made of.
    attempts: Vec<Attempt>,
}

/// For each block who sent it, and its print.
pub(crate) type Attempt = Vec<(PeerKey, Print)>;

/// What became of a case.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Resolved {
    /// They sent a block that is wrong.
    pub(crate) guilty: BTreeSet<PeerKey>,
    /// They were suspects.
    pub(crate) suspects: Vec<PeerKey>,
}

const CASES_KEPT: usize = 1_024;
/// A megabyte; 64 pieces of 16 MiB.
const BLOCKS_KEPT: usize = 65_536;
const DEPARTED_KEPT: usize = 1_024;

impl Blame {
    /// A piece failed and several peers sent it. Those that were not yet suspects of it.
    pub(crate) fn open_case(
        &mut self,
        piece: u32,
        senders: &[PeerKey],
        attempt: Attempt,
    ) -> Vec<PeerKey> {
        if self.cases.len() >= CASES_KEPT && !self.cases.contains_key(&piece) {
            // It is still fetched from one peer; only the evidence is lost.
            return Vec::new();
        }
        let case = self.cases.entry(piece).or_default();
        let mut new = Vec::new();
        for sender in senders {
            if let Err(at) = case.suspects.binary_search(sender) {
                case.suspects.insert(at, *sender);
                new.push(*sender);
            }
        }
        if !attempt.is_empty() {
            if case.attempts.is_empty() {
                self.printed.push_back(piece);
            }
            self.blocks += attempt.len();
            case.attempts.push(attempt);
        }
        while self.blocks > BLOCKS_KEPT
            && let Some(oldest) = self.printed.pop_front()
        {
            self.forget_prints(oldest);
        }
        new
    }

    /// Whether there are prints to compare a good piece with.
    pub(crate) fn wants_prints(&self, piece: u32) -> bool {
        let case = self.cases.get(&piece);
        case.is_some_and(|case| !case.attempts.is_empty())
    }

    /// A piece is good, with these prints, or is not wanted any more, without any.
    pub(crate) fn close_case(&mut self, piece: u32, good: &[Print]) -> Resolved {
        self.printed.retain(|other| *other != piece);
        let attempts = self.forget_prints(piece);
        let Some(case) = self.cases.remove(&piece) else {
            return Resolved::default();
        };
        let blocks = attempts.iter().flat_map(|attempt| attempt.iter().zip(good));
        let wrong = blocks.filter(|((_, print), right)| print != *right);
        Resolved {
            guilty: wrong.map(|((sender, _), _)| *sender).collect(),
            suspects: case.suspects,
        }
    }

    /// The failed pieces.
    pub(crate) fn cases(&self) -> impl Iterator<Item = u32> + '_ {
        self.cases.keys().copied()
    }

    /// The failed pieces in which this peer had a part.
    pub(crate) fn cases_against(
        &self,
        peer: PeerKey,
    ) -> impl Iterator<Item = (u32, &[PeerKey])> + '_ {
        self.cases
            .iter()
            .filter(move |(_, case)| case.suspects.binary_search(&peer).is_ok())
            .map(|(piece, case)| (*piece, case.suspects.as_slice()))
    }

    /// No piece is under suspicion.
    pub(crate) fn is_quiet(&self) -> bool {
        self.cases.is_empty()
    }

    /// A peer left.
    pub(crate) fn remember(&mut self, peer: PeerKey, name: Name) {
        if self.departed.len() == DEPARTED_KEPT {
            self.departed.pop_front();
        }
        self.departed.push_back((peer, name));
    }

    /// Who a peer was that left, if that is still known.
    pub(crate) fn departed(&self, peer: PeerKey) -> Option<Name> {
        self.departed
            .iter()
            .find(|(key, _)| *key == peer)
            .map(|(_, name)| *name)
    }

    fn forget_prints(&mut self, piece: u32) -> Vec<Attempt> {
        let case = self.cases.get_mut(&piece);
        let attempts = case.map(|case| std::mem::take(&mut case.attempts));
        let attempts = attempts.unwrap_or_default();
        self.blocks -= attempts.iter().map(Vec::len).sum::<usize>();
        attempts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(blame: &mut Blame, piece: u32, blocks: &[(u64, u64)]) -> Vec<PeerKey> {
        let block = |(sender, print): &(u64, u64)| (PeerKey(*sender), Print(*print));
        let attempt: Attempt = blocks.iter().map(block).collect();
        let senders: Vec<PeerKey> = attempt.iter().map(|(sender, _)| *sender).collect();
        blame.open_case(piece, &senders, attempt)
    }

    #[test]
    fn each_block_that_differs_names_its_sender() {
        let mut blame = Blame::default();
        let new = open(&mut blame, 5, &[(1, 10), (2, 99), (1, 12), (3, 13)]);
        assert_eq!(new, [PeerKey(1), PeerKey(2), PeerKey(3)]);
        let new = open(&mut blame, 5, &[(3, 10), (3, 11), (4, 98), (3, 13)]);
        assert_eq!(new, [PeerKey(4)]);
        assert!(blame.wants_prints(5) && !blame.wants_prints(6));
        let good = [10, 11, 12, 13].map(Print);
        let resolved = blame.close_case(5, &good);
        assert_eq!(resolved.guilty, [PeerKey(2), PeerKey(4)].into());
        assert_eq!(resolved.suspects, [1, 2, 3, 4].map(PeerKey));
        assert!(blame.is_quiet() && blame.blocks == 0 && blame.printed.is_empty());
    }

    #[test]
    fn a_case_without_prints_clears_all() {
        let mut blame = Blame::default();
        open(&mut blame, 5, &[(1, 10), (2, 99)]);
        let resolved = blame.close_case(5, &[]);
        assert!(resolved.guilty.is_empty());
        assert_eq!(resolved.suspects.len(), 2);
        assert_eq!(blame.close_case(5, &[]), Resolved::default());
    }

    #[test]
    fn parole_ends_with_the_last_open_case() {
        let mut parole = Parole::default();
        assert!(!parole.is_on());
        parole.suspect();
        parole.suspect();
        parole.clear();
        assert!(parole.is_on());
        parole.clear();
        assert!(!parole.is_on());
        assert_eq!(parole.trust().suspected, 2);
    }

    #[test]
    fn lists_are_bounded_and_the_oldest_prints_go_first() {
        let mut blame = Blame::default();
        let info = crate::PeerInfo {
            addr: ([127, 0, 0, 1], 1).into(),
            outgoing: true,
            peer_id: [1; 20],
            fast: true,
            extended: true,
            v2: false,
        };
        for piece in 0..3_000_u32 {
            blame.remember(PeerKey(u64::from(piece)), Name::of(&info));
            open(&mut blame, piece, &[(1, 1); 100]);
        }
        assert_eq!(blame.departed.len(), DEPARTED_KEPT);
        assert_eq!(blame.cases.len(), CASES_KEPT);
        assert!(blame.blocks <= BLOCKS_KEPT && blame.blocks > BLOCKS_KEPT - 100);
        assert!(!blame.wants_prints(0) && blame.wants_prints(1_023));
        for piece in 0..3_000 {
            blame.close_case(piece, &[]);
        }
        assert_eq!((blame.blocks, blame.printed.len()), (0, 0));
    }
}
