//! Who is not spoken to, why, and until when.
//!
//! A ban is of one peer: of the address at which it was dialled, and of its host together with the peer id that it used.
//! Never of an address alone for one culprit, because many honest peers may share one. Several culprits at one address
//! of the open Internet close the whole address, several such addresses the whole prefix, for as long as so many bans
//! last. Hosts of private ranges stay open: all the world may come through one gateway there.
//!
//! Each ban ends; the next of the same peer lasts longer. The table is bounded: when it is full, the ban that ends
//! first makes room.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::identity::Identity;
use crate::input::PeerInfo;
use crate::output::CloseReason;
use crate::time::Time;

/// What a peer did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BanReason {
    /// It sent data that fails its hash.
    CorruptData,
    /// It sent more than we asked for, again and again.
    Flooded,
    /// It broke the protocol.
    BrokeProtocol,
}

/// How much is closed because of a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum BanScope {
    /// Only the peer.
    Peer,
    /// Its address, because of others there.
    Address,
    /// Its prefix, because of others there.
    Prefix,
}

/// A ban that has not ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ban {
    /// The peer's address, as it was seen.
    pub addr: SocketAddr,
    /// What it did last.
    pub reason: BanReason,
    /// How much is closed because of it and others.
    pub scope: BanScope,
    /// When it ends.
    pub until: Time,
    /// How often it was banned, with this time.
    pub times: u32,
}

/// By what a peer is known again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Name {
    dialled: Option<SocketAddr>,
    ip: IpAddr,
    peer_id: [u8; 20],
    /// As seen, for telling people.
    pub(crate) addr: SocketAddr,
}

/// All bans, and those that ended a while ago.
#[derive(Debug, Default)]
pub(crate) struct Bans(Vec<Entry>);

#[derive(Debug, Clone, Copy)]
struct Entry {
    name: Name,
    reason: BanReason,
    until: Time,
    times: u32,
}

const KEPT: usize = 1_024;
/// Peers at one address that close it.
const PEERS_OF_ADDRESS: usize = 2;
/// Addresses of one prefix that close it.
const ADDRESSES_OF_PREFIX: usize = 3;
/// Each further ban lasts so much longer.
const GROWTH: u32 = 4;
const LONGEST: Duration = Duration::from_hours(7 * 24);

impl BanReason {
    /// Every reason.
    pub const ALL: [Self; 3] = [Self::CorruptData, Self::Flooded, Self::BrokeProtocol];

    /// The reason to ban a peer that is closed for this one.
    pub(crate) fn of(reason: CloseReason) -> Option<Self> {
        match reason {
            CloseReason::CorruptData => Some(Self::CorruptData),
            CloseReason::Flooded => Some(Self::Flooded),
            CloseReason::ProtocolError => Some(Self::BrokeProtocol),
            _ => None,
        }
    }

    /// What people call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::CorruptData => "corrupt data",
            Self::Flooded => "flood",
            Self::BrokeProtocol => "protocol error",
        }
    }

    /// Corrupt data costs others work, and a bad memory chip does not mend itself. The rest may be an accident of two
    /// programs that do not fit, which costs little.
    fn first(self) -> Duration {
        match self {
            Self::CorruptData => Duration::from_hours(1),
            Self::Flooded => Duration::from_mins(5),
            Self::BrokeProtocol => Duration::from_mins(1),
        }
    }

    fn length(self, times: u32) -> Duration {
        let growth = GROWTH.saturating_pow(times.saturating_sub(1));
        self.first().saturating_mul(growth).min(LONGEST)
    }
}

impl BanScope {
    /// What people call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Peer => "peer",
            Self::Address => "address",
            Self::Prefix => "prefix",
        }
    }
}

impl fmt::Display for BanReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Name {
    pub(crate) fn of(info: &PeerInfo) -> Self {
        Self {
            dialled: info.outgoing.then_some(info.addr),
            ip: info.addr.ip().to_canonical(),
            peer_id: info.peer_id,
            addr: info.addr,
        }
    }

    fn is_same(&self, other: &Self) -> bool {
        (self.dialled.is_some() && self.dialled == other.dialled)
            || (self.ip == other.ip && self.peer_id == other.peer_id)
    }
}

