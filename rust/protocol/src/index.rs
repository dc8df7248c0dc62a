//! The three indices and the block span, as types.
//!
//! A bare `u32` crosses only the wire codec: everything above it holds one of these. A [`PieceIndex`] is made by
//! [`Layout`](crate::Layout), which checks it; the only other way is [`PieceIndex::new`], for tests and for arrays.

/// Bytes in one block, the unit of request (BEP 3). Only the last block of a piece is shorter.
pub const BLOCK: u32 = 16 * 1024;

macro_rules! index {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u32);

        impl $name {
            /// Wraps a raw number. The caller says that it is in range for the torrent at hand.
            pub const fn new(raw: u32) -> Self {
                Self(raw)
            }

            /// The raw number, for the wire and for Python.
            pub const fn get(self) -> u32 {
                self.0
            }

            /// The number as an array index.
            pub const fn as_usize(self) -> usize {
                self.0 as usize
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

index!(
    /// A piece of a torrent, 0-based over the whole torrent.
    PieceIndex
);
index!(
    /// A 16 KiB block within its piece, 0-based.
    BlockIndex
);
index!(
    /// A file that the user sees (pad files are not counted), in torrent order.
    FileIndex
);

/// A run of bytes inside one piece: what a request, a cancel or a piece message names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlockSpan {
    /// The piece.
    pub piece: PieceIndex,
    /// First byte, from the start of the piece.
    pub begin: u32,
    /// Bytes; never zero.
    pub length: u32,
}
