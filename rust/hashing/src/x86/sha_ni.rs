//! The SHA instructions, four, three or two streams interleaved.

use std::arch::x86_64::*;

use crate::kernels::kernel;
use crate::lanes::Kernels;
use crate::rounds::sha256::K;
use crate::streams::{self, Sha256State, State};

/// The kernels of so many streams; with fewer, fewer are faster.
macro_rules! interleaved {
    ($streams:literal) => {
        Kernels {
            sha1: kernel!("sha,ssse3,sse4.1", streams::blocks::<Sha1, _, $streams>, words: 5, lanes: $streams, worth: $streams),
            sha256: kernel!("sha,ssse3,sse4.1", streams::blocks::<Sha256, _, $streams>, words: 8, lanes: $streams, worth: $streams),
            node: kernel!("sha,ssse3,sse4.1", streams::node::<Sha256, $streams>, words: 8, lanes: $streams, worth: $streams),
        }
    };
}

pub(super) const FOUR: Kernels = interleaved!(4);
pub(super) const THREE: Kernels = interleaved!(3);
pub(super) const TWO: Kernels = interleaved!(2);

#[derive(Clone, Copy)]
struct Sha1 {
    /// The first word on top.
    abcd: __m128i,
    /// Before the first step `e` itself, on top; after it the words whose first, rotated, is `e`.
    e: __m128i,
}

// SAFETY of every block below: the feature is there, as the trait's callers say.
impl State<5> for Sha1 {
    type Four = __m128i;
    const STEPS: usize = 20;

    #[inline(always)]
    unsafe fn load(words: [u32; 5]) -> Self {
        let [a, b, c, d, e] = words.map(u32::cast_signed);
        unsafe {
            Self {
                abcd: _mm_set_epi32(a, b, c, d),
                e: _mm_set_epi32(e, 0, 0, 0),
            }
        }
    }

    #[inline(always)]
    unsafe fn store(self) -> [u32; 5] {
        let [a, b, c, d] = unsafe { words(self.abcd) };
        [a, b, c, d, unsafe { words(self.e) }[0]]
    }

    #[inline(always)]
    unsafe fn message(bytes: &[u8; 16]) -> __m128i {
        unsafe {
            let swap = _mm_set_epi64x(0x0001_0203_0405_0607, 0x0809_0a0b_0c0d_0e0f);
            _mm_shuffle_epi8(_mm_loadu_si128(bytes.as_ptr().cast()), swap)
        }
    }

    #[inline(always)]
    unsafe fn next(w: [__m128i; 4]) -> __m128i {
        unsafe {
            let mixed = _mm_xor_si128(_mm_sha1msg1_epu32(w[0], w[1]), w[2]);
            _mm_sha1msg2_epu32(mixed, w[3])
        }
    }

    #[inline(always)]
    unsafe fn step<const T: usize>(self, w: __m128i) -> Self {
        unsafe {
            let with = match T {
                0 => _mm_add_epi32(self.e, w),
                _ => _mm_sha1nexte_epu32(self.e, w),
            };
            let abcd = match T / 5 {
                0 => _mm_sha1rnds4_epu32::<0>(self.abcd, with),
                1 => _mm_sha1rnds4_epu32::<1>(self.abcd, with),
                2 => _mm_sha1rnds4_epu32::<2>(self.abcd, with),
                _ => _mm_sha1rnds4_epu32::<3>(self.abcd, with),
            };
            let e = self.abcd;
            Self { abcd, e }
        }
    }

    #[inline(always)]
    unsafe fn add(self, before: Self) -> Self {
        unsafe {
            Self {
                abcd: _mm_add_epi32(self.abcd, before.abcd),
                e: _mm_sha1nexte_epu32(self.e, before.e),
            }
        }
    }
}

/// In the order that the instructions want, the first word on top.
#[derive(Clone, Copy)]
struct Sha256 {
    abef: __m128i,
    cdgh: __m128i,
}

// SAFETY of every block below: the feature is there, as the trait's callers say.
impl State<8> for Sha256 {
    type Four = __m128i;
    const STEPS: usize = 16;

    #[inline(always)]
    unsafe fn load(words: [u32; 8]) -> Self {
        let [a, b, c, d, e, f, g, h] = words.map(u32::cast_signed);
        unsafe {
            Self {
                abef: _mm_set_epi32(a, b, e, f),
                cdgh: _mm_set_epi32(c, d, g, h),
            }
        }
    }

    #[inline(always)]
    unsafe fn store(self) -> [u32; 8] {
        let [a, b, e, f] = unsafe { words(self.abef) };
        let [c, d, g, h] = unsafe { words(self.cdgh) };
        [a, b, c, d, e, f, g, h]
    }

    #[inline(always)]
    unsafe fn message(bytes: &[u8; 16]) -> __m128i {
        unsafe {
            let swap = _mm_set_epi64x(0x0c0d_0e0f_0809_0a0b, 0x0405_0607_0001_0203);
            _mm_shuffle_epi8(_mm_loadu_si128(bytes.as_ptr().cast()), swap)
        }
    }

    #[inline(always)]
    unsafe fn next(w: [__m128i; 4]) -> __m128i {
        unsafe {
            let between = _mm_alignr_epi8::<4>(w[3], w[2]);
            let mixed = _mm_add_epi32(_mm_sha256msg1_epu32(w[0], w[1]), between);
            _mm_sha256msg2_epu32(mixed, w[3])
        }
    }

    #[inline(always)]
    unsafe fn step<const T: usize>(self, w: __m128i) -> Self {
        unsafe { self.rounds(_mm_add_epi32(w, Self::four(&K.as_chunks().0[T]))) }
    }

    #[inline(always)]
    unsafe fn add(self, before: Self) -> Self {
        unsafe {
            Self {
                abef: _mm_add_epi32(self.abef, before.abef),
                cdgh: _mm_add_epi32(self.cdgh, before.cdgh),
            }
        }
    }
}

// SAFETY of every block below: the feature is there, as the trait's callers say.
impl Sha256State for Sha256 {
    #[inline(always)]
    unsafe fn four(words: &[u32; 4]) -> __m128i {
        unsafe { _mm_loadu_si128(words.as_ptr().cast()) }
    }

    #[inline(always)]
    unsafe fn rounds(self, sums: __m128i) -> Self {
        unsafe {
            let cdgh = _mm_sha256rnds2_epu32(self.cdgh, self.abef, sums);
            let sums = _mm_shuffle_epi32::<0x0e>(sums);
            let abef = _mm_sha256rnds2_epu32(self.abef, cdgh, sums);
            Self { abef, cdgh }
        }
    }
}

/// The four words, from the top.
#[inline(always)]
unsafe fn words(four: __m128i) -> [u32; 4] {
    let mut words = [0; 4];
    unsafe { _mm_storeu_si128(words.as_mut_ptr().cast(), four) };
    words.reverse();
    words
}
