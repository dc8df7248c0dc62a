//! The scenarios by name, each with its marks. A file holds one of them.

mod lan;
mod origin;
mod origins;
mod riders;
mod s1;
mod s10;
mod s11;
mod s12;
mod s13;
mod s14;
mod s15;
mod s16;
mod s17;
mod s18;
mod s19;
mod s2;
mod s20;
mod s21;
mod s22;
mod s3;
mod s4;
mod s5;
mod s6;
mod s7;
mod s8;
mod s9;
mod slow;

use crate::report::Report;
use crate::scenario::{Scenario, UP};
use crate::world::Stopped;

/// A scenario with its name and its marks.
#[derive(Debug, Clone, Copy)]
pub struct Trial {
    /// What it is run by.
    pub name: &'static str,
    /// In a few words.
    pub about: &'static str,
    /// It takes longer than anybody waits for, or more memory than most machines have.
    pub slow: bool,
    /// Seeds that `make sim` runs it with, the first ones: the longer one takes, the fewer.
    pub seeds: u64,
    /// What has to be reached.
    pub marks: &'static [Mark],
    scenario: fn() -> Scenario,
    beside: &'static [fn() -> Scenario],
    baseline: Option<fn() -> Scenario>,
}

/// One figure and how far it may go. For several seeds the worst one counts.
#[derive(Debug, Clone, Copy)]
pub struct Mark {
    /// What is measured.
    pub what: &'static str,
    /// The limit; infinite where the figure only stands beside others.
    pub limit: f64,
    /// The limit is the least value that passes, not the greatest.
    pub is_least: bool,
    value: fn(&Outcome) -> f64,
}

/// What came of one run of a trial.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// What was run.
    pub scenario: Scenario,
    /// What was measured.
    pub report: Report,
    /// The same of the scenarios to compare with, in the trial's order.
    pub beside: Vec<Report>,
    /// The same under a usual client's policy, where the trial has that and it was run.
    pub baseline: Option<Report>,
}

/// Every trial, in the order of the design page.
pub fn all() -> Vec<Trial> {
    let mut trials = Vec::new();
    trials.extend(s1::TRIALS);
    trials.extend(s2::TRIALS);
    trials.extend(s3::TRIALS);
    trials.extend(s4::TRIALS);
    trials.extend(s5::TRIALS);
    trials.extend(s6::TRIALS);
    trials.extend(s7::TRIALS);
    trials.extend(s8::TRIALS);
    trials.extend(s9::TRIALS);
    trials.extend(s10::TRIALS);
    trials.extend(s11::TRIALS);
    trials.extend(s12::TRIALS);
    trials.extend(s13::TRIALS);
    trials.extend(s14::TRIALS);
    trials.extend(s15::TRIALS);
    trials.extend(s16::TRIALS);
    trials.extend(s17::TRIALS);
    trials.extend(s18::TRIALS);
    trials.extend(s19::TRIALS);
    trials.extend(s20::TRIALS);
    trials.extend(s21::TRIALS);
    trials.extend(s22::TRIALS);
    trials.extend(slow::TRIALS);
    trials.extend(lan::TRIALS);
    trials.extend(origins::TRIALS);
    trials
}

/// The trials of that name, or whose name begins with it and a hyphen; `all`: all but the slow ones.
pub fn named(name: &str) -> Vec<Trial> {
    let mut trials = all();
    trials.retain(|trial| match trial.name.strip_prefix(name) {
        _ if name == "all" => !trial.slow,
        Some(rest) => rest.is_empty() || rest.starts_with('-'),
        None => false,
    });
    trials
}

impl Trial {
    const fn new(
        name: &'static str,
        about: &'static str,
        scenario: fn() -> Scenario,
        marks: &'static [Mark],
    ) -> Self {
        Self {
            name,
            about,
            slow: false,
            seeds: 5,
            marks,
            scenario,
            beside: &[],
            baseline: None,
        }
    }

    const fn seeds(mut self, seeds: u64) -> Self {
        self.seeds = seeds;
        self
    }

    const fn slow(mut self) -> Self {
        self.slow = true;
        self
    }

    const fn beside(mut self, scenarios: &'static [fn() -> Scenario]) -> Self {
        self.beside = scenarios;
        self
    }

    /// What a figure stands beside and no mark depends on.
    const fn baseline(mut self, scenario: fn() -> Scenario) -> Self {
        self.baseline = Some(scenario);
        self
    }

    /// What it runs.
    pub fn scenario(&self) -> Scenario {
        (self.scenario)()
    }

    /// Runs it once, and what it is compared with.
    pub fn run(&self, seed: u64) -> Outcome {
        self.outcome(true, |scenario| crate::run(scenario, seed))
    }

    /// The same with runs that `report` makes, or knows from before, with or without the baseline.
    pub fn outcome(&self, baseline: bool, mut report: impl FnMut(&Scenario) -> Report) -> Outcome {
        let scenario = self.scenario();
        let baseline = self.baseline.filter(|_| baseline);
        Outcome {
            baseline: baseline.map(|make| report(&make())),
            beside: self.beside.iter().map(|make| report(&make())).collect(),
            report: report(&scenario),
            scenario,
        }
    }

