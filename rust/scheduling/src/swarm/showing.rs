//! Which peer an origin shows the next piece to.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::time::Duration;

use p2pcore_protocol::message::Message;
use p2pcore_protocol::{Member, PieceIndex};

use super::Swarm;
use crate::draw::lot;
use crate::identity::Account;
use crate::input::PeerKey;
use crate::origin::{Kind, Shown, TRIALS, Turn};
use crate::peers::Peer;
use crate::time::Time;

/// Pieces that an account is shown at once before it took any: one on its way, one being asked for. One that several
/// peers share is shown one.
const AT_FIRST: usize = 2;
/// With so many peers at our site that look for pieces, the site passes them on to others.
const FEWEST_NEAR: usize = 3;

/// Whom a piece is shown to, and what that keeps busy.
struct Chosen {
    key: PeerKey,
    turn: Turn,
    kind: Kind,
}

/// Pieces that the peers of an account were shown, or got from us, and that nobody else has yet.
type ToPassOn = BTreeMap<Account, usize>;

impl Swarm {
    /// Shows as many pieces as keep our link busy.
    pub(super) fn show_more(&mut self, now: Time) {
        let (mut in_vain, mut to_pass_on) = (Vec::new(), OnceCell::new());
        while let Some(chosen) = self.next_to_show_to(&in_vain, &to_pass_on) {
            let key = chosen.key;
            let Some(account) = self.show_one(now, chosen) else {
                in_vain.push(key);
                continue;
            };
            if let Some(all) = to_pass_on.get_mut() {
                *all.entry(account).or_default() += 1;
            }
        }
    }

    /// Shows a peer the scarcest piece that it lacks. The peer's account, unless there is none for it.
    fn show_one(&mut self, now: Time, Chosen { key, turn, kind }: Chosen) -> Option<Account> {
        let (origin, peer) = (self.origin.as_mut()?, self.peers.get_mut(key)?);
        let account = peer.account();
        let shown = peer.shown.as_mut()?;
        let fits = |piece| !peer.holds.contains(piece) && !shown.is_promised(piece);
        let piece = origin.next(now, fits)?;
        let size = self.layout.data_size(PieceIndex::new(piece));
        origin.begin(now, piece, kind);
        origin.count_turn(now, turn, account);
        shown.promise(piece, size, kind, now);
        self.out.send(now, peer, Message::Have(piece));
        if self.locality.is_some() && peer.is_outside() && peer.info.fast {
            // It is the one to fetch it for its site.
            self.out.send(now, peer, Message::Suggest(piece));
        }
        self.timers.hurry(now);
        Some(account)
    }

    /// The next peer to show a piece to, if there is room. Whoever still has pieces to pass on waits for those that passed
    /// on all they got: they have nothing else to give, and whoever keeps what it gets gets no more of it.
    fn next_to_show_to(
        &self,
        in_vain: &[PeerKey],
        to_pass_on: &OnceCell<ToPassOn>,
    ) -> Option<Chosen> {
        let origin = self.origin.as_ref()?;
        let slots = u32::try_from(self.slots()).unwrap_or(u32::MAX);
        let has_room = origin.has_room(self.layout.piece_length(), slots);
        let has_trial = origin.has_trial(self.forwarding.promising(TRIALS));
        if !has_room && !has_trial {
            return None;
        }
        let turn = origin.turn(self.config.base_share);
        let near = self.site_spreads();
        let keeps = |account| {
            let all = to_pass_on.get_or_init(|| self.to_pass_on());
            all.get(&account).copied().unwrap_or(0)
        };
        let rank = |peer: &Peer, shown: &Shown| {
            let account = peer.account();
            // Who comes with many may be one that keeps what all of them get.
            let known = self.forwarding.known(account).is_some();
            let company = if known { 0 } else { peer.sharers() as usize };
            let rank = match turn {
                Turn::Everybody => (false, origin.in_turn(account), company, Duration::ZERO),
                Turn::Passing => {
                    let takes = !self.forwarding.is_promising(account);
                    let expected = self.forwarding.expected(account);
                    (takes, company, keeps(account), expected)
                }
            };
            // Whoever has said nothing so far may be nobody.
            let silent = !peer.map_said && !peer.wants;
            let last = (origin.last_shown(account), shown.last);
            // Those that never had any are many at first: who was quick to come may have waited for it.
            let lot = lot(Member(self.seed ^ peer.key.0), 0);
            (silent, rank, shown.open(), last, lot)
        };
        let hidden = self.peers.iter().filter(|peer| peer.is_hidden_from());
        hidden
            .filter(|peer| !in_vain.contains(&peer.key))
            .filter(|peer| peer.is_local() || !near)
            .filter_map(|peer| peer.shown.as_ref().map(|shown| (peer, shown)))
            .filter_map(|(peer, shown)| {
                let account = peer.account();
                let (fits, kind) = if shown.is_tried || origin.takes(account) {
                    (has_room, Kind::Ours)
                } else {
                    let most = if peer.sharers() > 0 { 1 } else { AT_FIRST };
                    (has_trial && keeps(account) < most, Kind::Trial)
                };
                fits.then(|| (rank(peer, shown), peer.key, kind))
            })
            .min_by_key(|(rank, key, _)| (*rank, *key))
            .map(|(_, key, kind)| Chosen { key, turn, kind })
    }

    /// Those of everybody from whom we hide pieces.
    fn to_pass_on(&self) -> ToPassOn {
        let mut all = ToPassOn::new();
        for peer in self.peers.iter().filter(|peer| peer.is_hidden_from()) {
            let promised = peer.shown.as_ref().map_or(&[][..], Shown::promised);
            *all.entry(peer.account()).or_default() += promised.len();
        }
        for account in self.forwarding.waiting() {
            *all.entry(account).or_default() += 1;
        }
        all
    }

    /// There are enough peers at our site that look for pieces: what they have they pass on, also to others.
    pub(super) fn site_spreads(&self) -> bool {
        let looking = |peer: &&Peer| peer.is_local() && peer.is_hidden_from();
        let few = self.peers.iter().filter(looking).take(FEWEST_NEAR);
        self.locality.is_some() && few.count() == FEWEST_NEAR
    }
}
