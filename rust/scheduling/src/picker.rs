//! Which blocks to ask a peer for.
//!
//! Each needed piece is in exactly one of three places: in the order (nobody was asked), begun (some block asked for or
//! stored), or being checked. A block is given to one peer only, except by the endgame. Begun pieces go first, so that
//! few are open; a new one is begun only within a budget of bytes, because the driver may hold them in memory.

mod class;
mod deadlines;
mod order;
mod partials;

use p2pcore_protocol::{BlockSpan, Layout};

pub(crate) use self::deadlines::Deadlines;
use self::order::Order;
pub(crate) use self::partials::{Block, Partials};
use crate::bitfield::Bitfield;
use crate::holdings::Holdings;
use crate::input::PeerKey;
use crate::random::Random;
use crate::time::Time;

/// The state of every piece that we lack.
#[derive(Debug)]
pub(crate) struct Picker {
    layout: Layout,
    order: Order,
    deadlines: Deadlines,
    partials: Partials,
    /// Wanted and not had.
    need: Bitfield,
    have: Bitfield,
    /// Connected peers that have everything.
    seeds: u16,
    /// Pieces that failed before, sorted: fetched from a single peer.
    guarded: Vec<u32>,
    max_partial_bytes: u64,
    /// Counts what might let a peer that found nothing find something.
    generation: u64,
    random: Random,
}

/// On whose behalf a pick is made.
#[derive(Debug)]
pub(crate) struct Wish<'a> {
    /// The peer.
    pub(crate) peer: PeerKey,
    /// What it has.
    pub(crate) holds: &'a Holdings,
    /// The only needed piece among them, where it is known that there is one only: nothing has to be searched for it.
    pub(crate) only: Option<u32>,
    /// The piece that it was asked for last.
    pub(crate) current: Option<u32>,
    /// Its blocks must not mix with others' where that can be helped.
    pub(crate) alone: bool,
    /// Pieces that somebody better should fetch.
    pub(crate) avoid: &'a [u32],
    /// Blocks wanted.
    pub(crate) room: u32,
}

/// A block that was picked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Picked {
    /// Its bytes.
    pub(crate) span: BlockSpan,
    /// Its number in the piece.
    pub(crate) block: u32,
}

/// Why a pick ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PickEnd {
    /// There is no room for more.
    Filled,
    /// The peer has nothing that can be asked for.
    Dry,
    /// It has a piece that would be begun, but too many are.
    Starved,
}

/// A piece is scarce while no more peers in sight have it, those that have everything not counted.
const SCARCE: u16 = 4;
/// And goes before a begun one of which there are more than so many more.
const RARER: u16 = 2;
/// Begun pieces looked at for one pick; they are few unless a peer that held hundreds left.
const PARTIALS_SEEN: usize = 256;

/// Bytes of an extent, in which short pieces are begun in a row. Reading and writing cost as much for a short piece as for this, where they come one by one.
const EXTENT: u32 = 256 * 1024;

impl Picker {
    pub(crate) fn new(layout: Layout, max_partial_bytes: u64, seed: u64) -> Self {
        let pieces = layout.piece_count();
        Self {
            layout,
            order: Order::new(pieces),
            deadlines: Deadlines::default(),
            partials: Partials::new(pieces),
            need: Bitfield::full(pieces),
            have: Bitfield::new(pieces),
            seeds: 0,
            guarded: Vec::new(),
            max_partial_bytes,
            generation: 1,
            random: Random::new(seed),
        }
    }

    /// Verified pieces.
    pub(crate) fn have(&self) -> &Bitfield {
        &self.have
    }

    /// Pieces that are wanted and not had.
    pub(crate) fn need(&self) -> &Bitfield {
        &self.need
    }

    /// The pieces that are begun.
    pub(crate) fn partials(&self) -> &Partials {
        &self.partials
    }

    /// Something outside changed that may let a peer that found nothing find something.
    pub(crate) fn touch(&mut self) {
        self.generation += 1;
    }

    /// Changes whenever a block or piece became free, or the budget grew.
    pub(crate) fn generation(&self) -> u64 {
        self.generation
    }

    /// Every needed block was asked of somebody: time for the endgame.
    pub(crate) fn all_asked(&self) -> bool {
        self.order.open_count() == 0 && self.partials.none_open()
    }

    /// How many connected peers have each piece.
    pub(crate) fn availability(&self) -> Vec<u16> {
        let seeds = self.seeds;
        self.order
            .availability()
            .iter()
            .map(|count| count.saturating_add(seeds))
            .collect()
    }

