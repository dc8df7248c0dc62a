//! One peer's books and what it does, beside plain lists: its requests are neither lost nor made up, its window and our
//! patience keep their bounds, and its own requests are served in order.

use std::collections::VecDeque;
use std::time::Duration;

use p2pcore_protocol::{BLOCK, BlockSpan, PieceIndex};

use crate::belief::Change;
use crate::forwarding::Forwarding;
use crate::input::{PeerInfo, PeerKey};
use crate::peers::Peer;
use crate::requests::{BlockName, Expected};
use crate::time::Time;

/// What happens. A number of a request beyond the last is none.
#[derive(Debug, Clone)]
pub enum Step {
    /// It is asked for so many blocks more.
    Ask(u8),
    /// It sends the n-th block outstanding, in so many parts.
    Arrive(usize, u8),
    /// It sends a block of which the request was taken back.
    Late(usize),
    /// It sends what it never was asked for.
    Unasked,
    /// It refuses the n-th block outstanding.
    Refuse(usize),
    /// The n-th request is taken back.
    Withdraw(usize),
    /// It chokes us: every request is taken back, and nothing late will come (without BEP 6).
    Drop,
    /// So many milliseconds pass, then it is looked at.
    Wait(u32),
    /// It takes so many requests.
    Limit(u32),
    /// It says so many things of no use.
    Nonsense(u16),
    /// It asks us for a block.
    Wants(u8),
    /// It asks no longer for it.
    Cancels(u8),
    /// Its connection takes so many bytes.
    Room(u32),
    /// We choke it.
    Choke,
}

/// A peer, and what must be true of it.
#[derive(Debug)]
pub struct Model {
    peer: Peer,
    now: Time,
    next: u32,
    outstanding: Vec<(BlockName, Time)>,
    late: VecDeque<BlockName>,
    limit: u32,
    /// The last byte, or the first request into an empty queue.
    heard: Time,
    stalled: bool,
    /// Blocks since the last time that it was doubted.
    blocks_since_doubt: u32,
    nonsense: u64,
    unasked: u64,
    asked: u64,
    queue: VecDeque<BlockSpan>,
}

/// Requests outstanding at most: what a window never goes beyond.
const CAP: u32 = 2_000;
/// Requests taken back that are remembered.
const LATE: usize = 4_096;
const UPLOADS: u32 = 16;
const SOON: Duration = Duration::from_secs(2);
const LONG: Duration = Duration::from_secs(30);
/// Nonsense that is always forgiven, and each second.
const FORGIVEN: u64 = 5_000;
const FORGIVEN_PER_SECOND: u64 = 100;
/// More blocks than these are never owed for being believed.
const MOST_OWED: u32 = 256;

impl Model {
    /// It has just come.
    pub fn new() -> Self {
        let info = PeerInfo {
            addr: ([10, 0, 0, 1], 6_881).into(),
            outgoing: true,
            peer_id: [7; 20],
            fast: true,
            extended: true,
            v2: false,
        };
        Self {
            peer: Peer::new(PeerKey(1), info, Time::ZERO),
            now: Time::ZERO,
            next: 0,
            outstanding: Vec::new(),
            late: VecDeque::new(),
            limit: 250,
            heard: Time::ZERO,
            stalled: false,
            blocks_since_doubt: 0,
            nonsense: 0,
            unasked: 0,
            asked: 0,
            queue: VecDeque::new(),
        }
    }

