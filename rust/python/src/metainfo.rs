//! `Metainfo`: a torrent's description, shared with the engine without a copy.

use std::path::PathBuf;
use std::sync::Arc;

use p2pcore_engine::error::StorageError;
use p2pcore_protocol::{FileIndex, Format, Metainfo};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyTuple, PyType};

use crate::errors;
use crate::file::PyFile;
use crate::magnet::PyMagnet;

/// What a .torrent file says: immutable, and valid if it exists.
#[pyclass(frozen, module = "p2pcore", name = "Metainfo")]
pub struct PyMetainfo {
    inner: Arc<Metainfo>,
    files: PyOnceLock<Py<PyTuple>>,
}

impl PyMetainfo {
    /// Wraps what the engine made.
    pub fn new(inner: Arc<Metainfo>) -> Self {
        Self {
            inner,
            files: PyOnceLock::new(),
        }
    }

    /// The shared description.
    pub fn inner(&self) -> &Arc<Metainfo> {
        &self.inner
    }
}

#[pymethods]
impl PyMetainfo {
    /// Reads a .torrent file.
    #[classmethod]
    fn from_file(_cls: &Bound<'_, PyType>, py: Python<'_>, path: PathBuf) -> PyResult<Self> {
        let data = py
            .detach(|| std::fs::read(&path))
            .map_err(|error| storage(py, "read", &path, &error))?;
        let parsed = py.detach(|| Metainfo::parse(&data));
        parsed
            .map(|meta| Self::new(Arc::new(meta)))
            .map_err(|error| {
                let message = format!("{}: {error}", path.display());
                errors::raise_message(py, "MetainfoError", &message)
            })
    }

    /// Reads the bytes of a .torrent file.
    #[classmethod]
    fn from_bytes(_cls: &Bound<'_, PyType>, py: Python<'_>, data: &[u8]) -> PyResult<Self> {
        py.detach(|| Metainfo::parse(data))
            .map(|meta| Self::new(Arc::new(meta)))
            .map_err(|error| errors::raise_message(py, "MetainfoError", &error.to_string()))
    }

    /// The bytes of its .torrent file.
    fn to_bytes<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        let bytes = py.detach(|| self.inner.to_bytes());
        PyBytes::new(py, &bytes)
    }

    /// Writes its .torrent file, whole or not at all.
    fn save(&self, py: Python<'_>, path: PathBuf) -> PyResult<()> {
        py.detach(|| write_whole(&path, &self.inner.to_bytes()))
            .map_err(|error| storage(py, "write", &path, &error))
    }

    /// The raw `info` dictionary, over which the info hashes are.
    #[getter]
    fn info_bytes<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, self.inner.info_bytes())
    }

    #[getter]
    fn name(&self) -> &str {
        self.inner.name()
    }

    #[getter]
    fn format(&self) -> &'static str {
        match self.inner.format() {
            Format::V1 => "v1",
            Format::V2 => "v2",
            Format::Hybrid => "hybrid",
        }
    }

    #[getter]
    fn piece_length(&self) -> u32 {
        self.inner.piece_length()
    }

    #[getter]
    fn piece_count(&self) -> u32 {
        self.inner.layout().piece_count()
    }

    #[getter]
    fn total_size(&self) -> u64 {
        self.inner.layout().user_size()
    }

    #[getter]
    fn files<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let files = self.files.get_or_try_init(py, || {
            let files = (0u32..)
                .zip(self.inner.files())
                .map(|(index, file)| PyFile::new(&self.inner, FileIndex::new(index), file))
                .map(|file| Py::new(py, file))
                .collect::<PyResult<Vec<_>>>()?;
            PyTuple::new(py, files).map(Bound::unbind)
        })?;
        Ok(files.bind(py).clone())
    }

    #[getter]
    fn is_single_file(&self) -> bool {
        self.inner.is_single_file()
    }

    #[getter]
    fn info_hash_v1(&self) -> Option<String> {
        self.inner.info_hash_v1().map(|hash| hex(&hash))
    }

    #[getter]
    fn info_hash_v2(&self) -> Option<String> {
        self.inner.info_hash_v2().map(|hash| hex(&hash))
    }

    #[getter]
    fn magnet(&self) -> PyMagnet {
        PyMagnet::new(self.inner.magnet())
    }

    #[getter]
    fn private(&self) -> bool {
        self.inner.is_private()
    }

    #[getter]
    fn trackers<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let tiers = self
            .inner
            .trackers()
            .iter()
            .map(|tier| PyTuple::new(py, tier))
            .collect::<PyResult<Vec<_>>>()?;
        PyTuple::new(py, tiers)
    }

    #[getter]
    fn web_seeds<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, self.inner.web_seeds())
    }

    #[getter]
    fn http_seeds<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, self.inner.http_seeds())
    }

    #[getter]
    fn comment(&self) -> Option<&str> {
        self.inner.comment()
    }

    #[getter]
    fn created_by(&self) -> Option<&str> {
        self.inner.created_by()
    }

    #[getter]
    fn creation_date(&self) -> Option<i64> {
        self.inner.creation_date()
    }

    #[getter]
    fn source(&self) -> Option<&str> {
        self.inner.source()
    }

    #[getter]
    fn has_piece_layers(&self) -> bool {
        self.inner.has_piece_layers()
    }

    /// Pickles as its bytes.
    fn __reduce__<'py>(
        slf: &Bound<'py, Self>,
    ) -> PyResult<(Bound<'py, PyAny>, (Bound<'py, PyBytes>,))> {
        let py = slf.py();
        let from_bytes = py.get_type::<Self>().getattr("from_bytes")?;
        Ok((from_bytes, (slf.get().to_bytes(py),)))
    }

    fn __eq__(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner) || self.inner.to_bytes() == other.inner.to_bytes()
    }

    fn __hash__(&self) -> u64 {
        let hash = self.inner.wire_hashes();
        let first = hash.first().copied().unwrap_or_default();
        let mut prefix = [0; 8];
        prefix.copy_from_slice(&first[..8]);
        u64::from_le_bytes(prefix)
    }

    fn __repr__(&self) -> String {
        let hash = self.inner.wire_hashes();
        format!(
            "<Metainfo {:?} {} {}>",
            self.inner.name(),
            self.format(),
            hash.first().map(|hash| hex(hash)).unwrap_or_default()
        )
    }
}

/// Lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}"); // a String takes everything
        text
    })
}

fn storage(
    py: Python<'_>,
    operation: &'static str,
    path: &std::path::Path,
    error: &std::io::Error,
) -> PyErr {
    let error = StorageError::new(operation, path, error);
    errors::raise(py, errors::storage(py, &error))
}

/// Writes beside the target and renames, so that no reader ever sees half a file.
fn write_whole(path: &std::path::Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{}.part", std::process::id()));
    let part = path.with_file_name(name);
    std::fs::write(&part, bytes)
        .and_then(|()| std::fs::rename(&part, path))
        .inspect_err(|_| {
            let _ = std::fs::remove_file(&part); // the first error is the one to report
        })
}
