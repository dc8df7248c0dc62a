//! Explanations and amounts as tuples, in the order of the fields of the dataclasses in `_explain.py` and `_ledger.py`.

use std::collections::BTreeMap;

use p2pcore_engine::api::{Amounts, Explanation, Identity, Standing, Why};
use pyo3::prelude::*;
use pyo3::types::{PyList, PyTuple};

use crate::snapshots;

/// A torrent's sharing, what it sent in all, and for each peer (its state, why).
pub fn explanation<'py>(
    py: Python<'py>,
    explanation: &Explanation,
) -> PyResult<Bound<'py, PyTuple>> {
    let sharing = &explanation.sharing;
    let sharing = (
        sharing.policy.name(),
        sharing.base_share.as_part(),
        sharing.slots,
        sharing.most_slots,
        sharing.origin,
    );
    let peers = explanation.peers.iter();
    let peers = peers
        .map(|peer| Ok((snapshots::peer(py, peer)?, why(py, &peer.why)?)))
        .collect::<PyResult<Vec<_>>>()?;
    (sharing, explanation.uploaded, peers).into_pyobject(py)
}

/// An (identity, given, received) for each.
pub fn amounts<'py>(
    py: Python<'py>,
    amounts: &BTreeMap<Identity, Amounts>,
) -> PyResult<Bound<'py, PyList>> {
    let rows = amounts
        .iter()
        .map(|(identity, amounts)| (identity.to_string(), amounts.given, amounts.received));
    PyList::new(py, rows.collect::<Vec<_>>())
}

fn why<'py>(py: Python<'py>, why: &Why) -> PyResult<Bound<'py, PyTuple>> {
    let (served, choked) = match why.standing {
        Standing::Served(served) => (Some(served.to_string()), None),
        Standing::Shown => (Some("it is shown pieces one by one".to_owned()), None),
        Standing::Choked(choked) => (None, Some(choked.to_string())),
    };
    let path = &why.path;
    let path = (
        path.blocks,
        path.limit,
        path.rate,
        path.round_trip.map(|time| time.as_secs_f64()),
        path.jitter.as_secs_f64(),
        path.margin.as_secs_f64(),
        path.sized_by.to_string(),
    );
    let trust = (why.trust.suspected, why.trust.parole);
    let since = why.since.as_secs_f64();
    let passes_on_after = why.passes_on_after.map(|time| time.as_secs_f64());
    let identity = why.identity.to_string();
    let fields = (
        identity,
        why.local,
        served,
        choked,
        since,
        path,
        trust,
        passes_on_after,
        why.shown,
    );
    fields.into_pyobject(py)
}