    /// Connected peers that have everything.
    pub(crate) fn seeds(&self) -> u16 {
        self.seeds
    }

    /// A peer's holdings came (`true`) or went.
    pub(crate) fn count_holdings(&mut self, holds: &Holdings, came: bool) {
        match holds {
            Holdings::Nothing | Holdings::Counted(_) => {}
            Holdings::Some(bits) => self.order.bulk(bits, came),
            Holdings::All if came => self.seeds = self.seeds.saturating_add(1),
            Holdings::All => self.seeds = self.seeds.saturating_sub(1),
        }
    }

    /// A peer got (`true`) or lost one piece.
    pub(crate) fn count_piece(&mut self, piece: u32, came: bool) {
        if came {
            self.order.rise(piece, &mut self.random);
        } else {
            self.order.fall(piece, &mut self.random);
        }
    }

    /// Picks blocks for a peer into `out`; pieces that need no block and are to be checked go to `whole`.
    pub(crate) fn pick(
        &mut self,
        now: Time,
        wish: &Wish,
        out: &mut Vec<Picked>,
        whole: &mut Vec<u32>,
    ) -> PickEnd {
        let mut room = wish.room;
        let mut last = wish.current;
        let mut current = last.filter(|&piece| self.may_join(piece, wish));
        while room > 0 {
            if let Some(piece) = self.most_urgent(wish) {
                room -= self.ask_urgent(piece, wish, room, out, whole);
                continue;
            }
            let begun = current.take().or_else(|| {
                let new = self.has_unspread_for(wish);
                (!new).then(|| self.best_partial(wish, wish.alone))?
            });
            let begun = begun.filter(|&piece| !self.has_scarcer_for(now, wish, piece));
            let piece = match begun {
                Some(piece) => piece,
                None => match self.begin_best(now, wish, last, whole) {
                    Ok(piece) => piece,
                    // Nothing of its own: rather a shared piece than nothing.
                    Err(end) => match self.best_partial(wish, false).filter(|_| wish.alone) {
                        Some(piece) => piece,
                        None => return end,
                    },
                },
            };
            room -= self.ask(piece, room, out);
            last = Some(piece);
        }
        PickEnd::Filled
    }

    /// Whether the peer is the only one that has everything, and has a piece that nobody else has: then its time is too
    /// good for pieces that others have too, begun or not.
    fn has_unspread_for(&self, wish: &Wish) -> bool {
        wish.holds.is_all()
            && self.seeds == 1
            && !wish.alone
            && !self.order.is_sequential()
            && self.order.first().is_some_and(|piece| {
                let rare = self.order.availability()[piece as usize] == 0;
                rare && !wish.avoid.contains(&piece) && self.fits_budget(piece)
            })
    }

    /// Whether the peer has a scarce piece that nobody was asked for, while of the begun one there are enough: what few have
    /// keeps many busy once it is passed on.
    fn has_scarcer_for(&mut self, now: Time, wish: &Wish, begun: u32) -> bool {
        let copies = |order: &Order, piece: u32| order.availability()[piece as usize];
        let mine = copies(&self.order, begun);
        let is_scarcer = |order: &Order, piece: u32| {
            let copies = copies(order, piece);
            copies <= SCARCE && copies + RARER < mine
        };
        if mine <= RARER || wish.alone || wish.only.is_some() || self.order.is_sequential() {
            return false;
        }
        self.order.freshen(now, &mut self.random);
        let first = self.order.first();
        if !first.is_some_and(|piece| is_scarcer(&self.order, piece)) {
            return false;
        }
        let best = (self.order).pick(wish.holds, wish.avoid, &mut self.random);
        best.is_some_and(|best| {
            is_scarcer(&self.order, best)
                && self.order.priority(best) >= self.order.priority(begun)
                && self.fits_budget(best)
        })
    }

    /// Picks blocks of the named pieces only (a peer that chokes us allows these, BEP 6).
    pub(crate) fn pick_among(&mut self, pieces: &[u32], wish: &Wish, out: &mut Vec<Picked>) {
        let mut room = wish.room;
        for &piece in pieces {
            if room == 0 {
                return;
            }
            let wanted = wish.holds.contains(piece) && !wish.avoid.contains(&piece);
            if wanted && self.order.is_open(piece) && self.fits_budget(piece) {
                self.begin(piece, wish);
            }
            if self.may_join(piece, wish) {
                room -= self.ask(piece, room, out);
            }
        }
    }

    /// Asks one more peer for a block (the endgame decides).
    pub(crate) fn ask_again(&mut self, piece: u32, block: u32) {
        self.partials.ask_again(piece, block);
    }

