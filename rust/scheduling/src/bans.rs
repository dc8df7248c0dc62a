//! Whom we do not speak to for a while, and why.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::input::PeerInfo;
use crate::time::Time;

/// By what a banned peer is known again: what we dialled, or an address and the peer id it used. Never an IP address
/// alone: many honest peers may share one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Known {
    dialled: Option<SocketAddr>,
    ip: IpAddr,
    peer_id: [u8; 20],
    /// As seen, for telling people.
    pub(crate) addr: SocketAddr,
}

impl Known {
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

/// The banned, those banned last at the end. Where there are too many, the first is forgotten.
#[derive(Debug, Default)]
pub(crate) struct Bans(VecDeque<Ban>);

#[derive(Debug)]
struct Ban {
    known: Known,
    until: Time,
    times: u32,
}

/// The first ban of a peer; each further one lasts twice as long.
const FIRST: Duration = Duration::from_hours(1);
const LONGEST: Duration = Duration::from_hours(24);
const KEPT: usize = 1_024;

impl Bans {
    /// Bans a peer: for how long, if it was not banned already.
    pub(crate) fn ban(&mut self, now: Time, known: Known) -> Option<Duration> {
        let at = self.0.iter().position(|ban| ban.known.is_same(&known));
        let times = match at.and_then(|at| self.0.remove(at)) {
            Some(ban) if now < ban.until => {
                self.0.push_back(ban);
                return None;
            }
            Some(ban) => ban.times + 1,
            None => 1,
        };
        if self.0.len() == KEPT {
            self.0.pop_front();
        }
        let lasts = (FIRST * (1 << (times - 1).min(8))).min(LONGEST);
        let until = now + lasts;
        self.0.push_back(Ban {
            known,
            until,
            times,
        });
        Some(lasts)
    }

    /// Whether a peer that connected is banned.
    pub(crate) fn holds(&self, now: Time, info: &PeerInfo) -> bool {
        let known = Known::of(info);
        let mut bans = self.0.iter();
        bans.any(|ban| now < ban.until && ban.known.is_same(&known))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn info(port: u16, id: u8, outgoing: bool) -> PeerInfo {
        PeerInfo {
            addr: SocketAddr::from(([127, 0, 0, 1], port)),
            outgoing,
            peer_id: [id; 20],
            fast: true,
            extended: true,
            v2: false,
        }
    }

    fn at(hours: u64) -> Time {
        Time::new(Duration::from_hours(hours))
    }

    #[test]
    fn a_ban_hits_one_peer_of_an_address_only() {
        let mut bans = Bans::default();
        let known = Known::of(&info(1000, 1, true));
        assert_eq!(bans.ban(at(0), known), Some(FIRST));
        assert_eq!(bans.ban(at(0), known), None);
        let holds = |port, id, outgoing| bans.holds(at(0), &info(port, id, outgoing));
        assert!(holds(1000, 9, true), "same dialled address");
        assert!(holds(7777, 1, false), "same host and id");
        assert!(!holds(1000, 2, false) && !holds(1001, 2, true));
    }

    #[test]
    fn a_ban_ends_and_the_next_one_lasts_longer() {
        let mut bans = Bans::default();
        let liar = info(1000, 1, true);
        let mut now = 0;
        for lasts in [1, 2, 4, 8, 16, 24, 24] {
            let ban = bans.ban(at(now), Known::of(&liar));
            assert_eq!(ban, Some(Duration::from_hours(lasts)));
            assert!(bans.holds(at(now + lasts - 1), &liar));
            now += lasts;
            assert!(!bans.holds(at(now), &liar));
        }
    }

    #[test]
    fn the_list_is_bounded() {
        let mut bans = Bans::default();
        for port in 0..3_000 {
            let mut other = info(port, 0, true);
            other.peer_id[..2].copy_from_slice(&port.to_be_bytes());
            bans.ban(at(0), Known::of(&other));
        }
        assert_eq!(bans.0.len(), KEPT);
    }
}
