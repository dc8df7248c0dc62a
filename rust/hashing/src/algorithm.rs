//! The two digests, as the lanes see them.

use crate::lanes::{Algorithm, Kernel, Kernels};

/// SHA-1 (FIPS 180-4).
#[derive(Debug)]
pub(crate) struct Sha1Lanes;

/// SHA-256 (FIPS 180-4).
#[derive(Debug)]
pub(crate) struct Sha256Lanes;

impl Algorithm<5> for Sha1Lanes {
    const INITIAL: [u32; 5] = [
        0x6745_2301,
        0xefcd_ab89,
        0x98ba_dcfe,
        0x1032_5476,
        0xc3d2_e1f0,
    ];

    fn compress(state: &mut [u32; 5], data: &[u8]) {
        sha1::block_api::compress(state, data.as_chunks().0);
    }

    fn kernel(kernels: &'static Kernels) -> &'static Kernel<5> {
        &kernels.sha1
    }
}

impl Algorithm<8> for Sha256Lanes {
    const INITIAL: [u32; 8] = [
        0x6a09_e667,
        0xbb67_ae85,
        0x3c6e_f372,
        0xa54f_f53a,
        0x510e_527f,
        0x9b05_688c,
        0x1f83_d9ab,
        0x5be0_cd19,
    ];

    fn compress(state: &mut [u32; 8], data: &[u8]) {
        sha2::block_api::compress256(state, data.as_chunks().0);
    }

    fn kernel(kernels: &'static Kernels) -> &'static Kernel<8> {
        &kernels.sha256
    }
}
