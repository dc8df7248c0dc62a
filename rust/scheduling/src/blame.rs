//! Who sent corrupt data.
//!
//! The only sender of a failed piece is guilty. Of several, each goes on parole: its blocks are then not mixed with
//! others' where that can be helped, so that the next failure has one sender; and the failed piece is fetched again
//! from a single peer, not one of the suspects where somebody else can. When it is good, the keyed hashes of its blocks
//! are compared with those of the failed ones: exactly those that sent others are guilty, and the rest is cleared. Where
//! nothing can be compared, a peer is cleared by as many whole pieces as it has been suspected times. With known leaf
//! hashes (v2) the guilty are named at once.

use std::collections::{BTreeMap, VecDeque};

use crate::bans::Known;
use crate::explain::Trust;
use crate::input::PeerKey;

/// The suspicion against one peer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Parole {
    suspected: u32,
    pieces_left: u32,
}

/// Whole good pieces that clear a peer, at most.
const MOST_PIECES: u32 = 8;

impl Parole {
    /// It had a part in a failed piece.
    pub(crate) fn suspect(&mut self) {
        self.suspected += 1;
        self.pieces_left = self.suspected.min(MOST_PIECES);
    }

    /// A piece that it sent alone is good.
    pub(crate) fn on_good_piece(&mut self) {
        self.pieces_left = self.pieces_left.saturating_sub(1);
    }

    /// It was suspected wrongly, once.
    pub(crate) fn clear(&mut self) {
        self.suspected = self.suspected.saturating_sub(1);
        self.pieces_left = self.pieces_left.min(self.suspected);
    }

    /// For people to look at.
    pub(crate) fn trust(self) -> Trust {
        Trust {
            suspected: self.suspected,
            parole: self.pieces_left,
        }
    }

    /// Its blocks should not be mixed with others'.
    pub(crate) fn is_on(self) -> bool {
        self.pieces_left > 0
    }
}

/// The failed pieces that are not yet good, and the last peers that left.
#[derive(Debug, Default)]
pub(crate) struct Blame {
    cases: BTreeMap<u32, Case>,
    /// Blocks in the attempts of all cases.
    kept: usize,
    /// Peers that left, so that a piece that fails later can still be held against them; the oldest is forgotten.
    departed: VecDeque<(PeerKey, Known)>,
}

/// A failed piece.
#[derive(Debug, Default)]
struct Case {
    /// Who sent blocks of it, sorted.
    suspects: Vec<PeerKey>,
    attempts: Vec<Attempt>,
}

/// The blocks of a piece that failed: who sent each, and its keyed hash.
pub(crate) type Attempt = Vec<(PeerKey, u64)>;

/// What a good piece says of those that sent it when it failed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Solved {
    pub(crate) guilty: Vec<PeerKey>,
    pub(crate) innocent: Vec<PeerKey>,
}

const CASES_KEPT: usize = 1_024;
const DEPARTED_KEPT: usize = 256;
/// Blocks of failed attempts that are remembered, in all: 16 MiB. Beyond, suspects are on parole and no more.
const BLOCKS_KEPT: usize = 1 << 20;

impl Blame {
    /// A piece failed and several peers sent it.
    pub(crate) fn open_case(&mut self, piece: u32, suspects: &[PeerKey], attempt: Attempt) {
        // Beyond the bound the piece is still fetched from one peer; only the preference for a clean one is lost.
        if self.cases.len() >= CASES_KEPT && !self.cases.contains_key(&piece) {
            return;
        }
        let case = self.cases.entry(piece).or_default();
        case.suspects.extend(suspects);
        case.suspects.sort_unstable();
        case.suspects.dedup();
        if !attempt.is_empty() && self.kept + attempt.len() <= BLOCKS_KEPT {
            self.kept += attempt.len();
            case.attempts.push(attempt);
        }
    }

