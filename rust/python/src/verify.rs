//! `verify`: data against a metainfo.

use std::path::PathBuf;

use p2pcore_engine::api::Target;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::digests::{self, DigestRow};
use crate::metainfo::PyMetainfo;
use crate::{errors, work};

/// Whether a file is complete, whether it is missing, its bytes on disk, and its digests.
type FileRow = (bool, bool, Option<u64>, DigestRow);

/// Compares data with a torrent: (a byte for each piece, a row for each file).
#[pyfunction]
#[pyo3(signature = (meta, paths, *, in_place, threads, digests, progress))]
pub fn verify<'py>(
    py: Python<'py>,
    meta: &PyMetainfo,
    paths: Vec<PathBuf>,
    in_place: bool,
    threads: usize,
    digests: Vec<String>,
    progress: Option<Bound<'py, PyAny>>,
) -> PyResult<(Bound<'py, PyBytes>, Vec<FileRow>)> {
    let target = target(paths, in_place);
    let kinds = digests::kinds(&digests);
    let report = work::run(py, progress.as_ref(), |report| {
        p2pcore_engine::verify::verify(meta.inner(), &target, threads, kinds, report)
    })?
    .map_err(|error| errors::raise(py, errors::torrent(py, &error)))?;
    let pieces: Vec<u8> = report.pieces.into_iter().map(u8::from).collect();
    let files = report
        .files
        .iter()
        .map(|file| {
            (
                file.complete,
                file.missing,
                file.size,
                digests::row(&file.digests),
            )
        })
        .collect();
    Ok((PyBytes::new(py, &pieces), files))
}

/// Data that is read where it is: one path of the whole, or a path for each file.
pub fn target(mut paths: Vec<PathBuf>, in_place: bool) -> Target {
    match paths.pop() {
        Some(path) if in_place && paths.is_empty() => Target::Seed(path),
        last => {
            paths.extend(last);
            Target::SeedFiles(paths)
        }
    }
}
