//! The queue between the engine and its reader: bounded, with one wake-up for many events.
//!
//! The engine pushes and, when no wake-up is pending, writes one byte to a socket pair; the reader clears it and drains
//! in batches. Facts beyond the capacity are counted and told as one `Dropped`; answers to commands and ends of
//! torrents are always queued (there is at most one for each command and each start). It never calls the reader.
//!
//! A reader that is woken again and again may ask for quiet: facts then wait until it looks by itself, and only answers
//! and ends wake it.

use std::collections::VecDeque;
use std::io::{Read as _, Write as _};
use std::os::fd::{AsRawFd as _, RawFd};
use std::os::unix::net::UnixStream;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::api::{Event, EventKind};

/// Events on their way to the reader.
#[derive(Debug)]
pub struct EventQueue {
    state: Mutex<State>,
    filled: Condvar,
    wake: UnixStream,
    readable: UnixStream,
    capacity: usize,
}

#[derive(Debug, Default)]
struct State {
    queue: VecDeque<Event>,
    dropped: u64,
    wake: Wake,
}

impl State {
    fn is_empty(&self) -> bool {
        self.queue.is_empty() && self.dropped == 0
    }
}

/// What a new event does to the reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Wake {
    /// Wakes it.
    #[default]
    Armed,
    /// Nothing: it was woken, and has not taken the wake-up away.
    Sent,
    /// Wakes it only if it is an answer or an end: it looks by itself before long.
    Quiet,
}

impl EventQueue {
    /// A queue that holds up to `capacity` facts.
    pub fn new(capacity: usize) -> std::io::Result<Self> {
        let (wake, readable) = UnixStream::pair()?;
        wake.set_nonblocking(true)?;
        readable.set_nonblocking(true)?;
        Ok(Self {
            state: Mutex::default(),
            filled: Condvar::new(),
            wake,
            readable,
            capacity: capacity.max(1),
        })
    }

    /// Queues an event, or counts it where the queue is full and the event may be dropped.
    pub fn push(&self, event: Event) {
        let mut state = self.lock();
        let essential = matches!(
            event.kind,
            EventKind::Done(..)
                | EventKind::Completed
                | EventKind::MayLeave
                | EventKind::Failed(_)
                | EventKind::Checked
        );
        if !essential && state.queue.len() >= self.capacity {
            state.dropped += 1;
            return;
        }
        state.queue.push_back(event);
        let wakes = match state.wake {
            Wake::Armed => true,
            Wake::Sent => false,
            Wake::Quiet => essential,
        };
        if wakes {
            state.wake = Wake::Sent;
            // A full pipe means that the reader has a wake-up waiting: nothing is lost.
            let _ = (&self.wake).write(&[1]);
            self.filled.notify_all();
        }
    }

    /// Up to `max` events, oldest first; at the end of the backlog, how many were dropped.
    pub fn drain(&self, max: usize) -> Vec<Event> {
        let mut state = self.lock();
        let count = state.queue.len().min(max);
        let mut batch: Vec<Event> = state.queue.drain(..count).collect();
        if state.queue.is_empty() && state.dropped > 0 && batch.len() < max {
            let dropped = std::mem::take(&mut state.dropped);
            batch.push(Event {
                torrent: None,
                kind: EventKind::Dropped(dropped),
            });
        }
        batch
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    /// Readable while events wait that no [`clear_wake`](Self::clear_wake) came after.
    pub fn fd(&self) -> RawFd {
        self.readable.as_raw_fd()
    }

    /// Takes the wake-up away. The reader drains after this, not before, so that no event is slept over.
    pub fn clear_wake(&self) {
        self.take_wake(Wake::Armed);
    }

    /// The same, and facts wake nobody until [`rouse`](Self::rouse): the reader looks by itself before long.
    pub fn hush(&self) {
        self.take_wake(Wake::Quiet);
    }

    /// Ends the quiet if nothing waits; else it stays, and the reader drains and looks again later.
    pub fn rouse(&self) -> bool {
        let mut state = self.lock();
        let idle = state.is_empty();
        if idle && state.wake == Wake::Quiet {
            state.wake = Wake::Armed;
        }
        idle
    }

    fn take_wake(&self, then: Wake) {
        let mut state = self.lock();
        let mut bytes = [0; 16];
        while matches!((&self.readable).read(&mut bytes), Ok(count) if count > 0) {}
        state.wake = then;
    }

    /// Waits until an event is there (true) or the time is over (false). For readers without a descriptor to wait on.
    pub fn wait(&self, timeout: Duration) -> bool {
        let deadline = Instant::now() + timeout;
        let mut state = self.lock();
        while state.is_empty() {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            let waited = self.filled.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{CommandId, TorrentId};
    use p2pcore_protocol::PieceIndex;

    fn fact(piece: u32) -> Event {
        Event {
            torrent: Some(TorrentId(1)),
            kind: EventKind::PieceVerified(PieceIndex::new(piece)),
        }
    }

    #[test]
    fn overflow_is_counted_and_answers_are_kept() {
        let queue = EventQueue::new(2).unwrap();
        (0..5).for_each(|piece| queue.push(fact(piece)));
        queue.push(Event {
            torrent: None,
            kind: EventKind::Done(CommandId(7), Ok(())),
        });
        let batch = queue.drain(10);
        assert_eq!(batch.len(), 4);
        assert!(matches!(
            batch[2].kind,
            EventKind::Done(CommandId(7), Ok(()))
        ));
        assert!(matches!(batch[3].kind, EventKind::Dropped(3)));
        assert!(queue.is_empty());
    }

    #[test]
    fn an_event_after_clear_wakes_again() {
        let queue = EventQueue::new(10).unwrap();
        queue.push(fact(0));
        queue.clear_wake();
        assert_eq!(queue.drain(10).len(), 1);
        assert!(!queue.wait(Duration::ZERO));
        queue.push(fact(1));
        assert!(queue.wait(Duration::ZERO));
        let mut byte = [0; 1];
        assert_eq!((&queue.readable).read(&mut byte).unwrap(), 1);
    }

    #[test]
    fn in_quiet_only_answers_wake_and_it_ends_when_nothing_waits() {
        let queue = EventQueue::new(10).unwrap();
        let woken = || matches!((&queue.readable).read(&mut [0; 16]), Ok(1));
        queue.push(fact(0));
        queue.hush();
        queue.push(fact(1));
        assert!(!woken());
        assert!(!queue.rouse());
        assert_eq!(queue.drain(10).len(), 2);
        queue.push(Event {
            torrent: None,
            kind: EventKind::Done(CommandId(7), Ok(())),
        });
        assert!(woken());
        assert_eq!(queue.drain(10).len(), 1);
        queue.hush();
        assert!(queue.rouse());
        queue.push(fact(2));
        assert!(woken());
    }
}
