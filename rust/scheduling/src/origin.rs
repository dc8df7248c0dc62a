//! Origin mode (super-seeding, BEP 16): which piece the only source of a torrent shows to whom.
//!
//! Pieces are ordered by copies: peers that have one and pass on what they get, and peers that were promised it. The
//! next promise is a piece of which there are fewest, so that none is sent twice before each was sent once: one that was
//! lost, or that only somebody unproven says it has, comes after those of which nobody has said so. As many promises are
//! open as keep our link busy, each to whoever has least to pass on: so pieces are finished one after the other, and
//! passed on soon. A change of copies is O(1); a promise looks at every peer once.
//! This file counts and chooses; the Swarm's `showing` and `revealing` say it to the peers.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::buckets::Buckets;
use crate::identity::Account;
use crate::random::Random;
use crate::sharing::Sharing;
use crate::time::Time;
use crate::uploader::Share;

/// The copies of every piece in the swarm, as the origin knows them.
#[derive(Debug)]
pub(crate) struct Origin {
    /// By twice the copies, and one more for those that were heard of.
    order: Buckets,
    places: Vec<u32>,
    holders: Vec<u16>,
    /// Pieces that somebody said it has, whoever; and how many are not among them.
    heard: Vec<bool>,
    unheard: u32,
    /// Pieces of which we know that somebody got all of it from us.
    given: Vec<bool>,
    /// Pieces with fewer than [`ENOUGH`] holders.
    scarce: u32,
    /// When a piece was promised that nobody had or was promised.
    first: Time,
    /// Promises that are not kept yet: to accounts that took something before, and to those that did not yet.
    open: u32,
    on_trial: u32,
    link: Link,
    /// Promises so far, those of them that went to everybody in turn, and those of each account.
    turns: u64,
    in_turn: u64,
    had: BTreeMap<Account, Had>,
    sharing: Sharing,
    random: Random,
}

/// Whom a promise goes to: everybody has a part of them in turn, the others go to whoever has least to pass on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    Everybody,
    Passing,
}

/// The promises of an account.
#[derive(Debug, Default)]
struct Had {
    /// Those it got because it was its turn.
    in_turn: usize,
    last: Time,
    /// A peer of it took something that it was shown.
    took: bool,
}

/// With so many holders beside the origin a piece survives that one of them leaves.
const ENOUGH: u16 = 2;
/// Second copies wait so long for the last of the first ones: who leaves meanwhile leaves a whole copy behind.
const HOLD: Duration = Duration::from_millis(1_500);
/// Accounts of which is remembered what they had.
const MOST_ACCOUNTS: usize = 4_096;
/// Pieces looked at for one promise. A peer that has all of so many of the scarcest gets its turn by what others do.
const PROBES: usize = 1_024;
/// Pieces among which those that are ours by the draw are looked for.
const DRAWN: usize = 256;

impl Origin {
    pub(crate) fn new(pieces: u32, seed: u64) -> Self {
        let mut random = Random::new(seed);
        let mut order: Vec<u32> = (0..pieces).collect();
        random.shuffle(&mut order);
        let holders = vec![0; pieces as usize];
        let mut places = vec![0; pieces as usize];
        Self {
            order: Buckets::build(&order, &holders, &mut places),
            places,
            holders,
            heard: vec![false; pieces as usize],
            unheard: pieces,
            given: vec![false; pieces as usize],
            scarce: pieces,
            first: Time::ZERO,
            open: 0,
            on_trial: 0,
            link: Link::default(),
            turns: 0,
            in_turn: 0,
            had: BTreeMap::new(),
            sharing: Sharing::default(),
            random,
        }
    }

    /// Somebody says that it has the piece.
    pub(crate) fn hear(&mut self, piece: u32) {
        if !std::mem::replace(&mut self.heard[piece as usize], true) {
            self.unheard -= 1;
            self.rise(piece);
        }
    }

    /// A peer has the piece.
    pub(crate) fn hold(&mut self, piece: u32) {
        self.hear(piece);
        let holders = &mut self.holders[piece as usize];
        *holders = holders.saturating_add(1);
        self.scarce -= u32::from(*holders == ENOUGH);
        self.promise(piece);
    }

    /// A peer that had the piece is gone, or gave it up.
    pub(crate) fn lose(&mut self, piece: u32) {
        let holders = &mut self.holders[piece as usize];
        self.scarce += u32::from(*holders == ENOUGH);
        *holders = holders.saturating_sub(1);
        self.withdraw(piece);
    }

