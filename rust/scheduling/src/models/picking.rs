//! A picker and what happens to it, beside sets of blocks: no block is asked for twice, and none is lost.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use p2pcore_protocol::layout::Span;
use p2pcore_protocol::{BLOCK, Layout};

use crate::bitfield::Bitfield;
use crate::holdings::Holdings;
use crate::input::PeerKey;
use crate::picker::{Block, PickEnd, Picked, Picker, Wish};
use crate::time::Time;

/// Pieces of the torrent.
pub const PIECES: u32 = 9;
/// Blocks of each piece but the last.
pub const BLOCKS: u32 = 3;
/// The last piece has one block fewer.
const TOTAL: u32 = (PIECES * BLOCKS - 1) * BLOCK;

type Name = (u32, u32);

/// What happens. Pieces are below [`PIECES`]; peers are any numbers.
#[derive(Debug, Clone)]
pub enum Step {
    /// A peer comes with the pieces of these bits.
    Come(u64, u16),
    /// It leaves.
    Leave(u64),
    /// It gets a piece.
    Have(u64, u32),
    /// It gives one up.
    Lacks(u64, u32),
    /// It has room for so many blocks; its blocks must not mix with others'.
    Pick(u64, u32, bool),
    /// The n-th of the requests is answered.
    Store(usize),
    /// It is refused.
    Release(usize),
    /// It is made once more, to this peer.
    Again(usize, u64),
    /// A piece is hashed, well or not.
    Verdict(bool),
    /// A begun piece is dropped.
    GiveUp(u32),
    /// A piece is to have one sender.
    Guard(u32),
    /// What is wanted.
    Priorities([u8; PIECES as usize]),
    /// In order or by rarity.
    Sequential(bool),
    /// A piece is due after so many milliseconds, or not at any time.
    Deadline(u32, Option<u16>),
    /// So many milliseconds pass.
    Wait(u16),
}

/// A picker, and what must be true of it.
#[derive(Debug)]
pub struct Model {
    picker: Picker,
    now: Time,
    holds: BTreeMap<u64, BTreeSet<u32>>,
    wanted: BTreeSet<u32>,
    had: BTreeSet<u32>,
    /// Who was asked for which block, and has not answered.
    asked: Vec<(u64, Name)>,
    stored: BTreeSet<Name>,
    due: BTreeMap<u32, Time>,
    checks: Vec<u32>,
}

fn blocks_of(piece: u32) -> impl Iterator<Item = Name> {
    let count = if piece + 1 == PIECES {
        BLOCKS - 1
    } else {
        BLOCKS
    };
    (0..count).map(move |block| (piece, block))
}

fn holdings(pieces: &BTreeSet<u32>) -> Holdings {
    let mut bits = Bitfield::new(PIECES);
    pieces.iter().for_each(|&piece| {
        bits.insert(piece);
    });
    Holdings::from_bits(bits)
}

impl Model {
    /// Nobody is there, everything is wanted.
    pub fn new() -> Self {
        let layout = Layout::new(BLOCKS * BLOCK, [Span::File(u64::from(TOTAL))])
            .expect("whole pieces of whole blocks");
        Self {
            picker: Picker::new(layout, 1 << 30, 5),
            now: Time::ZERO,
            holds: BTreeMap::new(),
            wanted: (0..PIECES).collect(),
            had: BTreeSet::new(),
            asked: Vec::new(),
            stored: BTreeSet::new(),
            due: BTreeMap::new(),
            checks: Vec::new(),
        }
    }

    fn needs(&self, piece: u32) -> bool {
        self.wanted.contains(&piece) && !self.had.contains(&piece)
    }

    fn is_asked(&self, name: Name) -> bool {
        self.asked.iter().any(|(_, other)| *other == name)
    }

