//! `hash_pieces` and `merkle_root`: hashing without a torrent.

use p2pcore_engine::pieces::{self, Digest, HashError};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::buffer::Data;
use crate::{errors, work};

/// The digests of all pieces, one after the other.
#[pyfunction]
#[pyo3(signature = (data, piece_length, *, sha256, threads, progress))]
pub fn hash_pieces<'py>(
    py: Python<'py>,
    data: &Bound<'py, PyAny>,
    piece_length: u64,
    sha256: bool,
    threads: usize,
    progress: Option<Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyBytes>> {
    let data = Data::extract(data)?;
    let input = data.input();
    let digest = if sha256 { Digest::Sha256 } else { Digest::Sha1 };
    let digests = work::run(py, progress.as_ref(), |report| {
        pieces::hash_pieces(&input, piece_length, digest, threads, report)
    })?;
    Ok(PyBytes::new(
        py,
        &digests.map_err(|error| raise(py, &error))?,
    ))
}

/// BEP 52's `pieces root`.
#[pyfunction]
#[pyo3(signature = (data, *, threads, progress))]
pub fn merkle_root<'py>(
    py: Python<'py>,
    data: &Bound<'py, PyAny>,
    threads: usize,
    progress: Option<Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyBytes>> {
    let data = Data::extract(data)?;
    let input = data.input();
    let root = work::run(py, progress.as_ref(), |report| {
        pieces::merkle_root(&input, threads, report)
    })?;
    Ok(PyBytes::new(py, &root.map_err(|error| raise(py, &error))?))
}

/// What a user sees of it.
pub fn raise(py: Python<'_>, error: &HashError) -> PyErr {
    match error {
        HashError::Storage(error) => errors::raise(py, errors::storage(py, error)),
        // Only the waiting thread stops the work, and it raises what made it do so.
        HashError::Stopped => errors::raise_message(py, "P2PError", "stopped"),
    }
}
