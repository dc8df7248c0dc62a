//! Snapshots as tuples, in the order of the fields of the dataclasses in `_snapshots.py`.

use std::time::{SystemTime, UNIX_EPOCH};

use p2pcore_engine::api::{Ban, PeerStatus, State, Status};
use pyo3::prelude::*;
use pyo3::types::{PyList, PyString, PyTuple};

use crate::{errors, events};

/// A torrent's state, in the field order of `Status`; the error is a (class, arguments) pair.
pub fn status<'py>(py: Python<'py>, status: &Status) -> PyResult<Bound<'py, PyTuple>> {
    let error = match &status.error {
        Some(error) => errors::torrent(py, error)?.into_pyobject(py)?.into_any(),
        None => py.None().into_bound(py),
    };
    let state = match status.state {
        State::Checking => "checking",
        State::Downloading => "downloading",
        State::Seeding => "seeding",
        State::Paused => "paused",
        State::Failed => "failed",
        State::Removed => "removed",
    };
    let state = PyString::intern(py, state).into_any();
    let int = |number: u64| number.into_pyobject(py).map(Bound::into_any);
    let float = |number: f64| number.into_pyobject(py).map(Bound::into_any);
    // The program may ask for thousands of these again and again: straight into one tuple.
    let fields = [
        state,
        int(status.done)?,
        int(status.wanted)?,
        int(status.checked)?,
        int(status.to_check)?,
        int(status.downloaded)?,
        int(status.uploaded)?,
        int(status.wasted)?,
        float(status.download_rate)?,
        float(status.upload_rate)?,
        int(status.peers.into())?,
        int(status.seeds.into())?,
        int(status.pieces.into())?,
        error,
    ];
    PyTuple::new(py, fields)
}

/// A peer's state, in the field order of `Peer`.
pub fn peer<'py>(py: Python<'py>, peer: &PeerStatus) -> PyResult<Bound<'py, PyTuple>> {
    let fields = (
        (events::address(&peer.addr), &peer.client),
        (peer.outgoing, peer.progress),
        (peer.downloaded, peer.uploaded),
        (peer.download_rate, peer.upload_rate),
        (peer.choking, peer.choked, peer.interested, peer.wanting),
        (peer.outstanding,),
    );
    flat(py, fields.into_pyobject(py)?)
}

/// A ban, in the field order of `Ban`.
pub fn ban<'py>(py: Python<'py>, ban: &Ban) -> PyResult<Bound<'py, PyTuple>> {
    let (reason, scope) = (ban.reason.name(), ban.scope.name());
    let address = events::address(&ban.addr);
    (address, reason, scope, unix(ban.until), ban.times).into_pyobject(py)
}

/// Seconds since 1970.
pub fn unix(time: SystemTime) -> f64 {
    let since = time.duration_since(UNIX_EPOCH);
    since.map_or(0.0, |since| since.as_secs_f64())
}

/// Joins groups: a tuple that Rust converts has twelve members at most.
fn flat<'py>(py: Python<'py>, groups: Bound<'py, PyTuple>) -> PyResult<Bound<'py, PyTuple>> {
    let all = PyList::empty(py);
    for group in groups {
        for member in group.try_iter()? {
            all.append(member?)?;
        }
    }
    Ok(all.to_tuple())
}
