//! What the peers at our site fetch from outside, and what we do for them.

use p2pcore_protocol::message::Message;
use p2pcore_protocol::site::encode_site_news;
use p2pcore_protocol::{BlockSpan, Member, SiteNews};

use super::Swarm;
use super::blocks::request_of;
use crate::bitfield::Bitfield;
use crate::holdings::Holdings;
use crate::input::PeerKey;
use crate::locality::Surroundings;
use crate::peers::{Peer, Place};
use crate::time::Time;

/// What somebody outside is expected to give who was not asked yet, bytes per second.
const UNKNOWN: u64 = 256 * 1024;

impl Swarm {
    /// It is known where a peer is.
    pub(super) fn on_site(&mut self, now: Time, key: PeerKey, local: bool, news: Option<u8>) {
        let Some(locality) = &self.locality else {
            return;
        };
        let Some(peer) = self.peers.get_mut(key) else {
            return;
        };
        let place = if local { Place::Local } else { Place::Outside };
        let known = (peer.place, peer.news) == (place, news);
        (peer.place, peer.news) = (place, news);
        if local && !known {
            let everything = locality.everything(now);
            self.tell_site(now, &everything, |other| other == key);
        } else if !local && !known {
            self.entrust(now, key);
        }
        self.look_if_new(now);
        self.show_interest(now, key);
    }

    /// A peer says who fetches what.
    pub(super) fn on_site_news(&mut self, now: Time, key: PeerKey, news: Vec<SiteNews>) {
        let Some(peer) = self.peers.get_mut(key) else {
            return;
        };
        peer.heard = now;
        let Some(locality) = self.locality.as_mut().filter(|_| peer.is_local()) else {
            return self.nonsense(now, key);
        };
        // Who is connected to us is here, whatever others say.
        let teller = Member::of(&peer.info.peer_id);
        let is_here = |member: Member| {
            let mut others = self
                .peers
                .iter()
                .filter(|peer| peer.is_local() && peer.key != key);
            member != teller && others.any(|peer| Member::of(&peer.info.peer_id) == member)
        };
        let gone = |item: &SiteNews| item.says == p2pcore_protocol::Says::Gone;
        let news = news
            .into_iter()
            .filter(|item| !gone(item) || !is_here(item.member));
        // The same comes from several sides.
        let mut lost = Vec::new();
        let heard = news.filter_map(|item| locality.hear(now, teller, item, &mut lost));
        let passed_on: Vec<SiteNews> = heard.collect();
        self.tell_site(now, &passed_on, |other| other != key);
        lost.into_iter()
            .for_each(|piece| self.yield_import(now, piece));
        self.look_if_new(now);
    }

    /// A peer elsewhere shows us a piece that it shows nobody else: we fetch it for our site.
    pub(super) fn on_suggest(&mut self, now: Time, key: PeerKey, piece: u32) {
        let elsewhere = self.peers.get(key).filter(|peer| peer.is_outside());
        let shown = elsewhere.is_some_and(|peer| peer.holds.contains(piece));
        if !shown || self.locality.is_none() || !self.picker.need().contains(piece) {
            return self.nonsense(now, key);
        }
        self.claim(now, &[piece]);
        self.let_in(piece);
        self.show_interest(now, key);
        self.fill(now, key);
    }

    /// The piece may be fetched from anywhere.
    pub(super) fn let_in(&mut self, piece: u32) {
        if let Some(locality) = &mut self.locality {
            locality.open(piece);
            self.picker.touch();
        }
    }

    /// A peer has a piece that we need.
    pub(super) fn see(&mut self, now: Time, key: PeerKey, piece: u32) {
        let (Some(locality), Some(peer)) = (&mut self.locality, self.peers.get(key)) else {
            return;
        };
        if peer.is_local() {
            if peer.belief.is_firm() {
                locality.close(piece);
            }
        } else if locality.see(now, piece) {
            self.picker.touch();
        }
    }

    /// What a peer may be asked for, if that is not all that it has.
    pub(super) fn limited(&self, now: Time, key: PeerKey) -> Option<Holdings> {
        let limit = self.locality.as_ref()?.limit(now)?;
        let elsewhere = self.peers.get(key).filter(|peer| peer.is_outside())?;
        Some(elsewhere.holds.within(limit))
    }

    /// We began pieces: the site learns of those that hardly anybody there has.
    pub(super) fn claim(&mut self, now: Time, pieces: &[u32]) {
        let Some(locality) = &mut self.locality else {
            return;
        };
        let rare = |piece: &u32| {
            let mut local = self.peers.iter().filter(|peer| peer.is_local());
            // One may be an origin that shows it to nobody else.
            local.by_ref().find(|peer| peer.holds.contains(*piece));
            !local.any(|peer| peer.holds.contains(*piece))
        };
        let rare: Vec<u32> = pieces.iter().copied().filter(rare).collect();
        if let Some(news) = locality.claim(now, &rare) {
            self.tell_site(now, &[news], |_| true);
        }
    }

