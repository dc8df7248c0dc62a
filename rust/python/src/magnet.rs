//! `Magnet`: a magnet link, taken apart or built.

use std::net::SocketAddr;

use p2pcore_protocol::Magnet;
use pyo3::prelude::*;
use pyo3::types::{PyTuple, PyType};

use crate::metainfo::hex;
use crate::{errors, events};

/// A magnet link.
#[pyclass(frozen, eq, module = "p2pcore", name = "Magnet")]
#[derive(PartialEq)]
pub struct PyMagnet {
    inner: Magnet,
}

impl PyMagnet {
    /// Wraps what the protocol room made.
    pub fn new(inner: Magnet) -> Self {
        Self { inner }
    }
}

#[pymethods]
impl PyMagnet {
    /// Builds a link.
    #[new]
    #[pyo3(signature = (*, info_hash_v1=None, info_hash_v2=None, name=None, length=None, trackers=Vec::new(),
                        web_seeds=Vec::new(), peers=Vec::new(), select=Vec::new()))]
    #[allow(clippy::too_many_arguments)] // one keyword for each parameter of a link
    fn build(
        py: Python<'_>,
        info_hash_v1: Option<&str>,
        info_hash_v2: Option<&str>,
        name: Option<String>,
        length: Option<u64>,
        trackers: Vec<String>,
        web_seeds: Vec<String>,
        peers: Vec<(String, u16)>,
        select: Vec<(u32, u32)>,
    ) -> PyResult<Self> {
        let peer = |(host, port): (String, u16)| match host.parse() {
            Ok(ip) => SocketAddr::new(ip, port).to_string(),
            Err(_) => format!("{host}:{port}"),
        };
        let magnet = Magnet {
            name,
            length,
            trackers,
            web_seeds,
            peer_names: peers.into_iter().map(peer).collect(),
            select,
            ..Magnet::default()
        };
        magnet
            .with_hashes(info_hash_v1, info_hash_v2)
            .map(Self::new)
            .map_err(|error| errors::raise_message(py, "MagnetError", &error.to_string()))
    }

    /// Takes a link apart.
    #[classmethod]
    fn parse(_cls: &Bound<'_, PyType>, py: Python<'_>, uri: &str) -> PyResult<Self> {
        Magnet::parse(uri)
            .map(Self::new)
            .map_err(|error| errors::raise_message(py, "MagnetError", &error.to_string()))
    }

    /// The link.
    #[getter]
    fn uri(&self) -> String {
        self.inner.to_string()
    }

    #[getter]
    fn info_hash_v1(&self) -> Option<String> {
        self.inner.info_hash_v1.map(|hash| hex(&hash))
    }

    #[getter]
    fn info_hash_v2(&self) -> Option<String> {
        self.inner.info_hash_v2.map(|hash| hex(&hash))
    }

    #[getter]
    fn name(&self) -> Option<&str> {
        self.inner.name.as_deref()
    }

    #[getter]
    fn length(&self) -> Option<u64> {
        self.inner.length
    }

    #[getter]
    fn trackers<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, &self.inner.trackers)
    }

    #[getter]
    fn web_seeds<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, &self.inner.web_seeds)
    }

    /// Addresses of peers as (host, port), host names last.
    #[getter]
    fn peers<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let named = self.inner.peer_names.iter().filter_map(|name| {
            let (host, port) = name.rsplit_once(':')?;
            Some((host.to_owned(), port.parse().ok()?))
        });
        let peers: Vec<(String, u16)> = self
            .inner
            .peers
            .iter()
            .map(events::address)
            .chain(named)
            .collect();
        PyTuple::new(py, peers)
    }

    /// Wanted files as inclusive ranges of indices; empty: all.
    #[getter]
    fn select<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, &self.inner.select)
    }

    /// Pickles as its link.
    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<(Bound<'py, PyAny>, (String,))> {
        let parse = slf.py().get_type::<Self>().getattr("parse")?;
        Ok((parse, (slf.get().uri(),)))
    }

    fn __hash__(&self) -> u64 {
        let bytes = self.inner.info_hash_v1.as_ref().map(<[u8; 20]>::as_slice);
        let bytes = bytes.or(self.inner.info_hash_v2.as_ref().map(<[u8; 32]>::as_slice));
        bytes
            .and_then(|bytes| bytes.first_chunk())
            .map_or(0, |first| u64::from_le_bytes(*first))
    }

    fn __str__(&self) -> String {
        self.uri()
    }

    fn __repr__(&self) -> String {
        format!("Magnet({:?})", self.uri())
    }
}
