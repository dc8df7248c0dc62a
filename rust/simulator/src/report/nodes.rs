//! A row for each node: what the figures of a run are computed from, for those who want others.

use super::seconds;
use crate::world::World;

/// One node of a run. Times are seconds from the start of the run.
#[derive(Debug, Clone, PartialEq)]
pub struct NodeRow {
    /// Which of the scenario's groups it belongs to.
    pub group: usize,
    /// When it came, or would have come.
    pub joined: f64,
    /// When its first piece was verified.
    pub first_piece: Option<f64>,
    /// When it had everything; of those that had it from the start: when they came.
    pub finished: Option<f64>,
    /// When it went.
    pub left: Option<f64>,
    /// Payload bytes that it sent.
    pub uploaded: u64,
    /// Payload bytes that it received.
    pub downloaded: u64,
    /// Of these, bytes received in vain.
    pub wasted: u64,
    /// Bytes of messages and headers that it sent.
    pub control: u64,
    /// Blocks that it asked of a second peer in the endgame.
    pub duplicates: u64,
}

pub(super) fn rows(world: &World) -> Vec<NodeRow> {
    let row = |node: &crate::node::Node| {
        let (seen, counters) = (&node.seen, node.swarm.counters());
        NodeRow {
            group: node.group,
            joined: seconds(node.joins_at),
            first_piece: seen.first_piece.map(seconds),
            finished: seen.completed.map(seconds),
            left: seen.left.map(seconds),
            uploaded: seen.sent,
            downloaded: seen.received,
            wasted: counters.wasted,
            control: seen.control,
            duplicates: counters.duplicates,
        }
    };
    world.nodes.iter().map(row).collect()
}
