//! What the kernels of every processor share: how lanes are loaded, taken through blocks, and stored.
//!
//! `unsafe` of this crate is here, in `streams` and in the folder of each processor, and nowhere else. It has two
//! reasons: a function that needs a processor feature is called from one that does not, which is sound because a
//! backend's kernels are handed out only where [`Backend::is_available`](crate::Backend::is_available) found the
//! feature; and vectors are loaded and stored through pointers, within slices whose length was checked.
#![allow(unsafe_code)]
// What is not inlined into a function that has the processor feature would pass its vectors through memory.
#![allow(clippy::inline_always)]

use crate::algorithm::Sha256Lanes;
use crate::lanes::{Algorithm, BLOCK};
use crate::rounds::{Vector, sha1, sha256};

/// A vector that comes from memory. Its functions need the processor feature of the type.
pub(crate) trait Lanes: Vector {
    const LANES: usize;

    /// A word for each lane, from `words`, which has as many.
    unsafe fn load(words: &[u32]) -> Self;
    unsafe fn store(self, words: &mut [u32]);
    /// The 16 big-endian words of each lane's 64 bytes from `offset` on, one vector for each word.
    unsafe fn message(data: &[&[u8]], offset: usize) -> [Self; 16];
}

/// Takes `blocks` blocks of SHA-1 of each lane.
///
/// # Safety
/// The processor has the feature of `V`; `states` and `data` are LANES long, and each lane has the blocks.
#[inline(always)]
pub(crate) unsafe fn sha1<V: Lanes>(states: &mut [[u32; 5]], data: &[&[u8]], blocks: usize) {
    // SAFETY: as the caller says.
    unsafe {
        let (states, data) = exactly::<V, _>(states, data);
        let mut state: [V; 5] = gather(states);
        for number in 0..blocks {
            state = sha1::block(state, V::message(data, number * BLOCK));
        }
        scatter(state, states);
    }
}

/// Takes `blocks` blocks of SHA-256 of each lane.
///
/// # Safety
/// The processor has the feature of `V`; `states` and `data` are LANES long, and each lane has the blocks.
#[inline(always)]
pub(crate) unsafe fn sha256<V: Lanes>(states: &mut [[u32; 8]], data: &[&[u8]], blocks: usize) {
    // SAFETY: as the caller says.
    unsafe {
        let (states, data) = exactly::<V, _>(states, data);
        let mut state: [V; 8] = gather(states);
        for number in 0..blocks {
            state = sha256::block(state, V::message(data, number * BLOCK));
        }
        scatter(state, states);
    }
}

/// Makes states of SHA-256 of messages that are one block each, whatever the states were before.
///
/// # Safety
/// As of [`sha256`]; `blocks` is 1.
#[inline(always)]
pub(crate) unsafe fn node<V: Lanes>(states: &mut [[u32; 8]], data: &[&[u8]], blocks: usize) {
    debug_assert_eq!(blocks, 1);
    // SAFETY: as the caller says.
    unsafe {
        let (states, data) = exactly::<V, _>(states, data);
        let message = V::message(data, 0);
        let state = Sha256Lanes::INITIAL.map(|word| message[0].splat(word));
        scatter(sha256::padding(sha256::block(state, message)), states);
    }
}

/// The same, in a way that tells the compiler how many there are: it then unrolls the loops over lanes, which is worth 4%.
#[inline(always)]
fn exactly<'a, 'b, V: Lanes, const W: usize>(
    states: &'a mut [[u32; W]],
    data: &'b [&'b [u8]],
) -> (&'a mut [[u32; W]], &'b [&'b [u8]]) {
    (&mut states[..V::LANES], &data[..V::LANES])
}

/// One vector for each word of the state.
#[inline(always)]
unsafe fn gather<V: Lanes, const W: usize>(states: &[[u32; W]]) -> [V; W] {
    std::array::from_fn(|word| {
        let mut lanes = [0; 16];
        for (lane, state) in lanes.iter_mut().zip(states) {
            *lane = state[word];
        }
        // SAFETY: the caller has the feature; `lanes` has LANES words.
        unsafe { V::load(&lanes[..V::LANES]) }
    })
}

/// The reverse of `gather`.
#[inline(always)]
unsafe fn scatter<V: Lanes, const W: usize>(vectors: [V; W], states: &mut [[u32; W]]) {
    for (word, vector) in vectors.into_iter().enumerate() {
        let mut lanes = [0; 16];
        // SAFETY: the caller has the feature; `lanes` has LANES words.
        unsafe { vector.store(&mut lanes[..V::LANES]) };
        for (lane, state) in lanes.iter().zip(states.iter_mut()) {
            state[word] = *lane;
        }
    }
}

/// A kernel over a generic function, which becomes one with the processor feature.
macro_rules! kernel {
    ($feature:literal, $run:expr, words: $words:literal, lanes: $lanes:expr, worth: $worth:literal) => {
        crate::lanes::Kernel {
            lanes: $lanes,
            worth: $worth,
            run: |states, data, blocks| {
                #[target_feature(enable = $feature)]
                unsafe fn run(states: &mut [[u32; $words]], data: &[&[u8]], blocks: usize) {
                    // SAFETY: the feature is there, and the lengths are right.
                    unsafe { $run(states, data, blocks) }
                }
                crate::kernels::check(states, data, blocks, $lanes);
                // SAFETY: the backend is there, else nobody has its kernels; the lengths are checked.
                unsafe { run(states, data, blocks) }
            },
        }
    };
}
pub(crate) use kernel;

/// Whether a kernel may take these.
pub(crate) fn check<const W: usize>(
    states: &[[u32; W]],
    data: &[&[u8]],
    blocks: usize,
    lanes: usize,
) {
    assert!(states.len() == lanes && data.len() == lanes);
    assert!(data.iter().all(|lane| lane.len() / BLOCK >= blocks));
}
