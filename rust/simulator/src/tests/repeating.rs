use super::small;
use crate::scenario::{Joins, Scenario};
use crate::{Group, Leaves, run, scenarios};

#[test]
fn the_same_seed_gives_the_same_trace_and_another_seed_another() {
    let again = (run(&small(), 1), run(&small(), 1));
    assert_eq!(again.0, again.1);
    assert_ne!(again.0.trace, run(&small(), 2).trace);
}

#[test]
fn churn_repeats_too() {
    let scenario = small()
        .group(
            Group::new("late", 20)
                .joins(Joins::Poisson(10.0))
                .leaves(Leaves::Complete),
        )
        .group(Group::new("crowd", 10).joins(Joins::Within(std::time::Duration::from_secs(1))));
    let report = run(&scenario, 7);
    assert_eq!(report.finished, 38, "{}", report.table());
    assert_eq!(report, run(&scenario, 7));
}

#[test]
fn every_trial_describes_a_torrent_and_has_marks() {
    for trial in scenarios::all() {
        let scenario = trial.scenario();
        assert_eq!(scenario.layout().piece_count(), scenario.pieces);
        assert!(!trial.marks.is_empty() && scenario.counted_ups().len() < scenario.nodes());
    }
}

#[test]
fn coarser_pieces_change_the_figures_little() {
    for seed in 1..=3 {
        let fine = run(&Scenario::flash_crowd(32, 256), seed);
        let coarse = run(&Scenario::flash_crowd(32, 256).coarser(4), seed);
        assert!((coarse.piece_bound - fine.piece_bound).abs() < 1e-9);
        assert!(coarse.blocks * 3 < fine.blocks);
        let ratio = coarse.last / fine.last;
        assert!((0.97..1.08).contains(&ratio), "{ratio}");
    }
}
