//! Carries out what a Swarm says, in its order.

use std::sync::Arc;

use p2pcore_protocol::{BLOCK, PieceIndex};
use p2pcore_scheduling::{Fact, Output};

use super::outbox::Serving;
use super::torrent::{Core, Torrent};
use super::{Net, connect, fetched, leaves};
use crate::api::EventKind;

/// Until the Swarm has nothing more to say.
pub(super) fn carry_out(net: &Net, torrent: &Torrent, core: &mut Core) {
    carry_out_said(net, torrent, core);
    while core.prove() {
        carry_out_said(net, torrent, core);
    }
    leaves::read_due(net, torrent, core);
}

fn carry_out_said(net: &Net, torrent: &Torrent, core: &mut Core) {
    while let Some(output) = core.swarm.poll_output() {
        match output {
            Output::Send { peer, message } => {
                if let Some(peer) = core.peers.get(&peer) {
                    peer.send(&message);
                }
            }
            Output::Serve { peer, span } => {
                if let Some(peer) = core.peers.get(&peer) {
                    let data = core.of_partial(span);
                    peer.serve(Serving { span, data });
                }
            }
            Output::AskLeaves { peer, piece } => core.ask_for_leaves(peer, piece),
            Output::Store { ticket, span } => {
                if let Some(data) = core.take_ticket(ticket) {
                    let blocks = core.partial.entry(span.piece).or_default();
                    let at = (span.begin / BLOCK) as usize;
                    if blocks.len() <= at {
                        blocks.resize_with(at + 1, Vec::new);
                    }
                    blocks[at] = data;
                }
            }
            Output::Discard { ticket } => {
                let data = core.take_ticket(ticket);
                core.recycle(data.into_iter().collect());
            }
            Output::Check { piece, prints } => check(net, torrent, core, piece, prints),
            Output::Drop { piece } => {
                let blocks = core.partial.remove(&piece);
                core.recycle(blocks.unwrap_or_default());
            }
            Output::Dial { addr, within } => {
                if let (Some(net), Some(torrent)) = (net.me.upgrade(), net.torrent(torrent.id)) {
                    tokio::task::spawn_local(connect::dial(net, torrent, addr, within));
                }
            }
            Output::Close { peer, reason } => {
                if let Some(peer) = core.peers.get(&peer) {
                    peer.close(reason);
                }
            }
            Output::Fact(fact) => tell(net, torrent, core, fact),
        }
    }
}

fn check(net: &Net, torrent: &Torrent, core: &mut Core, piece: PieceIndex, prints: bool) {
    let blocks = core.partial.remove(&piece).unwrap_or_default();
    let Some(storage) = &core.storage else {
        return core.recycle(blocks);
    };
    let bytes: usize = blocks.iter().map(Vec::len).sum();
    net.in_pool.set(net.in_pool.get() + bytes as u64);
    core.jobs += 1;
    let (meta, storage) = (Arc::clone(&torrent.meta), Arc::clone(storage));
    let piece = fetched::Piece {
        index: piece,
        blocks,
        prints,
    };
    fetched::store(net, torrent.id, &core.fetched, meta, storage, piece);
}

fn tell(net: &Net, torrent: &Torrent, core: &mut Core, fact: Fact) {
    core.changed = true;
    let kind = match fact {
        Fact::PieceVerified(piece) => {
            net.emit(Some(torrent.id), EventKind::PieceVerified(piece));
            for file in std::mem::take(&mut core.whole) {
                net.emit(Some(torrent.id), EventKind::FileCompleted(file));
            }
            return;
        }
        Fact::PieceFailed(piece) => EventKind::PieceFailed(piece),
        Fact::PeerBanned {
            addr,
            reason,
            until,
        } => {
            // Whoever hears of it finds it among the bans.
            super::status::publish_bans(net, torrent, core);
            EventKind::PeerBanned {
                addr,
                reason,
                until: net.wall_clock(until),
            }
        }
        Fact::Completed | Fact::MayLeave if !torrent.downloads() => return, // a seed had it all before
        // Whoever hears of these finds them in the status.
        Fact::Completed => {
            super::status::publish(torrent, core);
            EventKind::Completed
        }
        Fact::MayLeave => {
            super::status::publish(torrent, core);
            EventKind::MayLeave
        }
    };
    net.emit(Some(torrent.id), kind);
}
