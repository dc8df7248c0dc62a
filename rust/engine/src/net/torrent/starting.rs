//! A torrent's beginning: its files are opened, what is on disk is checked, then the transfer runs.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use p2pcore_protocol::Verified;
use p2pcore_scheduling::{CloseReason, Input};

use super::super::Net;
use super::super::jobs;
use super::super::leaves::Leaves;
use super::{Core, Phase, Torrent, from_user, new_swarm};
use crate::api::{CommandId, EventKind};
use crate::error::{StorageError, TorrentError};
use crate::storage::{Existing, Storage};

impl Torrent {
    pub fn open(&self, net: &Net, command: Option<CommandId>) {
        let mut core = self.core(net);
        core.opening = command;
        self.start(net, &mut core);
    }

    pub(super) fn start(&self, net: &Net, core: &mut Core) {
        core.phase = Phase::Opening;
        core.reopen = false;
        core.before = core.sums();
        self.shared.ledger.book(core.swarm.take_amounts());
        let before = std::mem::replace(&mut core.swarm, new_swarm(net, &self.meta, self.id));
        core.swarm.inherit(before);
        core.peers
            .values()
            .for_each(|peer| peer.close(CloseReason::Stopped));
        core.peers.clear();
        // A job that has answered for its last piece may not have ended: it must not take one of the new storage.
        core.fetched = Arc::default();
        core.partial.clear();
        core.leaves = Leaves::default();
        core.tickets.clear();
        core.had.clear();
        core.check_error = None;
        core.stop_check = Arc::default();
        self.shared.clear_pieces();
        self.shared.checked.store(0, Ordering::Relaxed);
        let before = core.storage.take();
        core.jobs += 1;
        let wanted = core.wanted.clone();
        jobs::open(
            net,
            self.id,
            before,
            Arc::clone(&self.meta),
            self.target.clone(),
            wanted,
        );
        self.publish(net, core);
    }

    pub(super) fn opened(&self, net: &Net, opened: Result<(Arc<Storage>, Existing), StorageError>) {
        let command = self.core(net).opening.take();
        let (storage, existing) = match opened {
            Ok(opened) => opened,
            Err(error) => {
                match command {
                    // It never began: the command failed, and the torrent is not there.
                    Some(command) => {
                        net.answer(Some(self.id), command, Err(error.into()));
                        self.core(net).closing = Some((false, None));
                    }
                    None => self.fail(net, error),
                }
                return;
            }
        };
        if let Some(command) = command {
            net.answer(Some(self.id), command, Ok(()));
        }
        let mut core = self.core(net);
        core.phase = Phase::Checking;
        core.storage = Some(Arc::clone(&storage));
        core.had = existing
            .trusted
            .into_iter()
            .map(Verified::resumed)
            .collect();
        let sizes = existing
            .to_check
            .iter()
            .map(|piece| self.meta.layout().data_size(*piece));
        let to_check = sizes.map(u64::from).sum();
        self.shared.update(|status| status.to_check = to_check);
        core.checking = if existing.to_check.is_empty() {
            0
        } else {
            let stop = Arc::clone(&core.stop_check);
            jobs::check(
                net,
                self.id,
                &self.shared,
                &storage,
                existing.to_check,
                &stop,
            )
        };
        core.jobs += core.checking;
        self.publish(net, &mut core);
        if core.checking == 0 {
            drop(core);
            self.run(net);
        }
    }

    pub(super) fn checked(&self, net: &Net, result: Result<Vec<Verified>, TorrentError>) {
        let mut core = self.core(net);
        core.checking -= 1;
        match result {
            Ok(good) => core.had.extend(good),
            Err(error) => {
                core.stop_check.store(true, Ordering::Relaxed);
                core.check_error = Some(error);
            }
        }
        if core.checking > 0 {
            return;
        }
        let error = core.check_error.take();
        drop(core);
        match error {
            Some(error) => self.fail(net, error),
            None => self.run(net),
        }
    }

    /// Everything on disk is known: the transfer begins.
    fn run(&self, net: &Net) {
        let core = self.core(net);
        if core.closing.is_some() || core.reopen {
            return;
        }
        let conflict = core
            .storage
            .as_ref()
            .and_then(|storage| storage.conflict(&core.wanted));
        drop(core);
        if let Some(error) = conflict {
            self.fail(net, error);
            return;
        }
        self.with(net, |core| {
            core.phase = Phase::Running;
            let had = std::mem::take(&mut core.had);
            core.missing = self.pieces_per_file();
            core.done_bytes = 0;
            let mut whole = Vec::new();
            for verified in &had {
                self.shared.set_piece(verified.piece());
                core.piece_present(self, verified.piece(), &mut whole);
            }
            core.handle(Input::Priorities(self.wishes(core)));
            core.handle(Input::Sequential(core.sequential));
            core.handle(Input::Had(had));
            core.tell_deadlines();
            self.publish(net, core); // whoever hears of it finds it in the status
            net.emit(Some(self.id), EventKind::Checked);
            if self.downloads() {
                whole.extend(self.empty_files(&core.wanted));
                whole.sort_unstable();
                for file in whole {
                    net.emit(Some(self.id), EventKind::FileCompleted(file));
                }
            }
            if core.paused {
                core.handle(Input::Pause);
            }
            let peers = core.user_peers.clone();
            core.handle(from_user(&peers));
            let flushed = core
                .storage
                .as_ref()
                .is_some_and(|storage| storage.is_flushed());
            core.unflushed = !flushed;
        });
        net.lsd.announce(net, self);
        self.refresh(net);
    }
}
