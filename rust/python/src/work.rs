//! Long work with progress: a Rust thread works, the calling Python thread waits, reports and listens for Ctrl-C.
//!
//! The worker only stores two numbers; `progress` is called from the thread that made the call, so no engine thread
//! ever waits for the GIL. When `progress` or a signal handler raises, the work is told to stop and the exception
//! goes on.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use pyo3::prelude::*;

/// How often Ctrl-C is looked for and `progress` called.
const SLICE: Duration = Duration::from_millis(100);

/// What the worker is given: takes (done, total) and answers whether to go on.
pub type Report<'a> = &'a (dyn Fn(u64, u64) -> bool + Sync);

/// Runs `work` beside the calling thread.
pub fn run<T: Send>(
    py: Python<'_>,
    progress: Option<&Bound<'_, PyAny>>,
    work: impl FnOnce(Report<'_>) -> T + Send,
) -> PyResult<T> {
    let done = AtomicU64::new(0);
    let total = AtomicU64::new(0);
    let stop = AtomicBool::new(false);
    let report = |now: u64, all: u64| {
        done.store(now, Ordering::Relaxed);
        total.store(all, Ordering::Relaxed);
        !stop.load(Ordering::Relaxed)
    };
    let tell = || match progress {
        Some(callable) => callable
            .call1((done.load(Ordering::Relaxed), total.load(Ordering::Relaxed)))
            .map(drop),
        None => Ok(()),
    };
    std::thread::scope(|scope| {
        let (finished, mut wait) = mpsc::channel::<()>();
        let report = &report;
        let worker = scope.spawn(move || {
            let _finished = finished; // dropped at the end, also by a panic: that wakes the waiter
            work(report)
        });
        let interrupted = loop {
            let (woken, back) = py.detach(move || (wait.recv_timeout(SLICE), wait));
            wait = back;
            if woken == Err(RecvTimeoutError::Timeout) {
                if let Err(error) = py.check_signals().and_then(|()| tell()) {
                    break Some(error);
                }
            } else {
                break None;
            }
        };
        stop.store(interrupted.is_some(), Ordering::Relaxed);
        let joined = py.detach(|| worker.join());
        match (interrupted, joined) {
            (_, Err(panic)) => std::panic::resume_unwind(panic),
            (Some(error), Ok(_)) => Err(error),
            (None, Ok(result)) => tell().map(|()| result),
        }
    })
}
