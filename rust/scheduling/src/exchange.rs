//! Who is told of which peers, and when (BEP 11). Everybody that comes, or whose port becomes known, has the next number, and so has
//! every leave: what a peer was told of is one number.

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use p2pcore_protocol::pex::{Exchange, MOST_TOLD, Told};

use crate::time::Time;

/// What the exchange with one peer has come to.
#[derive(Debug, Default)]
pub(crate) struct Acquaintance {
    /// Its id for the message (`ut_pex`).
    id: Option<u8>,
    /// Its id for the message by which two are told to dial each other (`p2_punch`).
    pub(crate) punch: Option<u8>,
    /// Those that it sent, those that it was sent because others asked, and those that we sent it.
    said: Minute,
    passed: Minute,
    asked: Minute,
    /// Where it takes connections, if it said so; whom we dialled takes them there.
    pub(crate) port: Option<u16>,
    /// Its number, and what others are told of: nothing before it is known where it takes connections.
    pub(crate) came: Option<(u32, SocketAddr)>,
    /// It was told of whoever has this number, or a lesser one.
    told: u32,
    /// When it is told next.
    due: Time,
    /// When it told us last.
    heard: Option<Time>,
}

/// What happened in this minute, by count.
#[derive(Debug, Default)]
struct Minute {
    since: Time,
    count: u32,
}

impl Minute {
    /// One more, if there were fewer than `most`.
    fn take(&mut self, now: Time, most: u32) -> bool {
        if now.since(self.since) >= EVERY {
            (self.since, self.count) = (now, 0);
        }
        let may = self.count < most;
        self.count += u32::from(may);
        may
    }
}

/// The numbers, and those that left of late.
#[derive(Debug, Default)]
pub(crate) struct Register {
    last: u32,
    gone: VecDeque<Gone>,
}

#[derive(Debug)]
struct Gone {
    addr: SocketAddr,
    came: u32,
    went: u32,
}

/// When a swarm begins others come soon after.
const FIRST: Duration = Duration::from_secs(1);
/// BEP 11 asks for no more than a message a minute.
const EVERY: Duration = Duration::from_mins(1);
/// Those that left of whom others can still be told.
const MOST_GONE: usize = 200;
/// Other clients have clocks of their own: who tells sooner than this is not listened to.
const TOO_SOON: Duration = Duration::from_secs(45);
/// In a minute a peer tells of no more, and each may be dialled with its help; or it helps as many to dial us.
const MOST_PUNCHED: u32 = 2 * MOST_TOLD as u32;

impl Acquaintance {
    /// What it said of itself; a later word takes the place of the one before.
    pub(crate) fn says(&mut self, now: Time, id: Option<u8>, port: Option<u16>) {
        if self.id.is_none() {
            self.due = self.due.max(now + FIRST);
        }
        self.id = id;
        self.port = port.or(self.port);
    }

    /// Its id, if it is to be told now.
    pub(crate) fn due(&self, now: Time) -> Option<u8> {
        self.id.filter(|_| now >= self.due)
    }

    /// Whether it has something to say now; it counts as said.
    pub(crate) fn may_tell(&mut self, now: Time) -> bool {
        let waits = self.heard.is_some_and(|at| now.since(at) < TOO_SOON);
        if !waits {
            self.heard = Some(now);
        }
        !waits
    }

    /// Whether it may bring two together, or have itself brought together with another, now; it counts as done.
    pub(crate) fn may_punch(&mut self, now: Time) -> bool {
        self.said.take(now, MOST_PUNCHED)
    }

    /// Whether it may be told to dial somebody who asked for it: whoever asks too often is not to make us a nuisance.
    pub(crate) fn may_be_told(&mut self, now: Time) -> bool {
        self.passed.take(now, MOST_PUNCHED / 2)
    }

    /// Whether we may ask it for somebody.
    pub(crate) fn may_be_asked(&mut self, now: Time) -> bool {
        self.asked.take(now, MOST_PUNCHED / 2)
    }

