//! Digests and Merkle trees: everything that turns bytes into a hash.
//!
//! Pure computation over byte slices: no I/O, no threads, no knowledge of torrents. One-stream SHA-1 and SHA-256 come
//! from the `sha1` and `sha2` crates (which use the processor's instructions where it has them); the types here wrap
//! them so that a faster implementation can take their place without a change elsewhere.

mod digest;
pub mod merkle;

pub use digest::{Sha1, Sha1Digest, Sha256, Sha256Digest, sha1, sha256};
