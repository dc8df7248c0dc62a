//! Who sent corrupt data.
//!
//! The only sender of a failed piece is guilty. Of several, each goes on parole: its blocks are then not mixed with
//! others' where that can be helped, so that the next failure has one sender; and the failed piece is fetched again
//! from a single peer, not one of the suspects where somebody else can. A peer on parole is cleared by as many whole
//! pieces as it has been suspected times. With known leaf hashes (v2) the guilty are named at once.

use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, SocketAddr};

use crate::explain::Trust;
use crate::input::{PeerInfo, PeerKey};

/// The suspicion against one peer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Parole {
    suspected: u32,
    pieces_left: u32,
}

/// Whole good pieces that clear a peer, at most.
const MOST_PIECES: u32 = 8;

impl Parole {
    /// It had a part in a failed piece.
    pub(crate) fn suspect(&mut self) {
        self.suspected += 1;
        self.pieces_left = self.suspected.min(MOST_PIECES);
    }

    /// A piece that it sent alone is good.
    pub(crate) fn on_good_piece(&mut self) {
        self.pieces_left = self.pieces_left.saturating_sub(1);
    }

    /// For people to look at.
    pub(crate) fn trust(self) -> Trust {
        Trust {
            suspected: self.suspected,
            parole: self.pieces_left,
        }
    }

    /// Its blocks should not be mixed with others'.
    pub(crate) fn is_on(self) -> bool {
        self.pieces_left > 0
    }
}

/// The failed pieces that are not yet good, the banned, and the last peers that left.
#[derive(Debug, Default)]
pub(crate) struct Blame {
    /// Failed piece to its suspects, sorted.
    cases: BTreeMap<u32, Vec<PeerKey>>,
    /// Peers that left, so that a piece that fails later can still be held against them; the oldest is forgotten.
    departed: VecDeque<(PeerKey, Identity)>,
    /// The oldest ban is lifted when there are too many.
    banned: VecDeque<Identity>,
}

/// By what a banned peer is known again: what we dialled, or an address and the peer id it used. Never an IP address
/// alone: many honest peers may share one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Identity {
    dialled: Option<SocketAddr>,
    ip: IpAddr,
    peer_id: [u8; 20],
    /// As seen, for telling people.
    pub(crate) addr: SocketAddr,
}

const CASES_KEPT: usize = 1_024;
const DEPARTED_KEPT: usize = 256;
const BANNED_KEPT: usize = 1_024;

impl Identity {
    pub(crate) fn of(info: &PeerInfo) -> Self {
        Self {
            dialled: info.outgoing.then_some(info.addr),
            ip: info.addr.ip(),
            peer_id: info.peer_id,
            addr: info.addr,
        }
    }

    fn is_same(&self, other: &Self) -> bool {
        (self.dialled.is_some() && self.dialled == other.dialled)
            || (self.ip == other.ip && self.peer_id == other.peer_id)
    }
}

impl Blame {
    /// A piece failed and several peers sent it.
    pub(crate) fn open_case(&mut self, piece: u32, suspects: Vec<PeerKey>) {
        // Beyond the bound the piece is still fetched from one peer; only the preference for a clean one is lost.
        if self.cases.len() < CASES_KEPT || self.cases.contains_key(&piece) {
            self.cases.insert(piece, suspects);
        }
    }

    /// A piece is good.
    pub(crate) fn close_case(&mut self, piece: u32) {
        self.cases.remove(&piece);
    }

    /// The failed pieces in which this peer had a part.
    pub(crate) fn cases_against(
        &self,
        peer: PeerKey,
    ) -> impl Iterator<Item = (u32, &[PeerKey])> + '_ {
        self.cases
            .iter()
            .filter(move |(_, suspects)| suspects.binary_search(&peer).is_ok())
            .map(|(piece, suspects)| (*piece, suspects.as_slice()))
    }

    /// No piece is under suspicion.
    pub(crate) fn is_quiet(&self) -> bool {
        self.cases.is_empty()
    }

    /// A peer left.
    pub(crate) fn remember(&mut self, peer: PeerKey, identity: Identity) {
        if self.departed.len() == DEPARTED_KEPT {
            self.departed.pop_front();
        }
        self.departed.push_back((peer, identity));
    }

    /// Who a peer was that left, if that is still known.
    pub(crate) fn departed(&self, peer: PeerKey) -> Option<Identity> {
        self.departed
            .iter()
            .find(|(key, _)| *key == peer)
            .map(|(_, identity)| *identity)
    }

    /// Bans a peer; whether it was not yet.
    pub(crate) fn ban(&mut self, identity: Identity) -> bool {
        if self.banned.contains(&identity) {
            return false;
        }
        if self.banned.len() == BANNED_KEPT {
            self.banned.pop_front();
        }
        self.banned.push_back(identity);
        true
    }

    /// Whether a peer that connected is banned.
    pub(crate) fn is_banned(&self, info: &PeerInfo) -> bool {
        let identity = Identity::of(info);
        self.banned.iter().any(|banned| banned.is_same(&identity))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(port: u16, id: u8, outgoing: bool) -> PeerInfo {
        PeerInfo {
            addr: SocketAddr::from(([127, 0, 0, 1], port)),
            outgoing,
            peer_id: [id; 20],
            fast: true,
            extended: true,
            v2: false,
        }
    }

    #[test]
    fn a_ban_hits_one_peer_of_an_address_only() {
        let mut blame = Blame::default();
        assert!(blame.ban(Identity::of(&info(1000, 1, true))));
        assert!(!blame.ban(Identity::of(&info(1000, 1, true))));
        assert!(
            blame.is_banned(&info(1000, 9, true)),
            "same dialled address"
        );
        assert!(blame.is_banned(&info(7777, 1, false)), "same host and id");
        assert!(!blame.is_banned(&info(1000, 2, false)));
        assert!(!blame.is_banned(&info(1001, 2, true)));
    }

    #[test]
    fn parole_ends_after_as_many_pieces_as_suspicions() {
        let mut parole = Parole::default();
        assert!(!parole.is_on());
        parole.suspect();
        parole.suspect();
        parole.on_good_piece();
        assert!(parole.is_on());
        parole.on_good_piece();
        assert!(!parole.is_on());
    }

    #[test]
    fn lists_are_bounded() {
        let mut blame = Blame::default();
        for port in 0..3_000_u16 {
            blame.ban(Identity::of(&info(port, 1, true)));
            blame.remember(PeerKey(u64::from(port)), Identity::of(&info(port, 1, true)));
            blame.open_case(u32::from(port), vec![PeerKey(1)]);
        }
        assert_eq!(blame.banned.len(), BANNED_KEPT);
        assert_eq!(blame.departed.len(), DEPARTED_KEPT);
        assert_eq!(blame.cases.len(), CASES_KEPT);
    }
}
