//! The SHA instructions of `ARMv8`, four or two streams interleaved.

use std::arch::aarch64::*;

use crate::kernels::kernel;
use crate::lanes::Kernels;
use crate::rounds::{sha1, sha256};
use crate::streams::{self, Sha256State, State};

pub(super) const FOUR: Kernels = Kernels {
    sha1: kernel!("sha2", streams::blocks::<Sha1, _, 4>, words: 5, lanes: 4, worth: 3),
    sha256: kernel!("sha2", streams::blocks::<Sha256, _, 4>, words: 8, lanes: 4, worth: 3),
    node: kernel!("sha2", streams::node::<Sha256, 4>, words: 8, lanes: 4, worth: 3),
};

pub(super) const TWO: Kernels = Kernels {
    sha1: kernel!("sha2", streams::blocks::<Sha1, _, 2>, words: 5, lanes: 2, worth: 2),
    sha256: kernel!("sha2", streams::blocks::<Sha256, _, 2>, words: 8, lanes: 2, worth: 2),
    node: kernel!("sha2", streams::node::<Sha256, 2>, words: 8, lanes: 2, worth: 2),
};

#[derive(Clone, Copy)]
struct Sha1 {
    abcd: uint32x4_t,
    e: u32,
}

// SAFETY of every block below: the feature is there, as the trait's callers say.
impl State<5> for Sha1 {
    type Four = uint32x4_t;
    const STEPS: usize = 20;

    #[inline(always)]
    unsafe fn load(words: [u32; 5]) -> Self {
        let [a, b, c, d, e] = words;
        let abcd = unsafe { four(&[a, b, c, d]) };
        Self { abcd, e }
    }

    #[inline(always)]
    unsafe fn store(self) -> [u32; 5] {
        let [a, b, c, d] = unsafe { words(self.abcd) };
        [a, b, c, d, self.e]
    }

    #[inline(always)]
    unsafe fn message(bytes: &[u8; 16]) -> uint32x4_t {
        unsafe { big_endian(bytes) }
    }

    #[inline(always)]
    unsafe fn next(w: [uint32x4_t; 4]) -> uint32x4_t {
        unsafe { vsha1su1q_u32(vsha1su0q_u32(w[0], w[1], w[2]), w[3]) }
    }

    #[inline(always)]
    unsafe fn step<const T: usize>(self, w: uint32x4_t) -> Self {
        unsafe {
            let sums = vaddq_u32(w, vdupq_n_u32(sha1::K[T / 5]));
            let abcd = match T / 5 {
                0 => vsha1cq_u32(self.abcd, self.e, sums),
                2 => vsha1mq_u32(self.abcd, self.e, sums),
                _ => vsha1pq_u32(self.abcd, self.e, sums),
            };
            let e = vsha1h_u32(vgetq_lane_u32::<0>(self.abcd));
            Self { abcd, e }
        }
    }

    #[inline(always)]
    unsafe fn add(self, before: Self) -> Self {
        Self {
            abcd: unsafe { vaddq_u32(self.abcd, before.abcd) },
            e: self.e.wrapping_add(before.e),
        }
    }
}

#[derive(Clone, Copy)]
struct Sha256 {
    abcd: uint32x4_t,
    efgh: uint32x4_t,
}

// SAFETY of every block below: the feature is there, as the trait's callers say.
impl State<8> for Sha256 {
    type Four = uint32x4_t;
    const STEPS: usize = 16;

    #[inline(always)]
    unsafe fn load(words: [u32; 8]) -> Self {
        let [a, b, c, d, e, f, g, h] = words;
        unsafe {
            Self {
                abcd: four(&[a, b, c, d]),
                efgh: four(&[e, f, g, h]),
            }
        }
    }

    #[inline(always)]
    unsafe fn store(self) -> [u32; 8] {
        let [a, b, c, d] = unsafe { words(self.abcd) };
        let [e, f, g, h] = unsafe { words(self.efgh) };
        [a, b, c, d, e, f, g, h]
    }

    #[inline(always)]
    unsafe fn message(bytes: &[u8; 16]) -> uint32x4_t {
        unsafe { big_endian(bytes) }
    }

    #[inline(always)]
    unsafe fn next(w: [uint32x4_t; 4]) -> uint32x4_t {
        unsafe { vsha256su1q_u32(vsha256su0q_u32(w[0], w[1]), w[2], w[3]) }
    }

    #[inline(always)]
    unsafe fn step<const T: usize>(self, w: uint32x4_t) -> Self {
        unsafe { self.rounds(vaddq_u32(w, four(&sha256::K.as_chunks().0[T]))) }
    }

    #[inline(always)]
    unsafe fn add(self, before: Self) -> Self {
        unsafe {
            Self {
                abcd: vaddq_u32(self.abcd, before.abcd),
                efgh: vaddq_u32(self.efgh, before.efgh),
            }
        }
    }
}

// SAFETY of every block below: the feature is there, as the trait's callers say.
impl Sha256State for Sha256 {
    #[inline(always)]
    unsafe fn four(words: &[u32; 4]) -> uint32x4_t {
        unsafe { four(words) }
    }

    #[inline(always)]
    unsafe fn rounds(self, sums: uint32x4_t) -> Self {
        unsafe {
            Self {
                abcd: vsha256hq_u32(self.abcd, self.efgh, sums),
                efgh: vsha256h2q_u32(self.efgh, self.abcd, sums),
            }
        }
    }
}

#[inline(always)]
unsafe fn four(words: &[u32; 4]) -> uint32x4_t {
    unsafe { vld1q_u32(words.as_ptr()) }
}

#[inline(always)]
unsafe fn words(four: uint32x4_t) -> [u32; 4] {
    let mut words = [0; 4];
    unsafe { vst1q_u32(words.as_mut_ptr(), four) };
    words
}

#[inline(always)]
unsafe fn big_endian(bytes: &[u8; 16]) -> uint32x4_t {
    unsafe { vreinterpretq_u32_u8(vrev32q_u8(vld1q_u8(bytes.as_ptr()))) }
}
