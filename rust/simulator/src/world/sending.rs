//! A block's way: outbox, writer, socket, uplink, perhaps a link between sites, delay, downlink.
//!
//! The uplink takes one block of each connection in turn, as sockets that share a line do. A full link between sites
//! takes nothing more, so what would cross it waits at its sender and the uplink goes on with others.

use std::collections::VecDeque;

use p2pcore_protocol::extension::{Coming, parse_dont_have};
use p2pcore_protocol::holepunch::Holepunch;
use p2pcore_protocol::message::Message;
use p2pcore_protocol::pex::Exchange;
use p2pcore_protocol::seeds::parse_seeds;
use p2pcore_protocol::site::parse_site_news;
use p2pcore_scheduling::{Input, PeerKey, Ticket};

use super::{SiteLink, World};
use crate::event::{Event, Nanos, PipeId};
use crate::node::transmission;
use crate::scenario::{Conduct, Leaves, UNLIMITED};
use crate::wire::{BLOCK_HEADER, Flying};

/// Names a block that was received, and who sent it if it is corrupt.
fn ticket(number: u64, liar: Option<u32>) -> Ticket {
    Ticket((number << LIAR_BITS) | u64::from(liar.map_or(0, |node| node + 1)))
}

/// Who sent the corrupt block of a ticket.
pub(super) fn liar_of(ticket: Ticket) -> Option<u32> {
    let liar = (ticket.0 & ((1 << LIAR_BITS) - 1)) as u32;
    liar.checked_sub(1)
}

/// Nodes are numbered in 24 bits.
const LIAR_BITS: u32 = 25;

/// What waits at a link between sites at most: a usual router's buffer.
const LINK_QUEUE: Nanos = 100_000_000;

impl World {
    /// Moves what can be moved from the outbox of a connection towards the uplink.
    pub(super) fn push_on(&mut self, pipe: PipeId) {
        let queue = self.scenario.send_queue;
        let sender = &mut self.pipes[pipe as usize];
        sender.take_batch(queue.batch);
        if sender.batch_is_written(queue.socket) {
            self.agenda.at(self.now, Event::Written(pipe));
        }
        if sender.has_work() && !sender.queued {
            sender.queued = true;
            let node = sender.from;
            self.nodes[node as usize].ring.push_back(pipe);
            self.use_uplink(node);
        }
    }

    pub(super) fn written(&mut self, pipe: PipeId) {
        let sender = &self.pipes[pipe as usize];
        if !sender.open {
            return;
        }
        let room = self
            .scenario
            .send_queue
            .room
            .saturating_sub(sender.waiting());
        let (node, peer) = (sender.from, PeerKey(pipe.into()));
        self.input(node, Input::Writable { peer, room });
        self.push_on(pipe);
    }

    fn use_uplink(&mut self, node: u32) {
        while self.nodes[node as usize].sending.is_none() {
            let Some(pipe) = self.nodes[node as usize].ring.pop_front() else {
                return;
            };
            if self.waits_for_link(pipe) {
                continue;
            }
            let sender = &mut self.pipes[pipe as usize];
            sender.queued = false;
            if !sender.has_work() {
                continue;
            }
            let Some(span) = sender.send_next() else {
                continue;
            };
            let sending = &mut self.nodes[node as usize];
            let done = self.now + transmission(span.length, sending.what.up);
            self.agenda.at(done, Event::UplinkDone(node));
            let departs = self.cross_link(pipe, done, span.length);
            self.nodes[node as usize].sending = Some((pipe, span, departs));
            self.push_on(pipe);
        }
    }

