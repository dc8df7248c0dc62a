//! The endgame: every needed block was asked of somebody, and a peer has room. It is asked for the blocks that would
//! come last from those that are much slower than it, latest first.
//!
//! At most two peers owe a block (three for the last eight), and the duplicates of a whole transfer are bounded: what
//! a dead peer keeps beyond that comes back when it counts as stalled.

use std::cmp::Reverse;
use std::time::Duration;

use p2pcore_protocol::BLOCK;

use crate::holdings::Holdings;
use crate::peers::{Peer, Peers};
use crate::picker::{Block, Picked, Picker};
use crate::time::Time;

/// Duplicates of one transfer at most: half a percent of its blocks, but at least 32.
pub(crate) fn bound(total: u64) -> u64 {
    (total / u64::from(BLOCK) / 200).max(32)
}

/// A duplicate must promise to save at least this.
pub(crate) const WORTH: Duration = Duration::from_millis(100);
/// What one block from a peer that was not yet measured is assumed to take.
pub(crate) const UNMEASURED: Duration = Duration::from_millis(250);
/// Blocks left at which a third peer may be asked.
const LAST: u32 = 8;

/// Chooses up to `count` blocks to ask `peer` for, too, of the pieces that it may be asked for.
pub(crate) fn choose(
    now: Time,
    (peer, holds): (&Peer, &Holdings),
    peers: &Peers,
    picker: &Picker,
    count: usize,
) -> Vec<Picked> {
    if count == 0 {
        return Vec::new();
    }
    let own = transfer(peer, peer.requests.len() + 1).unwrap_or(UNMEASURED);
    let mut victims: Vec<(Duration, &Peer)> = peers
        .iter()
        .filter(|other| other.key != peer.key && other.requests.len() > 0)
        .map(|other| (expected(now, other), other))
        .filter(|(theirs, _)| *theirs >= own * 2 + WORTH)
        .collect();
    victims.sort_by_key(|(theirs, other)| (Reverse(*theirs), other.key));
    let left: usize = peers.iter().map(|other| other.requests.len()).sum();
    let most = if left as u32 <= LAST { 3 } else { 2 };
    let mut chosen: Vec<Picked> = Vec::new();
    for (piece, block) in victims
        .iter()
        .flat_map(|(_, other)| other.requests.iter().rev())
    {
        if chosen.len() >= count {
            break;
        }
        let Some(partial) = picker.partials().get(piece) else {
            continue;
        };
        let open = matches!(partial.block(block), Some(Block::Asked(asked)) if asked < most);
        // A piece that failed before must keep its single sender.
        let fair = !picker.is_guarded(piece) || partial.sole == Some(peer.key);
        let pick = Picked {
            span: partial.span(block),
            block,
        };
        if open
            && fair
            && holds.contains(piece)
            && !peer.comes(piece)
            && !peer.requests.contains((piece, block))
            && !chosen.contains(&pick)
        {
            chosen.push(pick);
        }
    }
    chosen
}

/// When the last block that a peer owes would come, judged by its rate and by how long it has been silent: the silent
/// get later and later.
fn expected(now: Time, peer: &Peer) -> Duration {
    let waited = peer
        .requests
        .oldest()
        .map_or(Duration::ZERO, |asked| now.since(asked));
    let moving = transfer(peer, peer.requests.len()).unwrap_or_default();
    moving.max(waited)
}

/// The time that so many blocks take at the peer's rate, if that was measured.
pub(crate) fn transfer(peer: &Peer, blocks: usize) -> Option<Duration> {
    let micros = blocks as u64 * u64::from(BLOCK) * 1_000_000;
    micros
        .checked_div(peer.window.rate())
        .map(Duration::from_micros)
}