    /// The same without the baseline, until `go_on` answers no, see [`run_while`](crate::run_while).
    pub fn run_while(
        &self,
        seed: u64,
        go_on: &dyn Fn(u64, u64) -> bool,
    ) -> Result<Outcome, Stopped> {
        let scenario = self.scenario();
        let beside = self.beside.iter();
        let beside = beside.map(|make| crate::run_while(&make(), seed, go_on));
        Ok(Outcome {
            beside: beside.collect::<Result<_, _>>()?,
            baseline: None,
            report: crate::run_while(&scenario, seed, go_on)?,
            scenario,
        })
    }
}

impl Mark {
    const fn at_most(what: &'static str, limit: f64, value: fn(&Outcome) -> f64) -> Self {
        Self {
            what,
            limit,
            is_least: false,
            value,
        }
    }

    const fn at_least(what: &'static str, limit: f64, value: fn(&Outcome) -> f64) -> Self {
        Self {
            is_least: true,
            ..Self::at_most(what, limit, value)
        }
    }

    /// A figure to look at, which nothing is asked of.
    const fn figure(what: &'static str, value: fn(&Outcome) -> f64) -> Self {
        Self::at_most(what, f64::INFINITY, value)
    }

    /// Something is asked of the figure.
    pub fn is_asked(&self) -> bool {
        self.limit.is_finite()
    }

    /// The figure.
    pub fn value(&self, outcome: &Outcome) -> f64 {
        (self.value)(outcome)
    }

    /// The worst figure of several runs. Whatever is not a number is worst, or left out where nothing is asked.
    pub fn worst(&self, outcomes: &[Outcome]) -> f64 {
        let values = self.values(outcomes);
        let worse = |one: f64, other: f64| match self.is_least {
            _ if one.is_nan() || other.is_nan() => f64::NAN,
            true => one.min(other),
            false => one.max(other),
        };
        values.reduce(worse).unwrap_or(f64::NAN)
    }

    /// The figures of several runs; where nothing is asked, of those that have it.
    pub fn values(&self, outcomes: &[Outcome]) -> impl Iterator<Item = f64> {
        let values = outcomes.iter().map(|outcome| self.value(outcome));
        values.filter(|value| self.is_asked() || !value.is_nan())
    }

    /// By how much of the limit a figure misses it; zero or less: it passes.
    pub fn missed_by(&self, value: f64) -> f64 {
        let over = if self.is_least {
            self.limit - value
        } else {
            value - self.limit
        };
        if value.is_nan() {
            f64::INFINITY
        } else if !self.is_asked() {
            -1.0
        } else if self.limit > 0.0 {
            over / self.limit
        } else {
            over
        }
    }
}

/// The share of the counted nodes that have everything.
fn finished(outcome: &Outcome) -> f64 {
    outcome.report.finished as f64 / outcome.report.counted as f64
}

/// How much longer it took than the first run to compare with.
fn against_first(outcome: &Outcome) -> f64 {
    let without = outcome.beside.first();
    without.map_or(f64::NAN, |without| outcome.report.last / without.last)
}

/// The mean time of a class.
fn mean_of(report: &Report, class: &str) -> f64 {
    report.class(class).map_or(f64::NAN, |class| class.mean)
}

/// How much longer a class took, on average, than in one of the runs to compare with.
fn against(outcome: &Outcome, class: &str, beside: usize) -> f64 {
    ratio(outcome, class, outcome.beside.get(beside))
}

/// The same beside the baseline.
fn against_baseline(outcome: &Outcome, class: &str) -> f64 {
    ratio(outcome, class, outcome.baseline.as_ref())
}

fn ratio(outcome: &Outcome, class: &str, other: Option<&Report>) -> f64 {
    let other = other.map_or(f64::NAN, |report| mean_of(report, class));
    mean_of(&outcome.report, class) / other
}

/// The time of so many pieces on a usual uplink.
fn rounds(outcome: &Outcome, rounds: f64) -> f64 {
    rounds * f64::from(outcome.scenario.piece_length) / UP as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_find_their_trials() {
        let mut names: Vec<&str> = all().iter().map(|trial| trial.name).collect();
        assert_eq!(named("s1").len(), 3);
        assert_eq!(named("s1-8").len(), 1);
        assert!(named("s").is_empty() && named("").is_empty());
        let slow = all().iter().filter(|trial| trial.slow).count();
        assert_eq!(named("all").len(), names.len() - slow);
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all().len());
    }

    #[test]
    fn a_figure_is_of_the_runs_that_have_it_and_a_mark_of_all() {
        let trial = named("lan-8")[0].baseline(|| Scenario::flash_crowd(2, 4));
        let mut report = |scenario: &Scenario| crate::run(scenario, 1);
        let outcomes = [
            trial.outcome(true, &mut report),
            trial.outcome(false, &mut report),
        ];
        let value = |outcome: &Outcome| against_baseline(outcome, "peer");
        let figure = Mark::figure("", value);
        assert_eq!(figure.values(&outcomes).count(), 1);
        assert!(figure.worst(&outcomes) > 0.0);
        assert!(Mark::at_most("", 2.0, value).worst(&outcomes).is_nan());
    }

    #[test]
    fn a_mark_is_missed_on_its_own_side() {
        let most = Mark::at_most("", 2.0, |_| 0.0);
        let least = Mark::at_least("", 2.0, |_| 0.0);
        assert!(most.missed_by(2.5) > 0.2 && most.missed_by(1.5) < 0.0);
        assert!(least.missed_by(2.5) < 0.0 && least.missed_by(1.5) > 0.2);
        assert!(most.missed_by(f64::NAN) > 0.0 && least.missed_by(f64::NAN) > 0.0);
    }
}
