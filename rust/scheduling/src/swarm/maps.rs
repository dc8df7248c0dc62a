//! What is kept of what peers have: a map for each that has something, within a budget of bytes. Beyond it only the number
//! of pieces is kept. Such a peer is served like any other, but nothing is asked of it, and it does not count where the
//! rarity of pieces is; who is asked for nothing now makes room for whoever has more that we need.

use super::Swarm;
use crate::bitfield::Bitfield;
use crate::holdings::Holdings;
use crate::input::PeerKey;
use crate::peers::Peer;
use crate::time::Time;

impl Swarm {
    /// What is kept of a map that a peer sent.
    pub(super) fn keep(&mut self, now: Time, key: PeerKey, bits: Bitfield) -> Holdings {
        let useful = bits.count_common(self.picker.need());
        match Holdings::from_bits(bits) {
            Holdings::Some(bits) if !self.make_room_for_map(now, key, useful) => {
                Holdings::Counted(bits.count())
            }
            holds => holds,
        }
    }

    /// Whether the map of a peer that has so many pieces that we need may be kept.
    pub(super) fn make_room_for_map(&mut self, now: Time, key: PeerKey, useful: u32) -> bool {
        let others = || self.peers.iter().filter(|peer| peer.key != key);
        let kept = || others().filter(|peer| peer.holds.bits().is_some());
        let each = u64::from(self.layout.piece_count().div_ceil(64)) * 8;
        if (kept().count() as u64 + 1) * each <= self.config.max_map_bytes {
            return true;
        }
        let idle = |peer: &&Peer| peer.choked() && peer.requests.len() == 0;
        let least = kept()
            .filter(idle)
            .min_by_key(|peer| (peer.useful, peer.key));
        let gone = least.filter(|peer| peer.useful < useful);
        let Some(gone) = gone.map(|peer| peer.key) else {
            return false;
        };
        self.forget_map(now, gone);
        true
    }

    /// From now on only the number of pieces is known of a peer.
    fn forget_map(&mut self, now: Time, key: PeerKey) {
        let pieces = self.layout.piece_count();
        let Some(peer) = self.peers.get_mut(key) else {
            return;
        };
        let comes = peer.coming.len() as u32;
        let counted = Holdings::Counted(peer.holds.count(pieces).saturating_sub(comes));
        let before = std::mem::replace(&mut peer.holds, counted);
        if peer.belief.is_firm() {
            self.picker.count_holdings(&before, false);
        }
        peer.useful = 0;
        self.recount(&before, key);
        self.show_interest(now, key);
        self.show_all_if_counted(key);
    }

    /// What a peer lacks cannot be shown piece by piece if it is not known.
    pub(super) fn show_all_if_counted(&mut self, key: PeerKey) {
        if let Some(peer) = self.peers.get_mut(key)
            && let (Holdings::Counted(_), Some(shown)) = (&peer.holds, &mut peer.shown)
        {
            shown.everything.get_or_insert(0);
            self.todo.slots = true;
        }
    }

    /// A peer of which only the number is known has one piece more, or less.
    pub(super) fn count_known(&mut self, now: Time, key: PeerKey, count: u32) {
        let pieces = self.layout.piece_count();
        let Some(peer) = self.peers.get_mut(key) else {
            return;
        };
        if count < pieces {
            peer.holds = Holdings::Counted(count);
            return;
        }
        peer.holds = Holdings::All;
        if peer.belief.is_firm() {
            self.picker.count_holdings(&Holdings::All, true);
        }
        peer.useful = self.picker.need().count();
        peer.dry = 0;
        self.todo.seeds = true;
        self.todo.useless = true;
        self.todo.slots = true;
        self.show_interest(now, key);
        self.fill(now, key);
    }
}