    fn promise(&mut self, piece: u32) {
        self.rise(piece);
        self.rise(piece);
    }

    fn withdraw(&mut self, piece: u32) {
        self.order.fall(piece, &mut self.places, &mut self.random);
        self.order.fall(piece, &mut self.places, &mut self.random);
    }

    fn rise(&mut self, piece: u32) {
        self.order.rise(piece, &mut self.places, &mut self.random);
    }

    /// There are other origins: what each begins is drawn.
    pub(crate) fn share(&mut self, sharing: Sharing) {
        self.sharing = sharing;
    }

    /// The piece to show next to a peer for which it `fits`: the scarcest; of those as scarce the one that is ours by the
    /// draw.
    pub(crate) fn next(&self, now: Time, fits: impl Fn(u32) -> bool) -> Option<u32> {
        let pieces = self.order.pieces().iter().copied();
        let mut fitting = pieces.take(PROBES).filter(|piece| fits(*piece));
        let first = fitting.next()?;
        let bucket = self.order.bucket(first, &self.places);
        let same = |piece: &u32| self.order.bucket(*piece, &self.places) == bucket;
        let drawn = if self.sharing.is_alone() { 0 } else { DRAWN };
        let others = fitting.take_while(same).take(drawn);
        let piece = std::iter::once(first)
            .chain(others)
            .min_by_key(|piece| self.sharing.rank(*piece))?;
        let waits = self.unheard > 0 && now.since(self.first) < HOLD;
        (bucket == 0 || !waits).then_some(piece)
    }

    /// Promises of pieces of this length that keep our link busy.
    pub(crate) fn window(&self, piece: u32) -> usize {
        self.link.window(piece) as usize
    }

    /// Whether there is room for another promise of a piece of this length. As many as there are slots are always open.
    pub(crate) fn has_room(&self, piece: u32, slots: u32) -> bool {
        self.open < self.link.window(piece).max(slots)
    }

    /// Whether a newcomer has a turn, where so many are tried at once.
    pub(crate) fn has_trial(&self, trials: u32) -> bool {
        self.on_trial < trials
    }

    /// Who is to be chosen for the next promise. What the first copies lose with whoever keeps them all others lose, so that
    /// here everybody has half of what is guaranteed; the rest of it comes from those that pass on.
    pub(crate) fn turn(&self, base_share: Share) -> Turn {
        if self.in_turn < base_share.of(self.turns + 1) / 2 {
            Turn::Everybody
        } else {
            Turn::Passing
        }
    }

    /// A promise was made to a peer of this account.
    pub(crate) fn count_turn(&mut self, now: Time, turn: Turn, account: Account) {
        if self.had.len() >= MOST_ACCOUNTS && !self.had.contains_key(&account) {
            self.had.clear(); // all begin anew
        }
        let had = self.had.entry(account).or_default();
        had.last = now;
        self.turns += 1;
        if turn == Turn::Everybody {
            self.in_turn += 1;
            had.in_turn += 1;
        }
    }

    /// Promises that an account got because it was its turn.
    pub(crate) fn in_turn(&self, account: Account) -> usize {
        self.had.get(&account).map_or(0, |had| had.in_turn)
    }

    /// When a peer of the account was last shown a piece.
    pub(crate) fn last_shown(&self, account: Account) -> Option<Time> {
        self.had.get(&account).map(|had| had.last)
    }

    /// Whether a peer that got all of a piece from us is the first that did. Asked once for each.
    pub(crate) fn is_first(&mut self, piece: u32) -> bool {
        !std::mem::replace(&mut self.given[piece as usize], true)
    }

    /// A peer of the account takes what it was shown.
    pub(crate) fn count_taken(&mut self, account: Account) {
        if let Some(had) = self.had.get_mut(&account) {
            had.took = true;
        }
    }

    /// Whether a peer of the account took something that it was shown.
    pub(crate) fn takes(&self, account: Account) -> bool {
        self.had.get(&account).is_some_and(|had| had.took)
    }

    /// A peer has a piece of so many bytes that was promised to it and that it got from us.
    pub(crate) fn on_kept(&mut self, now: Time, promise: &Promise, bytes: u32) {
        self.link.on_had(now, bytes, now.since(promise.shown));
    }