    /// One thing happens.
    pub fn step(&mut self, step: Step) {
        match step {
            Step::Ask(count) => (0..count).for_each(|_| self.ask()),
            Step::Arrive(at, parts) => self.arrive(at, parts),
            Step::Late(at) => self.come_late(at),
            Step::Unasked => self.come_unasked(),
            Step::Refuse(at) => self.refuse(at),
            Step::Withdraw(at) => self.withdraw(at),
            Step::Drop => {
                self.peer.stall.lose_probe();
                for (name, _) in std::mem::take(&mut self.outstanding) {
                    assert_eq!(self.peer.requests.withdraw_next(), Some(name));
                }
                self.peer.requests.forget_late();
                self.late.clear();
            }
            Step::Wait(millis) => {
                self.now = self.now + Duration::from_millis(millis.into());
                self.look();
            }
            Step::Limit(limit) => {
                self.peer.window.set_limit(limit, CAP);
                self.limit = limit.clamp(1, CAP);
            }
            Step::Nonsense(count) => (0..count).for_each(|_| self.talk()),
            Step::Wants(number) => {
                let fits = self.queue.len() < UPLOADS as usize;
                assert_eq!(self.peer.uploads.push(span(number), UPLOADS), fits);
                if fits {
                    self.queue.push_back(span(number));
                }
            }
            Step::Cancels(number) => {
                let at = self.queue.iter().position(|other| *other == span(number));
                assert_eq!(self.peer.uploads.cancel(span(number)), at.is_some());
                at.and_then(|at| self.queue.remove(at));
            }
            Step::Room(room) => self.serve(room),
            Step::Choke => {
                while let Some(dropped) = self.peer.uploads.drop_next(&self.peer.offers) {
                    assert_eq!(self.queue.pop_front(), Some(dropped));
                }
            }
        }
        self.compare();
    }

    fn ask(&mut self) {
        let name = (self.next / 4, self.next % 4);
        self.next += 1;
        let before = self.outstanding.len();
        if before == 0 {
            self.heard = self.now;
        }
        self.peer.window.on_request(self.now, before);
        self.peer.stall.on_request(self.now, before);
        self.peer.requests.push(name, self.now);
        self.outstanding.push((name, self.now));
    }

    fn arrive(&mut self, at: usize, parts: u8) {
        if at >= self.outstanding.len() {
            return;
        }
        let parts = u32::from(parts.clamp(1, 8));
        (0..parts).for_each(|_| self.progress(BLOCK / parts));
        let (name, _) = self.outstanding.remove(at);
        assert_eq!(self.peer.requests.take(name), Expected::Outstanding);
        self.take();
    }

    fn come_late(&mut self, at: usize) {
        if at < self.late.len()
            && let Some(name) = self.late.remove(at)
        {
            self.progress(BLOCK);
            assert_eq!(self.peer.requests.take(name), Expected::Late);
            self.take();
        }
    }

    /// A block came that we asked for at some time.
    fn take(&mut self) {
        self.asked += 1;
        self.peer.patience.on_asked();
        self.peer.window.on_block();
        self.blocks_since_doubt += 1;
        let firm = self.peer.belief.is_firm();
        let change = self.peer.belief.on_block();
        let became = !firm && self.peer.belief.is_firm();
        assert_eq!(change == Change::Believed, became);
    }

    fn come_unasked(&mut self) {
        let name = (u32::MAX, self.next);
        assert_eq!(self.peer.requests.take(name), Expected::Never);
        self.unasked += 1;
        let flooded = self.peer.patience.on_unasked();
        let share = self.asked.max(1);
        assert!(!flooded || self.unasked > 64 && self.unasked * 9 > share);
        assert!(
            flooded || self.unasked <= 64 + share,
            "more than it was asked for"
        );
    }

    fn refuse(&mut self, at: usize) {
        if at >= self.outstanding.len() {
            return;
        }
        let (name, _) = self.outstanding.remove(at);
        assert!(self.peer.requests.refuse(name));
        self.peer.patience.on_refusal(self.now);
        assert!(self.peer.patience.is_resting(self.now));
        assert!(!self.peer.patience.is_resting(self.now + LONG));
        let change = self.peer.belief.on_refusal();
        self.doubt(change);
    }

    fn doubt(&mut self, change: Change) {
        assert_ne!(change, Change::Believed);
        if change == Change::Doubted {
            assert!(!self.peer.belief.is_firm());
        }
        self.blocks_since_doubt = 0;
    }

    fn withdraw(&mut self, at: usize) {
        if at >= self.outstanding.len() {
            return;
        }
        let (name, _) = self.outstanding.remove(at);
        assert!(self.peer.requests.withdraw(name));
        assert!(
            !self.peer.requests.withdraw(name),
            "{name:?} goes back twice"
        );
        self.remember(name);
    }

