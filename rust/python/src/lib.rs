//! `p2pcore._p2pcore`: the engine as Python sees it.
//!
//! Owns conversion between Python objects and the engine's types, and nothing else: every decision about a transfer
//! is made below, every convenience (dataclasses, asyncio, exceptions) above, in `python/p2pcore`.
//! Invariant: whatever may block does so with the GIL released, and no engine thread ever calls into Python.

use pyo3::prelude::*;

#[pymodule]
mod _p2pcore {
    #[pymodule_export]
    const __version__: &str = env!("CARGO_PKG_VERSION");
}