    /// Tells it of some of those `present`, by number and in that order, each address once, and of those that left and are not
    /// there any more. It is due again in a minute.
    pub(crate) fn tell(
        &mut self,
        now: Time,
        register: &Register,
        present: &[(u32, Told)],
        fits: impl Fn(SocketAddr) -> bool,
    ) -> Exchange {
        let told = self.told;
        let knew = |gone: &&Gone| gone.came <= told && told < gone.went && fits(gone.addr);
        let left = register.gone.iter().filter(knew);
        let left: Vec<&Gone> = left.take(MOST_TOLD).collect();
        let new = present.iter().filter(|(came, _)| *came > told);
        let new = new.filter(|(_, peer)| fits(peer.addr));
        let new: Vec<&(u32, Told)> = new.take(MOST_TOLD).collect();
        // What does not fit into one message is for the next.
        let more = |full: bool, last: Option<u32>| last.filter(|_| full).unwrap_or(register.last);
        let until = more(new.len() == MOST_TOLD, new.last().map(|(came, _)| *came)).min(more(
            left.len() == MOST_TOLD,
            left.last().map(|gone| gone.went),
        ));
        (self.told, self.due) = (until, now + EVERY);
        let there = |addr| present.iter().any(|(_, peer)| peer.addr == addr);
        let new = new.into_iter().filter(|(came, _)| *came <= until);
        let left = left.into_iter().filter(|gone| gone.went <= until);
        Exchange {
            added: new.map(|(_, peer)| *peer).collect(),
            dropped: left
                .map(|gone| gone.addr)
                .filter(|addr| !there(*addr))
                .collect(),
        }
    }
}

impl Register {
    /// The number of whoever comes.
    pub(crate) fn comes(&mut self) -> u32 {
        self.last = self.last.saturating_add(1);
        self.last
    }

    /// Whoever had that number is gone.
    pub(crate) fn goes(&mut self, addr: SocketAddr, came: u32) {
        let went = self.comes();
        if self.gone.len() == MOST_GONE {
            self.gone.pop_front();
        }
        self.gone.push_back(Gone { addr, came, went });
    }
}

/// From where an address can be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Reach {
    Anywhere,
    Network,
    Host,
}

/// Whether an address says something to a peer at `from`: one of a private network only to those of private networks, one
/// of this host only to those here.
pub(crate) fn reaches(from: IpAddr, addr: SocketAddr) -> bool {
    let from = reach(from);
    reach(addr.ip()).is_some_and(|there| from.is_some_and(|here| here >= there))
}

/// `None`: nowhere, or only on a link that the address does not name.
fn reach(ip: IpAddr) -> Option<Reach> {
    match ip.to_canonical() {
        IpAddr::V4(ip) if ip.is_loopback() => Some(Reach::Host),
        IpAddr::V6(ip) if ip.is_loopback() => Some(Reach::Host),
        IpAddr::V4(ip) if ip.is_private() || is_shared(ip) => Some(Reach::Network),
        IpAddr::V6(ip) if ip.is_unique_local() => Some(Reach::Network),
        IpAddr::V4(ip) if ip.is_link_local() || matches!(ip.octets()[0], 0 | 240..) => None,
        IpAddr::V6(ip) if ip.is_unicast_link_local() || is_translated(ip) => None,
        ip if ip.is_unspecified() || ip.is_multicast() => None,
        _ => Some(Reach::Anywhere),
    }
}

/// Behind the NAT of a provider (RFC 6598).
fn is_shared(ip: Ipv4Addr) -> bool {
    matches!(ip.octets(), [100, 64..128, ..])
}

