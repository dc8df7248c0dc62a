//! Events as rows: (kind, torrent, a, b), one shape for all, so that a batch costs little under the GIL.

use std::net::SocketAddr;

use p2pcore_engine::api::{Event, EventKind};
use pyo3::IntoPyObjectExt as _;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::{errors, snapshots};

/// One event as (kind, torrent, a, b); what `a` and `b` are is in `_bridge.py`.
pub fn row<'py>(py: Python<'py>, event: &Event) -> PyResult<Bound<'py, PyTuple>> {
    let torrent = event.torrent.map(|torrent| torrent.0);
    let none = || py.None().into_bound(py);
    let (kind, a, b) = match &event.kind {
        EventKind::Done(command, result) => {
            let error = match result {
                Ok(()) => none(),
                Err(error) => object(py, errors::engine(py, error)?)?,
            };
            ("done", object(py, command.0)?, error)
        }
        EventKind::Checked => ("checked", none(), none()),
        EventKind::PieceVerified(piece) => ("piece_verified", object(py, piece.get())?, none()),
        EventKind::PieceFailed(piece) => ("piece_failed", object(py, piece.get())?, none()),
        EventKind::FileCompleted(file) => ("file_completed", object(py, file.get())?, none()),
        EventKind::DialFailed { addr, reason } => (
            "dial_failed",
            object(py, address(addr))?,
            object(py, reason)?,
        ),
        EventKind::PeerConnected { addr, outgoing } => (
            "peer_connected",
            object(py, address(addr))?,
            object(py, *outgoing)?,
        ),
        EventKind::PeerDisconnected { addr, reason } => (
            "peer_disconnected",
            object(py, address(addr))?,
            object(py, reason)?,
        ),
        EventKind::PeerBanned {
            addr,
            reason,
            until,
        } => (
            "peer_banned",
            object(py, address(addr))?,
            object(py, (reason.name(), snapshots::unix(*until)))?,
        ),
        EventKind::Completed => ("completed", none(), none()),
        EventKind::MayLeave => ("may_leave", none(), none()),
        EventKind::Failed(error) => ("failed", object(py, errors::torrent(py, error)?)?, none()),
        EventKind::Dropped(count) => ("dropped", object(py, *count)?, none()),
    };
    (kind, torrent, a, b).into_pyobject(py)
}

/// A socket address as Python writes it.
pub fn address(addr: &SocketAddr) -> (String, u16) {
    (addr.ip().to_string(), addr.port())
}

fn object<'py, T>(py: Python<'py>, value: T) -> PyResult<Bound<'py, PyAny>>
where
    T: IntoPyObject<'py>,
{
    value.into_bound_py_any(py)
}