    pub(super) fn uplink_done(&mut self, node: u32) {
        let sending = &mut self.nodes[node as usize];
        let Some((pipe, span, departs)) = sending.sending.take() else {
            return;
        };
        sending.seen.sent += u64::from(span.length);
        sending.seen.control += BLOCK_HEADER;
        let corrupt = sending.what.conduct == Conduct::Liar;
        if sending.what.complete && self.spread.seen[span.piece.get() as usize] {
            self.spread.repeated += u64::from(span.length);
        }
        if matches!(sending.what.leaves, Leaves::Sent(most) if sending.seen.sent >= most) {
            self.agenda.at(self.now, Event::Leave(node));
        }
        if self.pipes[pipe as usize].open {
            let at = departs + self.delay_now(pipe);
            let sender = &mut self.pipes[pipe as usize];
            sender.blocks.push_back(Flying { span, corrupt });
            let arrives = sender.arrival(at);
            self.agenda.at(arrives, Event::Arrive(pipe));
        }
        self.use_uplink(node);
    }

    pub(super) fn arrive(&mut self, pipe: PipeId) {
        let Some((node, _)) = self.receiver(pipe) else {
            self.pipes[pipe as usize].blocks.pop_front();
            return;
        };
        let node = &mut self.nodes[node as usize];
        let bytes = self.pipes[pipe as usize]
            .blocks
            .front()
            .map_or(0, |block| block.span.length);
        node.down_free = node.down_free.max(self.now) + transmission(bytes, node.what.down);
        self.agenda.at(node.down_free, Event::Block(pipe));
    }

    pub(super) fn receive_block(&mut self, pipe: PipeId) {
        let Some(Flying { span, corrupt }) = self.pipes[pipe as usize].blocks.pop_front() else {
            return;
        };
        let (piece, begin, length) = (span.piece.get(), span.begin, span.length);
        self.agenda
            .note((u64::from(piece) << 32) | u64::from(begin));
        let Some((node, peer)) = self.receiver(pipe) else {
            return;
        };
        self.tickets += 1;
        let sender = self.pipes[pipe as usize].from;
        let ticket = ticket(self.tickets, corrupt.then_some(sender));
        self.nodes[node as usize].seen.received += u64::from(length);
        let proves = self.nodes[node as usize].leaves.contains(&piece);
        if proves && corrupt {
            return self.find_out(node, peer, sender);
        }
        let block = Input::BlockArrived {
            peer,
            piece,
            begin,
            length,
            proven: proves,
            ticket,
        };
        self.feed(node, block);
        let bytes = length;
        self.feed(node, Input::Progress { peer, bytes });
        self.carry_out(node);
    }

    pub(super) fn receive_notes(&mut self, pipe: PipeId) {
        let receiver = self.receiver(pipe);
        let mut any = false;
        while let Some(message) = self.pipes[pipe as usize].next_note(self.now) {
            if let Some((node, peer)) = receiver {
                if matches!(message, Message::Interested | Message::NotInterested) {
                    self.set_wanted(pipe, message == Message::Interested);
                }
                if let Some(message) = self.hear_of_leaves(node, peer, message) {
                    self.feed(node, heard(peer, message));
                }
                any = true;
            }
        }
        if let Some((node, _)) = receiver.filter(|_| any) {
            self.carry_out(node);
        }
    }

    /// The sending end of a pipe told the receiving one that it is interested, or not any more.
    pub(super) fn set_wanted(&mut self, pipe: PipeId, wants: bool) {
        let sender = &mut self.pipes[pipe as usize];
        if std::mem::replace(&mut sender.wants, wants) == wants {
            return;
        }
        let node = &mut self.nodes[sender.to as usize];
        let (count, since) = &mut node.wanted;
        if wants {
            *count += 1;
            if *count == 1 {
                *since = self.now;
            }
        } else {
            *count -= 1;
            if *count == 0 {
                node.seen.wanted_for += self.now - *since;
            }
        }
    }

    /// The link that a connection crosses, and its rate.
    fn link_of(&mut self, pipe: PipeId) -> Option<(usize, u64)> {
        let rate = self.scenario.network.site_link.unwrap_or(UNLIMITED);
        let site = |node: u32| self.nodes[node as usize].what.site;
        let sender = &self.pipes[pipe as usize];
        let sites = (site(sender.from), site(sender.to));
        if sites.0 == sites.1 {
            return None;
        }
        let known = self.links.iter().position(|link| link.sites == sites);
        let at = known.unwrap_or_else(|| {
            self.links.push(SiteLink {
                sites,
                bytes: 0,
                free_at: 0,
                waiting: VecDeque::new(),
                woken: false,
            });
            self.links.len() - 1
        });
        Some((at, rate))
    }

