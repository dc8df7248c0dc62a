//! Runs scenarios by name and says how far each is from its marks: `sim NAME... [--seed N] [--seeds N] [--json]`.

use std::fmt::Write;
use std::process::ExitCode;

use p2pcore_simulator::scenarios::{self, Outcome, Trial};

const USAGE: &str = "usage: sim NAME... [--seed N | --seeds N] [--json | --report]
NAME is a scenario, its number (s1 is s1-8, s1-32 and s1-100), or all";

fn main() -> ExitCode {
    let Some(wish) = Wish::parse(std::env::args().skip(1)) else {
        eprintln!("{USAGE}\n");
        for trial in scenarios::all() {
            eprintln!("  {:<10} {}", trial.name, trial.about);
        }
        return ExitCode::from(2);
    };
    if !wish.json {
        println!(
            "{:<10} {:<30} {:>10} {:>8} {:>9}  seeds",
            "scenario", "figure", "worst", "mark", "missed by"
        );
    }
    for trial in &wish.trials {
        let mut outcomes = Vec::new();
        for seed in wish.seeds.clone() {
            let outcome = trial.run(seed);
            if wish.json {
                let json = outcome.report.to_json();
                println!("{{\"scenario\":\"{}\",\"report\":{json}}}", trial.name);
            } else if wish.report {
                println!("{}", outcome.report.table());
            }
            outcomes.push(outcome);
        }
        if !wish.json {
            print!("{}", verdicts(trial, &outcomes));
        }
    }
    ExitCode::SUCCESS
}

fn verdicts(trial: &Trial, outcomes: &[Outcome]) -> String {
    let mut text = String::new();
    for mark in trial.marks {
        let worst = mark.worst(outcomes);
        let missed = mark.missed_by(worst);
        let missed = if missed > 0.0 {
            format!("{:.1} %", missed * 100.0)
        } else {
            "-".to_owned()
        };
        let side = if mark.is_least { ">=" } else { "<=" };
        let _ = writeln!(
            text,
            "{:<10} {:<30} {worst:>10.4} {side}{:>6} {missed:>9}  {}",
            trial.name,
            mark.what,
            mark.limit,
            outcomes.len()
        );
    }
    text
}

struct Wish {
    trials: Vec<Trial>,
    seeds: std::ops::RangeInclusive<u64>,
    json: bool,
    report: bool,
}

impl Wish {
    fn parse(mut args: impl Iterator<Item = String>) -> Option<Self> {
        let mut wish = Self {
            trials: Vec::new(),
            seeds: 1..=5,
            json: false,
            report: false,
        };
        while let Some(arg) = args.next() {
            match arg.as_str() {
                "--seed" => {
                    let seed = args.next()?.parse().ok()?;
                    wish.seeds = seed..=seed;
                }
                "--seeds" => wish.seeds = 1..=args.next()?.parse().ok()?,
                "--json" => wish.json = true,
                "--report" => wish.report = true,
                name => {
                    let found = scenarios::named(name);
                    if found.is_empty() {
                        eprintln!("there is no scenario {name}");
                        return None;
                    }
                    wish.trials.extend(found);
                }
            }
        }
        (!wish.trials.is_empty()).then_some(wish)
    }
}
