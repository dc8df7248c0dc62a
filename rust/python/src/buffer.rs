//! What Python calls bytes-like, borrowed without a copy; or the path of a file.
//!
//! `unsafe` of this crate is in this file only.
#![allow(unsafe_code)]

use std::path::PathBuf;

use p2pcore_engine::pieces::Input;
use pyo3::buffer::PyBuffer;
use pyo3::prelude::*;

use crate::errors;

/// A buffer that stays exported while it is read, or a path.
pub enum Data {
    Buffer(PyBuffer<u8>),
    Path(PathBuf),
}

impl Data {
    /// Any C-contiguous buffer, of whatever items; text and `os.PathLike` are paths.
    pub fn extract(data: &Bound<'_, PyAny>) -> PyResult<Self> {
        if let Ok(path) = data.extract::<PathBuf>() {
            return Ok(Self::Path(path));
        }
        let py = data.py();
        let refuse = |why: &str| errors::raise_message(py, "ArgumentError", why);
        // As a view of plain bytes, whatever the items are.
        let view = py
            .import("builtins")?
            .call_method1("memoryview", (data,))
            .map_err(|_| refuse("data must be a path, or bytes or another buffer"))?;
        let bytes = view.call_method1("cast", ("B",)).map_err(|_| {
            refuse("the buffer is not C-contiguous, or of items that are no numbers: copy it first")
        })?;
        Ok(Self::Buffer(PyBuffer::get(&bytes)?))
    }

    /// The bytes, for as long as `self` lives.
    pub fn input(&self) -> Input<'_> {
        match self {
            Self::Path(path) => Input::Path(path.clone()),
            Self::Buffer(buffer) if buffer.len_bytes() == 0 => Input::Bytes(&[]),
            Self::Buffer(buffer) => {
                // SAFETY: the buffer is exported, contiguous and of this length until it is dropped. As with hashlib,
                // a thread that writes to it meanwhile gets a digest of some of each; nothing else depends on it.
                let bytes = unsafe {
                    std::slice::from_raw_parts(buffer.buf_ptr().cast::<u8>(), buffer.len_bytes())
                };
                Input::Bytes(bytes)
            }
        }
    }
}
