//! What a run brings, as plain values in the order in which `sim/_result.py` takes them.

use p2pcore_simulator::{Class, Figure, Link, NodeRow, Report};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};

/// What is measured, its value, its limit, whether that is the least that passes, and by how much it is missed.
pub type MarkRow = (&'static str, f64, f64, bool, f64);

/// The figures of one run.
#[derive(IntoPyObject)]
pub struct RawResult<'py> {
    /// By name.
    figures: Bound<'py, PyDict>,
    trace: String,
    classes: Vec<RawClass>,
    /// From site, to site, bytes.
    links: Vec<(u8, u8, u64)>,
    marks: Vec<MarkRow>,
    /// A packed row for each node.
    nodes: Bound<'py, PyBytes>,
    /// Seconds of processor time, and the blocks that were simulated in them.
    cost: (f64, u64),
}

#[derive(IntoPyObject)]
struct RawClass {
    name: String,
    count: usize,
    finished: usize,
    first: f64,
    p50: f64,
    p95: f64,
    mean: f64,
    last: f64,
    given: f64,
}

impl<'py> RawResult<'py> {
    pub fn of(
        py: Python<'py>,
        report: &Report,
        marks: Vec<MarkRow>,
        cost: (f64, u64),
    ) -> PyResult<Self> {
        let figures = PyDict::new(py);
        for (name, figure) in report.figures() {
            match figure {
                Figure::Count(count) => figures.set_item(name, count)?,
                Figure::Number(number) => figures.set_item(name, number)?,
            }
        }
        let crossed = |link: &Link| (link.from, link.to, link.bytes);
        let mut rows = Vec::with_capacity(report.nodes.len() * ROW);
        report.nodes.iter().for_each(|node| pack(node, &mut rows));
        Ok(Self {
            figures,
            trace: format!("{:016x}", report.trace),
            classes: report.classes.iter().map(class).collect(),
            links: report.links.iter().map(crossed).collect(),
            marks,
            nodes: PyBytes::new(py, &rows),
            cost,
        })
    }
}

fn class(class: &Class) -> RawClass {
    RawClass {
        name: class.name.clone().into_owned(),
        count: class.count,
        finished: class.finished,
        first: class.first,
        p50: class.p50,
        p95: class.p95,
        mean: class.mean,
        last: class.last,
        given: class.given,
    }
}

/// Little-endian, in the order of `_ROW` in `sim/_result.py`; what never happened is not a number.
fn pack(node: &NodeRow, rows: &mut Vec<u8>) {
    rows.extend((node.group as u32).to_le_bytes());
    let times = [
        Some(node.joined),
        node.first_piece,
        node.finished,
        node.left,
    ];
    for time in times {
        rows.extend(time.unwrap_or(f64::NAN).to_le_bytes());
    }
    let counts = [
        node.uploaded,
        node.downloaded,
        node.wasted,
        node.control,
        node.duplicates,
    ];
    for count in counts {
        rows.extend(count.to_le_bytes());
    }
}

const ROW: usize = 4 + 4 * 8 + 5 * 8;
