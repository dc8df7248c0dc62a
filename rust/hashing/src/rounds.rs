//! The rounds of both digests over lanes, for vectors of any width.
//!
//! Owns the arithmetic of FIPS 180-4 on vectors that hold one 32-bit word for each lane. It cannot make a vector out of
//! nothing: who has one has the processor for it, so nothing here is unsafe. Loading and storing is in `kernels`.
// The standard's own names of the words; and what is not inlined into a function that has the processor feature would
// pass its vectors through memory.
#![allow(clippy::many_single_char_names, clippy::inline_always)]

pub(crate) mod sha1;
pub(crate) mod sha256;

/// A word for each lane. There must be no value of it where the processor lacks what its methods need.
pub(crate) trait Vector: Copy {
    /// The same word in every lane. Any vector will do as `self`.
    fn splat(self, word: u32) -> Self;
    fn add(self, other: Self) -> Self;
    fn xor(self, other: Self) -> Self;
    /// Rotates to the left by `LEFT`; `RIGHT` is 32 less it, for types that must shift twice.
    fn rotate<const LEFT: i32, const RIGHT: i32>(self) -> Self;
    /// Shifts to the right.
    fn shift<const RIGHT: i32>(self) -> Self;
    /// Where a bit of `self` is set that of `yes`, else that of `no`.
    fn choose(self, yes: Self, no: Self) -> Self;
    /// The bit that most of the three have.
    fn majority(self, b: Self, c: Self) -> Self;
    fn xor3(self, b: Self, c: Self) -> Self;
}