impl Bans {
    /// Nobody was ever banned.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Bans a peer, for longer than the last time. Until when; `None` where it is banned already.
    pub(crate) fn ban(&mut self, now: Time, name: Name, reason: BanReason) -> Option<Time> {
        let known = self.0.iter_mut().find(|entry| entry.name.is_same(&name));
        if let Some(entry) = known {
            if entry.is_on(now) {
                return None;
            }
            entry.times += 1;
            entry.reason = reason;
            entry.until = now + reason.length(entry.times);
            entry.name = Name {
                dialled: name.dialled.or(entry.name.dialled),
                ..name
            };
            return Some(entry.until);
        }
        if self.0.len() >= KEPT {
            let ends = (0..).zip(&self.0).min_by_key(|(_, entry)| entry.until);
            if let Some((first, _)) = ends {
                self.0.swap_remove(first);
            }
        }
        let until = now + reason.length(1);
        self.0.push(Entry {
            name,
            reason,
            until,
            times: 1,
        });
        Some(until)
    }

    /// Until when a peer that connected is banned.
    pub(crate) fn of_peer(&self, now: Time, info: &PeerInfo) -> Option<Time> {
        let name = Name::of(info);
        let own = self.ends(now, |entry| entry.name.is_same(&name));
        own.max(self.of_area(now, name.ip))
    }

    /// Until when an address is not to be dialled.
    pub(crate) fn of_address(&self, now: Time, addr: SocketAddr) -> Option<Time> {
        let own = self.ends(now, |entry| entry.name.dialled == Some(addr));
        own.max(self.of_area(now, addr.ip().to_canonical()))
    }

    /// The bans that have not ended.
    pub(crate) fn all(&self, now: Time) -> Vec<Ban> {
        let on = self.0.iter().filter(|entry| entry.is_on(now));
        let ban = |entry: &Entry| Ban {
            addr: entry.name.addr,
            reason: entry.reason,
            scope: self.scope(now, entry.name.ip),
            until: entry.until,
            times: entry.times,
        };
        on.map(ban).collect()
    }

    fn ends(&self, now: Time, is: impl Fn(&Entry) -> bool) -> Option<Time> {
        let on = self.0.iter().filter(|entry| entry.is_on(now) && is(entry));
        on.map(|entry| entry.until).max()
    }

    fn of_area(&self, now: Time, ip: IpAddr) -> Option<Time> {
        self.of_whole_address(now, ip)
            .max(self.of_prefix(now, Identity::of(ip)))
    }

    fn of_whole_address(&self, now: Time, ip: IpAddr) -> Option<Time> {
        if Identity::of(ip).is_host() {
            return None;
        }
        let there = self.0.iter().filter(|entry| entry.name.ip == ip);
        let ends = there.filter(|entry| entry.is_on(now));
        nth_last(ends.map(|entry| entry.until).collect(), PEERS_OF_ADDRESS)
    }

    fn of_prefix(&self, now: Time, prefix: Identity) -> Option<Time> {
        if prefix.is_host() {
            return None;
        }
        let there = self
            .0
            .iter()
            .filter(|entry| entry.is_on(now) && Identity::of(entry.name.ip) == prefix);
        let mut by_address: Vec<(IpAddr, Time)> =
            there.map(|entry| (entry.name.ip, entry.until)).collect();
        by_address.sort_unstable_by(|one, other| other.cmp(one));
        by_address.dedup_by_key(|(ip, _)| *ip);
        let ends = by_address.into_iter().map(|(_, until)| until).collect();
        nth_last(ends, ADDRESSES_OF_PREFIX)
    }

    fn scope(&self, now: Time, ip: IpAddr) -> BanScope {
        if self.of_prefix(now, Identity::of(ip)).is_some() {
            BanScope::Prefix
        } else if self.of_whole_address(now, ip).is_some() {
            BanScope::Address
        } else {
            BanScope::Peer
        }
    }
}

impl Entry {
    fn is_on(&self, now: Time) -> bool {
        now < self.until
    }
}

