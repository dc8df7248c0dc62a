//! The formats and the wire of BitTorrent, sans-IO: bencode, metainfo (v1, v2, hybrid), magnet links, layout, messages.
//!
//! Everything here is a function of its arguments: no clock, socket, file, thread or random source. Bytes from outside
//! can make an error, never a panic, and never an allocation by a length that they merely claim.

#![forbid(unsafe_code)]

pub mod bencode;
pub mod check;
pub mod client;
pub mod codec;
pub mod create;
pub mod extension;
pub mod handshake;
pub mod hashes;
pub mod holepunch;
mod index;
pub mod layout;
pub mod lsd;
pub mod magnet;
pub mod message;
pub mod metainfo;
pub mod path;
pub mod pex;
pub mod seeds;
pub mod site;

pub use check::{Mismatch, Verified, check_piece, check_pieces};
pub use index::{BLOCK, BlockIndex, BlockSpan, FileIndex, PieceIndex};
pub use layout::{FileSlice, Layout};
pub use magnet::{Magnet, MagnetError};
pub use metainfo::{Attributes, File, Format, Metainfo, MetainfoError};
pub use path::TorrentPath;
pub use site::{Member, Says, SiteNews};
