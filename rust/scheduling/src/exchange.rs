//! Who is told of which peers, and when (BEP 11). Everybody that comes, or whose port becomes known, has the next number, and so has
//! every leave: what a peer was told of is one number.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use p2pcore_protocol::pex::MOST_TOLD;

use crate::time::Time;

/// What the exchange with one peer has come to.
#[derive(Debug, Default)]
pub(crate) struct Acquaintance {
    /// Its id for the message (`ut_pex`).
    id: Option<u8>,
    /// Where it takes connections, if it said so; whom we dialled takes them there.
    pub(crate) port: Option<u16>,
    /// Its number; none: others cannot be told of it yet.
    pub(crate) came: Option<u32>,
    /// It was told of whoever has this number, or a lesser one.
    told: u32,
    /// When it is told next.
    due: Time,
    /// When it told us last.
    heard: Option<Time>,
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
/// Other clients have clocks of their own: who tells sooner than this is not listened to.
const TOO_SOON: Duration = Duration::from_secs(45);

impl Acquaintance {
    /// What it said of itself; a later word takes the place of the one before.
    pub(crate) fn says(&mut self, now: Time, id: Option<u8>, port: Option<u16>) {
        if self.id.is_none() {
            self.due = now + FIRST;
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

    /// Tells it of some of those `present`, by number, in that order, and of those that left. It is due again in a minute.
    pub(crate) fn tell<T>(
        &mut self,
        now: Time,
        register: &Register,
        present: &[(u32, T)],
        fits: impl Fn(&T) -> bool,
    ) -> (Vec<usize>, Vec<SocketAddr>) {
        let new = present.partition_point(|(came, _)| *came <= self.told);
        let new = (new..present.len()).filter(|at| fits(&present[*at].1));
        let added: Vec<usize> = new.take(MOST_TOLD).collect();
        let last = added.last().filter(|_| added.len() == MOST_TOLD);
        let until = last.map_or(register.last, |at| present[*at].0);
        let knew = |gone: &&Gone| gone.came <= self.told && self.told < gone.went;
        let dropped = register.gone.iter().filter(knew);
        let dropped = dropped.filter(|gone| gone.went <= until);
        let dropped = dropped.map(|gone| gone.addr).collect();
        (self.told, self.due) = (until, now + EVERY);
        (added, dropped)
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
        if self.gone.len() == MOST_TOLD {
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
        IpAddr::V4(ip) if ip.is_private() => Some(Reach::Network),
        IpAddr::V6(ip) if ip.is_unique_local() => Some(Reach::Network),
        IpAddr::V4(ip) if ip.is_link_local() || ip.is_broadcast() => None,
        IpAddr::V6(ip) if ip.is_unicast_link_local() => None,
        ip if ip.is_unspecified() || ip.is_multicast() => None,
        _ => Some(Reach::Anywhere),
    }
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

    fn numbers(from: u32, to: u32) -> Vec<(u32, ())> {
        (from..=to).map(|number| (number, ())).collect()
    }

    #[test]
    fn each_is_told_of_whoever_came_since_and_of_those_it_knew_that_left() {
        let (mut register, mut peer) = (Register::default(), Acquaintance::default());
        assert_eq!(peer.due(at(100)), None);
        peer.says(at(100), Some(7), None);
        assert_eq!((peer.due(at(100)), peer.due(at(101))), (None, Some(7)));
        (0..70).for_each(|_| _ = register.comes());
        let mut tell = |register: &Register, present: &[(u32, ())]| {
            peer.tell(at(101), register, present, |()| true)
        };
        // As many as fit, then the others.
        let all = numbers(1, 70);
        assert_eq!(tell(&register, &all).0, (0..50).collect::<Vec<_>>());
        register.goes(addr(60), 60);
        register.goes(addr(3), 3);
        let (added, dropped) = tell(&register, &all[..65]);
        assert_eq!((added, dropped), ((50..65).collect(), vec![addr(3)]));
        assert_eq!(tell(&register, &all), (vec![], vec![]));
        assert_eq!(peer.due(at(160)), None);
        assert_eq!(peer.due(at(161)), Some(7));
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
        assert_eq!(register.gone.len(), MOST_TOLD);
    }

    #[test]
    fn private_addresses_are_for_neighbours() {
        let reaches = |from: &str, to: &str| {
            let to = SocketAddr::new(to.parse().unwrap(), 1);
            reaches(from.parse().unwrap(), to)
        };
        for from in ["8.8.8.8", "192.168.1.1", "127.0.0.1", "fd00::1", "::1"] {
            assert!(reaches(from, "9.9.9.9") && reaches(from, "2001:db8::1"));
            for nowhere in ["0.0.0.0", "224.0.0.1", "255.255.255.255", "169.254.1.1"] {
                assert!(!reaches(from, nowhere), "{from} {nowhere}");
            }
            assert!(!reaches(from, "fe80::1") && !reaches(from, "ff02::1"));
        }
        for (to, local) in [("10.1.2.3", "192.168.0.9"), ("fd00::5", "fd00::6")] {
            assert!(reaches(local, to) && reaches("127.0.0.1", to));
            assert!(!reaches("8.8.8.8", to) && !reaches("2001:db8::1", to));
        }
        assert!(reaches("::1", "127.0.0.2") && !reaches("10.0.0.1", "127.0.0.1"));
        assert!(!reaches("10.0.0.1", "::ffff:127.0.0.1"));
    }
}
