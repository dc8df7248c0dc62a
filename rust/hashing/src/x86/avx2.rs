//! Eight lanes.

use std::arch::x86_64::*;

use crate::kernels::{self, Lanes, kernel};
use crate::lanes::Kernels;
use crate::rounds::Vector;

pub(super) const KERNELS: Kernels = Kernels {
    sha1: kernel!("avx2", kernels::sha1::<Ymm>, words: 5, lanes: 8, worth: 2),
    sha256: kernel!("avx2", kernels::sha256::<Ymm>, words: 8, lanes: 8, worth: 2),
    node: kernel!("avx2", kernels::node::<Ymm>, words: 8, lanes: 8, worth: 2),
};

#[derive(Clone, Copy)]
struct Ymm(__m256i);

// SAFETY of every block below: who has a vector has the feature.
impl Vector for Ymm {
    #[inline(always)]
    fn splat(self, word: u32) -> Self {
        Self(unsafe { _mm256_set1_epi32(word.cast_signed()) })
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Self(unsafe { _mm256_add_epi32(self.0, other.0) })
    }

    #[inline(always)]
    fn xor(self, other: Self) -> Self {
        Self(unsafe { _mm256_xor_si256(self.0, other.0) })
    }

    #[inline(always)]
    fn rotate<const LEFT: i32, const RIGHT: i32>(self) -> Self {
        let up = unsafe { _mm256_slli_epi32::<LEFT>(self.0) };
        let down = unsafe { _mm256_srli_epi32::<RIGHT>(self.0) };
        Self(unsafe { _mm256_or_si256(up, down) })
    }

    #[inline(always)]
    fn shift<const RIGHT: i32>(self) -> Self {
        Self(unsafe { _mm256_srli_epi32::<RIGHT>(self.0) })
    }

    #[inline(always)]
    fn choose(self, yes: Self, no: Self) -> Self {
        yes.xor(no).and(self).xor(no)
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

impl Ymm {
    #[inline(always)]
    fn and(self, other: Self) -> Self {
        Self(unsafe { _mm256_and_si256(self.0, other.0) })
    }
}

// SAFETY of every block below: the feature is there, as the trait's callers say.
impl Lanes for Ymm {
    const LANES: usize = 8;

    #[inline(always)]
    unsafe fn load(words: &[u32]) -> Self {
        debug_assert_eq!(words.len(), Self::LANES);
        Self(unsafe { _mm256_loadu_si256(words.as_ptr().cast()) })
    }

    #[inline(always)]
    unsafe fn store(self, words: &mut [u32]) {
        debug_assert_eq!(words.len(), Self::LANES);
        unsafe { _mm256_storeu_si256(words.as_mut_ptr().cast(), self.0) };
    }

    #[inline(always)]
    unsafe fn message(data: &[&[u8]], offset: usize) -> [Self; 16] {
        unsafe {
            let swap = _mm256_broadcastsi128_si256(_mm_set_epi32(
                0x0c0d_0e0f,
                0x0809_0a0b,
                0x0405_0607,
                0x0001_0203,
            ));
            let mut words = [Self(_mm256_setzero_si256()); 16];
            for half in 0..2 {
                let mut rows = [_mm256_setzero_si256(); 8];
                for (row, lane) in rows.iter_mut().zip(data) {
                    let at = lane.as_ptr().wrapping_add(offset + 32 * half);
                    *row = _mm256_shuffle_epi8(_mm256_loadu_si256(at.cast()), swap);
                }
                let columns = transpose(rows);
                for column in 0..8 {
                    words[8 * half + column] = Self(columns[column]);
                }
            }
            words
        }
    }
}

/// Rows of eight words become columns.
#[inline(always)]
unsafe fn transpose(rows: [__m256i; 8]) -> [__m256i; 8] {
    // SAFETY: as the caller says.
    unsafe {
        let zero = _mm256_setzero_si256();
        let (mut pairs, mut fours, mut columns) = ([zero; 8], [zero; 8], [zero; 8]);
        for i in 0..4 {
            pairs[2 * i] = _mm256_unpacklo_epi32(rows[2 * i], rows[2 * i + 1]);
            pairs[2 * i + 1] = _mm256_unpackhi_epi32(rows[2 * i], rows[2 * i + 1]);
        }
        for i in 0..2 {
            for half in 0..2 {
                let (low, high) = (pairs[4 * i + half], pairs[4 * i + 2 + half]);
                fours[4 * i + 2 * half] = _mm256_unpacklo_epi64(low, high);
                fours[4 * i + 2 * half + 1] = _mm256_unpackhi_epi64(low, high);
            }
        }
        for i in 0..4 {
            columns[i] = _mm256_permute2x128_si256::<0x20>(fours[i], fours[4 + i]);
            columns[4 + i] = _mm256_permute2x128_si256::<0x31>(fours[i], fours[4 + i]);
        }
        columns
    }
}
