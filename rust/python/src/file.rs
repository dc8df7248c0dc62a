//! `File`: one file of a torrent, as a value.

use p2pcore_protocol::{File, FileIndex, Metainfo};
use pyo3::prelude::*;

/// One file of a torrent.
#[pyclass(frozen, eq, hash, get_all, module = "p2pcore", name = "File")]
#[derive(PartialEq, Eq, Hash)]
pub struct PyFile {
    index: u32,
    path: String,
    length: u64,
    executable: bool,
    hidden: bool,
    symlink: Option<String>,
    pieces_root: Option<String>,
    pieces: (u32, u32),
}

impl PyFile {
    /// The file of `meta` with that index.
    pub fn new(meta: &Metainfo, index: FileIndex, file: &File) -> Self {
        let pieces = meta.layout().file_pieces(index);
        Self {
            index: index.get(),
            path: file.path.to_string(),
            length: file.length,
            executable: file.attributes.executable,
            hidden: file.attributes.hidden,
            symlink: file.attributes.symlink.as_ref().map(ToString::to_string),
            pieces_root: file.pieces_root.map(|root| crate::metainfo::hex(&root)),
            pieces: (pieces.start, pieces.end),
        }
    }
}

#[pymethods]
impl PyFile {
    fn __repr__(&self) -> String {
        format!(
            "File(index={}, path={:?}, length={})",
            self.index, self.path, self.length
        )
    }
}
