//! Two streams interleaved: while one waits for its round, the other's is computed.

use std::arch::x86_64::*;

use super::sha256::K;
use crate::lanes::BLOCK;

const STREAMS: usize = 2;

/// # Safety
/// SHA, SSSE3 and SSE4.1 are there; both slices have two lanes, each with the blocks.
#[target_feature(enable = "sha,ssse3,sse4.1")]
pub(super) unsafe fn sha1(states: &mut [[u32; 5]], data: &[&[u8]], blocks: usize) {
    let swap = _mm_set_epi64x(0x0001_0203_0405_0607, 0x0809_0a0b_0c0d_0e0f);
    let zero = _mm_setzero_si128();
    let (mut abcd, mut e) = ([zero; STREAMS], [zero; STREAMS]);
    for s in 0..STREAMS {
        let [a, b, c, d, last] = states[s].map(u32::cast_signed);
        (abcd[s], e[s]) = (_mm_set_epi32(a, b, c, d), _mm_set_epi32(last, 0, 0, 0));
    }
    for block in 0..blocks {
        let (abcd_before, e_before) = (abcd, e);
        let mut w = [[zero; 4]; STREAMS];
        for s in 0..STREAMS {
            for (i, four) in w[s].iter_mut().enumerate() {
                // SAFETY: the caller's lanes have the block.
                let bytes = unsafe { load(data[s], block * BLOCK + 16 * i) };
                *four = _mm_shuffle_epi8(bytes, swap);
            }
        }
        macro_rules! five {
            ($from:literal, $mix:literal) => {
                for t in $from..$from + 5 {
                    for s in 0..STREAMS {
                        if t >= 4 {
                            let mixed = _mm_sha1msg1_epu32(w[s][t & 3], w[s][(t + 1) & 3]);
                            let mixed = _mm_xor_si128(mixed, w[s][(t + 2) & 3]);
                            w[s][t & 3] = _mm_sha1msg2_epu32(mixed, w[s][(t + 3) & 3]);
                        }
                        let with = if t == 0 {
                            _mm_add_epi32(e[s], w[s][0])
                        } else {
                            _mm_sha1nexte_epu32(e[s], w[s][t & 3])
                        };
                        e[s] = abcd[s];
                        abcd[s] = _mm_sha1rnds4_epu32::<$mix>(abcd[s], with);
                    }
                }
            };
        }
        five!(0, 0);
        five!(5, 1);
        five!(10, 2);
        five!(15, 3);
        for s in 0..STREAMS {
            e[s] = _mm_sha1nexte_epu32(e[s], e_before[s]);
            abcd[s] = _mm_add_epi32(abcd[s], abcd_before[s]);
        }
    }
    for s in 0..STREAMS {
        let words = [
            _mm_extract_epi32::<3>(abcd[s]),
            _mm_extract_epi32::<2>(abcd[s]),
            _mm_extract_epi32::<1>(abcd[s]),
            _mm_extract_epi32::<0>(abcd[s]),
            _mm_extract_epi32::<3>(e[s]),
        ];
        states[s] = words.map(i32::cast_unsigned);
    }
}

/// # Safety
/// SHA, SSSE3 and SSE4.1 are there; both slices have two lanes, each with the blocks.
#[target_feature(enable = "sha,ssse3,sse4.1")]
pub(super) unsafe fn sha256(states: &mut [[u32; 8]], data: &[&[u8]], blocks: usize) {
    let swap = _mm_set_epi64x(0x0c0d_0e0f_0809_0a0b, 0x0405_0607_0001_0203);
    let zero = _mm_setzero_si128();
    // The instructions want the words in this order.
    let (mut abef, mut cdgh) = ([zero; STREAMS], [zero; STREAMS]);
    for s in 0..STREAMS {
        let [a, b, c, d, e, f, g, h] = states[s].map(u32::cast_signed);
        (abef[s], cdgh[s]) = (_mm_set_epi32(a, b, e, f), _mm_set_epi32(c, d, g, h));
    }
    for block in 0..blocks {
        let (abef_before, cdgh_before) = (abef, cdgh);
        let mut w = [[zero; 4]; STREAMS];
        for s in 0..STREAMS {
            for (i, four) in w[s].iter_mut().enumerate() {
                // SAFETY: the caller's lanes have the block.
                let bytes = unsafe { load(data[s], block * BLOCK + 16 * i) };
                *four = _mm_shuffle_epi8(bytes, swap);
            }
        }
        for t in 0..16 {
            let [k0, k1, k2, k3] = [0, 1, 2, 3].map(|i| K[4 * t + i].cast_signed());
            let constant = _mm_set_epi32(k3, k2, k1, k0);
            for s in 0..STREAMS {
                if t >= 4 {
                    let first = _mm_sha256msg1_epu32(w[s][t & 3], w[s][(t + 1) & 3]);
                    let between = _mm_alignr_epi8::<4>(w[s][(t + 3) & 3], w[s][(t + 2) & 3]);
                    w[s][t & 3] =
                        _mm_sha256msg2_epu32(_mm_add_epi32(first, between), w[s][(t + 3) & 3]);
                }
                let with = _mm_add_epi32(w[s][t & 3], constant);
                cdgh[s] = _mm_sha256rnds2_epu32(cdgh[s], abef[s], with);
                let with = _mm_shuffle_epi32::<0x0e>(with);
                abef[s] = _mm_sha256rnds2_epu32(abef[s], cdgh[s], with);
            }
        }
        for s in 0..STREAMS {
            abef[s] = _mm_add_epi32(abef[s], abef_before[s]);
            cdgh[s] = _mm_add_epi32(cdgh[s], cdgh_before[s]);
        }
    }
    for s in 0..STREAMS {
        let words = [
            _mm_extract_epi32::<3>(abef[s]),
            _mm_extract_epi32::<2>(abef[s]),
            _mm_extract_epi32::<3>(cdgh[s]),
            _mm_extract_epi32::<2>(cdgh[s]),
            _mm_extract_epi32::<1>(abef[s]),
            _mm_extract_epi32::<0>(abef[s]),
            _mm_extract_epi32::<1>(cdgh[s]),
            _mm_extract_epi32::<0>(cdgh[s]),
        ];
        states[s] = words.map(i32::cast_unsigned);
    }
}

/// # Safety
/// There are 16 bytes at `offset`.
#[inline(always)]
unsafe fn load(data: &[u8], offset: usize) -> __m128i {
    debug_assert!(data.len() >= offset + 16);
    // SAFETY: as the caller says.
    unsafe { _mm_loadu_si128(data.as_ptr().add(offset).cast()) }
}