    /// Whoever has got a piece of this length must have said so after this time.
    pub(crate) fn patience(&self, piece: u32) -> Duration {
        self.link
            .patience(u64::from(self.open + self.on_trial) * u64::from(piece))
    }

    /// A promise is made: by us, or by a peer that saw everything and asked.
    pub(crate) fn begin(&mut self, now: Time, piece: u32, kind: Kind) {
        if self.order.bucket(piece, &self.places) == 0 {
            self.first = now;
        }
        if self.open == 0 && self.on_trial == 0 {
            self.link.idle();
        }
        match kind {
            Kind::Ours => self.open += 1,
            Kind::Trial => self.on_trial += 1,
            Kind::Free => {}
        }
        self.promise(piece);
    }

    /// So many promises are not waited for any more.
    pub(crate) fn make_room(&mut self, promises: &[Kind]) {
        promises.iter().for_each(|kind| self.close(*kind));
    }

    fn close(&mut self, kind: Kind) {
        match kind {
            Kind::Ours => self.open -= 1,
            Kind::Trial => self.on_trial -= 1,
            Kind::Free => {}
        }
    }

    /// A promise is over: the piece is held, or does not come.
    pub(crate) fn give_up(&mut self, promise: &Promise) {
        self.close(promise.kind);
        self.withdraw(promise.piece);
    }

    /// The swarm can do without the origin.
    pub(crate) fn is_spread(&self) -> bool {
        self.scarce == 0
    }
}

/// What is known of our own link, by what peers say that they got. What was handed out says little: whole pieces fit into
/// the buffers of a connection.
#[derive(Debug, Default)]
struct Link {
    /// The sample: since when, and what peers got in it. It begins with the first piece.
    since: Option<Time>,
    bytes: u64,
    pieces: u32,
    /// Bytes per second in the last one.
    rate: u64,
    /// The shortest time from showing a piece until it was had.
    trip: Option<Duration>,
}

const SAMPLE: Duration = Duration::from_millis(100);
/// Pieces of a sample, so that those that come together do not make it.
const SAMPLED: u32 = 8;
/// One piece on its way, one being asked for.
const LEAST: u32 = 2;
/// On a very fast link processors are the limit: a piece waits to be read, hashed and announced, longer than the shortest
/// trip shows. With half of it 1 GiB to four leeches on one machine takes a fifth more time, with twice as much hardly less.
const LEAST_TRIP: Duration = Duration::from_millis(20);
/// That is 32 MiB of pieces of 1 MiB; of short ones there would be thousands, and a peer's are looked through one by one.
const MOST_UNDER_LOAD: u32 = 32;
/// Nobody says sooner that it has a piece.
const LEAST_PATIENCE: Duration = Duration::from_millis(400);
const MOST_PATIENCE: Duration = Duration::from_secs(30);
/// Of an unknown link.
const UNKNOWN_PATIENCE: Duration = Duration::from_secs(4);

impl Link {
    fn on_had(&mut self, now: Time, bytes: u32, trip: Duration) {
        self.trip = Some(self.trip.map_or(trip, |least| least.min(trip)));
        let Some(since) = self.since else {
            self.since = Some(now);
            return;
        };
        self.bytes += u64::from(bytes);
        self.pieces += 1;
        let passed = now.since(since);
        let enough = SAMPLED.max(self.window(bytes).saturating_mul(2));
        if passed >= SAMPLE && self.pieces >= enough {
            let rate = u128::from(self.bytes) * 1_000_000_000 / passed.as_nanos();
            let rate = u64::try_from(rate).unwrap_or(u64::MAX);
            self.rate = rate.max(rate / 2 + self.rate / 2);
            (self.since, self.bytes, self.pieces) = (Some(now), 0, 0);
        }
    }

    /// Nothing went through it until now: a sample begins anew.
    fn idle(&mut self) {
        (self.since, self.bytes, self.pieces) = (None, 0, 0);
    }

    /// Promises that fill it: what it carries in the time that one takes at best, and half as much again. Where receivers
    /// are slow the rate follows, and there are more and more; where our link is full it does not. A trip that is too short
    /// to be true under load counts as longer, where that does not make too many of short pieces.
    fn window(&self, piece: u32) -> u32 {
        let trip = self.trip.unwrap_or_default();
        let under_load = self.carried(LEAST_TRIP, piece).min(MOST_UNDER_LOAD);
        let pieces = self.carried(trip, piece).max(under_load);
        pieces.saturating_add(LEAST)
    }

