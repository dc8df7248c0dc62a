//! `create`: a torrent from a file or a folder.

use std::path::PathBuf;
use std::sync::Arc;

use p2pcore_engine::create::{CreateError, CreateOptions};
use p2pcore_protocol::Format;
use pyo3::prelude::*;

use crate::digests::{self, DigestRow};
use crate::metainfo::PyMetainfo;
use crate::{errors, work};

/// Hashes `path` and makes its metainfo.
#[pyfunction]
#[pyo3(signature = (path, *, format, piece_length, trackers, web_seeds, http_seeds, store_links, private, comment, source, created_by,
                    creation_date, threads, digests, progress))]
#[allow(clippy::too_many_arguments)] // one keyword for each option
pub fn create(
    py: Python<'_>,
    path: PathBuf,
    format: &str,
    piece_length: Option<u32>,
    trackers: Vec<Vec<String>>,
    web_seeds: Vec<String>,
    http_seeds: Vec<String>,
    store_links: bool,
    private: bool,
    comment: Option<String>,
    source: Option<String>,
    created_by: Option<String>,
    creation_date: Option<i64>,
    threads: usize,
    digests: Vec<String>,
    progress: Option<Bound<'_, PyAny>>,
) -> PyResult<(PyMetainfo, Vec<DigestRow>)> {
    let format = match format {
        "v1" => Format::V1,
        "v2" => Format::V2,
        "hybrid" => Format::Hybrid,
        other => {
            let message = format!("format is {other:?}, not 'v1', 'v2' or 'hybrid'");
            return Err(errors::raise_message(py, "ArgumentError", &message));
        }
    };
    let options = CreateOptions {
        format,
        piece_length,
        trackers,
        web_seeds,
        http_seeds,
        store_links,
        private,
        comment,
        source,
        created_by,
        creation_date,
        threads,
    };
    let kinds = digests::kinds(&digests);
    let (meta, digests) = work::run(py, progress.as_ref(), |report| {
        p2pcore_engine::create::create(&path, options, kinds, report)
    })?
    .map_err(|error| raise(py, &error))?;
    let rows = digests.iter().map(digests::row).collect();
    Ok((PyMetainfo::new(Arc::new(meta)), rows))
}

fn raise(py: Python<'_>, error: &CreateError) -> PyErr {
    match error {
        CreateError::Storage(error) => errors::raise(py, errors::storage(py, error)),
        other => errors::raise_message(py, "CreateError", &other.to_string()),
    }
}
