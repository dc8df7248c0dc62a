//! Kernels for x86-64.
//!
//! `unsafe` of this crate is in this folder only. It has two reasons: a function that needs a processor feature is
//! called from one that does not, which is sound because a backend's kernels are handed out only where
//! [`Backend::is_available`] found the feature; and vectors are loaded and stored through pointers, within slices whose
//! length was checked.
#![allow(unsafe_code)]
// The standard's own names of the words; the vector types' many names; and what is not inlined into a function that has
// the processor feature would pass its vectors through memory.
#![allow(
    clippy::many_single_char_names,
    clippy::wildcard_imports,
    clippy::inline_always
)]

mod avx2;
mod avx512;
mod sha1;
mod sha256;
mod sha_ni;
mod vector;

use crate::backend::Backend;
use crate::lanes::{BLOCK, Kernel};

macro_rules! kernel {
    ($run:path, lanes: $lanes:literal, worth: $worth:literal) => {
        Kernel {
            lanes: $lanes,
            worth: $worth,
            run: |states, data, blocks| {
                check(states, data, blocks, $lanes);
                // SAFETY: see above; the lengths are checked.
                unsafe { $run(states, data, blocks) }
            },
        }
    };
}

/// SHA-1's kernels, widest first; none where the processor lacks the backend.
pub(crate) fn sha1_kernels(backend: Backend) -> &'static [Kernel<5>] {
    const SIXTEEN: Kernel<5> = kernel!(avx512::sha1, lanes: 16, worth: 7);
    const EIGHT: Kernel<5> = kernel!(avx2::sha1, lanes: 8, worth: 2);
    const TWO: Kernel<5> = kernel!(sha_ni::sha1, lanes: 2, worth: 2);
    match backend.or_portable() {
        Backend::Portable => &[],
        Backend::ShaNi => &[TWO],
        Backend::Avx2 => &[EIGHT],
        Backend::Avx512 if has_sha() => &[SIXTEEN, TWO],
        Backend::Avx512 => &[SIXTEEN],
    }
}

/// SHA-256's kernels, widest first; none where the processor lacks the backend.
pub(crate) fn sha256_kernels(backend: Backend) -> &'static [Kernel<8>] {
    const SIXTEEN: Kernel<8> = kernel!(avx512::sha256, lanes: 16, worth: 8);
    const EIGHT: Kernel<8> = kernel!(avx2::sha256, lanes: 8, worth: 2);
    const TWO: Kernel<8> = kernel!(sha_ni::sha256, lanes: 2, worth: 2);
    match backend.or_portable() {
        Backend::Portable => &[],
        Backend::ShaNi => &[TWO],
        Backend::Avx2 => &[EIGHT],
        Backend::Avx512 if has_sha() => &[SIXTEEN, TWO],
        Backend::Avx512 => &[SIXTEEN],
    }
}

/// Whether the processor has the SHA instructions, and the shuffles that go with them.
pub(crate) fn has_sha() -> bool {
    is_x86_feature_detected!("sha")
        && is_x86_feature_detected!("ssse3")
        && is_x86_feature_detected!("sse4.1")
}

fn check<const W: usize>(states: &[[u32; W]], data: &[&[u8]], blocks: usize, lanes: usize) {
    assert!(states.len() == lanes && data.len() == lanes);
    assert!(data.iter().all(|lane| lane.len() / BLOCK >= blocks));
}
