//! Digests of whole files, as Python has them.

use std::borrow::Cow;

use p2pcore_engine::digests::{DigestKinds, FileDigests};

/// SHA-256, SHA-1 as a git blob, BLAKE3.
pub type DigestRow = (Option<Bytes>, Option<Bytes>, Option<Bytes>);

/// Becomes `bytes`.
type Bytes = Cow<'static, [u8]>;

/// Which are named; names were checked in Python.
pub fn kinds(names: &[String]) -> DigestKinds {
    let named = |name: &str| names.iter().any(|given| given == name);
    DigestKinds {
        sha256: named("sha256"),
        git_sha1: named("git-sha1"),
        blake3: named("blake3"),
    }
}

/// One file's.
pub fn row(digests: &FileDigests) -> DigestRow {
    (
        digests.sha256.map(|digest| digest.to_vec().into()),
        digests.git_sha1.map(|digest| digest.to_vec().into()),
        digests.blake3.map(|digest| digest.to_vec().into()),
    )
}
