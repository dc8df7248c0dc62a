//! Kernels for x86-64.
//!
//! Why there is `unsafe` here: see [`crate::kernels`].
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
mod sha_ni;

use crate::backend::Backend;
use crate::lanes::Kernels;

/// The kernels of a backend that the processor has.
pub(crate) fn kernels(backend: Backend) -> &'static [Kernels] {
    match backend.or_portable() {
        Backend::ShaNi => &[sha_ni::FOUR, sha_ni::THREE, sha_ni::TWO],
        Backend::Avx2 => &[avx2::KERNELS],
        Backend::Avx512 if has_sha() => {
            &[avx512::KERNELS, sha_ni::FOUR, sha_ni::THREE, sha_ni::TWO]
        }
        Backend::Avx512 => &[avx512::KERNELS, avx2::KERNELS],
        _ => &[],
    }
}

/// Whether the processor has what the backend needs.
pub(crate) fn has(backend: Backend) -> bool {
    match backend {
        Backend::ShaNi => has_sha(),
        Backend::Avx2 => is_x86_feature_detected!("avx2"),
        Backend::Avx512 => {
            // Every processor with the first two has AVX2; it is asked for because few streams go there.
            is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx2")
        }
        _ => false,
    }
}

/// Whether it has the SHA instructions, and the shuffles that go with them.
fn has_sha() -> bool {
    is_x86_feature_detected!("sha")
        && is_x86_feature_detected!("ssse3")
        && is_x86_feature_detected!("sse4.1")
}
