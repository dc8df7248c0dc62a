//! What is left of a torrent while nothing goes on in it. Of thousands in a session most are whole and without a peer:
//! such a torrent keeps its storage and its sums. The rest is made anew when something happens, and told nobody twice.

use std::cell::RefMut;
use std::sync::Arc;

use p2pcore_protocol::Verified;
use p2pcore_scheduling::Input;

use super::super::Net;
use super::{Core, Phase, Sums, Torrent};
use crate::storage::Storage;

/// What a resting torrent keeps.
#[derive(Default)]
pub(super) struct Resting {
    pub(super) storage: Option<Arc<Storage>>,
    before: Sums,
    next_key: u64,
    sequential: bool,
}

impl Torrent {
    /// What changes, also of a torrent that rests: it does not any more then.
    pub(super) fn core(&self, net: &Net) -> RefMut<'_, Core> {
        let core = self.core.borrow_mut();
        RefMut::map(core, |core| {
            &mut **core.get_or_insert_with(|| self.awoken(net))
        })
    }

    /// Puts the torrent to rest if nothing goes on in it.
    pub(super) fn rest(&self) {
        let mut core = self.core.borrow_mut();
        if let Some(active) = core.take_if(|core| core.may_rest()) {
            *self.resting.borrow_mut() = Resting {
                before: active.sums(),
                next_key: active.next_key,
                sequential: active.sequential,
                storage: active.storage,
            };
        }
    }

    fn awoken(&self, net: &Net) -> Box<Core> {
        let rested = self.resting.take();
        let files = self.meta.files().len();
        let mut core = Core::new(net, &self.meta, self.id, vec![true; files]);
        core.phase = Phase::Running;
        core.missing = vec![0; files];
        core.storage = rested.storage;
        core.before = rested.before;
        core.next_key = rested.next_key;
        core.sequential = rested.sequential;
        core.changed = false;
        core.handle(Input::Priorities(self.wishes(&core)));
        core.handle(Input::Sequential(core.sequential));
        let pieces = self.meta.layout().pieces();
        core.handle(Input::Had(pieces.map(Verified::resumed).collect()));
        while core.swarm.poll_output().is_some() {} // it was told before
        self.count_wanted(&mut core);
        Box::new(core)
    }
}

impl Core {
    /// Whether the core that `awoken` makes would be like this one.
    fn may_rest(&self) -> bool {
        let idle = self.phase == Phase::Running
            && !self.paused
            && !self.changed
            && !self.unflushed
            && self.jobs == 0
            && self.closing.is_none()
            && !self.reopen
            && self.peers.is_empty()
            && self.user_peers.is_empty();
        let have = self.swarm.have();
        idle && have.is_full()
            && have.len() <= MOST_PIECES
            && self.swarm.is_fresh()
            && self.priorities.is_none()
            && self.due.is_empty()
            && self.wanted.iter().all(|wanted| *wanted)
    }
}

