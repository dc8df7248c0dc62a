//! Bencode.

/// Why bytes are not bencode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BencodeError {
    /// They end too early.
    #[error("the data ends within a value, at byte {0}")]
    Truncated(usize),
}
