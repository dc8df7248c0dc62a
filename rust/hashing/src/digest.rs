//! SHA-1, SHA-256 and BLAKE3 over one stream, with digests as plain arrays.
//!
//! Owns the choice of implementation: no other file names the crates behind it.

use sha1::Digest as _;

/// A SHA-1 digest (v1 piece hashes and info hashes).
pub type Sha1Digest = [u8; 20];

/// A SHA-256 digest (v2 info hashes and Merkle nodes).
pub type Sha256Digest = [u8; 32];

/// SHA-1 of `data`.
pub fn sha1(data: &[u8]) -> Sha1Digest {
    sha1::Sha1::digest(data).into()
}

/// SHA-256 of `data`.
pub fn sha256(data: &[u8]) -> Sha256Digest {
    sha2::Sha256::digest(data).into()
}

/// SHA-1 over bytes that come in parts.
#[derive(Debug, Clone, Default)]
pub struct Sha1(sha1::Sha1);

impl Sha1 {
    /// An empty stream.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next bytes.
    pub fn update(&mut self, data: &[u8]) {
        self.0.update(data);
    }

    /// The digest of all bytes taken.
    pub fn finish(self) -> Sha1Digest {
        self.0.finalize().into()
    }
}

/// SHA-256 over bytes that come in parts.
#[derive(Debug, Clone, Default)]
pub struct Sha256(sha2::Sha256);

impl Sha256 {
    /// An empty stream.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next bytes.
    pub fn update(&mut self, data: &[u8]) {
        self.0.update(data);
    }

    /// The digest of all bytes taken.
    pub fn finish(self) -> Sha256Digest {
        self.0.finalize().into()
    }
}

/// BLAKE3 over bytes that come in parts.
#[derive(Debug, Clone, Default)]
pub struct Blake3(blake3::Hasher);

impl Blake3 {
    /// An empty stream.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next bytes.
    pub fn update(&mut self, data: &[u8]) {
        self.0.update(data);
    }

    /// The digest of all bytes taken.
    pub fn finish(&self) -> [u8; 32] {
        *self.0.finalize().as_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_match_the_published_vectors() {
        let expected =
            "[a9, 99, 3e, 36, 47, 6, 81, 6a, ba, 3e, 25, 71, 78, 50, c2, 6c, 9c, d0, d8, 9d]";
        assert_eq!(format!("{:x?}", sha1(b"abc")), expected);
        let start = &sha256(b"abc")[..8];
        assert_eq!(format!("{start:x?}"), "[ba, 78, 16, bf, 8f, 1, cf, ea]");
    }

    #[test]
    fn parts_hash_like_the_whole() {
        let mut one = Sha1::new();
        let mut two = Sha256::new();
        for part in [&b"a"[..], b"", b"bc"] {
            one.update(part);
            two.update(part);
        }
        assert_eq!(one.finish(), sha1(b"abc"));
        assert_eq!(two.finish(), sha256(b"abc"));
    }
}
