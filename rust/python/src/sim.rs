//! Swarms in virtual time: a scenario goes in as plain values, figures and rows come out.

mod result;
mod scenario;

use p2pcore_simulator::scenarios::{self, Mark, Trial};
use p2pcore_simulator::{Scenario, Stopped, run_while};
use pyo3::prelude::*;
use rustix::time::{ClockId, clock_gettime};

use self::result::{MarkRow, RawResult};
use self::scenario::RawScenario;
use crate::{errors, work};

/// A trial's name, what it is, whether it is slow, and what each of its marks asks for.
type TrialRow = (
    &'static str,
    &'static str,
    bool,
    Vec<(&'static str, f64, bool)>,
);

/// Runs a scenario that a user described.
#[pyfunction]
#[pyo3(signature = (scenario, *, seed, progress))]
pub fn simulate<'py>(
    py: Python<'py>,
    scenario: RawScenario,
    seed: u64,
    progress: Option<Bound<'py, PyAny>>,
) -> PyResult<RawResult<'py>> {
    let scenario = Scenario::try_from(scenario).map_err(|error| argument(py, &error))?;
    let checked = scenario.validate();
    checked.map_err(|error| argument(py, &error.to_string()))?;
    let (report, cpu) = measured(py, progress.as_ref(), |report| {
        run_while(&scenario, seed, report)
    })?;
    RawResult::of(py, &report, Vec::new(), (cpu, report.blocks))
}

/// Runs a scenario that the simulator knows by name, and what it is compared with.
#[pyfunction]
#[pyo3(signature = (name, *, seed, progress))]
pub fn simulate_trial<'py>(
    py: Python<'py>,
    name: &str,
    seed: u64,
    progress: Option<Bound<'py, PyAny>>,
) -> PyResult<RawResult<'py>> {
    let trial = find(py, name)?;
    let (outcome, cpu) = measured(py, progress.as_ref(), |report| {
        trial.run_while(seed, report)
    })?;
    let row = |mark: &Mark| -> MarkRow {
        let value = mark.value(&outcome);
        let missed_by = mark.missed_by(value);
        (mark.what, value, mark.limit, mark.is_least, missed_by)
    };
    let asked = trial.marks.iter().filter(|mark| mark.is_asked());
    let marks = asked.map(row).collect();
    let compared: u64 = outcome.beside.iter().map(|report| report.blocks).sum();
    let blocks = outcome.report.blocks + compared;
    RawResult::of(py, &outcome.report, marks, (cpu, blocks))
}

/// Every scenario that is known by name; of one name, or of one number, if that is given; `all`: all but the slow.
#[pyfunction]
#[pyo3(signature = (name=None))]
pub fn trials(name: Option<&str>) -> Vec<TrialRow> {
    let found = name.map_or_else(scenarios::all, scenarios::named);
    let row = |trial: &Trial| {
        let marks = trial.marks.iter().filter(|mark| mark.is_asked());
        let marks = marks.map(|mark| (mark.what, mark.limit, mark.is_least));
        (trial.name, trial.about, trial.slow, marks.collect())
    };
    found.iter().map(row).collect()
}

/// What a scenario of that name consists of.
#[pyfunction]
pub fn trial_scenario(py: Python<'_>, name: &str) -> PyResult<RawScenario> {
    Ok(find(py, name)?.scenario().into())
}

fn find(py: Python<'_>, name: &str) -> PyResult<Trial> {
    let found = scenarios::all()
        .into_iter()
        .find(|trial| trial.name == name);
    found.ok_or_else(|| argument(py, &format!("there is no scenario {name:?}")))
}

/// Does the work beside the calling thread; with the seconds of processor time that it took. The simulator has no
/// clock, so that is measured out here.
fn measured<T: Send>(
    py: Python<'_>,
    progress: Option<&Bound<'_, PyAny>>,
    run: impl FnOnce(work::Report<'_>) -> Result<T, Stopped> + Send,
) -> PyResult<(T, f64)> {
    let (done, cpu) = work::run(py, progress, |report| {
        let began = processor_time();
        let done = run(report).map_err(discard);
        (done, processor_time() - began)
    })?;
    // Only the waiting thread stops the work, and it raises what made it do so.
    let done = done.map_err(|()| errors::raise_message(py, "P2PError", "stopped"))?;
    Ok((done, cpu))
}

/// Frees what is left where nobody waits for it; here, if there can be no thread.
fn discard(rest: Stopped) {
    let _ = std::thread::Builder::new().spawn(move || drop(rest));
}

/// What the calling thread has used, in seconds.
fn processor_time() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

fn argument(py: Python<'_>, message: &str) -> PyErr {
    errors::raise_message(py, "ArgumentError", message)
}
