use super::small;
use crate::scenario::Joins;
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
