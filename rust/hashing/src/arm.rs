//! Kernels for `AArch64`.
//!
//! They were tested in an emulator (qemu), never on such a processor: what they compute is known, how fast is not. Why
//! there is `unsafe` here: see [`crate::kernels`].
#![allow(unsafe_code)]
// The standard's own names of the words; the vector types' many names; and what is not inlined into a function that has
// the processor feature would pass its vectors through memory. The instructions' functions are inlined too, once their
// caller has become part of a kernel, whatever the compiler fears.
#![allow(
    clippy::many_single_char_names,
    clippy::wildcard_imports,
    clippy::inline_always,
    inline_always_mismatching_target_features
)]

mod neon;
mod sha;

use std::arch::is_aarch64_feature_detected;

use crate::backend::Backend;
use crate::lanes::Kernels;

/// The kernels of a backend that the processor has.
pub(crate) fn kernels(backend: Backend) -> &'static [Kernels] {
    match backend.or_portable() {
        Backend::Armv8 => &[sha::FOUR, sha::TWO],
        Backend::Neon => &[neon::KERNELS],
        _ => &[],
    }
}

/// Whether the processor has what the backend needs.
pub(crate) fn has(backend: Backend) -> bool {
    match backend {
        // The SHA-1 instructions go by this name too.
        Backend::Armv8 => is_aarch64_feature_detected!("sha2"),
        Backend::Neon => is_aarch64_feature_detected!("neon"),
        _ => false,
    }
}
