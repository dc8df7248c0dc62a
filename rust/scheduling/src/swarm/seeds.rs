//! Seeds learn of each other from the peers that they serve: two that have everything have nothing to talk about.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use p2pcore_protocol::Member;
use p2pcore_protocol::message::Message;
use p2pcore_protocol::seeds::{MOST_SEEDS, encode_seeds};

use super::Swarm;
use crate::input::PeerKey;
use crate::peers::Peer;
use crate::sharing::Sharing;
use crate::time::Time;

impl Swarm {
    /// Tells each seed which others there are, where that changed. Many seeds need not know.
    pub(super) fn tell_of_seeds(&mut self, now: Time) {
        let takes = |peer: &&Peer| peer.wants_nothing() && peer.seeds.id.is_some();
        let seeds: Vec<PeerKey> = self
            .peers
            .iter()
            .filter(takes)
            .map(|peer| peer.key)
            .collect();
        if self.is_complete() || seeds.len() > MOST_SEEDS {
            return;
        }
        let name = |key: &PeerKey| Some(Member::of(&self.peers.get(*key)?.info.peer_id));
        let names: Vec<Member> = seeds.iter().filter_map(name).collect();
        for (key, me) in seeds.iter().zip(&names) {
            let others: Vec<Member> = names.iter().copied().filter(|name| name != me).collect();
            let Some(peer) = self.peers.get_mut(*key) else {
                continue;
            };
            if let Some(id) = peer.seeds.id.filter(|_| peer.seeds.told != others) {
                let payload = encode_seeds(&others);
                peer.seeds.told = others;
                self.out.send(now, peer, Message::Extended { id, payload });
            }
        }
    }

    /// A peer says which other seeds it sees.
    pub(super) fn on_seeds_seen(&mut self, now: Time, key: PeerKey, seeds: Vec<Member>) {
        let Some(peer) = self.peers.get_mut(key) else {
            return;
        };
        peer.heard = now;
        if peer.seeds.seen == seeds {
            self.nonsense(now, key);
            return;
        }
        peer.seeds.seen = seeds;
        self.share_with_seeds();
    }

    /// The other seeds are those that most peers see.
    pub(super) fn share_with_seeds(&mut self) {
        let Some(origin) = &mut self.origin else {
            return;
        };
        let mut seen: BTreeMap<Member, usize> = BTreeMap::new();
        for seed in self.peers.iter().flat_map(|peer| &peer.seeds.seen) {
            *seen.entry(*seed).or_default() += 1;
        }
        seen.remove(&self.config.me);
        let mut others: Vec<(Member, usize)> = seen.into_iter().collect();
        others.sort_by_key(|(seed, by)| (Reverse(*by), *seed));
        let others = others.into_iter().map(|(seed, _)| seed).take(MOST_SEEDS);
        origin.share(Sharing::new(self.config.me, others.collect()));
    }
}