    /// A peer will not send a block that it was asked for.
    pub(crate) fn release(&mut self, piece: u32, block: u32) {
        self.generation += 1;
        if self.partials.release(piece, block) {
            self.partials.end(piece);
            self.reopen(piece);
        }
    }

    /// A block was stored. Whether its piece is whole now.
    pub(crate) fn store(&mut self, piece: u32, block: u32, sender: PeerKey) -> bool {
        self.partials.store(piece, block, sender)
    }

    /// A stored block is known to be right, before its piece is whole.
    pub(crate) fn prove(&mut self, piece: u32, block: u32) {
        self.partials.prove(piece, block);
    }

    /// Gives up a begun piece, stored blocks and all; it is open again if it is needed. Bytes stored in vain.
    pub(crate) fn give_up(&mut self, piece: u32) -> Option<u64> {
        let stored = self.partials.end(piece)?.stored_bytes();
        self.generation += 1;
        self.reopen(piece);
        Some(stored)
    }

    /// A piece is had. Whether it was needed.
    pub(crate) fn complete(&mut self, piece: u32) -> bool {
        self.generation += 1;
        self.partials.end(piece);
        self.order.remove(piece);
        self.deadlines.set(piece, None);
        self.have.insert(piece);
        self.unguard(piece);
        self.need.remove(piece)
    }

    /// From now on the piece is fetched from a single peer.
    pub(crate) fn guard(&mut self, piece: u32) {
        if let Err(at) = self.guarded.binary_search(&piece) {
            self.guarded.insert(at, piece);
        }
    }

    /// Whether the piece is fetched from a single peer because it failed before.
    pub(crate) fn is_guarded(&self, piece: u32) -> bool {
        self.guarded.binary_search(&piece).is_ok()
    }

    /// The pieces that only this peer may be asked for.
    pub(crate) fn held_by(&self, peer: PeerKey) -> Vec<u32> {
        self.partials
            .iter()
            .filter(|partial| partial.sole == Some(peer) && !partial.checking)
            .map(|partial| partial.piece)
            .collect()
    }

    /// Anyone may be asked for the piece from now on.
    pub(crate) fn share(&mut self, piece: u32) {
        self.generation += 1;
        self.partials.share(piece);
    }

    /// Sets priorities. Begun pieces that became unwanted are for the caller to give up.
    pub(crate) fn set_priorities(&mut self, priorities: &[u8]) {
        let mut need = Bitfield::new(self.layout.piece_count());
        let mut open = Bitfield::new(self.layout.piece_count());
        for (piece, &priority) in (0..).zip(priorities) {
            if priority > 0 && !self.have.contains(piece) {
                need.insert(piece);
                if self.partials.get(piece).is_none() {
                    open.insert(piece);
                }
            }
        }
        self.need = need;
        self.generation += 1;
        self.order.reset(priorities, open, &mut self.random);
    }

    /// By index instead of by rarity.
    pub(crate) fn set_sequential(&mut self, sequential: bool) {
        self.order.set_sequential(sequential, &mut self.random);
    }

    /// When pieces are due.
    pub(crate) fn deadlines(&self) -> &Deadlines {
        &self.deadlines
    }

    /// A piece that is not had is due at that time, or (`None`) not at any.
    pub(crate) fn set_deadline(&mut self, piece: u32, due: Option<Time>) {
        self.deadlines.set(piece, due);
    }

    /// Nothing is due at any time.
    pub(crate) fn clear_deadlines(&mut self) {
        self.deadlines.clear();
    }

    /// Of the pieces that are due, the first of which the peer may be asked for a block.
    fn most_urgent(&self, wish: &Wish) -> Option<u32> {
        if self.deadlines.is_empty() {
            return None;
        }
        let due = self.deadlines.first().map(|(_, piece)| piece);
        let mut held = due.filter(|&piece| wish.holds.contains(piece));
        held.find(|&piece| match self.partials.get(piece) {
            Some(partial) => {
                let mine = !wish.alone || partial.sole == Some(wish.peer);
                mine && self.may_join(piece, wish)
            }
            None => {
                let open = self.order.is_open(piece) && !wish.avoid.contains(&piece);
                open && self.fits_budget(piece)
            }
        })
    }

    fn ask_urgent(
        &mut self,
        piece: u32,
        wish: &Wish,
        room: u32,
        out: &mut Vec<Picked>,
        whole: &mut Vec<u32>,
    ) -> u32 {
        if self.order.is_open(piece) {
            self.begin(piece, wish);
            if self.partials.get(piece).is_some_and(|is| is.len() == 0) {
                whole.push(piece);
            }
        }
        self.ask(piece, room, out)
    }