/// Until when at least `count` of these last.
fn nth_last(mut ends: Vec<Time>, count: usize) -> Option<Time> {
    ends.sort_unstable_by(|one, other| other.cmp(one));
    ends.get(count - 1).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_hours(1);

    fn info(addr: &str, id: u8, outgoing: bool) -> PeerInfo {
        PeerInfo {
            addr: addr.parse().unwrap(),
            outgoing,
            peer_id: [id; 20],
            fast: true,
            extended: true,
            v2: false,
        }
    }

    fn at(hours: u32) -> Time {
        Time::new(HOUR * hours)
    }

    fn corrupt(bans: &mut Bans, now: Time, info: &PeerInfo) -> Option<Time> {
        bans.ban(now, Name::of(info), BanReason::CorruptData)
    }

    #[test]
    fn a_ban_hits_one_peer_of_an_address_only() {
        let mut bans = Bans::default();
        let liar = info("203.0.113.7:1000", 1, true);
        assert!(corrupt(&mut bans, at(0), &liar).is_some());
        assert!(corrupt(&mut bans, at(0), &liar).is_none());
        let banned = |addr, id, outgoing| bans.of_peer(at(0), &info(addr, id, outgoing)).is_some();
        assert!(banned("203.0.113.7:1000", 9, true), "same dialled address");
        assert!(banned("203.0.113.7:7777", 1, false), "same host and id");
        assert!(!banned("203.0.113.7:1000", 2, false));
        assert!(!banned("203.0.113.7:1001", 2, true));
        let dialled = |addr: &str| bans.of_address(at(0), addr.parse().unwrap()).is_some();
        assert!(dialled("203.0.113.7:1000") && !dialled("203.0.113.7:1001"));
    }

    #[test]
    fn a_ban_ends_and_the_next_lasts_longer() {
        let mut bans = Bans::default();
        let liar = info("[2001:db8::1]:1", 1, true);
        let mut now = at(1);
        let mut lengths = Vec::new();
        for _ in 0..6 {
            let until = corrupt(&mut bans, now, &liar).unwrap();
            assert_eq!(bans.of_peer(now, &liar), Some(until));
            assert_eq!(bans.all(now)[0].times as usize, lengths.len() + 1);
            lengths.push(until.since(now).as_secs() / 3_600);
            now = until;
            assert_eq!(bans.of_peer(now, &liar), None);
            assert_eq!(bans.of_address(now, liar.addr), None);
            assert!(bans.all(now).is_empty());
        }
        assert_eq!(lengths, [1, 4, 16, 64, 168, 168]);
    }

    #[test]
    fn two_culprits_close_an_address_and_three_addresses_a_prefix() {
        let mut bans = Bans::default();
        let honest = |host: u8| info(&format!("203.0.113.{host}:9"), 99, false);
        let ban = |bans: &mut Bans, host: u8, id: u8| {
            let liar = info(&format!("203.0.113.{host}:5"), id, false);
            corrupt(bans, at(0), &liar).unwrap();
        };
        ban(&mut bans, 1, 1);
        assert_eq!(bans.of_peer(at(0), &honest(1)), None);
        ban(&mut bans, 1, 2);
        assert_eq!(bans.of_peer(at(0), &honest(1)), Some(at(1)));
        assert_eq!(bans.of_peer(at(0), &honest(2)), None);
        assert_eq!(bans.all(at(0))[0].scope, BanScope::Address);
        ban(&mut bans, 2, 3);
        assert_eq!(bans.of_peer(at(0), &honest(4)), None);
        ban(&mut bans, 3, 4);
        assert_eq!(bans.of_address(at(0), honest(4).addr), Some(at(1)));
        assert_eq!(bans.all(at(0))[0].scope, BanScope::Prefix);
        assert_eq!(bans.of_address(at(1), honest(4).addr), None);
        let other = info("203.0.114.4:9", 99, false);
        assert_eq!(bans.of_peer(at(0), &other), None);
    }

    #[test]
    fn a_gateway_of_a_private_range_is_never_closed() {
        for host in ["127.0.0.1", "172.17.0.1", "10.0.0.1", "[fd00::1]"] {
            let mut bans = Bans::default();
            for id in 1..20 {
                let liar = info(&format!("{host}:{id}"), id, id % 2 == 0);
                corrupt(&mut bans, at(0), &liar).unwrap();
            }
            let honest = info(&format!("{host}:500"), 99, false);
            assert_eq!(bans.of_peer(at(0), &honest), None);
            assert!(
                bans.all(at(0))
                    .iter()
                    .all(|ban| ban.scope == BanScope::Peer)
            );
        }
    }

    #[test]
    fn the_table_is_bounded_and_keeps_what_lasts() {
        let mut bans = Bans::default();
        let first = info("10.0.0.1:1", 1, true);
        for _ in 0..2 {
            let now = bans.all(at(0)).first().map_or(at(0), |ban| ban.until);
            corrupt(&mut bans, now, &first);
        }
        for port in 2..3_000_u16 {
            let other = info(&format!("10.0.0.2:{port}"), 1, true);
            let name = Name {
                peer_id: [0; 20],
                ip: IpAddr::from([10, 1, port.to_be_bytes()[0], port.to_be_bytes()[1]]),
                ..Name::of(&other)
            };
            bans.ban(at(1), name, BanReason::BrokeProtocol);
        }
        assert_eq!(bans.0.len(), KEPT);
        assert!(bans.of_peer(at(1), &first).is_some());
    }
}