    /// One thing happens.
    pub fn step(&mut self, step: Step) {
        match step {
            Step::Come(peer, bits) => {
                let pieces = (0..PIECES).filter(|piece| bits >> piece & 1 == 1).collect();
                self.leave(peer);
                self.picker.count_holdings(&holdings(&pieces), true);
                self.holds.insert(peer, pieces);
            }
            Step::Leave(peer) => self.leave(peer),
            Step::Have(peer, piece) => self.hold(peer, piece, true),
            Step::Lacks(peer, piece) => self.hold(peer, piece, false),
            Step::Pick(peer, room, alone) => self.pick(peer, room, alone),
            Step::Store(at) => self.store(at),
            Step::Release(at) => {
                if at < self.asked.len() {
                    let (_, (piece, block)) = self.asked.remove(at);
                    self.picker.release(piece, block);
                }
            }
            Step::Again(at, peer) => {
                let name = self.asked.get(at).map(|(_, name)| *name);
                let new = |name: &Name| !self.asked.contains(&(peer, *name));
                if let Some(name) = name.filter(new)
                    && self.holds.contains_key(&peer)
                {
                    self.picker.ask_again(name.0, name.1);
                    self.asked.push((peer, name));
                }
            }
            Step::Verdict(good) => self.verdict(good),
            Step::GiveUp(piece) => {
                if !self.checks.contains(&piece) {
                    self.give_up(piece);
                }
            }
            Step::Guard(piece) => self.picker.guard(piece),
            Step::Priorities(priorities) => {
                self.picker.set_priorities(&priorities);
                self.wanted = (0..PIECES)
                    .filter(|&piece| priorities[piece as usize] > 0)
                    .collect();
                for piece in 0..PIECES {
                    if !self.wanted.contains(&piece) && !self.checks.contains(&piece) {
                        self.give_up(piece);
                    }
                }
            }
            Step::Sequential(sequential) => self.picker.set_sequential(sequential),
            Step::Deadline(piece, within) => {
                let due = within.map(|millis| self.now + Duration::from_millis(millis.into()));
                if !self.had.contains(&piece) {
                    self.picker.set_deadline(piece, due);
                    self.due.remove(&piece);
                    self.due.extend(due.map(|due| (piece, due)));
                }
            }
            Step::Wait(millis) => self.now = self.now + Duration::from_millis(u64::from(millis)),
        }
        self.compare();
    }

    /// Everyone leaves; one seed is then asked for exactly what is needed and not stored.
    pub fn finish(mut self) {
        let peers: Vec<u64> = self.holds.keys().copied().collect();
        for peer in peers {
            self.step(Step::Leave(peer));
        }
        assert_eq!(self.asked, []);
        self.step(Step::Come(9, (1 << PIECES) - 1));
        self.step(Step::Pick(9, PIECES * BLOCKS + 1, false));
        let missing: BTreeSet<Name> = (0..PIECES)
            .filter(|&piece| self.needs(piece))
            .flat_map(blocks_of)
            .filter(|name| !self.stored.contains(name))
            .collect();
        let asked: BTreeSet<Name> = self.asked.iter().map(|(_, name)| *name).collect();
        assert_eq!(asked, missing);
    }

    /// As the Swarm does it: requests go back, then what only this peer was to send.
    fn leave(&mut self, peer: u64) {
        let Some(pieces) = self.holds.remove(&peer) else {
            return;
        };
        let (gone, stay) = self.asked.iter().partition(|(of, _)| *of == peer);
        self.asked = stay;
        let gone: Vec<(u64, Name)> = gone;
        gone.iter()
            .for_each(|(_, (piece, block))| self.picker.release(*piece, *block));
        for piece in self.picker.held_by(PeerKey(peer)) {
            self.picker.share(piece);
        }
        self.picker.count_holdings(&holdings(&pieces), false);
    }

    fn hold(&mut self, peer: u64, piece: u32, holds: bool) {
        let Some(pieces) = self.holds.get_mut(&peer) else {
            return;
        };
        let before = holdings(pieces);
        let changed = if holds {
            pieces.insert(piece)
        } else {
            pieces.remove(&piece)
        };
        let after = holdings(pieces);
        if !changed {
            return;
        }
        if before.is_all() || after.is_all() {
            self.picker.count_holdings(&before, false);
            self.picker.count_holdings(&after, true);
        } else {
            self.picker.count_piece(piece, holds);
        }
    }

