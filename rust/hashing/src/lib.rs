//! Digests and Merkle trees: everything that turns bytes into a hash.
//!
//! Pure computation over byte slices: no I/O, no threads, no knowledge of torrents. One stream is hashed by the `sha1`
//! and `sha2` crates (which use the processor's instructions where it has them); many at once by the vector kernels
//! here, for which those crates are the oracle.

mod algorithm;
#[cfg(target_arch = "aarch64")]
mod arm;
mod backend;
mod digest;
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
mod kernels;
mod lanes;
mod leaves;
mod many;
pub mod merkle;
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
mod plain;
mod reduce;
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
mod rounds;
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
mod streams;
#[cfg(target_arch = "x86_64")]
mod x86;

#[cfg(target_arch = "aarch64")]
use arm as processor;
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
use plain as processor;
#[cfg(target_arch = "x86_64")]
use x86 as processor;

pub use backend::Backend;
pub use digest::{Blake3, Sha1, Sha1Digest, Sha256, Sha256Digest, sha1, sha256};
pub use lanes::LANES;
pub use leaves::LeavesMany;
pub use many::{Sha1Many, Sha256Many, sha1_many, sha256_many};
pub use reduce::{merkle_reduce, merkle_reduce_with};
