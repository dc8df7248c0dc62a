//! A torrent's public face, computed from its Swarm.

use p2pcore_scheduling::PeerSnapshot;

use super::Net;
use super::torrent::{Core, Phase, Torrent};
use crate::api::{Ban, Explanation, PeerStatus, State};

/// Writes the status, the peers and the availability to where other threads look.
pub(super) fn publish(torrent: &Torrent, core: &mut Core) {
    torrent.shared.ledger.book(core.swarm.take_amounts());
    let snapshots = core.swarm.peer_snapshots(core.now());
    let sums = core.sums();
    let wanted = core.wanted_bytes;
    let full = core.swarm.have().is_full();
    let done = if full { wanted } else { core.done_bytes };
    let rate = |of: fn(&PeerSnapshot) -> u64| snapshots.iter().map(of).sum::<u64>() as f64;
    let (download_rate, upload_rate) = (
        rate(|peer| peer.download_rate),
        rate(|peer| peer.upload_rate),
    );
    torrent.shared.update(|status| {
        status.state = state(torrent, core);
        status.error = match &core.phase {
            Phase::Failed(error) => Some(error.clone()),
            _ => None,
        };
        status.done = done;
        status.wanted = wanted;
        status.downloaded = sums.downloaded;
        status.uploaded = sums.uploaded;
        status.wasted = sums.wasted;
        status.download_rate = download_rate;
        status.upload_rate = upload_rate;
        status.peers = snapshots.len() as u32;
        status.seeds = snapshots.iter().filter(|peer| peer.seed).count() as u32;
        status.pieces = core.swarm.have().count();
    });
    torrent.shared.set_availability(core.swarm.availability());
    let peers = snapshots
        .into_iter()
        .map(|snapshot| peer_status(core, snapshot));
    let explanation = Explanation {
        sharing: core.swarm.sharing(),
        uploaded: sums.uploaded,
        peers: peers.collect(),
    };
    torrent.shared.explain(explanation);
}

/// The bans, which change rarely.
pub(super) fn publish_bans(net: &Net, torrent: &Torrent, core: &Core) {
    let ban = |ban: p2pcore_scheduling::Ban| Ban {
        addr: ban.addr,
        reason: ban.reason,
        scope: ban.scope,
        until: net.wall_clock(ban.until),
        times: ban.times,
    };
    let bans = core.swarm.bans(core.now()).into_iter().map(ban);
    torrent.shared.set_bans(bans.collect());
}

fn state(torrent: &Torrent, core: &Core) -> State {
    match &core.phase {
        Phase::Failed(_) => State::Failed,
        Phase::Closing => State::Removed,
        _ if core.is_paused() => State::Paused,
        Phase::Opening | Phase::Checking => State::Checking,
        Phase::Running if !torrent.downloads() || core.swarm.is_complete() => State::Seeding,
        Phase::Running => State::Downloading,
    }
}

fn peer_status(core: &Core, snapshot: PeerSnapshot) -> PeerStatus {
    let peer = core.peers.get(&snapshot.key);
    PeerStatus {
        addr: snapshot.addr,
        client: peer.map_or_else(String::new, |peer| peer.client.borrow().clone()),
        outgoing: snapshot.outgoing,
        progress: snapshot.progress,
        downloaded: snapshot.downloaded,
        uploaded: snapshot.uploaded,
        download_rate: snapshot.download_rate as f64,
        upload_rate: snapshot.upload_rate as f64,
        choking: snapshot.choking,
        choked: snapshot.choked,
        interested: snapshot.interested,
        wanting: snapshot.wanting,
        outstanding: snapshot.outstanding,
        why: snapshot.why,
    }
}