    /// Pieces of this length that go through it in one and a half times that time.
    fn carried(&self, time: Duration, piece: u32) -> u32 {
        let bytes = u128::from(self.rate) * time.as_nanos() / 1_000_000_000;
        let pieces = (bytes * 3 / 2).div_ceil(u128::from(piece.max(1)));
        u32::try_from(pieces).unwrap_or(u32::MAX)
    }

    /// Twice the time in which so many bytes are through it.
    fn patience(&self, bytes: u64) -> Duration {
        let micros = (2_000_000 * bytes).checked_div(self.rate);
        micros.map_or(UNKNOWN_PATIENCE, |micros| {
            Duration::from_micros(micros).clamp(LEAST_PATIENCE, MOST_PATIENCE)
        })
    }
}

/// What one peer was shown of an origin that hides the rest.
#[derive(Debug, Default)]
pub(crate) struct Shown {
    /// Pieces that it was shown and has not said it got.
    promised: Vec<Promise>,
    /// When it was last shown one.
    pub(crate) last: Time,
    /// It took something that it was shown; and when last.
    pub(crate) is_tried: bool,
    took: Time,
    /// So many pieces that it was shown came to nothing since.
    ignored: u8,
    /// It is shown everything, and was up to which piece.
    pub(crate) everything: Option<u32>,
    /// That is because it was the first, and alone.
    pub(crate) was_alone: bool,
}

/// What a promise keeps busy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Our link.
    Ours,
    /// The turn of a peer of whose account nobody took anything before.
    Trial,
    /// Nothing: the peer asked by itself, or is too slow.
    Free,
}

/// Peers that are shown their first piece at once, where newcomers are worth it.
pub(crate) const TRIALS: u32 = 4;

/// A peer that takes up none of so many is shown everything. One may be in the way of what others gave it meanwhile.
const IGNORED: u8 = 3;

/// Who takes other pieces is waited for so much longer.
const BUSY: Duration = Duration::from_secs(15);

/// A piece that a peer was shown.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Promise {
    pub(crate) piece: u32,
    kind: Kind,
    shown: Time,
    /// Bytes of it were sent.
    is_begun: bool,
    /// When bytes of it were sent last, or it was shown.
    at: Time,
    /// Bytes of it not sent yet.
    left: u32,
}

impl Promise {
    /// All of the piece was sent: nobody can have it from us who was not.
    pub(crate) fn is_sent(&self) -> bool {
        self.left == 0
    }
}

impl Shown {
    pub(crate) fn new(everything: Option<u32>) -> Self {
        Self {
            everything,
            ..Self::default()
        }
    }

    /// The peer is shown a piece of so many bytes.
    pub(crate) fn promise(&mut self, piece: u32, size: u32, kind: Kind, at: Time) {
        self.last = at;
        self.promised.push(Promise {
            piece,
            kind,
            shown: at,
            is_begun: false,
            at,
            left: size,
        });
    }

    /// Bytes of a piece were sent.
    pub(crate) fn on_sent(&mut self, piece: u32, bytes: u32, now: Time) {
        let mut promises = self.promised.iter_mut();
        if let Some(promise) = promises.find(|other| other.piece == piece) {
            promise.at = now;
            promise.left = promise.left.saturating_sub(bytes);
            promise.is_begun = true;
            self.is_tried = true;
            self.took = now;
            self.ignored = 0;
        }
    }

    /// The peer has a piece: the promise, if it was one.
    pub(crate) fn fulfil(&mut self, piece: u32) -> Option<Promise> {
        let at = self
            .promised
            .iter()
            .position(|other| other.piece == piece)?;
        Some(self.promised.swap_remove(at))
    }

    /// Lets others be shown pieces in place of the promises that were not taken up since then, or of which all was sent
    /// and that are late; which those are.
    pub(crate) fn overtake(
        &mut self,
        is_slow: impl Fn(Time) -> bool,
        is_late: impl Fn(Time) -> bool,
    ) -> Vec<Kind> {
        let slow = self.promised.iter_mut().filter(|promise| {
            if promise.is_begun {
                promise.is_sent() && is_late(promise.at)
            } else {
                is_slow(promise.shown)
            }
        });
        slow.map(|promise| std::mem::replace(&mut promise.kind, Kind::Free))
            .collect()
    }

    /// Whether a promise is waited for.
    pub(crate) fn is_waiting(&self) -> bool {
        let mut promised = self.promised.iter();
        promised.any(|promise| promise.kind != Kind::Free)
    }

