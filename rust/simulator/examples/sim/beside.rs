//! Several runs beside each other. Each is a pure function of its scenario and its seed, so that neither their order nor
//! their number at a time matters.

#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "runs have no clock and no threads; who starts them may"
)]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError, mpsc};
use std::time::Instant;

use p2pcore_simulator::scenarios::{Outcome, Trial};
use p2pcore_simulator::{Report, Scenario};

/// What was run. Many trials are compared with the same crowd.
#[derive(Default)]
struct Runs(Mutex<Vec<(Scenario, u64, Report)>>);

impl Runs {
    fn report(&self, scenario: &Scenario, seed: u64) -> Report {
        let lock = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is = |(other, with, _): &&(Scenario, u64, Report)| *with == seed && other == scenario;
        if let Some((.., report)) = lock().iter().find(is) {
            return report.clone();
        }
        // Meanwhile somebody else may begin the same, which costs time and nothing else.
        let report = p2pcore_simulator::run(scenario, seed);
        lock().push((scenario.clone(), seed, report.clone()));
        report
    }
}

/// Runs every trial with its seeds, `jobs` at a time, and tells `done` of each trial, in order: what came of its seeds
/// and the seconds that they took together. What ran before is not run again, and a baseline
/// only with the first seed.
pub(crate) fn run(
    trials: &[(Trial, Vec<u64>)],
    jobs: usize,
    mut done: impl FnMut(&Trial, Vec<Outcome>, f64),
) {
    let work: Vec<(usize, u64)> = (0..)
        .zip(trials)
        .flat_map(|(at, (_, seeds))| seeds.iter().map(move |seed| (at, *seed)))
        .collect();
    let (next, runs) = (AtomicUsize::new(0), Runs::default());
    let (tell, told) = mpsc::channel();
    std::thread::scope(|scope| {
        for _ in 0..jobs.max(1) {
            let (tell, work, next, runs) = (tell.clone(), &work, &next, &runs);
            scope.spawn(move || {
                while let Some((at, seed)) = work.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let (trial, seeds) = &trials[*at];
                    let began = Instant::now();
                    let run = |scenario: &Scenario| runs.report(scenario, *seed);
                    let outcome = trial.outcome(Some(seed) == seeds.first(), run);
                    let seconds = began.elapsed().as_secs_f64();
                    if tell.send((*at, *seed, outcome, seconds)).is_err() {
                        return;
                    }
                }
            });
        }
        drop(tell);
        let mut open: Vec<(Vec<(u64, Outcome)>, f64)> = vec![(Vec::new(), 0.0); trials.len()];
        let mut first = 0;
        for (at, seed, outcome, seconds) in told {
            open[at].0.push((seed, outcome));
            open[at].1 += seconds;
            while first < trials.len() && open[first].0.len() == trials[first].1.len() {
                let (mut outcomes, seconds) = std::mem::take(&mut open[first]);
                outcomes.sort_by_key(|(seed, _)| *seed);
                let outcomes = outcomes.into_iter().map(|(_, outcome)| outcome);
                done(&trials[first].0, outcomes.collect(), seconds);
                first += 1;
            }
        }
    });
}
