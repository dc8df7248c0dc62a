//! Many independent streams through one digest, side by side: whole blocks only.
//!
//! Owns how streams are put into lanes. A kernel takes a fixed number of lanes over the same number of blocks; streams
//! that end make room for the next, and what is too few for the widest kernel goes to a narrower one.

use crate::backend::Backend;
use crate::processor;

/// Bytes that both digests take at a time.
pub(crate) const BLOCK: usize = 64;

/// The lanes of the widest kernel: more streams at once are no faster.
pub const LANES: usize = 16;

/// A digest that works on blocks of 64 bytes and `W` words of state.
pub(crate) trait Algorithm<const W: usize> {
    /// The state before the first block.
    const INITIAL: [u32; W];

    /// One stream, whole blocks.
    fn compress(state: &mut [u32; W], data: &[u8]);

    /// Its kernel of these.
    fn kernel(kernels: &'static Kernels) -> &'static Kernel<W>;
}

/// States, the data of each lane, and how many blocks.
pub(crate) type Run<const W: usize> = fn(&mut [[u32; W]], &[&[u8]], usize);

/// What some instructions do to a fixed number of lanes. A backend has several, widest first, or none.
pub(crate) struct Kernels {
    pub sha1: Kernel<5>,
    pub sha256: Kernel<8>,
    /// SHA-256 of messages that are one block each, from the first state to the last: nodes of Merkle trees.
    pub node: Kernel<8>,
}

/// A function over a fixed number of lanes.
pub(crate) struct Kernel<const W: usize> {
    /// How many streams it takes at once; at most [`LANES`].
    pub lanes: usize,
    /// With fewer than this it is slower than the next.
    pub worth: usize,
    /// Takes `blocks` blocks of each lane. All slices are `lanes` long, and each of `data` holds that many blocks.
    pub run: Run<W>,
}

/// One stream's next blocks.
#[derive(Debug)]
pub(crate) struct Job<'a, const W: usize> {
    /// What it was, and then what it has become.
    pub state: [u32; W],
    /// A multiple of 64 bytes; empty once it is done.
    pub data: &'a [u8],
}

/// Takes all blocks of all jobs.
pub(crate) fn compress_all<A: Algorithm<W>, const W: usize>(
    backend: Backend,
    jobs: &mut [Job<'_, W>],
) {
    let mut waiting = jobs.iter_mut().filter(|job| !job.data.is_empty());
    let mut active: Vec<&mut Job<'_, W>> = Vec::with_capacity(LANES);
    for kernel in processor::kernels(backend).iter().map(A::kernel) {
        loop {
            active.extend(
                waiting
                    .by_ref()
                    .take(kernel.lanes - active.len().min(kernel.lanes)),
            );
            if active.len() < kernel.worth {
                break;
            }
            step(kernel, &mut active);
        }
    }
    for job in active.into_iter().chain(waiting) {
        A::compress(&mut job.state, job.data);
        job.data = &[];
    }
}

/// Takes as many blocks as every active stream has; streams that end leave.
fn step<const W: usize>(kernel: &Kernel<W>, active: &mut Vec<&mut Job<'_, W>>) {
    let lanes = active.len().min(kernel.lanes);
    let bytes = active[..lanes]
        .iter()
        .map(|job| job.data.len())
        .min()
        .unwrap_or(0);
    // Idle lanes repeat the first, and nobody looks at what they become.
    let mut states = [active[0].state; LANES];
    let mut data = [active[0].data; LANES];
    for (lane, job) in active[..lanes].iter().enumerate() {
        (states[lane], data[lane]) = (job.state, job.data);
    }
    (kernel.run)(
        &mut states[..kernel.lanes],
        &data[..kernel.lanes],
        bytes / BLOCK,
    );
    for (job, state) in active[..lanes].iter_mut().zip(states) {
        job.state = state;
        job.data = &job.data[bytes..];
    }
    active.retain(|job| !job.data.is_empty());
}
