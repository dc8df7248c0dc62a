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
        core.handle(Input::Priorities(self.priorities(&core.wanted)));
        core.handle(Input::Sequential(core.sequential));
        let pieces = self.meta.layout().pieces();
        core.handle(Input::Had(pieces.map(Verified::resumed).collect()));
        while core.swarm.poll_output().is_some() {} // it was told before
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
            && self.wanted.iter().all(|wanted| *wanted)
    }
}

/// So many are taken in again within a fraction of a millisecond. A larger torrent is one of few.
const MOST_PIECES: u32 = 4_096;
