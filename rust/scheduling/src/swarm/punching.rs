//! Two peers that nobody can dial dial each other at once (BEP 55, over TCP): what one sends opens its firewall for the other.
//! A third, which both are connected with, tells them when.

use std::net::SocketAddr;

use p2pcore_protocol::holepunch::{Failure, Holepunch};
use p2pcore_protocol::message::Message;

use super::Swarm;
use crate::dialer::{Dial, MEETING};
use crate::exchange::reaches;
use crate::input::PeerKey;
use crate::output::Output;
use crate::peers::Peer;
use crate::time::Time;

impl Swarm {
    /// Dials whose time has come.
    pub(super) fn dial(&mut self, now: Time) {
        while let Some(Dial { addr, told }) = self.next_dial(now) {
            let within = told.then_some(MEETING);
            self.out.push(Output::Dial { addr, within });
        }
        while let Some((addr, by)) = self.dialer.next_unanswered(now) {
            let teller = self.peers.get_mut(by);
            if teller.is_some_and(|peer| peer.acquaintance.may_be_asked(now)) {
                self.punch(now, by, Holepunch::Rendezvous(addr));
            }
        }
    }

    /// A peer wants to be brought together with another, or brings us together with one.
    pub(super) fn on_punched(&mut self, now: Time, key: PeerKey, said: Holepunch) {
        let Some(peer) = self.peers.get_mut(key).filter(|_| self.config.exchange) else {
            return;
        };
        peer.heard = now;
        if !peer.acquaintance.may_punch(now) {
            self.nonsense(now, key);
            return;
        }
        let seen = peer.seen_at();
        match said {
            Holepunch::Rendezvous(addr) => {
                let failure = match self.target(key, addr) {
                    None => Failure::NotConnected,
                    Some(target) if !reaches(target.addr().ip(), seen) => Failure::NoSuchPeer,
                    Some(target) if !reaches(seen.ip(), target.seen_at()) => Failure::NoSuchPeer,
                    Some(target) if target.acquaintance.punch.is_none() => Failure::NoSupport,
                    Some(target) => {
                        let (other, there) = (target.key, target.seen_at());
                        let target = self.peers.get_mut(other);
                        if target.is_some_and(|peer| peer.acquaintance.may_be_told(now)) {
                            self.punch(now, other, Holepunch::Connect(seen));
                            self.punch(now, key, Holepunch::Connect(there));
                        }
                        return;
                    }
                };
                self.punch(now, key, Holepunch::Failed(addr, failure));
            }
            Holepunch::Connect(addr) => {
                if reaches(seen.ip(), addr) && !self.peers.has_one_at(addr) {
                    self.dialer.meet(now, addr);
                }
            }
            Holepunch::Failed(..) => {} // it is being dialled anyway
        }
    }

    /// Who is seen at this address, or else says that it listens there, other than the asker.
    fn target(&self, asker: PeerKey, addr: SocketAddr) -> Option<&Peer> {
        let others = || self.peers.iter().filter(move |peer| peer.key != asker);
        let seen = others().find(|peer| peer.seen_at() == addr);
        seen.or_else(|| others().find(|peer| peer.listens() == Some(addr)))
    }

    fn punch(&mut self, now: Time, key: PeerKey, says: Holepunch) {
        if let Some(peer) = self.peers.get_mut(key)
            && let Some(id) = peer.acquaintance.punch
        {
            let payload = says.encode();
            self.out.send(now, peer, Message::Extended { id, payload });
        }
    }
}