    /// Puts a connection aside whose link is full.
    fn waits_for_link(&mut self, pipe: PipeId) -> bool {
        let Some((link, _)) = self.link_of(pipe) else {
            return false;
        };
        let link_state = &mut self.links[link];
        if link_state.free_at <= self.now + LINK_QUEUE {
            return false;
        }
        link_state.waiting.push_back(pipe);
        self.wake_link(link);
        true
    }

    fn wake_link(&mut self, link: usize) {
        let state = &mut self.links[link];
        if !state.woken && !state.waiting.is_empty() {
            state.woken = true;
            let at = state.free_at.saturating_sub(LINK_QUEUE).max(self.now);
            self.agenda.at(at, Event::LinkRoom(link as u32));
        }
    }

    /// The connection that waited longest has its turn.
    pub(super) fn link_room(&mut self, link: u32) {
        let link = link as usize;
        self.links[link].woken = false;
        let sender = loop {
            let Some(pipe) = self.links[link].waiting.pop_front() else {
                return;
            };
            if self.pipes[pipe as usize].has_work() {
                break pipe;
            }
            self.pipes[pipe as usize].queued = false;
        };
        let node = self.pipes[sender as usize].from;
        self.nodes[node as usize].ring.push_front(sender);
        self.use_uplink(node);
        self.wake_link(link);
    }

    /// When a block that is on the uplink until `sent` has left the link; its place there is taken now.
    fn cross_link(&mut self, pipe: PipeId, sent: Nanos, bytes: u32) -> Nanos {
        let Some((link, rate)) = self.link_of(pipe) else {
            return sent;
        };
        let state = &mut self.links[link];
        state.bytes += u64::from(bytes);
        if rate == UNLIMITED {
            return sent;
        }
        state.free_at = state.free_at.max(sent) + transmission(bytes, rate);
        state.free_at
    }
}

/// Ids of the extended messages: that a piece is gone (BEP 54), who fetches what for a site, which seeds there are,
/// which peers (BEP 11), that two are to dial each other, and that a piece comes.
pub(super) const DONT_HAVE: u8 = 1;
pub(super) const SITE_NEWS: u8 = 2;
pub(super) const SEEDS: u8 = 3;
pub(super) const EXCHANGE: u8 = 4;
pub(super) const PUNCH: u8 = 5;
pub(super) const COMING: u8 = 6;

/// What a driver makes of a message.
fn heard(peer: PeerKey, message: Message) -> Input {
    match &message {
        Message::Extended { id, payload } if *id == DONT_HAVE => {
            if let Ok(piece) = parse_dont_have(payload) {
                return Input::PeerLacks { peer, piece };
            }
        }
        Message::Extended { id, payload } if *id == COMING => {
            if let Ok(coming) = Coming::parse(payload) {
                return Input::PeerComing { peer, coming };
            }
        }
        Message::Extended { id, payload } if *id == SITE_NEWS => {
            if let Ok(news) = parse_site_news(payload) {
                return Input::SiteNews { peer, news };
            }
        }
        Message::Extended { id, payload } if *id == SEEDS => {
            if let Ok(seeds) = parse_seeds(payload) {
                return Input::SeedsSeen { peer, seeds };
            }
        }
        Message::Extended { id, payload } if *id == EXCHANGE => {
            if let Ok(exchange) = Exchange::parse(payload) {
                return Input::Exchanged { peer, exchange };
            }
        }
        Message::Extended { id, payload } if *id == PUNCH => {
            if let Ok(said) = Holepunch::parse(payload) {
                return Input::Punched { peer, said };
            }
        }
        _ => {}
    }
    Input::Message { peer, message }
}