    fn ask(&mut self, piece: u32, room: u32, out: &mut Vec<Picked>) -> u32 {
        self.partials
            .ask(piece, room, |span, block| out.push(Picked { span, block }))
    }

    /// Whether a peer may be asked for blocks of a begun piece.
    fn may_join(&self, piece: u32, wish: &Wish) -> bool {
        self.partials.get(piece).is_some_and(|partial| {
            let mine = partial.sole.is_none_or(|sole| sole == wish.peer);
            partial.free() > 0 && mine && wish.holds.contains(piece)
        })
    }

    /// The begun piece to go on with: the most urgent, then the first (sequential) or the fullest.
    fn best_partial(&self, wish: &Wish, own_only: bool) -> Option<u32> {
        let sequential = self.order.is_sequential();
        self.partials
            .open()
            .take(PARTIALS_SEEN)
            .filter(|partial| match partial.sole {
                None => !own_only,
                Some(sole) => sole == wish.peer,
            })
            .filter(|partial| wish.holds.contains(partial.piece))
            .max_by_key(|partial| {
                let first = if sequential { !partial.piece } else { 0 };
                (self.order.priority(partial.piece), first, partial.stored())
            })
            .map(|partial| partial.piece)
    }

    /// `last`: what the peer was asked for before.
    fn begin_best(
        &mut self,
        now: Time,
        wish: &Wish,
        last: Option<u32>,
        whole: &mut Vec<u32>,
    ) -> Result<u32, PickEnd> {
        self.order.freshen(now, &mut self.random);
        loop {
            let found = match wish.only {
                Some(piece) => self.order.pick_only(piece, wish.holds, wish.avoid),
                None => (self.order)
                    .pick(wish.holds, wish.avoid, &mut self.random)
                    .map(|best| self.in_row(best, last, wish)),
            };
            let piece = found.ok_or(PickEnd::Dry)?;
            if !self.fits_budget(piece) {
                return Err(PickEnd::Starved);
            }
            self.begin(piece, wish);
            if self
                .partials
                .get(piece)
                .is_some_and(|partial| partial.len() > 0)
            {
                return Ok(piece);
            }
            whole.push(piece);
        }
    }

    /// What to begin instead of the best piece: the one behind the last in its extent, or the first of its own row, where
    /// they are as good.
    fn in_row(&self, best: u32, last: Option<u32>, wish: &Wish) -> u32 {
        let extent = (EXTENT / self.layout.piece_length()).max(1);
        let next = last.map(|last| last + 1);
        let next = next.filter(|next| !next.is_multiple_of(extent));
        if let Some(next) = next.filter(|&next| self.is_as_good(next, best, wish)) {
            return next;
        }
        let before = (best - best % extent..best).rev();
        let row = before.take_while(|&other| self.is_as_good(other, best, wish));
        row.last().unwrap_or(best)
    }

    /// Whether another piece may be begun as well as the best: it is as rare and as much wanted. Of those who have
    /// everything only: what others have is spread best piece by piece.
    fn is_as_good(&self, other: u32, best: u32, wish: &Wish) -> bool {
        let availability = |piece: u32| self.order.availability()[piece as usize];
        wish.holds.is_all()
            && !self.order.is_sequential()
            && other < self.layout.piece_count()
            && availability(other) <= availability(best)
            && self.order.priority(other) >= self.order.priority(best)
            && (self.order.pick_only(other, wish.holds, wish.avoid)).is_some()
    }

    fn begin(&mut self, piece: u32, wish: &Wish) {
        let sole = (wish.alone || self.is_guarded(piece)).then_some(wish.peer);
        let index = p2pcore_protocol::PieceIndex::new(piece);
        self.order.remove(piece);
        self.partials
            .begin(piece, self.layout.data_size(index), sole);
    }

    fn fits_budget(&self, piece: u32) -> bool {
        let size = self
            .layout
            .data_size(p2pcore_protocol::PieceIndex::new(piece));
        self.partials.count() < 2
            || self.partials.bytes() + u64::from(size) <= self.max_partial_bytes
    }

    fn reopen(&mut self, piece: u32) {
        if self.need.contains(piece) {
            self.order.add(piece, &mut self.random);
        }
    }

    fn unguard(&mut self, piece: u32) {
        if let Ok(at) = self.guarded.binary_search(&piece) {
            self.guarded.remove(at);
        }
    }
}
