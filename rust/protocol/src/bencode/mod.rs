//! Bencode (BEP 3): a borrowed parser that keeps raw spans, and a strict encoder.
//!
//! [`Document::parse`] checks the whole syntax in one loop (no recursion) and keeps one small record for each value, in
//! the order of the bytes; values are views into the input. Memory grows with the bytes that are there, never with a
//! length that they claim. [`Mode::Lenient`] takes what foreign programs write; what it takes is listed there.

mod encode;
mod parse;

pub use encode::Item;
pub use parse::{Dict, DictIter, Document, Limits, List, ListIter, Mode, Value};

/// Why bytes are not bencode. Numbers are byte offsets where nothing else is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BencodeError {
    /// The bytes end within a value.
    #[error("the data ends within a value, at byte {0}")]
    Truncated(usize),
    /// No value starts with this byte.
    #[error("byte {byte:#04x} at {at} does not start a value")]
    Unexpected {
        /// Where.
        at: usize,
        /// The byte.
        byte: u8,
    },
    /// An integer without digits, with other characters, not canonical (strict mode), or beyond 64 bits.
    #[error("no valid integer at byte {0}")]
    Integer(usize),
    /// A string's length is malformed, or more than all the data.
    #[error("no valid string length at byte {0}")]
    Length(usize),
    /// A dictionary key that is no string.
    #[error("a dictionary key at byte {0} is not a string")]
    Key(usize),
    /// Keys out of order or twice (strict mode).
    #[error("the dictionary key at byte {0} is not after the one before it")]
    Order(usize),
    /// A key without value.
    #[error("the dictionary that ends at byte {0} has a key without a value")]
    OddDict(usize),
    /// Values nested too deep.
    #[error("values at byte {at} are nested deeper than {limit}")]
    TooDeep {
        /// Where.
        at: usize,
        /// Levels accepted.
        limit: usize,
    },
    /// Too many bytes.
    #[error("{size} bytes are more than the limit of {limit}")]
    TooLarge {
        /// Bytes given.
        size: usize,
        /// Bytes accepted.
        limit: usize,
    },
    /// Bytes after the value (strict mode).
    #[error("there are bytes after the value, at byte {0}")]
    Trailing(usize),
}
