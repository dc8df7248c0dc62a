//! `p2pcore._p2pcore`: the engine as Python sees it.
//!
//! Owns conversion between Python objects and the engine's types, and nothing else: every decision about a transfer
//! is made below, every convenience (dataclasses, asyncio, exceptions) above, in `python/p2pcore`.
//! Invariant: whatever may block does so with the GIL released, and no engine thread ever calls into Python.

// What Python hands over is owned, whether the function consumes it or not.
#![allow(clippy::needless_pass_by_value)]

mod buffer;
mod chunk;
mod create;
mod digests;
mod errors;
mod events;
mod explain;
mod file;
mod magnet;
mod metainfo;
mod pieces;
mod session;
mod sim;
mod snapshots;
mod verify;
mod work;

use pyo3::prelude::*;

#[pymodule]
mod _p2pcore {
    #[pymodule_export]
    use crate::chunk::chunk;
    #[pymodule_export]
    use crate::create::create;
    #[pymodule_export]
    use crate::file::PyFile;
    #[pymodule_export]
    use crate::magnet::PyMagnet;
    #[pymodule_export]
    use crate::metainfo::PyMetainfo;
    #[pymodule_export]
    use crate::pieces::{hash_pieces, merkle_root};
    #[pymodule_export]
    use crate::session::RawSession;
    #[pymodule_export]
    use crate::sim::{simulate, simulate_trial, trial_scenario, trials};
    #[pymodule_export]
    use crate::verify::verify;

    #[pymodule_export]
    const DEBUG_BUILD: bool = cfg!(debug_assertions);
    #[pymodule_export]
    const VERSION: &str = env!("CARGO_PKG_VERSION");
}