    /// Whether a promise was not taken up since then.
    pub(crate) fn waits(&self, is_slow: impl Fn(Time) -> bool) -> bool {
        let mut promised = self.promised.iter();
        promised.any(|promise| !promise.is_begun && is_slow(promise.shown))
    }

    /// Takes out the promises that came to nothing. `is_stale`: for those of which something was sent last then;
    /// `is_ignored`: for those of which nothing was sent since they were shown, or since it took something else, which it
    /// may do first.
    pub(crate) fn expire(
        &mut self,
        is_stale: impl Fn(Time) -> bool,
        is_ignored: impl Fn(Time) -> bool,
    ) -> Vec<Promise> {
        let took = self.took;
        let (stale, kept) = self.promised.iter().partition(|promise| {
            if promise.is_begun {
                is_stale(promise.at)
            } else {
                is_ignored(promise.at.max(took.min(promise.at + BUSY)))
            }
        });
        self.promised = kept;
        let ignored = stale.iter().filter(|promise| !promise.is_begun).count();
        self.ignored = self
            .ignored
            .saturating_add(u8::try_from(ignored).unwrap_or(u8::MAX));
        stale
    }

    pub(crate) fn promised(&self) -> &[Promise] {
        &self.promised
    }

    pub(crate) fn is_promised(&self, piece: u32) -> bool {
        // Mostly it is about the last one.
        let mut newest_first = self.promised.iter().rev();
        newest_first.any(|other| other.piece == piece)
    }

    /// Whether the peer takes up nothing of what it is shown: it wants other pieces, or another order.
    pub(crate) fn is_ignored(&self) -> bool {
        self.ignored >= IGNORED
    }

