//! Threads for work that blocks or computes: hashing, reading, writing.
//!
//! Jobs run in the order in which they were submitted, as many at once as there are threads. A job that panics ends
//! alone: its thread goes on. Dropping the pool finishes what was submitted, then joins the threads; so a job must not
//! hold the pool. The pool knows nothing of torrents.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, JoinHandle};

type Job = Box<dyn FnOnce() + Send + 'static>;

/// A fixed number of threads and the queue before them.
#[derive(Debug)]
pub struct Pool {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

impl Pool {
    /// Starts threads of this name (at least one is asked for).
    pub fn new(threads: usize, name: &str) -> Self {
        let shared = Arc::new(Shared::default());
        let start = |number: usize| {
            let shared = Arc::clone(&shared);
            let builder = Builder::new().name(format!("{name}-{number}"));
            builder.spawn(move || shared.work()).ok()
        };
        let threads = (0..threads.max(1)).filter_map(start).collect();
        Self { shared, threads }
    }

    /// How many threads there are.
    pub fn threads(&self) -> usize {
        self.threads.len().max(1)
    }

    /// Queues a job. Where the system gave us no thread at all, the job runs here and now.
    pub fn submit(&self, job: impl FnOnce() + Send + 'static) {
        if self.threads.is_empty() {
            run(Box::new(job));
            return;
        }
        self.shared.lock().jobs.push_back(Box::new(job));
        self.shared.ready.notify_one();
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.shared.lock().ended = true;
        self.shared.ready.notify_all();
        let own = std::thread::current().id();
        for thread in self.threads.drain(..) {
            if thread.thread().id() != own {
                let _ = thread.join(); // its jobs' panics were caught
            }
        }
    }
}

#[derive(Default)]
struct Shared {
    queue: Mutex<Queue>,
    ready: Condvar,
}

#[derive(Default)]
struct Queue {
    jobs: VecDeque<Job>,
    ended: bool,
}

impl Shared {
    fn work(&self) {
        while let Some(job) = self.next() {
            run(job);
        }
    }

    fn next(&self) -> Option<Job> {
        let mut queue = self.lock();
        loop {
            if let Some(job) = queue.jobs.pop_front() {
                return Some(job);
            }
            if queue.ended {
                return None;
            }
            queue = self
                .ready
                .wait(queue)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

fn run(job: Job) {
    // The panic was reported by the hook; who waits for the job sees its answer's channel close.
    let _ = catch_unwind(AssertUnwindSafe(job));
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Barrier, mpsc};

    use super::*;

    #[test]
    fn drop_finishes_what_was_submitted() {
        let done = Arc::new(AtomicUsize::new(0));
        let pool = Pool::new(3, "test");
        for _ in 0..1000 {
            let done = Arc::clone(&done);
            pool.submit(move || {
                done.fetch_add(1, Ordering::SeqCst);
            });
        }
        drop(pool);
        assert_eq!(done.load(Ordering::SeqCst), 1000);
    }

    #[test]
    fn a_panic_costs_no_thread() {
        let pool = Pool::new(1, "test");
        pool.submit(|| std::panic::resume_unwind(Box::new("on purpose")));
        let (tell, told) = mpsc::channel();
        pool.submit(move || tell.send(7).unwrap());
        assert_eq!(told.recv(), Ok(7));
    }

    #[test]
    fn all_threads_work_at_once() {
        let pool = Pool::new(4, "test");
        assert_eq!(pool.threads(), 4);
        let barrier = Arc::new(Barrier::new(5));
        for _ in 0..4 {
            let barrier = Arc::clone(&barrier);
            pool.submit(move || {
                barrier.wait();
            });
        }
        barrier.wait();
    }
}
