//! Sixteen lanes.

use std::arch::x86_64::*;

use crate::kernels::{self, Lanes, kernel};
use crate::lanes::Kernels;
use crate::rounds::Vector;

pub(super) const KERNELS: Kernels = Kernels {
    sha1: kernel!("avx512f,avx512bw", kernels::sha1::<Zmm>, words: 5, lanes: 16, worth: 10),
    sha256: kernel!("avx512f,avx512bw", kernels::sha256::<Zmm>, words: 8, lanes: 16, worth: 14),
    node: kernel!("avx512f,avx512bw", kernels::node::<Zmm>, words: 8, lanes: 16, worth: 13),
};

#[derive(Clone, Copy)]
struct Zmm(__m512i);

// SAFETY of every block below: who has a vector has the feature.
impl Vector for Zmm {
    #[inline(always)]
    fn splat(self, word: u32) -> Self {
        Self(unsafe { _mm512_set1_epi32(word.cast_signed()) })
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Self(unsafe { _mm512_add_epi32(self.0, other.0) })
    }

    #[inline(always)]
    fn xor(self, other: Self) -> Self {
        Self(unsafe { _mm512_xor_si512(self.0, other.0) })
    }

    #[inline(always)]
    fn rotate<const LEFT: i32, const RIGHT: i32>(self) -> Self {
        Self(unsafe { _mm512_rol_epi32::<LEFT>(self.0) })
    }

    #[inline(always)]
    fn shift<const RIGHT: i32>(self) -> Self {
        const { assert!(RIGHT >= 0) };
        Self(unsafe { _mm512_srl_epi32(self.0, _mm_cvtsi32_si128(RIGHT)) })
    }

    #[inline(always)]
    fn choose(self, yes: Self, no: Self) -> Self {
        Self(unsafe { _mm512_ternarylogic_epi32::<0xca>(self.0, yes.0, no.0) })
    }

    #[inline(always)]
    fn majority(self, b: Self, c: Self) -> Self {
        Self(unsafe { _mm512_ternarylogic_epi32::<0xe8>(self.0, b.0, c.0) })
    }

    #[inline(always)]
    fn xor3(self, b: Self, c: Self) -> Self {
        Self(unsafe { _mm512_ternarylogic_epi32::<0x96>(self.0, b.0, c.0) })
    }
}

// SAFETY of every block below: the feature is there, as the trait's callers say.
impl Lanes for Zmm {
    const LANES: usize = 16;

    #[inline(always)]
    unsafe fn load(words: &[u32]) -> Self {
        debug_assert_eq!(words.len(), Self::LANES);
        Self(unsafe { _mm512_loadu_si512(words.as_ptr().cast()) })
    }

    #[inline(always)]
    unsafe fn store(self, words: &mut [u32]) {
        debug_assert_eq!(words.len(), Self::LANES);
        unsafe { _mm512_storeu_si512(words.as_mut_ptr().cast(), self.0) };
    }

    #[inline(always)]
    unsafe fn message(data: &[&[u8]], offset: usize) -> [Self; 16] {
        unsafe {
            let swap = _mm512_set4_epi32(0x0c0d_0e0f, 0x0809_0a0b, 0x0405_0607, 0x0001_0203);
            let mut rows = [_mm512_setzero_si512(); 16];
            for (row, lane) in rows.iter_mut().zip(data) {
                let at = lane.as_ptr().wrapping_add(offset);
                _mm_prefetch::<_MM_HINT_T0>(at.wrapping_add(AHEAD).cast());
                *row = _mm512_shuffle_epi8(_mm512_loadu_si512(at.cast()), swap);
            }
            transpose(rows).map(Self)
        }
    }
}

/// Rows of sixteen words become columns.
#[inline(always)]
unsafe fn transpose(rows: [__m512i; 16]) -> [__m512i; 16] {
    // SAFETY: as the caller says.
    unsafe {
        let zero = _mm512_setzero_si512();
        // In each quarter of a vector: pairs of rows, then fours.
        let (mut pairs, mut fours) = ([zero; 16], [zero; 16]);
        for i in 0..8 {
            pairs[2 * i] = _mm512_unpacklo_epi32(rows[2 * i], rows[2 * i + 1]);
            pairs[2 * i + 1] = _mm512_unpackhi_epi32(rows[2 * i], rows[2 * i + 1]);
        }
        for i in 0..4 {
            for half in 0..2 {
                let (low, high) = (pairs[4 * i + half], pairs[4 * i + 2 + half]);
                fours[4 * i + 2 * half] = _mm512_unpacklo_epi64(low, high);
                fours[4 * i + 2 * half + 1] = _mm512_unpackhi_epi64(low, high);
            }
        }
        // Then quarters of four vectors each.
        let mut columns = [zero; 16];
        for i in 0..4 {
            let low = _mm512_shuffle_i32x4::<0x88>(fours[i], fours[4 + i]);
            let low_odd = _mm512_shuffle_i32x4::<0xdd>(fours[i], fours[4 + i]);
            let high = _mm512_shuffle_i32x4::<0x88>(fours[8 + i], fours[12 + i]);
            let high_odd = _mm512_shuffle_i32x4::<0xdd>(fours[8 + i], fours[12 + i]);
            columns[i] = _mm512_shuffle_i32x4::<0x88>(low, high);
            columns[4 + i] = _mm512_shuffle_i32x4::<0x88>(low_odd, high_odd);
            columns[8 + i] = _mm512_shuffle_i32x4::<0xdd>(low, high);
            columns[12 + i] = _mm512_shuffle_i32x4::<0xdd>(low_odd, high_odd);
        }
        columns
    }
}

/// Bytes that each lane is fetched in advance: with sixteen streams the processor's own prefetching gives up.
const AHEAD: usize = 256;
