//! Who asks for more than it can need: an address that had the whole torrent from us, and a little more, within a day.
//! It is served when nobody else wants anything, and never banned: several honest peers may share one address.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use crate::identity::Identity;
use crate::input::PeerKey;
use crate::time::Time;

/// What each address had from us.
#[derive(Debug, Default)]
pub(crate) struct Need {
    had: BTreeMap<Address, Had>,
}

/// A host of a private network stands for each of its connections: a machine may run many peers.
type Address = (IpAddr, Option<PeerKey>);

#[derive(Debug, Clone, Copy)]
struct Had {
    since: Time,
    bytes: u64,
}

const DAY: Duration = Duration::from_hours(24);
/// Addresses of which is remembered what they had.
const KEPT: usize = 4_096;

impl Need {
    /// A peer was sent something.
    pub(crate) fn on_sent(&mut self, now: Time, ip: IpAddr, peer: PeerKey, bytes: u64) {
        let address = address(ip, peer);
        if self.had.len() >= KEPT && !self.had.contains_key(&address) {
            let oldest = self.had.iter().min_by_key(|(_, had)| had.since);
            if let Some(oldest) = oldest.map(|(address, _)| *address) {
                self.had.remove(&oldest);
            }
        }
        let fresh = Had {
            since: now,
            bytes: 0,
        };
        let had = self.had.entry(address).or_insert(fresh);
        if now.since(had.since) >= DAY {
            *had = fresh;
        }
        had.bytes += bytes;
    }

    /// Whether it had more of a torrent of so many bytes than it can need: a twentieth may be lost on the way.
    pub(crate) fn is_over(&self, ip: IpAddr, peer: PeerKey, total: u64) -> bool {
        let had = self.had.get(&address(ip, peer));
        had.is_some_and(|had| had.bytes > total + total / 20)
    }
}

fn address(ip: IpAddr, peer: PeerKey) -> Address {
    let own = Identity::of(ip).is_host().then_some(peer);
    (ip.to_canonical(), own)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPEN: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(203, 0, 113, 5));
    const PRIVATE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 5));

    fn at(hours: u64) -> Time {
        Time::new(Duration::from_hours(hours))
    }

    #[test]
    fn an_address_needs_a_torrent_once_a_day() {
        let mut need = Need::default();
        for connection in 0..21 {
            assert!(!need.is_over(OPEN, PeerKey(connection), 1_000));
            need.on_sent(at(0), OPEN, PeerKey(connection), 50);
        }
        assert!(!need.is_over(OPEN, PeerKey(99), 1_000));
        need.on_sent(at(23), OPEN, PeerKey(99), 1);
        assert!(need.is_over(OPEN, PeerKey(100), 1_000));
        need.on_sent(at(24), OPEN, PeerKey(100), 1);
        assert!(!need.is_over(OPEN, PeerKey(100), 1_000));
    }

    #[test]
    fn each_connection_of_a_private_host_needs_its_own() {
        let mut need = Need::default();
        need.on_sent(at(0), PRIVATE, PeerKey(1), 2_000);
        assert!(need.is_over(PRIVATE, PeerKey(1), 1_000));
        assert!(!need.is_over(PRIVATE, PeerKey(2), 1_000));
    }

    #[test]
    fn the_table_is_bounded() {
        let mut need = Need::default();
        for peer in 0..5_000 {
            need.on_sent(at(0), PRIVATE, PeerKey(peer), 1);
        }
        assert_eq!(need.had.len(), KEPT);
    }
}