    /// A piece is good, and these are the keyed hashes of its blocks if they are known: whose blocks were others.
    pub(crate) fn close_case(&mut self, piece: u32, good: Option<&[u64]>) -> Solved {
        let Some(case) = self.cases.remove(&piece) else {
            return Solved::default();
        };
        let blocks: usize = case.attempts.iter().map(Vec::len).sum();
        self.kept -= blocks;
        let Some(good) = good.filter(|_| blocks > 0) else {
            return Solved::default();
        };
        let sent = case.attempts.iter().flat_map(|attempt| {
            let blocks = attempt.iter().zip(good);
            blocks.filter(|((_, digest), good)| digest != *good)
        });
        let mut guilty: Vec<PeerKey> = sent.map(|((peer, _), _)| *peer).collect();
        guilty.sort_unstable();
        guilty.dedup();
        let mut innocent = case.suspects;
        innocent.retain(|peer| guilty.binary_search(peer).is_err());
        Solved { guilty, innocent }
    }

    /// Whether a piece failed and is not yet good: then the keyed hashes of its blocks say who lied.
    pub(crate) fn is_open(&self, piece: u32) -> bool {
        self.cases.contains_key(&piece)
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
    pub(crate) fn remember(&mut self, peer: PeerKey, known: Known) {
        if self.departed.len() == DEPARTED_KEPT {
            self.departed.pop_front();
        }
        self.departed.push_back((peer, known));
    }

    /// Who a peer was that left, if that is still known.
    pub(crate) fn departed(&self, peer: PeerKey) -> Option<Known> {
        self.departed
            .iter()
            .find(|(key, _)| *key == peer)
            .map(|(_, known)| *known)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HONEST: PeerKey = PeerKey(1);
    const LIAR: PeerKey = PeerKey(2);
    const OTHER: PeerKey = PeerKey(3);

    #[test]
    fn whose_blocks_were_others_is_guilty_and_nobody_else() {
        let mut blame = Blame::default();
        let attempt = vec![(HONEST, 10), (LIAR, 99), (HONEST, 12), (LIAR, 13)];
        blame.open_case(7, &[HONEST, LIAR], attempt);
        blame.open_case(
            7,
            &[HONEST, OTHER],
            vec![(OTHER, 10), (HONEST, 11), (OTHER, 12), (OTHER, 77)],
        );
        assert!(blame.is_open(7) && !blame.is_open(8));
        assert_eq!(blame.cases_against(OTHER).count(), 1);
        let solved = blame.close_case(7, Some(&[10, 11, 12, 13]));
        assert_eq!(solved.guilty, [LIAR, OTHER]);
        assert_eq!(solved.innocent, [HONEST]);
        assert!(blame.is_quiet() && blame.kept == 0);
        assert_eq!(blame.close_case(7, Some(&[10])), Solved::default());
    }

    #[test]
    fn nobody_is_named_without_hashes() {
        let mut blame = Blame::default();
        blame.open_case(7, &[HONEST, LIAR], vec![(HONEST, 10), (LIAR, 99)]);
        assert_eq!(blame.close_case(7, None), Solved::default());
        blame.open_case(7, &[HONEST, LIAR], Vec::new());
        assert_eq!(blame.close_case(7, Some(&[10, 11])), Solved::default());
    }

    #[test]
    fn parole_ends_after_as_many_pieces_as_suspicions_or_when_innocent() {
        let mut parole = Parole::default();
        assert!(!parole.is_on());
        parole.suspect();
        parole.suspect();
        parole.on_good_piece();
        assert!(parole.is_on());
        parole.on_good_piece();
        assert!(!parole.is_on());
        parole.suspect();
        assert!(parole.is_on());
        (0..3).for_each(|_| parole.clear());
        assert_eq!(parole, Parole::default());
    }

    #[test]
    fn lists_are_bounded() {
        let mut blame = Blame::default();
        let known = Known::of(&crate::bans::tests::info(1, 1, true));
        for number in 0..3_000_u32 {
            blame.remember(PeerKey(number.into()), known);
            blame.open_case(number, &[HONEST], vec![(HONEST, 0); 2_000]);
        }
        assert_eq!(blame.departed.len(), DEPARTED_KEPT);
        assert_eq!(blame.cases.len(), CASES_KEPT);
        assert!(blame.kept <= BLOCKS_KEPT);
    }
}
