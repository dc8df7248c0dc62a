//! What of a torrent is wanted: which files, how soon which pieces, and which are due at a time.
//!
//! One rule for both: a piece is fetched if a wanted file has bytes in it and its priority is above 0. So files say where
//! bytes may be written, and priorities which pieces of them come, and in what order.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use p2pcore_protocol::{FileIndex, PieceIndex};
use p2pcore_scheduling::Input;

use super::super::{Net, jobs};
use super::{Core, Phase, Torrent};
use crate::api::DEFAULT_PRIORITY;

impl Torrent {
    pub fn set_files(&self, net: &Net, files: Option<&[FileIndex]>) {
        self.with(net, |core| {
            let before = core.wanted.clone();
            core.wanted.fill(files.is_none());
            for file in files.iter().copied().flatten() {
                if let Some(wanted) = core.wanted.get_mut(file.as_usize()) {
                    *wanted = true;
                }
            }
            self.count_wanted(core);
            if let (Phase::Running, Some(storage)) = (&core.phase, &core.storage) {
                core.jobs += 1;
                jobs::set_wanted(net, self.id, Arc::clone(storage), core.wanted.clone());
                core.handle(Input::Priorities(self.wishes(core)));
            } else if matches!(core.phase, Phase::Opening | Phase::Checking)
                && core.wanted != before
            {
                // The files are being opened for another choice: open them anew, before anything is told.
                core.stop_check.store(true, Ordering::Relaxed);
                core.reopen = true;
            }
        });
        net.lsd.announce(net, self); // more may be looked for now
        self.refresh(net);
    }

    /// `None`: all pieces alike.
    pub fn set_priorities(&self, net: &Net, priorities: Option<&[u8]>) {
        self.shared.set_priorities(priorities);
        self.with(net, |core| {
            core.priorities = priorities.map(<[u8]>::to_vec);
            self.count_wanted(core);
            if core.phase == Phase::Running {
                core.handle(Input::Priorities(self.wishes(core)));
            }
        });
        net.lsd.announce(net, self); // more may be looked for now
        self.refresh(net);
    }

    /// The piece is due so long from now, or (`None`) not at any time.
    pub fn set_deadline(&self, net: &Net, piece: PieceIndex, within: Option<Duration>) {
        self.with(net, |core| {
            let due = within.map(|within| core.now() + within);
            match due.filter(|_| !core.swarm.have().contains(piece.get())) {
                Some(due) => core.due.insert(piece, due),
                None => core.due.remove(&piece),
            };
            if core.phase == Phase::Running {
                let piece = piece.get();
                core.handle(Input::Deadline { piece, within });
            }
        });
    }

    /// Nothing is due at any time.
    pub fn clear_deadlines(&self, net: &Net) {
        self.with(net, |core| {
            core.due.clear();
            core.handle(Input::NoDeadlines);
        });
    }

    /// What the Swarm is told. A seed wants nothing: what is missing cannot be written.
    pub(super) fn wishes(&self, core: &Core) -> Vec<u8> {
        let layout = self.meta.layout();
        let mut wishes = vec![0; layout.piece_count() as usize];
        let wanted = core.wanted.iter().enumerate();
        for (file, _) in wanted.filter(|(_, wanted)| **wanted && self.downloads()) {
            let pieces = layout.file_pieces(FileIndex::new(file as u32));
            let pieces = pieces.start as usize..pieces.end as usize;
            match &core.priorities {
                Some(priorities) => wishes[pieces.clone()].copy_from_slice(&priorities[pieces]),
                None => wishes[pieces].fill(DEFAULT_PRIORITY),
            }
        }
        wishes
    }

    /// Bytes of a piece that belong to wanted files, if it is wanted.
    pub(super) fn wanted_bytes(&self, core: &Core, piece: PieceIndex) -> u64 {
        let priorities = core.priorities.as_ref();
        if priorities.is_some_and(|priorities| priorities[piece.as_usize()] == 0) {
            return 0;
        }
        let layout = self.meta.layout();
        let slices = layout.slices(layout.data_span(piece));
        let wanted = |file: FileIndex| core.wanted[file.as_usize()];
        let counted = slices.filter(|slice| slice.file.is_some_and(wanted));
        counted.map(|slice| u64::from(slice.length)).sum()
    }

    /// Counts anew what is wanted, and what of it is there.
    pub(super) fn count_wanted(&self, core: &mut Core) {
        let layout = self.meta.layout();
        core.wanted_bytes = if core.priorities.is_some() {
            let pieces = (0..layout.piece_count()).map(PieceIndex::new);
            pieces.map(|piece| self.wanted_bytes(core, piece)).sum()
        } else {
            let files = (0..layout.file_count()).map(FileIndex::new);
            let wanted = files.filter(|file| core.wanted[file.as_usize()]);
            wanted.map(|file| layout.file_size(file)).sum()
        };
        let have = core.swarm.have().iter().map(PieceIndex::new);
        core.done_bytes = have.map(|piece| self.wanted_bytes(core, piece)).sum();
    }
}

impl Core {
    /// A new Swarm is told what the one before it knew.
    pub(super) fn tell_deadlines(&mut self) {
        for (piece, due) in self.due.clone() {
            let (piece, within) = (piece.get(), Some(due.since(self.now)));
            self.handle(Input::Deadline { piece, within });
        }
    }
}
