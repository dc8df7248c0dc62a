//! Four hashes in one vector, each through a segment of its own: whether any of them is small is looked at once in
//! [`STRIDE`] steps, which is what makes it faster than one after the other.
//!
//! `unsafe` of this crate is here and nowhere else: a function that needs AVX2 is called from one that does not.
#![allow(unsafe_code)]

use crate::gear::LANES;

/// Steps between two looks.
pub(crate) const STRIDE: usize = 32;

/// Whether this processor can.
pub(crate) fn are_here() -> bool {
    #[cfg(target_arch = "x86_64")]
    return is_x86_feature_detected!("avx2");
    #[cfg(not(target_arch = "x86_64"))]
    false
}

/// Takes the hashes on from `at`, a stride at a time, while none of them is below `threshold` after any step. Returns
/// where that ends: the stride after it, if there is one, may have a hash that is.
#[cfg_attr(not(target_arch = "x86_64"), allow(unused_variables))] // it is never called there
pub(crate) fn pass<const SEGMENT: usize>(
    hashes: &mut [u64; LANES],
    segments: &[[u8; SEGMENT]; LANES],
    at: usize,
    threshold: u64,
) -> usize {
    assert!(are_here());
    #[cfg(target_arch = "x86_64")]
    // SAFETY: the processor has AVX2.
    let at = unsafe { x86::pass(hashes, segments, at, threshold) };
    at
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::{
        __m256i, _MM_HINT_T0, _mm_prefetch, _mm256_add_epi64, _mm256_castsi256_pd,
        _mm256_cmpeq_epi32, _mm256_extract_epi64, _mm256_min_epu32, _mm256_movemask_pd,
        _mm256_set_epi64x, _mm256_set1_epi32, _mm256_set1_epi64x,
    };

    use super::STRIDE;
    use crate::gear::{GEAR, LANES};

    #[target_feature(enable = "avx2")]
    pub(super) fn pass<const SEGMENT: usize>(
        hashes: &mut [u64; LANES],
        segments: &[[u8; SEGMENT]; LANES],
        mut at: usize,
        threshold: u64,
    ) -> usize {
        // Only the upper halves are compared, for which there is an instruction, and equal ones may be below.
        let bound = _mm256_set1_epi64x((threshold >> 32 << 32).cast_signed());
        let mut here = vector(*hashes);
        while at + STRIDE <= SEGMENT {
            // The next segments are four places in memory that the processor does not foresee. Nothing is read there.
            for segment in segments {
                let next = segment.as_ptr().wrapping_add(LANES * SEGMENT + at);
                _mm_prefetch::<_MM_HINT_T0>(next.cast());
            }
            let (mut ahead, mut least) = (here, _mm256_set1_epi32(-1));
            for step in at..at + STRIDE {
                let numbers =
                    vector([0, 1, 2, 3].map(|lane| GEAR[usize::from(segments[lane][step])]));
                ahead = _mm256_add_epi64(_mm256_add_epi64(ahead, ahead), numbers);
                least = _mm256_min_epu32(least, ahead);
            }
            let below = _mm256_cmpeq_epi32(_mm256_min_epu32(least, bound), least);
            if _mm256_movemask_pd(_mm256_castsi256_pd(below)) != 0 {
                break;
            }
            here = ahead;
            at += STRIDE;
        }
        *hashes = [
            _mm256_extract_epi64::<0>(here).cast_unsigned(),
            _mm256_extract_epi64::<1>(here).cast_unsigned(),
            _mm256_extract_epi64::<2>(here).cast_unsigned(),
            _mm256_extract_epi64::<3>(here).cast_unsigned(),
        ];
        at
    }

    #[target_feature(enable = "avx2")]
    fn vector(words: [u64; LANES]) -> __m256i {
        let [a, b, c, d] = words.map(u64::cast_signed);
        _mm256_set_epi64x(d, c, b, a)
    }
}
