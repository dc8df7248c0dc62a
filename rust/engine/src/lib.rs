//! The engine: sessions, sockets, storage, hashing. All I/O is here, and no policy: the Swarm decides, this carries out.

pub mod api;
pub mod error;
pub mod pool;
pub mod storage;
