//! Four lanes.

use std::arch::aarch64::*;

use crate::kernels::{self, Lanes, kernel};
use crate::lanes::Kernels;
use crate::rounds::Vector;

pub(super) const KERNELS: Kernels = Kernels {
    sha1: kernel!("neon", kernels::sha1::<Four>, words: 5, lanes: 4, worth: 2),
    sha256: kernel!("neon", kernels::sha256::<Four>, words: 8, lanes: 4, worth: 2),
    node: kernel!("neon", kernels::node::<Four>, words: 8, lanes: 4, worth: 2),
};

#[derive(Clone, Copy)]
struct Four(uint32x4_t);

// SAFETY of every block below: who has a vector has the feature.
impl Vector for Four {
    #[inline(always)]
    fn splat(self, word: u32) -> Self {
        Self(unsafe { vdupq_n_u32(word) })
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Self(unsafe { vaddq_u32(self.0, other.0) })
    }

    #[inline(always)]
    fn xor(self, other: Self) -> Self {
        Self(unsafe { veorq_u32(self.0, other.0) })
    }

    #[inline(always)]
    fn rotate<const LEFT: i32, const RIGHT: i32>(self) -> Self {
        Self(unsafe { vsriq_n_u32::<RIGHT>(vshlq_n_u32::<LEFT>(self.0), self.0) })
    }

    #[inline(always)]
    fn shift<const RIGHT: i32>(self) -> Self {
        Self(unsafe { vshrq_n_u32::<RIGHT>(self.0) })
    }

    #[inline(always)]
    fn choose(self, yes: Self, no: Self) -> Self {
        Self(unsafe { vbslq_u32(self.0, yes.0, no.0) })
    }

    #[inline(always)]
    fn majority(self, b: Self, c: Self) -> Self {
        // Where two agree it is theirs, else the third's.
        self.xor(b).choose(c, b)
    }

    #[inline(always)]
    fn xor3(self, b: Self, c: Self) -> Self {
        self.xor(b).xor(c)
    }
}

// SAFETY of every block below: the feature is there, as the trait's callers say.
impl Lanes for Four {
    const LANES: usize = 4;

    #[inline(always)]
    unsafe fn load(words: &[u32]) -> Self {
        debug_assert_eq!(words.len(), Self::LANES);
        Self(unsafe { vld1q_u32(words.as_ptr()) })
    }

    #[inline(always)]
    unsafe fn store(self, words: &mut [u32]) {
        debug_assert_eq!(words.len(), Self::LANES);
        unsafe { vst1q_u32(words.as_mut_ptr(), self.0) };
    }

    #[inline(always)]
    unsafe fn message(data: &[&[u8]], offset: usize) -> [Self; 16] {
        unsafe {
            let mut words = [Self(vdupq_n_u32(0)); 16];
            for quarter in 0..4 {
                let mut rows = [vdupq_n_u32(0); 4];
                for (row, lane) in rows.iter_mut().zip(data) {
                    let at = lane.as_ptr().wrapping_add(offset + 16 * quarter);
                    *row = vreinterpretq_u32_u8(vrev32q_u8(vld1q_u8(at)));
                }
                let columns = transpose(rows);
                for column in 0..4 {
                    words[4 * quarter + column] = Self(columns[column]);
                }
            }
            words
        }
    }
}

/// Rows of four words become columns.
#[inline(always)]
unsafe fn transpose(rows: [uint32x4_t; 4]) -> [uint32x4_t; 4] {
    // SAFETY: as the caller says.
    unsafe {
        let [a, b, c, d] = rows;
        // The even rows' words among each other, and the odd rows'.
        let (even, even_high) = (vzip1q_u32(a, c), vzip2q_u32(a, c));
        let (odd, odd_high) = (vzip1q_u32(b, d), vzip2q_u32(b, d));
        [
            vzip1q_u32(even, odd),
            vzip2q_u32(even, odd),
            vzip1q_u32(even_high, odd_high),
            vzip2q_u32(even_high, odd_high),
        ]
    }
}
