//! Several runs beside each other. Each is a pure function of its scenario and its seed, so that neither their order nor
//! their number at a time matters.

#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "runs have no clock and no threads; who starts them may"
)]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::Instant;

use p2pcore_simulator::scenarios::{Outcome, Trial};

/// Runs every trial with its seeds, `jobs` at a time, and tells `done` of each trial, in order: what came of its seeds
/// and the seconds that they took together.
pub(crate) fn run(
    trials: &[(Trial, Vec<u64>)],
    jobs: usize,
    mut done: impl FnMut(&Trial, Vec<Outcome>, f64),
) {
    let work: Vec<(usize, u64)> = (0..)
        .zip(trials)
        .flat_map(|(at, (_, seeds))| seeds.iter().map(move |seed| (at, *seed)))
        .collect();
    let next = AtomicUsize::new(0);
    let (tell, told) = mpsc::channel();
    std::thread::scope(|scope| {
        for _ in 0..jobs.max(1) {
            let (tell, work, next) = (tell.clone(), &work, &next);
            scope.spawn(move || {
                while let Some((at, seed)) = work.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let began = Instant::now();
                    let outcome = trials[*at].0.run(*seed);
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
