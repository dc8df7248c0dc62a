//! What is to happen, in order: by time, and then by the order in which things were planned. Everything that happens goes
//! into the trace hash, so that two runs can be compared by one number.
//!
//! Most of what is planned happens within a tenth of a second. One heap of it all was a fifth of a run's time with ten
//! thousand nodes, so the near future is a ring of short slots, of which only the current one is sorted.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;

/// Virtual nanoseconds since the start of the run.
pub(crate) type Nanos = u64;

/// One direction of a connection: twice the connection's number, plus the sending end (0 is the end that dialled).
pub(crate) type PipeId = u32;

/// One thing that happens. Small and `Copy`: payload never exists and messages wait in their pipe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Event {
    /// A node comes.
    Join(u32),
    /// A node goes, and all its connections with it.
    Leave(u32),
    /// The Swarm of a node asked to be woken.
    Tick(u32),
    /// The uplink of a node has sent a block.
    UplinkDone(u32),
    /// A block reaches the downlink of its receiver.
    Arrive(PipeId),
    /// A block is received whole.
    Block(PipeId),
    /// Messages are received.
    Notes(PipeId),
    /// The writer of a connection has handed a batch to its socket.
    Written(PipeId),
    /// A dial reaches the node that is dialled: the handshake is over there.
    Dialled(u32, u32),
    /// The handshake is over at the end that dialled.
    Connected(u32),
    /// A dial came to nothing.
    DialFailed(u32, u32),
    /// A piece was hashed and stored.
    Checked(u32, u32),
    /// One end of a connection learns that it is closed.
    Closed(PipeId),
    /// A link between sites can take more.
    LinkRoom(u32),
    /// The moment from which the late rate is measured.
    Mark,
}

#[derive(Debug, Clone, Copy)]
struct Planned {
    at: Nanos,
    number: u64,
    event: Event,
}

impl Planned {
    fn key(&self) -> (Nanos, u64) {
        (self.at, self.number)
    }
}

impl PartialEq for Planned {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Planned {}

impl PartialOrd for Planned {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Planned {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key().cmp(&other.key())
    }
}

/// The events to come, and the hash of those that were.
#[derive(Debug)]
pub(crate) struct Agenda {
    /// What happens in the current slot of time, or was planned for an earlier one.
    current: BinaryHeap<Reverse<Planned>>,
    slot: u64,
    /// The slots after it, each at its number modulo their count.
    near: Vec<Vec<Reverse<Planned>>>,
    in_near: usize,
    /// What is beyond them.
    far: BinaryHeap<Reverse<Planned>>,
    planned: u64,
    pub(crate) done: u64,
    pub(crate) trace: u64,
}

/// A slot is 2^16 nanoseconds long.
const SLOT_BITS: u32 = 16;
/// The ring reaches a quarter of a second ahead.
const SLOTS: u64 = 4_096;

/// FNV-1a's start and factor, applied to words instead of bytes.
const TRACE_START: u64 = 0xcbf2_9ce4_8422_2325;
const TRACE_FACTOR: u64 = 0x0000_0100_0000_01b3;

impl Agenda {
    pub(crate) fn new() -> Self {
        Self {
            current: BinaryHeap::new(),
            slot: 0,
            near: vec![Vec::new(); SLOTS as usize],
            in_near: 0,
            far: BinaryHeap::new(),
            planned: 0,
            done: 0,
            trace: TRACE_START,
        }
    }

    /// Plans an event; of two at the same time the one planned first comes first.
    pub(crate) fn at(&mut self, at: Nanos, event: Event) {
        self.planned += 1;
        let number = self.planned;
        let planned = Reverse(Planned { at, number, event });
        let slot = at >> SLOT_BITS;
        if slot <= self.slot {
            self.current.push(planned);
        } else if slot - self.slot < SLOTS {
            self.near[(slot % SLOTS) as usize].push(planned);
            self.in_near += 1;
        } else {
            self.far.push(planned);
        }
    }

    /// The next event, which is from now on part of the trace.
    pub(crate) fn next(&mut self) -> Option<(Nanos, Event)> {
        while self.current.is_empty() {
            self.turn()?;
        }
        let Reverse(Planned { at, event, .. }) = self.current.pop()?;
        self.done += 1;
        let (kind, detail) = code(event);
        self.note(at);
        self.note(detail ^ (kind << 56));
        Some((at, event))
    }

