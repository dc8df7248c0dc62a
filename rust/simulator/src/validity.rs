//! Whether a scenario can be run at all. Those in `scenarios` can; those that users describe may not.

use std::time::Duration;

use p2pcore_protocol::Layout;
use p2pcore_protocol::layout::{LayoutError, Span};

use crate::scenario::{Group, Joins, Leaves, Scenario};

/// Why a scenario cannot be run.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ScenarioError {
    /// There can be no such torrent.
    #[error("pieces and piece_length: {0}")]
    Torrent(#[from] LayoutError),
    /// A torrent of nothing would be complete before it is begun.
    #[error("pieces is 0: it must be at least 1")]
    NoPieces,
    /// Every node needs an address of its own.
    #[error("groups: {0} nodes are more than {MAX_NODES}")]
    Nodes(usize),
    /// Not so many prefixes, and at least one.
    #[error("prefixes of group {0:?}: they must be from 1 to {MAX_PREFIXES}")]
    Prefixes(String),
    /// Nobody would ever be done.
    #[error("groups: nobody has the pieces: one group at least must be complete")]
    NoOrigin,
    /// There is nothing to wait for.
    #[error("groups: nobody is waited for: one group at least must be counted and have nodes")]
    NobodyCounted,
    /// Whoever has everything can not get it.
    #[error("counted: group {0:?} is complete from the start: it cannot be waited for")]
    CountedOrigin(String),
    /// A time beyond [`MAX_TIME`].
    #[error("{0} is more than {max} seconds", max = MAX_TIME.as_secs())]
    Time(&'static str),
    /// A rate that is not above zero.
    #[error("joins: {0} nodes a second: it must be above 0")]
    Poisson(f64),
    /// A share that is below zero, or no number.
    #[error("{0} is {1}: it must be from 0 to {2}")]
    Share(&'static str, f64, f64),
}

/// The addresses of nodes are 24 bits.
pub const MAX_NODES: usize = 1 << 24;

/// Nodes of prefixes tell themselves apart by their ports, too.
const MAX_NODES_WITH_PREFIXES: usize = 1 << 22;
const MAX_PREFIXES: u32 = 1 << 16;

/// A century: what virtual time can count to is six.
pub const MAX_TIME: Duration = Duration::from_hours(100 * 366 * 24);

impl Scenario {
    /// Whether it can be run.
    pub fn validate(&self) -> Result<(), ScenarioError> {
        if self.pieces == 0 {
            return Err(ScenarioError::NoPieces);
        }
        Layout::new(self.piece_length, [Span::File(self.bytes())])?;
        let nodes = self
            .groups
            .iter()
            .fold(0usize, |sum, group| sum.saturating_add(group.count));
        if nodes > MAX_NODES {
            return Err(ScenarioError::Nodes(nodes));
        }
        let has_nodes = || self.groups.iter().filter(|group| group.count > 0);
        let prefixed = |group: &&Group| group.prefixes.is_some();
        for group in self.groups.iter().filter(prefixed) {
            if !(1..=MAX_PREFIXES).contains(&group.prefixes.unwrap_or(1)) {
                return Err(ScenarioError::Prefixes(group.class.to_string()));
            }
            if nodes > MAX_NODES_WITH_PREFIXES {
                return Err(ScenarioError::Nodes(nodes));
            }
        }
        if !has_nodes().any(|group| group.complete) {
            return Err(ScenarioError::NoOrigin);
        }
        if !has_nodes().any(|group| group.counted) {
            return Err(ScenarioError::NobodyCounted);
        }
        if let Some(group) = self.groups.iter().find(|g| g.counted && g.complete) {
            return Err(ScenarioError::CountedOrigin(group.class.to_string()));
        }
        self.validate_times()?;
        for (name, share, most) in [
            ("spread", self.network.spread, 1.0),
            ("jitter", self.network.jitter, MAX_JITTER),
        ] {
            if !(0.0..=most).contains(&share) {
                return Err(ScenarioError::Share(name, share, most));
            }
        }
        Ok(())
    }

    fn validate_times(&self) -> Result<(), ScenarioError> {
        let mut times = vec![
            ("limit", self.limit),
            ("mark", self.mark),
            ("check", self.check),
            ("delay", self.network.delay),
            ("far_delay", self.network.far_delay),
        ];
        for group in &self.groups {
            if let Leaves::Within(time) = group.leaves {
                times.push(("leaves", time));
            }
            match group.joins {
                Joins::At(time) | Joins::Within(time) => times.push(("joins", time)),
                Joins::Poisson(rate) if rate > 0.0 && rate.is_finite() => {
                    let last = Duration::try_from_secs_f64(group.count as f64 / rate);
                    times.push(("joins", last.unwrap_or(Duration::MAX)));
                }
                Joins::Poisson(rate) => return Err(ScenarioError::Poisson(rate)),
            }
        }
        match times.iter().find(|(_, time)| *time > MAX_TIME) {
            Some((name, _)) => Err(ScenarioError::Time(name)),
            None => Ok(()),
        }
    }
}

/// Messages that take a hundred times as long as the path: beyond any network.
const MAX_JITTER: f64 = 100.0;

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(change: impl Fn(&mut Scenario)) -> String {
        let mut scenario = Scenario::flash_crowd(2, 8);
        change(&mut scenario);
        scenario
            .validate()
            .expect_err("it cannot be run")
            .to_string()
    }

    #[test]
    fn what_is_refused_is_named() {
        assert!(refused(|it| it.pieces = 0).starts_with("pieces is 0"));
        assert!(refused(|it| it.pieces = u32::MAX).starts_with("pieces"));
        assert!(refused(|it| it.piece_length = 0).contains("piece length 0"));
        assert!(refused(|it| it.groups[1].count = MAX_NODES).contains("nodes"));
        assert!(refused(|it| it.groups[1].count = usize::MAX).contains("nodes"));
        assert!(refused(|it| it.groups[1].count = 0).contains("waited for"));
        assert!(refused(|it| it.groups[0].count = 0).contains("nobody has"));
        assert!(refused(|it| it.groups[0].counted = true).contains("\"origin\""));
        assert!(refused(|it| it.limit = Duration::MAX).starts_with("limit"));
        assert!(refused(|it| it.groups[1].prefixes = Some(0)).starts_with("prefixes"));
        assert!(
            refused(|it| it.groups[1].leaves = Leaves::Within(Duration::MAX)).starts_with("leaves")
        );
        assert!(refused(|it| it.network.jitter = f64::NAN).starts_with("jitter is NaN"));
        assert!(refused(|it| it.network.spread = 1.1).starts_with("spread is 1.1"));
        for rate in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e-300] {
            let joins = Joins::Poisson(rate);
            let why = refused(|it| it.groups[1] = Group::new("late", 3).joins(joins));
            assert!(why.starts_with("joins"), "{why}");
        }
    }

    #[test]
    fn every_trial_can_be_run() {
        for trial in crate::scenarios::all() {
            assert_eq!(trial.scenario().validate(), Ok(()), "{}", trial.name);
        }
    }
}