/// So many are taken in again within a fraction of a millisecond. A larger torrent is one of few.
const MOST_PIECES: u32 = 4_096;

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::Duration;

    use p2pcore_protocol::create::{CreateOptions, FileEntry, Plan};
    use p2pcore_protocol::{Attributes, Format, Metainfo, TorrentPath};
    use p2pcore_scheduling::CloseReason;
    use tokio::sync::mpsc::unbounded_channel;

    use super::super::super::peer::tests::somebody;
    use super::super::super::{Setup, add_torrent, finish};
    use super::*;
    use crate::aligned::PageBuffer;
    use crate::api::{
        AddTorrent, CommandId, EventKind, Limits, SessionConfig, SessionLimits, Share, State,
        Target, TorrentId, UploaderPolicy,
    };
    use crate::events::EventQueue;
    use crate::shared::TorrentShared;
    use crate::storage::check_on_disk;

    const CONTENT: &[u8] = &[7; 40_000];
    const ID: TorrentId = TorrentId(1);

    fn one_file() -> Arc<Metainfo> {
        let entry = FileEntry {
            path: TorrentPath::parse("one.bin").unwrap(),
            length: CONTENT.len() as u64,
            attributes: Attributes::default(),
        };
        let options = CreateOptions::new(Format::V1);
        let plan = Plan::new("one.bin", true, vec![entry], options).unwrap();
        Arc::new(plan.build(plan.hash_contents(&[CONTENT])).unwrap())
    }

    /// A download that was whole at the end of the session before.
    fn finished(meta: &Arc<Metainfo>, folder: &Path) -> Target {
        let target = Target::Download {
            into: folder.to_path_buf(),
            preallocate: false,
            overwrite: true,
        };
        std::fs::write(folder.join("one.bin"), CONTENT).unwrap();
        let meta = Arc::clone(meta);
        let state_dir = Some(folder.join("state"));
        let opened = Storage::open(Arc::clone(&meta), &target, &[true], state_dir.as_deref());
        let (storage, existing) = opened.unwrap();
        for good in check_on_disk(
            &storage,
            &meta,
            &existing.to_check,
            &mut PageBuffer::default(),
        )
        .unwrap()
        {
            storage.mark_good(good.unwrap().piece());
        }
        storage.close().unwrap();
        target
    }

    fn setup(folder: &Path) -> Setup {
        Setup {
            config: SessionConfig {
                listen: Vec::new(),
                limits: SessionLimits::default(),
                max_peers: 9,
                max_peers_per_torrent: 9,
                max_half_open: 9,
                unchoke_slots: 9,
                uploader: UploaderPolicy::default(),
                locality: true,
                site: None,
                local_discovery: false,
                peer_exchange: true,
                base_share: Share::default(),
                origin: false,
                connect_timeout: Duration::from_secs(9),
                state_dir: Some(folder.join("state")),
                threads: 1,
                event_capacity: 99,
            },
            peer_id: [1; 20],
            events: Arc::new(EventQueue::new(99).unwrap()),
            torrents: Arc::default(),
            ends: Arc::default(),
        }
    }

    #[tokio::test]
    async fn a_whole_torrent_rests_between_peers_and_tells_nothing_twice() {
        let folder = tempfile::tempdir().unwrap();
        let meta = one_file();
        let add = AddTorrent {
            meta: Arc::clone(&meta),
            target: finished(&meta, folder.path()),
            files: None,
            peers: Vec::new(),
            sequential: false,
            limits: Limits::default(),
        };
        let (done, mut results) = unbounded_channel();
        let net = Net::new(setup(folder.path()), &[], done);
        let told = || -> Vec<EventKind> {
            let events = net.events.drain(99);
            events.into_iter().map(|event| event.kind).collect()
        };
        let shared = Arc::new(TorrentShared::new(meta, Arc::default()));
        add_torrent(&net, ID, add, Arc::clone(&shared), CommandId(2));
        let torrent = net.torrent(ID).unwrap();
        finish(&net, results.recv().await.unwrap());
        assert!(torrent.core.borrow().is_none(), "it rests at once");
        let completed = |kind: &EventKind| matches!(kind, EventKind::Completed);
        assert_eq!(told().iter().filter(|kind| completed(kind)).count(), 1);

        let peer = torrent.connected(&net, somebody(), None).unwrap();
        assert!(torrent.core(&net).swarm.have().is_full());
        torrent.core(&net).before.uploaded = 5; // as if it had been served
        torrent.refresh(&net);
        torrent.rest();
        assert!(torrent.core.borrow().is_some(), "not while a peer is there");
        torrent.disconnected(&net, &peer, CloseReason::Stopped);
        torrent.refresh(&net);
        torrent.rest();
        assert!(torrent.core.borrow().is_none());

        torrent.pause(&net);
        assert_eq!(shared.status().state, State::Paused);
        torrent.resume(&net);
        let status = shared.status();
        assert_eq!((status.state, status.uploaded), (State::Seeding, 5));
        assert_eq!((status.done, status.pieces), (CONTENT.len() as u64, 3));
        let again = told();
        let connections = |kind: &EventKind| {
            matches!(
                kind,
                EventKind::PeerConnected { .. } | EventKind::PeerDisconnected { .. }
            )
        };
        assert!(again.iter().all(connections), "{again:?}");
    }
}