    /// Goes on to the next slot, or to the first that has anything; none: there is nothing left.
    fn turn(&mut self) -> Option<()> {
        let far = self.far.peek().map(|Reverse(next)| next.at >> SLOT_BITS);
        self.slot = if self.in_near > 0 {
            self.slot + 1
        } else {
            far?
        };
        // The two change places, so that their memory is used again.
        let empty = std::mem::take(&mut self.current).into_vec();
        let now = std::mem::replace(&mut self.near[(self.slot % SLOTS) as usize], empty);
        self.in_near -= now.len();
        self.current = BinaryHeap::from(now);
        while let Some(next) = self.far.peek_mut() {
            if next.0.at >> SLOT_BITS > self.slot {
                break;
            }
            self.current.push(PeekMut::pop(next));
        }
        Some(())
    }

    /// Adds to the trace what an event does not say itself.
    pub(crate) fn note(&mut self, word: u64) {
        self.trace = (self.trace ^ word).wrapping_mul(TRACE_FACTOR);
        self.trace ^= self.trace >> 29;
    }
}

fn code(event: Event) -> (u64, u64) {
    let two = |one: u32, other: u32| (u64::from(one) << 24) ^ u64::from(other);
    match event {
        Event::Join(node) => (1, u64::from(node)),
        Event::Leave(node) => (2, u64::from(node)),
        Event::Tick(node) => (3, u64::from(node)),
        Event::UplinkDone(node) => (4, u64::from(node)),
        Event::Arrive(pipe) => (5, u64::from(pipe)),
        Event::Block(pipe) => (6, u64::from(pipe)),
        Event::Notes(pipe) => (7, u64::from(pipe)),
        Event::Written(pipe) => (8, u64::from(pipe)),
        Event::Dialled(from, to) => (9, two(from, to)),
        Event::Connected(link) => (10, u64::from(link)),
        Event::DialFailed(from, to) => (11, two(from, to)),
        Event::Checked(node, piece) => (12, two(node, piece)),
        Event::Closed(pipe) => (13, u64::from(pipe)),
        Event::LinkRoom(link) => (14, u64::from(link)),
        Event::Mark => (15, 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_come_in_the_order_of_time_and_then_of_planning() {
        let mut agenda = Agenda::new();
        agenda.at(5, Event::Join(1));
        agenda.at(3, Event::Tick(2));
        agenda.at(5, Event::Join(0));
        let order: Vec<_> = std::iter::from_fn(|| agenda.next()).collect();
        let expected = [
            (3, Event::Tick(2)),
            (5, Event::Join(1)),
            (5, Event::Join(0)),
        ];
        assert_eq!(order, expected);
    }

    /// Against a sorted list, with times from nothing to seconds ahead, planned before and while others happen.
    #[test]
    fn near_and_far_come_in_one_order() {
        let mut random = crate::random::Random::new(5, 0);
        let (mut agenda, mut open) = (Agenda::new(), Vec::new());
        let (mut now, mut planned) = (0, 0);
        for round in 0..3_000 {
            for _ in 0..if round < 2_000 { random.below(4) } else { 0 } {
                let reach =
                    [1, 1 << 12, 1 << 18, 1 << 27, 1 << 29, 1 << 33][random.below(6) as usize];
                let at = now + random.below(reach);
                agenda.at(at, Event::Tick(planned));
                open.push((at, planned));
                planned += 1;
            }
            open.sort_unstable();
            let expected = (!open.is_empty()).then(|| open.remove(0));
            let next = agenda.next();
            let expected = expected.map(|(at, number)| (at, Event::Tick(number)));
            assert_eq!(next, expected);
            now = next.map_or(now, |(at, _)| at);
        }
        assert!(planned > 2_000);
        while agenda.next().is_some() {}
    }

    #[test]
    fn the_trace_tells_orders_apart() {
        let trace = |nodes: [u32; 2]| {
            let mut agenda = Agenda::new();
            for node in nodes {
                agenda.at(1, Event::Tick(node));
            }
            while agenda.next().is_some() {}
            agenda.trace
        };
        assert_eq!(trace([1, 2]), trace([1, 2]));
        assert_ne!(trace([1, 2]), trace([2, 1]));
    }
}