    /// Promises of ours that are not kept yet.
    pub(crate) fn open(&self) -> u32 {
        let open = self.promised.iter();
        let open = open.filter(|promise| promise.kind != Kind::Free);
        u32::try_from(open.count()).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;

    #[test]
    fn no_piece_is_shown_twice_before_each_was_shown_once() {
        let mut origin = Origin::new(100, 7);
        let mut shown = std::collections::BTreeSet::new();
        for _ in 0..100 {
            let piece = origin.next(Time::ZERO, |_| true).unwrap();
            assert!(shown.insert(piece));
            origin.begin(Time::ZERO, piece, Kind::Ours);
        }
        // One of them is not taken: it is the next.
        origin.withdraw(40);
        assert_eq!(origin.next(Time::ZERO, |_| true), Some(40));
        assert_ne!(origin.next(Time::ZERO, |piece| piece != 40), Some(40));
    }

    #[test]
    fn second_copies_wait_for_the_last_of_the_first_but_not_for_ever() {
        let mut origin = Origin::new(3, 7);
        for piece in [0, 1] {
            origin.hold(piece);
        }
        assert_eq!(origin.next(at(1), |_| true), Some(2));
        origin.begin(at(1), 2, Kind::Ours);
        assert_eq!(origin.next(at(1_000), |_| true), None);
        assert!(origin.next(at(1_501), |_| true).is_some());
        origin.hold(2);
        assert!(origin.next(at(1_000), |_| true).is_some());
    }

    #[test]
    fn what_was_lost_or_is_only_said_comes_after_what_nobody_had() {
        let mut origin = Origin::new(4, 7);
        origin.hold(0);
        origin.lose(0);
        origin.hear(1);
        for expected in [[2, 3], [0, 1]] {
            for _ in 0..2 {
                let piece = origin.next(Time::ZERO, |_| true).unwrap();
                assert!(expected.contains(&piece), "{piece}");
                origin.hold(piece);
            }
        }
    }

    #[test]
    fn what_was_lost_waits_for_the_last_of_the_first_copies() {
        let mut origin = Origin::new(2, 7);
        origin.hold(0);
        origin.begin(at(0), 1, Kind::Ours);
        origin.lose(0);
        assert_eq!(origin.next(at(1_000), |_| true), None);
        assert_eq!(origin.next(at(1_501), |_| true), Some(0));
        origin.hear(1);
        assert_eq!(origin.next(at(1_000), |_| true), Some(0));
    }

    #[test]
    fn it_is_spread_when_each_piece_has_two_holders() {
        let mut origin = Origin::new(3, 7);
        for piece in [0, 1, 2, 0, 1] {
            origin.hold(piece);
            assert!(!origin.is_spread());
        }
        assert_eq!(origin.next(Time::ZERO, |_| true), Some(2));
        origin.hold(2);
        assert!(origin.is_spread());
        origin.lose(1);
        assert!(!origin.is_spread());
    }

    const PIECE: u32 = 1_000_000;

    fn at(millis: u64) -> Time {
        Time::new(Duration::from_millis(millis))
    }

    /// Promises that are open after so many seconds, where each is kept when our link has carried it, or after `trip`.
    fn open_after(seconds: u64, link: u64, trip: u64) -> usize {
        let (mut origin, mut shown) = (Origin::new(100_000, 7), Shown::default());
        let (mut kept, mut free) = (VecDeque::new(), 0);
        let mut now = 0;
        while now < 1_000 * seconds {
            while origin.has_room(PIECE, 0) {
                let piece = origin.next(at(now), |_| true).unwrap();
                origin.begin(at(now), piece, Kind::Ours);
                shown.promise(piece, PIECE, Kind::Ours, at(now));
                shown.on_sent(piece, PIECE, at(now)); // into a buffer that takes all of it
                free = free.max(now) + 1_000 * u64::from(PIECE) / link;
                kept.push_back((free.max(now + trip), piece));
            }
            let (time, piece) = kept.pop_front().unwrap();
            now = time;
            let promise = shown.fulfil(piece).unwrap();
            origin.hold(piece);
            origin.on_kept(at(now), &promise, PIECE);
            origin.give_up(&promise);
        }
        kept.len()
    }

    #[test]
    fn as_many_promises_are_open_as_fill_the_link() {
        // 10 MB/s: a piece takes 100 ms, and is heard of after 200 ms at best.
        let open = open_after(30, 10_000_000, 200);
        assert!((3..=6).contains(&open), "{open}");
        let open = open_after(30, 10_000_000, 1);
        assert!((2..=5).contains(&open), "{open}");
    }

    #[test]
    fn more_and_more_are_open_where_receivers_are_slow() {
        // 100 MB/s, and each takes a second for a piece: a hundred fill it.
        let open = open_after(60, 100_000_000, 1_000);
        assert!((100..=200).contains(&open), "{open}");
    }

    #[test]
    fn more_are_open_than_a_fast_link_needs_at_best() {
        // 1 GB/s, and at best a piece is had after a millisecond: 4 would do, if it always were.
        let open = open_after(3, 1_000_000_000, 1);
        assert!((20..=34).contains(&open), "{open}");
    }

    #[test]
    fn a_promise_ends_when_it_is_kept() {
        let mut shown = Shown::default();
        shown.promise(5, 30, Kind::Ours, Time::ZERO);
        shown.promise(6, 30, Kind::Trial, Time::ZERO);
        shown.on_sent(5, 20, at(1));
        let late = |shown: &mut Shown| shown.overtake(|_| false, |sent| sent <= at(2));
        assert_eq!(late(&mut shown), [], "a part of it is still to be sent");
        shown.on_sent(5, 10, at(2));
        assert_eq!((shown.open(), shown.is_waiting()), (2, true));
        assert!(shown.promised()[0].is_sent());
        assert_eq!(late(&mut shown), [Kind::Ours]);
        assert!(shown.is_promised(5) && shown.open() == 1);
        assert!(shown.fulfil(5).is_some() && shown.fulfil(5).is_none());
        let slow = shown.overtake(|_| true, |_| false);
        assert_eq!((slow, shown.open()), (vec![Kind::Trial], 0));
        let expired = shown.expire(|_| true, |_| false);
        assert_eq!(expired.len(), 0);
        let expired = shown.expire(|_| false, |_| true);
        assert_eq!((expired[0].piece, shown.promised().len()), (6, 0));
    }

    #[test]
    fn who_takes_other_pieces_first_ignores_nothing_yet() {
        let ignored = |took: u64, since: u64| {
            let mut shown = Shown::default();
            shown.promise(5, 30, Kind::Ours, at(1));
            shown.promise(6, 30, Kind::Ours, at(1));
            shown.on_sent(5, 20, at(took));
            shown.expire(|_| false, |time| time <= at(since)).len()
        };
        assert_eq!((ignored(7, 6), ignored(7, 7)), (0, 1));
        assert_eq!((ignored(90_000, 15_000), ignored(90_000, 15_001)), (0, 1));
    }
}