/// An IPv4 address by another name (6to4, NAT64), or site-local, which nobody uses any more.
fn is_translated(ip: Ipv6Addr) -> bool {
    matches!(
        ip.segments(),
        [0x2002 | 0xfec0..0xff00, ..] | [0x64, 0xff9b, ..]
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Time {
        Time::new(Duration::from_secs(seconds))
    }

    fn addr(port: u16) -> SocketAddr {
        SocketAddr::from(([10, 0, 0, 1], port))
    }

    /// Peers with these numbers, and ports.
    fn numbers(numbers: impl IntoIterator<Item = u16>) -> Vec<(u32, Told)> {
        let told = |number| Told {
            addr: addr(number),
            seed: false,
            reachable: false,
        };
        let numbers = numbers.into_iter();
        numbers
            .map(|number| (number.into(), told(number)))
            .collect()
    }

    fn said(exchange: &Exchange) -> (Vec<u16>, Vec<u16>) {
        let added = exchange.added.iter().map(|told| told.addr.port());
        let dropped = exchange.dropped.iter().map(SocketAddr::port);
        (added.collect(), dropped.collect())
    }

    #[test]
    fn each_is_told_of_whoever_came_since_and_of_those_it_knew_that_left() {
        let (mut register, mut peer) = (Register::default(), Acquaintance::default());
        assert_eq!(peer.due(at(100)), None);
        peer.says(at(100), Some(7), None);
        assert_eq!((peer.due(at(100)), peer.due(at(101))), (None, Some(7)));
        (0..70).for_each(|_| _ = register.comes());
        let mut tell = |register: &Register, present: &[(u32, Told)]| {
            said(&peer.tell(at(101), register, present, |addr| addr.port() != 2))
        };
        // As many as fit, then the others.
        let all = numbers(1..=70);
        let first: Vec<u16> = (1..=51).filter(|port| *port != 2).collect();
        assert_eq!(tell(&register, &all), (first, vec![]));
        register.goes(addr(60), 60); // of whom it was not told
        register.goes(addr(3), 3);
        let there = numbers((1..=70).filter(|port| ![3, 60].contains(port)));
        let others = (52..=70).filter(|port| *port != 60).collect();
        assert_eq!(tell(&register, &there), (others, vec![3]));
        assert_eq!(tell(&register, &there), (vec![], vec![]));
        assert_eq!(peer.due(at(160)), None);
        assert_eq!(peer.due(at(161)), Some(7));
    }

    #[test]
    fn who_left_and_is_there_again_is_not_dropped() {
        let (mut register, mut peer) = (Register::default(), Acquaintance::default());
        let came = register.comes();
        let first = peer.tell(at(0), &register, &numbers([1]), |_| true);
        assert_eq!(said(&first), (vec![1], vec![]));
        register.goes(addr(1), came);
        let again = vec![(register.comes(), numbers([1])[0].1)];
        let told = peer.tell(at(60), &register, &again, |_| true);
        assert_eq!(said(&told), (vec![1], vec![]));
    }

    #[test]
    fn more_that_left_than_fit_are_told_in_turn() {
        let (mut register, mut peer) = (Register::default(), Acquaintance::default());
        (0..70).for_each(|_| _ = register.comes());
        for time in [0, 60] {
            peer.tell(at(time), &register, &numbers(1..=70), |_| true);
        }
        (1..=70).for_each(|port| register.goes(addr(port), port.into()));
        let mut left = |time| said(&peer.tell(at(time), &register, &[], |_| true)).1;
        assert_eq!(left(120), (1..=50).collect::<Vec<_>>());
        assert_eq!(left(180), (51..=70).collect::<Vec<_>>());
        assert!(left(240).is_empty());
    }

    #[test]
    fn who_tells_too_often_is_not_listened_to() {
        let mut peer = Acquaintance::default();
        assert!(peer.may_tell(at(1)) && !peer.may_tell(at(45)));
        assert!(peer.may_tell(at(46)) && !peer.may_tell(at(60)));
    }

    #[test]
    fn those_that_left_long_ago_are_forgotten() {
        let mut register = Register::default();
        for port in 1..=1_000 {
            let came = register.comes();
            register.goes(addr(port), came);
        }
        assert_eq!(register.gone.len(), MOST_GONE);
    }

    #[test]
    fn private_addresses_are_for_neighbours() {
        let reaches = |from: &str, to: &str| {
            let to = SocketAddr::new(to.parse().unwrap(), 1);
            reaches(from.parse().unwrap(), to)
        };
        for from in ["8.8.8.8", "192.168.1.1", "127.0.0.1", "fd00::1", "::1"] {
            assert!(reaches(from, "9.9.9.9") && reaches(from, "2001:db8::1"));
            for nowhere in [
                "0.0.0.0",
                "0.1.2.3",
                "224.0.0.1",
                "240.0.0.1",
                "255.255.255.255",
                "169.254.1.1",
                "::",
                "fe80::1",
                "fec0::1",
                "ff02::1",
                "2002:a00:1::1",
                "64:ff9b::a00:1",
            ] {
                assert!(!reaches(from, nowhere), "{from} {nowhere}");
            }
        }
        for (to, local) in [
            ("10.1.2.3", "192.168.0.9"),
            ("fd00::5", "fd00::6"),
            ("100.64.0.1", "100.127.0.1"),
        ] {
            assert!(reaches(local, to) && reaches("127.0.0.1", to));
            assert!(!reaches("8.8.8.8", to) && !reaches("2001:db8::1", to));
        }
        assert!(reaches("::1", "127.0.0.2") && !reaches("10.0.0.1", "127.0.0.1"));
        assert!(!reaches("10.0.0.1", "::ffff:127.0.0.1"));
    }
}
