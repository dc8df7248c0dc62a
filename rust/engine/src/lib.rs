//! The engine: sessions, sockets, storage, hashing. All I/O is here, and no policy: the Swarm decides, this carries out.

#![forbid(unsafe_code)]

mod aligned;
pub mod api;
pub mod chunk;
pub mod create;
pub mod digests;
mod ends;
pub mod error;
pub mod events;
mod ledger;
mod links;
mod net;
pub mod pieces;
pub mod pool;
mod prints;
pub mod session;
mod shared;
mod sources;
pub mod storage;
pub mod verify;
