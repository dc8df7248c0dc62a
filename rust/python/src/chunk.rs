//! `chunk`: content-defined chunks of a buffer or a file.

use p2pcore_engine::chunk::{Bounds, chunk as cut};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::buffer::Data;
use crate::{errors, pieces, work};

/// Each chunk as offset (8 bytes), length (4 bytes), both little-endian, and BLAKE3 (32 bytes).
#[pyfunction]
#[pyo3(signature = (data, *, average, minimum, maximum, progress))]
pub fn chunk<'py>(
    py: Python<'py>,
    data: &Bound<'py, PyAny>,
    average: u64,
    minimum: Option<u64>,
    maximum: Option<u64>,
    progress: Option<Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyBytes>> {
    let bounds = Bounds::new(average, minimum, maximum)
        .map_err(|error| errors::raise_message(py, "ArgumentError", &error.to_string()))?;
    let data = Data::extract(data)?;
    let input = data.input();
    let chunks = work::run(py, progress.as_ref(), |report| cut(&input, bounds, report))?
        .map_err(|error| pieces::raise(py, &error))?;
    let mut rows = Vec::with_capacity(chunks.len() * ROW);
    for chunk in chunks {
        rows.extend(chunk.offset.to_le_bytes());
        rows.extend(chunk.length.to_le_bytes());
        rows.extend(chunk.blake3);
    }
    Ok(PyBytes::new(py, &rows))
}

const ROW: usize = 8 + 4 + 32;