    /// A peer outside has nothing that we may fetch now: one more piece may be our turn.
    pub(super) fn reserve(&mut self, now: Time, key: PeerKey) {
        let (Some(locality), Some(peer)) = (&mut self.locality, self.peers.get(key)) else {
            return;
        };
        if let Some(news) = locality.reserve(now, &peer.holds) {
            self.tell_site(now, &[news], |_| true);
        }
    }

    /// Another began a piece at the same time, and it is its turn: where nothing came yet, nothing need come.
    fn yield_import(&mut self, now: Time, piece: u32) {
        let partial = self.picker.partials().get(piece);
        let Some(partial) = partial.filter(|partial| partial.stored() == 0) else {
            return;
        };
        let spans: Vec<BlockSpan> = (0..partial.len())
            .map(|block| partial.span(block))
            .collect();
        for peer in self.peers.iter_mut().filter(|peer| peer.is_outside()) {
            for (block, span) in (0..).zip(&spans) {
                if peer.requests.withdraw((piece, block)) {
                    self.out.send(now, peer, Message::Cancel(request_of(*span)));
                    self.picker.release(piece, block);
                }
            }
        }
    }

    /// A peer goes.
    pub(super) fn part(&mut self, now: Time, peer: &Peer) {
        let Some(locality) = self.locality.as_mut().filter(|_| peer.is_local()) else {
            return;
        };
        if !self.peers.iter().any(Peer::is_local) {
            locality.reset();
        } else if peer.holds.is_all() {
            // It says so itself.
        } else if let Some(news) = locality.depart(now, Member::of(&peer.info.peer_id)) {
            self.tell_site(now, &[news], |_| true);
        }
    }

    /// While there is no rule yet, each thing that is learnt may make one.
    fn look_if_new(&mut self, now: Time) {
        if self.locality.as_ref().is_some_and(|site| !site.is_active()) {
            self.look_after_site(now);
        }
    }

    /// Now and then: whose turn it is to fetch what, and who is told that we are here.
    pub(super) fn look_after_site(&mut self, now: Time) {
        let Some(locality) = &mut self.locality else {
            return;
        };
        let local = |peer: &&Peer| peer.is_local();
        let fetching = !self.picker.need().is_empty() && self.peers.iter().any(Peer::is_outside);
        let was_active = locality.is_active();
        let pieces = self.layout.piece_count();
        let (mut inside, mut outside) = (Bitfield::new(pieces), Bitfield::new(pieces));
        if fetching {
            for peer in self.peers.iter().filter(|peer| peer.belief.is_firm()) {
                let side = if peer.is_local() {
                    &mut inside
                } else {
                    &mut outside
                };
                peer.holds.add_to(side);
            }
        }
        let urgent: Vec<u32> = self
            .picker
            .deadlines()
            .first()
            .map(|(_, piece)| piece)
            .collect();
        let here = self
            .peers
            .iter()
            .filter(local)
            .map(|peer| peer.down.rate(now))
            .sum();
        // Who chokes us may do so because we do not ask.
        let useful = |peer: &&Peer| peer.is_outside() && peer.useful > 0;
        let there = self
            .peers
            .iter()
            .filter(useful)
            .map(|peer| match peer.window.rate() {
                0 => UNKNOWN,
                rate => rate,
            });
        let there = there.max().unwrap_or(0);
        let around = Surroundings {
            need: self.picker.need(),
            inside: &inside,
            outside: &outside,
            urgent: &urgent,
            fetching,
            neighbours: self.peers.iter().filter(local).count(),
            rates: (here, there),
            waiting: self.peers.iter().filter(local).any(|peer| peer.useful > 0),
        };
        let partials = self.picker.partials();
        let stored = |piece| Some(partials.get(piece)?.stored());
        let news = locality.look(now, &around, stored);
        let is_active = locality.is_active();
        self.tell_site(now, &news, |_| true);
        if was_active || is_active {
            self.picker.touch();
            self.show_interest_elsewhere(now);
        }
    }

    fn show_interest_elsewhere(&mut self, now: Time) {
        for at in 0..self.peers.len() {
            let Some(key) = self.peers.key_at(at) else {
                break;
            };
            if self.peers.get(key).is_some_and(Peer::is_outside) {
                self.show_interest(now, key);
            }
        }
    }

    fn tell_site(&mut self, now: Time, news: &[SiteNews], to: impl Fn(PeerKey) -> bool) {
        let payloads = encode_site_news(news);
        if payloads.is_empty() {
            return;
        }
        for peer in self
            .peers
            .iter_mut()
            .filter(|peer| peer.is_local() && to(peer.key))
        {
            let Some(id) = peer.news else {
                continue;
            };
            for payload in payloads.iter().cloned() {
                self.out.send(now, peer, Message::Extended { id, payload });
            }
        }
    }
}
