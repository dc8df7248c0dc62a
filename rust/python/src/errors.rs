//! Errors as Python exceptions.
//!
//! The classes live in `p2pcore._errors`. A Rust error becomes a pair (class name, arguments): an event carries the
//! pair, and [`raise`] turns it into an exception. A pair can be raised by several waiters, an exception object not.

use p2pcore_engine::error::{EngineError, StorageError, TorrentError};
use pyo3::prelude::*;
use pyo3::types::PyTuple;

/// A class name in `p2pcore._errors` and the arguments of its constructor.
pub type Pair<'py> = (&'static str, Bound<'py, PyTuple>);

/// The exception that a pair names.
pub fn raise(py: Python<'_>, pair: PyResult<Pair<'_>>) -> PyErr {
    let build = || -> PyResult<PyErr> {
        let (name, args) = pair?;
        let exception = py
            .import("p2pcore._errors")?
            .getattr("make")?
            .call1((name, args))?;
        Ok(PyErr::from_value(exception))
    };
    build().unwrap_or_else(|error| error)
}

/// An exception whose only argument is its message.
pub fn raise_message(py: Python<'_>, name: &'static str, message: &str) -> PyErr {
    raise(py, (message,).into_pyobject(py).map(|args| (name, args)))
}

/// The pair of an engine error.
pub fn engine<'py>(py: Python<'py>, error: &EngineError) -> PyResult<Pair<'py>> {
    match error {
        EngineError::Torrent(error) => torrent(py, error),
        EngineError::Listen {
            addr,
            errno,
            message,
        } => {
            let args = (addr.to_string(), *errno, message).into_pyobject(py)?;
            Ok(("ListenError", args))
        }
        EngineError::Closed => Ok(("SessionClosedError", PyTuple::empty(py))),
        EngineError::NoSuchTorrent => Ok(("TorrentRemovedError", PyTuple::empty(py))),
        EngineError::AlreadyAdded { info_hash } => {
            Ok(("AlreadyAddedError", (info_hash,).into_pyobject(py)?))
        }
        EngineError::BadArgument(message) => Ok(("ArgumentError", (message,).into_pyobject(py)?)),
        EngineError::Start(_) => Ok(("SessionError", (error.to_string(),).into_pyobject(py)?)),
    }
}

/// The pair of what stopped a torrent.
pub fn torrent<'py>(py: Python<'py>, error: &TorrentError) -> PyResult<Pair<'py>> {
    match error {
        TorrentError::Storage(error) => storage(py, error),
        TorrentError::HashesDisagree { piece } => {
            Ok(("HashesDisagreeError", (*piece,).into_pyobject(py)?))
        }
        TorrentError::NoPieceLayers => Ok(("NoPieceLayersError", PyTuple::empty(py))),
    }
}

/// The pair of a refused file operation.
pub fn storage<'py>(py: Python<'py>, error: &StorageError) -> PyResult<Pair<'py>> {
    let path = error.path.as_os_str();
    let args = (error.operation, path, error.errno, &error.message).into_pyobject(py)?;
    Ok(("StorageError", args))
}
