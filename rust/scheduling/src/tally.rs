//! What was given to and received from each identity, for the driver to keep: the Swarm forgets a peer that leaves.
//!
//! Every byte is told once. Whoever takes the amounts adds them up, over torrents and over runs.

use std::collections::BTreeMap;

use crate::identity::Identity;
use crate::peers::Peer;

/// Payload bytes, both ways.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Amounts {
    /// Handed to connections of it.
    pub given: u64,
    /// Received from it, useful or not.
    pub received: u64,
}

impl Amounts {
    /// Nothing passed either way.
    pub fn is_nothing(self) -> bool {
        self == Self::default()
    }

    /// Both sums.
    pub fn add(&mut self, other: Self) {
        self.given = self.given.saturating_add(other.given);
        self.received = self.received.saturating_add(other.received);
    }
}

/// The amounts that were not taken yet, of peers that left.
#[derive(Debug, Default)]
pub(crate) struct Tally(BTreeMap<Identity, Amounts>);

/// A driver takes the amounts several times a second; of one that never does, further identities are left out.
const KEPT: usize = 4_096;

impl Tally {
    /// A peer leaves, or its amounts are about to be taken.
    pub(crate) fn book(&mut self, peer: &mut Peer) {
        let passed = Amounts {
            given: peer.uploaded - peer.booked.given,
            received: peer.downloaded - peer.booked.received,
        };
        let identity = Identity::of(peer.addr().ip());
        let known = self.0.len() < KEPT || self.0.contains_key(&identity);
        if known && !passed.is_nothing() {
            self.0.entry(identity).or_default().add(passed);
            peer.booked.add(passed);
        }
    }

    /// All were taken.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes them out.
    pub(crate) fn take(&mut self) -> BTreeMap<Identity, Amounts> {
        std::mem::take(&mut self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::{PeerInfo, PeerKey};
    use crate::time::Time;

    fn peer(last: [u8; 2]) -> Peer {
        let info = PeerInfo {
            addr: ([203, 0, last[0], last[1]], 6_881).into(),
            outgoing: true,
            peer_id: [0; 20],
            fast: true,
            extended: true,
            v2: false,
        };
        Peer::new(PeerKey(1), info, Time::ZERO)
    }

    #[test]
    fn each_byte_is_told_once_and_a_prefix_is_one() {
        let mut tally = Tally::default();
        let (mut one, mut other) = (peer([7, 1]), peer([7, 2]));
        (one.uploaded, one.downloaded, other.uploaded) = (100, 5, 10);
        tally.book(&mut one);
        one.uploaded = 101;
        tally.book(&mut one);
        tally.book(&mut other);
        let taken: Vec<_> = tally.take().into_values().collect();
        let sum = Amounts {
            given: 111,
            received: 5,
        };
        assert_eq!(taken, [sum]);
        tally.book(&mut one);
        tally.book(&mut other);
        assert!(tally.take().is_empty());
    }

    #[test]
    fn the_table_is_bounded() {
        let mut tally = Tally::default();
        for number in 0..=u16::MAX {
            let mut peer = peer(number.to_be_bytes());
            peer.info
                .addr
                .set_ip(std::net::Ipv4Addr::from(0x0800_0000 + (u32::from(number) << 8)).into());
            peer.downloaded = 1;
            tally.book(&mut peer);
        }
        assert_eq!(tally.take().len(), KEPT);
    }
}