    fn pick(&mut self, peer: u64, room: u32, alone: bool) {
        let Some(pieces) = self.holds.get(&peer).cloned() else {
            return;
        };
        let holds = holdings(&pieces);
        let own = self.asked.iter().rev().find(|(of, _)| *of == peer);
        let need = self.picker.need();
        let mut needed = pieces.iter().filter(|piece| need.contains(**piece));
        let only = needed.next().filter(|_| needed.next().is_none());
        let wish = Wish {
            peer: PeerKey(peer),
            holds: &holds,
            only: only.copied(),
            current: own.map(|(_, name)| name.0),
            alone,
            avoid: &[],
            room,
        };
        let urgent = self.most_urgent(peer, &pieces);
        let (mut picked, mut whole): (Vec<Picked>, _) = (Vec::new(), Vec::new());
        let end = self.picker.pick(self.now, &wish, &mut picked, &mut whole);
        assert!(whole.is_empty());
        if let Some(first) = picked.first().filter(|_| !alone) {
            let due = |piece: u32| {
                self.due
                    .get(&piece)
                    .map_or((1, Time::ZERO), |due| (0, *due))
            };
            assert!(
                urgent.is_none_or(|urgent| due(first.span.piece.get()) <= due(urgent)),
                "{urgent:?} is due, and {first:?} was picked"
            );
        }
        for pick in &picked {
            let name = (pick.span.piece.get(), pick.block);
            assert!(
                pieces.contains(&name.0),
                "{name:?} is asked of a peer without it"
            );
            assert!(self.needs(name.0), "{name:?} is not needed");
            assert!(!self.is_asked(name), "{name:?} is asked for twice");
            assert!(!self.stored.contains(&name), "{name:?} is stored already");
            self.asked.push((peer, name));
        }
        match end {
            PickEnd::Filled => assert_eq!(picked.len(), room as usize),
            PickEnd::Dry => {
                let missed = pieces
                    .iter()
                    .flat_map(|&piece| blocks_of(piece))
                    .find(|&name| {
                        let sole = self
                            .picker
                            .partials()
                            .get(name.0)
                            .and_then(|partial| partial.sole);
                        let open = sole.is_none_or(|sole| sole == PeerKey(peer));
                        open && self.is_free(name)
                    });
                assert_eq!(missed, None, "nothing was found, but this");
                assert!(picked.len() < room as usize);
            }
            PickEnd::Starved => panic!("the budget is not used up"),
        }
    }

    /// Of the pieces that the peer has and that have a block for it, the one that is due first.
    fn most_urgent(&self, peer: u64, pieces: &BTreeSet<u32>) -> Option<u32> {
        let open = |piece: &u32| {
            let sole = self.picker.partials().get(*piece).and_then(|is| is.sole);
            let mine = sole.is_none_or(|sole| sole == PeerKey(peer));
            mine && blocks_of(*piece).any(|name| self.is_free(name))
        };
        let due = self.due.iter().filter(|(piece, _)| pieces.contains(piece));
        let (piece, _) = due
            .filter(|(piece, _)| open(piece))
            .min_by_key(|(_, due)| **due)?;
        Some(*piece)
    }

    fn is_free(&self, name: Name) -> bool {
        self.needs(name.0) && !self.is_asked(name) && !self.stored.contains(&name)
    }

    fn store(&mut self, at: usize) {
        if at >= self.asked.len() {
            return;
        }
        let (peer, name) = self.asked.remove(at);
        // Whoever else was asked is sent a cancel.
        self.asked.retain(|(_, other)| *other != name);
        assert!(self.stored.insert(name));
        let whole = self.picker.store(name.0, name.1, PeerKey(peer));
        assert_eq!(
            whole,
            blocks_of(name.0).all(|name| self.stored.contains(&name))
        );
        if whole {
            self.checks.push(name.0);
        }
    }

    fn verdict(&mut self, good: bool) {
        let Some(piece) = self.checks.pop() else {
            return;
        };
        if good {
            assert_eq!(self.picker.complete(piece), self.needs(piece));
            self.had.insert(piece);
            self.due.remove(&piece);
            self.stored.retain(|name| name.0 != piece);
        } else {
            self.give_up(piece);
        }
    }

    fn give_up(&mut self, piece: u32) {
        self.asked.retain(|(_, name)| name.0 != piece);
        let stored = self.stored.iter().filter(|name| name.0 == piece).count() as u64;
        self.stored.retain(|name| name.0 != piece);
        let wasted = self.picker.give_up(piece);
        assert_eq!(wasted.unwrap_or(0), stored * u64::from(BLOCK));
    }

    /// The picker's account of every block, of what is needed, and of who has what, against ours.
    fn compare(&self) {
        let counts: Vec<u16> = (0..PIECES)
            .map(|piece| {
                self.holds
                    .values()
                    .filter(|pieces| pieces.contains(&piece))
                    .count() as u16
            })
            .collect();
        assert_eq!(
            self.picker.availability(),
            counts,
            "availability is the sum of the have maps"
        );
        for piece in 0..PIECES {
            assert_eq!(
                self.picker.need().contains(piece),
                self.needs(piece),
                "need of {piece}"
            );
            for name in blocks_of(piece) {
                let state = self
                    .picker
                    .partials()
                    .get(piece)
                    .and_then(|partial| partial.block(name.1));
                let times = self
                    .asked
                    .iter()
                    .filter(|(_, other)| *other == name)
                    .count() as u8;
                let expected = if self.stored.contains(&name) {
                    Block::Stored
                } else if times > 0 {
                    Block::Asked(times)
                } else {
                    Block::Free
                };
                assert_eq!(state.unwrap_or(Block::Free), expected, "{name:?}");
            }
        }
    }
}

impl Default for Model {
    fn default() -> Self {
        Self::new()
    }
}
