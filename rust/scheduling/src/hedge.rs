//! Late blocks of pieces with a deadline: those that come too late from whom they were asked are asked once more, of the
//! peer that is predicted to send them soonest.
//!
//! At most two peers owe a block, the second must promise to be twice as fast, and the duplicates of a whole transfer are
//! bounded, apart from those of the endgame.

use std::collections::BTreeMap;
use std::time::Duration;

use p2pcore_protocol::BLOCK;

use crate::endgame::{UNMEASURED, WORTH, transfer};
use crate::input::PeerKey;
use crate::peers::{Peer, Peers};
use crate::picker::{Block, Picked, Picker};
use crate::requests::BlockName;
use crate::time::Time;

/// Duplicates of one transfer at most: two percent of its blocks, but at least 64. Who watches waits for the last block,
/// so they are worth more than in the endgame.
pub(crate) fn bound(total: u64) -> u64 {
    (total / u64::from(BLOCK) / 50).max(64)
}

/// Blocks beyond a window that is full: what is late cannot wait for room.
const BEYOND: usize = 4;

/// Chooses up to `count` blocks to ask again, each with the peer to ask.
pub(crate) fn choose(
    now: Time,
    peers: &Peers,
    picker: &Picker,
    count: usize,
) -> Vec<(PeerKey, Picked)> {
    let mut chosen = Vec::new();
    if count == 0 || picker.deadlines().is_empty() {
        return chosen;
    }
    let asked = asked_once(now, peers, picker);
    let mut extra: BTreeMap<PeerKey, usize> = BTreeMap::new();
    for (due, piece) in picker.deadlines().first() {
        let Some(partial) = picker.partials().get(piece) else {
            continue;
        };
        for block in 0..partial.len() {
            let Some((owner, comes)) = asked.get(&(piece, block)) else {
                continue;
            };
            if now + *comes <= due {
                continue;
            }
            // A piece that failed before must keep its single sender.
            let fair = |peer: &Peer| {
                !picker.is_guarded(piece) && partial.sole.is_none_or(|sole| sole == peer.key)
            };
            let soonest = peers
                .iter()
                .filter(|peer| peer.key != *owner && peer.holds.contains(piece) && fair(peer))
                .filter_map(|peer| {
                    Some((helps(now, peer, extra.get(&peer.key).copied())?, peer.key))
                })
                .min();
            let Some((_, helper)) = soonest.filter(|(own, _)| *comes >= *own * 2 + WORTH) else {
                continue;
            };
            *extra.entry(helper).or_default() += 1;
            let span = partial.span(block);
            chosen.push((helper, Picked { span, block }));
            if chosen.len() >= count {
                return chosen;
            }
        }
    }
    chosen
}

/// The blocks of pieces with a deadline that one peer was asked for: who, and when they come from it. The silent get later
/// and later.
fn asked_once(
    now: Time,
    peers: &Peers,
    picker: &Picker,
) -> BTreeMap<BlockName, (PeerKey, Duration)> {
    let mut asked = BTreeMap::new();
    let mut due: Vec<u32> = picker.deadlines().first().map(|(_, piece)| piece).collect();
    due.sort_unstable();
    for peer in peers.iter() {
        let oldest = peer.requests.oldest();
        let waited = oldest.map_or(Duration::ZERO, |asked| now.since(asked));
        for (place, name) in peer.requests.iter().enumerate() {
            if due.binary_search(&name.0).is_ok() {
                let moving = transfer(peer, place + 1).unwrap_or_default();
                asked.insert(name, (peer.key, moving.max(waited)));
            }
        }
    }
    asked.retain(|(piece, block), _| {
        let partial = picker.partials().get(*piece);
        partial.and_then(|partial| partial.block(*block)) == Some(Block::Asked(1))
    });
    asked
}

/// When a block asked of the peer now would come; `None`: it is to be asked for nothing.
fn helps(now: Time, peer: &Peer, extra: Option<usize>) -> Option<Duration> {
    let outstanding = peer.requests.len() + extra.unwrap_or(0);
    let room = (peer.window.blocks() as usize + BEYOND).min(peer.window.limit() as usize);
    let idle = peer.choked()
        || peer.is_passing(now)
        || peer.stall.is_stalled()
        || peer.patience.is_resting(now)
        || peer.parole.is_on()
        || outstanding >= room;
    (!idle).then(|| transfer(peer, outstanding + 1).unwrap_or(UNMEASURED))
}
