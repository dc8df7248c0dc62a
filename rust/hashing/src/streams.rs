//! What the kernels of processors with SHA instructions share: a few streams interleaved, so that while one waits for
//! its rounds another's are computed. Four words of the message make one step.
//!
//! Why there is `unsafe` here: see [`crate::kernels`].
#![allow(unsafe_code)]
// What is not inlined into a function that has the processor feature would pass its vectors through memory.
#![allow(clippy::inline_always)]

use crate::algorithm::Sha256Lanes;
use crate::lanes::{Algorithm, BLOCK};
use crate::rounds::sha256::PADDING;

/// The state of one stream of a digest. All its functions need the processor feature.
pub(crate) trait State<const W: usize>: Copy {
    /// Four words in one register.
    type Four: Copy;
    /// A quarter of the digest's rounds; at most 20.
    const STEPS: usize;

    unsafe fn load(words: [u32; W]) -> Self;
    unsafe fn store(self) -> [u32; W];
    /// The big-endian words of 16 bytes.
    unsafe fn message(bytes: &[u8; 16]) -> Self::Four;
    /// The four words of the schedule that follow these sixteen.
    unsafe fn next(w: [Self::Four; 4]) -> Self::Four;
    /// The four rounds of step `T`.
    unsafe fn step<const T: usize>(self, w: Self::Four) -> Self;
    /// What the block makes of the state that was `before` it.
    unsafe fn add(self, before: Self) -> Self;
}

/// A state of SHA-256.
pub(crate) trait Sha256State: State<8> {
    /// Any four words.
    unsafe fn four(words: &[u32; 4]) -> Self::Four;
    /// Four rounds, given the sums of their constants and words.
    unsafe fn rounds(self, sums: Self::Four) -> Self;
}

/// Takes `blocks` blocks of each of `STREAMS` streams.
///
/// # Safety
/// The processor has the feature of `S`; `states` and `data` are STREAMS long, and each stream has the blocks.
#[inline(always)]
pub(crate) unsafe fn blocks<S: State<W>, const W: usize, const STREAMS: usize>(
    states: &mut [[u32; W]],
    data: &[&[u8]],
    blocks: usize,
) {
    // SAFETY: as the caller says.
    unsafe {
        let mut now = load::<S, W, STREAMS>(states);
        for number in 0..blocks {
            now = block(now, data, number * BLOCK);
        }
        store(now, states);
    }
}

/// Makes states of SHA-256 of messages that are one block each, whatever the states were before.
///
/// # Safety
/// As of [`blocks`]; here it is one.
#[inline(always)]
pub(crate) unsafe fn node<S: Sha256State, const STREAMS: usize>(
    states: &mut [[u32; 8]],
    data: &[&[u8]],
    blocks: usize,
) {
    debug_assert_eq!(blocks, 1);
    // SAFETY: as the caller says.
    unsafe {
        let before = block([S::load(Sha256Lanes::INITIAL); STREAMS], data, 0);
        let mut now = before;
        for sums in PADDING.as_chunks().0 {
            for state in &mut now {
                *state = state.rounds(S::four(sums));
            }
        }
        for (state, before) in now.iter_mut().zip(before) {
            *state = state.add(before);
        }
        store(now, states);
    }
}

/// The states after the block at `offset`.
#[inline(always)]
unsafe fn block<S: State<W>, const W: usize, const STREAMS: usize>(
    before: [S; STREAMS],
    data: &[&[u8]],
    offset: usize,
) -> [S; STREAMS] {
    // SAFETY: the caller has the feature, and the streams have the block.
    unsafe {
        let mut now = before;
        let mut w = [[S::message(&[0; 16]); 4]; STREAMS];
        for (w, data) in w.iter_mut().zip(data) {
            for (i, four) in w.iter_mut().enumerate() {
                debug_assert!(data.len() >= offset + BLOCK);
                *four = S::message(&*data.as_ptr().add(offset + 16 * i).cast());
            }
        }
        // Written out, so that the words stay in registers, as far as there are enough of them.
        macro_rules! steps {
            ($($t:literal)+) => { $(
                if $t < S::STEPS {
                    for (state, w) in now.iter_mut().zip(&mut w) {
                        if $t >= 4 {
                            w[$t & 3] = S::next([w[$t & 3], w[($t + 1) & 3], w[($t + 2) & 3], w[($t + 3) & 3]]);
                        }
                        *state = state.step::<$t>(w[$t & 3]);
                    }
                }
            )+ };
        }
        steps!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19);
        for (state, before) in now.iter_mut().zip(before) {
            *state = state.add(before);
        }
        now
    }
}

#[inline(always)]
unsafe fn load<S: State<W>, const W: usize, const STREAMS: usize>(
    states: &[[u32; W]],
) -> [S; STREAMS] {
    // SAFETY: the caller has the feature.
    std::array::from_fn(|stream| unsafe { S::load(states[stream]) })
}

#[inline(always)]
unsafe fn store<S: State<W>, const W: usize, const STREAMS: usize>(
    now: [S; STREAMS],
    states: &mut [[u32; W]],
) {
    for (words, state) in states.iter_mut().zip(now) {
        // SAFETY: the caller has the feature.
        *words = unsafe { state.store() };
    }
}
