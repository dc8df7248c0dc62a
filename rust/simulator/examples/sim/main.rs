//! Runs scenarios by name and says how far each is from its marks:
//! `sim NAME... [--seed N | --seeds N] [--jobs N] [--json | --report | --traces]`.

mod beside;

use std::fmt::Write;
use std::process::ExitCode;

use p2pcore_simulator::scenarios::{self, Mark, Outcome, Trial};

const USAGE: &str =
    "usage: sim NAME... [--seed N | --seeds N] [--jobs N] [--json | --report | --traces]
NAME is a scenario, its number (s1 is s1-8, s1-32 and s1-100), or all";

fn main() -> ExitCode {
    let Some(wish) = Wish::parse(std::env::args().skip(1)) else {
        eprintln!("{USAGE}\n");
        for trial in scenarios::all() {
            eprintln!("  {:<10} {}", trial.name, trial.about);
        }
        return ExitCode::from(2);
    };
    let table = !wish.json && !wish.traces;
    if table {
        println!(
            "{:<10} {:<30} {:>10} {:>8} {:>9}  seeds  seconds",
            "scenario", "figure", "worst", "mark", "missed by"
        );
    }
    let (mut marks, mut missed) = (0, 0);
    beside::run(&wish.trials, wish.jobs, |trial, outcomes, seconds| {
        for outcome in &outcomes {
            let report = &outcome.report;
            if wish.json {
                let json = report.to_json();
                println!("{{\"scenario\":\"{}\",\"report\":{json}}}", trial.name);
            } else if wish.traces {
                println!("{} {} {:016x}", trial.name, report.seed, report.trace);
            } else if wish.report {
                println!("{}", report.table());
            }
        }
        if table {
            print!("{}", verdicts(trial, &outcomes, seconds));
        }
        let asked = trial.marks.iter().filter(|mark| mark.is_asked());
        marks += asked.clone().count();
        missed += asked.filter(|mark| misses(mark, &outcomes) > 0.0).count();
    });
    if table {
        println!("{} of {marks} marks are reached", marks - missed);
    }
    ExitCode::SUCCESS
}

fn misses(mark: &Mark, outcomes: &[Outcome]) -> f64 {
    mark.missed_by(mark.worst(outcomes))
}

fn verdicts(trial: &Trial, outcomes: &[Outcome], seconds: f64) -> String {
    let mut text = String::new();
    for mark in trial.marks {
        let (mut limit, mut verdict) = (String::new(), String::new());
        if mark.is_asked() {
            let side = if mark.is_least { ">=" } else { "<=" };
            limit = format!("{side}{:>6}", mark.limit);
            let missed = misses(mark, outcomes);
            verdict = if missed > 0.0 {
                format!("{:.1} %", missed * 100.0)
            } else {
                "pass".to_owned()
            };
        }
        let _ = writeln!(
            text,
            "{:<10} {:<30} {:>10.4} {limit:>8} {verdict:>9}  {:>5}  {seconds:>7.1}",
            trial.name,
            mark.what,
            mark.worst(outcomes),
            mark.values(outcomes).count(),
        );
    }
    text
}

struct Wish {
    /// With the seeds of each.
    trials: Vec<(Trial, Vec<u64>)>,
    jobs: usize,
    json: bool,
    report: bool,
    traces: bool,
}

impl Wish {
    fn parse(mut args: impl Iterator<Item = String>) -> Option<Self> {
        let (mut found, mut seeds) = (Vec::new(), None);
        let mut wish = Self {
            trials: Vec::new(),
            jobs: std::thread::available_parallelism().map_or(1, usize::from),
            json: false,
            report: false,
            traces: false,
        };
        while let Some(arg) = args.next() {
            match arg.as_str() {
                "--seed" => {
                    let seed = args.next()?.parse().ok()?;
                    seeds = Some(seed..=seed);
                }
                "--seeds" => seeds = Some(1..=args.next()?.parse().ok()?),
                "--jobs" => wish.jobs = args.next()?.parse().ok()?,
                "--json" => wish.json = true,
                "--report" => wish.report = true,
                "--traces" => wish.traces = true,
                name => {
                    let named = scenarios::named(name);
                    if named.is_empty() {
                        eprintln!("there is no scenario {name}");
                        return None;
                    }
                    found.extend(named);
                }
            }
        }
        let with_seeds = |trial: Trial| {
            let seeds = seeds.clone().unwrap_or(1..=trial.seeds);
            (trial, seeds.collect())
        };
        wish.trials = found.into_iter().map(with_seeds).collect();
        (!wish.trials.is_empty()).then_some(wish)
    }
}
