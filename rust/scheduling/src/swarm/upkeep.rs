//! What happens because time passes: stalls, silence, keep-alives, new choices of whom to serve.

use std::time::Duration;

use p2pcore_protocol::message::Message;

use super::Swarm;
use crate::input::PeerKey;
use crate::output::CloseReason;
use crate::peers::Peer;
use crate::time::Time;

/// When to look next.
#[derive(Debug, Default)]
pub(super) struct Timers {
    tick: Option<Time>,
    rechoke: Option<Time>,
}

/// While blocks are owed to us.
const BUSY: Duration = Duration::from_millis(250);
const IDLE: Duration = Duration::from_secs(1);
/// What comes from outside may share its link with all that the site fetches: so many times the patience.
const SHARED_LINK: u32 = 4;
/// The usual limit of other clients is two minutes of silence.
const KEEP_ALIVE: Duration = Duration::from_secs(100);
const SILENCE: Duration = Duration::from_secs(150);

impl Timers {
    /// When the next tick is due.
    pub(super) fn next(&self) -> Option<Time> {
        self.tick
    }

    pub(super) fn is_due(&self, now: Time) -> bool {
        self.tick.is_some_and(|tick| now >= tick)
    }

    /// Blocks were asked for: look again soon.
    pub(super) fn hurry(&mut self, now: Time) {
        let soon = now + BUSY;
        self.tick = Some(self.tick.map_or(soon, |tick| tick.min(soon)));
    }

    /// Sets the next tick, if there is anybody to look at.
    pub(super) fn set(&mut self, now: Time, anybody: bool) {
        if !anybody {
            *self = Self::default();
        } else if self.tick.is_none() {
            self.tick = Some(now + IDLE);
        }
    }
}

impl Swarm {
    pub(super) fn upkeep(&mut self, now: Time) {
        self.timers.tick = None;
        for key in self.keys_of(|peer| now.since(peer.heard) >= SILENCE) {
            self.close(now, key, CloseReason::TimedOut);
        }
        let limited = self
            .locality
            .as_ref()
            .is_some_and(|site| site.limit(now).is_some());
        let stalled = self.keys_of(|peer| {
            let times = if limited && peer.is_outside() {
                SHARED_LINK
            } else {
                1
            };
            let owes = peer.requests.len() > 0 && !peer.stall.is_stalled();
            owes && peer
                .stall
                .is_due(now, times, || self.is_relieved(now, peer))
        });
        for key in stalled {
            self.on_stall(now, key);
        }
        for peer in self.peers.iter_mut() {
            if now.since(peer.spoken) >= KEEP_ALIVE {
                self.out.send(now, peer, Message::KeepAlive);
            }
        }
        self.look_after_site(now);
        self.hedge_late(now);
        self.drop_stuck(now);
        self.take_late_back(now);
        self.look_after_promises(now);
        self.choose_whom_to_serve(now);
        self.tell_of_peers(now);
        if !self.blame.is_quiet() {
            // Who may fetch a failed piece depends on who else is there.
            self.picker.touch();
        }
        if !self.is_complete() {
            // Rests end, probes come due, slow peers get slower: everyone is worth a look.
            self.todo.fill_all = true;
        }
        let expects = |peer: &Peer| peer.requests.len() > 0 || peer.is_passing(now);
        if self.peers.iter().any(expects) {
            self.timers.hurry(now);
        }
    }

    /// Somebody idle has a piece of which this peer owes something, other than what it waits for itself.
    fn is_relieved(&self, now: Time, peer: &Peer) -> bool {
        let generation = self.picker.generation();
        let idle = |other: &&Peer| {
            let open = !other.choked() && !other.is_passing(now);
            let willing = open && !other.patience.is_resting(now);
            let fit = willing && !other.stall.is_stalled() && !other.parole.is_on();
            fit && other.requests.len() == 0 && other.dry == generation
        };
        let mut idle = self.peers.iter().filter(idle);
        idle.any(|other| {
            let mut owed = peer.requests.iter();
            owed.any(|(piece, _)| other.holds.contains(piece) && !peer.comes(piece))
        })
    }

    fn choose_whom_to_serve(&mut self, now: Time) {
        if self.timers.rechoke.is_some_and(|at| now < at) {
            return;
        }
        // The first tick only starts the clock: slots were given away as peers came.
        let first = self.timers.rechoke.is_none();
        self.timers.rechoke = Some(now + self.policy.every());
        if !first {
            self.rechoke(now);
        }
    }

    /// Too many pieces are begun for another to be, and one of them cannot go on with the peers at hand: it makes room.
    fn drop_stuck(&mut self, now: Time) {
        let partials = self.picker.partials();
        let bytes = partials.bytes() + u64::from(self.layout.piece_length());
        if partials.count() < 2 || bytes <= self.config.max_partial_bytes {
            return;
        }
        let reachable = |piece: u32| {
            self.peers
                .iter()
                .any(|peer| !peer.choked() && peer.holds.contains(piece))
        };
        let stuck = partials
            .open()
            .filter(|partial| partial.asked() == 0 && !reachable(partial.piece))
            .min_by_key(|partial| (partial.stored(), partial.piece));
        if let Some(piece) = stuck.map(|partial| partial.piece) {
            self.give_up(now, piece);
        }
    }

    pub(super) fn keys_of(&self, is: impl Fn(&Peer) -> bool) -> Vec<PeerKey> {
        let peers = self.peers.iter();
        peers.filter(|peer| is(peer)).map(|peer| peer.key).collect()
    }
}