    fn withdraw_all(&mut self, but: usize) {
        while self.outstanding.len() > but {
            self.withdraw(self.outstanding.len() - 1);
        }
    }

    fn remember(&mut self, name: BlockName) {
        if self.late.len() == LATE {
            self.late.pop_front();
        }
        self.late.push_back(name);
    }

    fn progress(&mut self, bytes: u32) {
        self.heard = self.now;
        self.peer.down.add(self.now, bytes.into());
        self.peer.window.on_progress(self.now, bytes);
        let owed = !self.outstanding.is_empty();
        let ended = self.peer.stall.on_progress(self.now, owed);
        assert_eq!(ended, self.stalled, "a byte ends a stall");
        self.stalled = false;
        if ended {
            self.peer.window.restart();
        }
    }

    /// As the Swarm looks at it now and then: who owes blocks and sends nothing gives them back, but one.
    fn look(&mut self) {
        let silent = self.now.since(self.heard);
        let due = self.peer.stall.is_due(self.now, 1, || false);
        assert!(!due || silent >= SOON, "stalled after {silent:?}");
        assert!(due || silent < LONG, "not stalled after {silent:?}");
        if due && !self.stalled && !self.outstanding.is_empty() {
            self.peer.stall.begin(self.now);
            self.stalled = true;
            let change = self.peer.belief.on_stall();
            self.doubt(change);
            self.withdraw_all(1);
            assert!(!self.peer.stall.may_probe(self.now));
        }
    }

    fn talk(&mut self) {
        self.nonsense += 1;
        let flooded = self.peer.patience.on_nonsense(self.now);
        let seconds = self.now.since_zero().as_secs() + 1;
        let forgiven = FORGIVEN + FORGIVEN_PER_SECOND * seconds;
        assert!(
            !flooded || self.nonsense >= FORGIVEN,
            "{} are too many",
            self.nonsense
        );
        assert!(
            flooded || self.nonsense <= forgiven,
            "{} are not",
            self.nonsense
        );
        if flooded {
            // It is closed; another comes in its place.
            *self = Self::new();
        }
    }

    fn serve(&mut self, room: u32) {
        self.peer.uploads.set_room(room);
        let mut left = room;
        while let Some(served) = self.peer.uploads.serve_next(|_| true) {
            assert!(left > 0, "served without room");
            assert_eq!(self.queue.pop_front(), Some(served), "served out of order");
            left = left.saturating_sub(served.length);
        }
        assert!(
            left == 0 || self.queue.is_empty(),
            "room, and nothing served"
        );
    }

    fn compare(&self) {
        let requests = &self.peer.requests;
        let names = self.outstanding.iter().map(|(name, _)| *name);
        assert!(requests.iter().eq(names), "what is outstanding");
        assert_eq!(requests.len(), self.outstanding.len());
        let oldest = self.outstanding.first().map(|(_, at)| *at);
        assert_eq!(requests.oldest(), oldest);
        let window = self.peer.window.blocks();
        assert!(
            (self.limit.min(4)..=self.limit).contains(&window),
            "a window of {window}, where {} are taken",
            self.limit
        );
        assert_eq!(self.peer.stall.is_stalled(), self.stalled);
        assert!(self.stalled || !self.peer.stall.may_probe(self.now));
        assert!(self.peer.belief.is_firm() || self.blocks_since_doubt < MOST_OWED);
        assert_eq!(self.peer.uploads.len(), self.queue.len());
        let snapshot = self.peer.snapshot(self.now, 1, &Forwarding::default());
        assert_eq!(snapshot.outstanding as usize, self.outstanding.len());
    }
}

impl Default for Model {
    fn default() -> Self {
        Self::new()
    }
}

fn span(number: u8) -> BlockSpan {
    BlockSpan {
        piece: PieceIndex::new(number.into()),
        begin: 0,
        length: BLOCK,
    }
}
