//! Local service discovery (BEP 14): torrents are announced to a multicast group of the local network, and who announces
//! one of ours is a peer of it, and at our site.
//!
//! Each torrent is announced when it starts, twice more soon after, as datagrams are lost, and then every five minutes. A
//! seed that hears of somebody answers at once by announcing what both have, so that nobody waits: whoever lacks something
//! dials, a seed dials nobody, and answers are not answered. Nothing is announced on the loopback interface, beyond the
//! local network, or of a private torrent (BEP 27).

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use p2pcore_protocol::lsd::{Announcement, GROUP_V4, GROUP_V6, MAX_ANNOUNCEMENT, MOST_HASHES};
use p2pcore_scheduling::Time;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::UdpSocket;
use tokio::sync::Notify;

use super::Net;
use super::torrent::Torrent;
use crate::api::TorrentId;

const EVERY: Duration = Duration::from_mins(5);
/// After the first time, and the second.
const AT_FIRST: [Duration; 2] = [Duration::from_secs(2), Duration::from_secs(4)];
/// Between two announcements, of thousands of torrents too.
const PACE: Duration = Duration::from_millis(250);
/// Whoever was not heard for so long is not near any more.
const FORGOTTEN: Duration = Duration::from_mins(15);
/// Addresses that are remembered.
const MOST_HEARD: usize = 4_096;
/// What is heard in a second at most; the rest is lost.
const MOST_A_SECOND: usize = 100;

/// What is to be announced, and who was heard.
#[derive(Debug, Default)]
pub(super) struct Lsd {
    cookie: String,
    /// Somebody beyond this machine can hear us.
    on: Cell<bool>,
    due: RefCell<Due>,
    /// Torrents of which somebody else announced that it takes part.
    asked: RefCell<BTreeSet<TorrentId>>,
    woken: Notify,
    heard: RefCell<Heard>,
}

/// When each torrent is announced next, and how often it was.
#[derive(Debug, Default)]
struct Due {
    by_time: BTreeSet<(Time, TorrentId)>,
    times: BTreeMap<TorrentId, (Time, u8)>,
}

impl Due {
    fn start(&mut self, torrent: TorrentId, now: Time) {
        self.remove(torrent);
        self.put(torrent, now, 0);
    }

    fn remove(&mut self, torrent: TorrentId) -> Option<u8> {
        let (before, count) = self.times.remove(&torrent)?;
        self.by_time.remove(&(before, torrent));
        Some(count)
    }

    /// It was announced.
    fn repeat(&mut self, torrent: TorrentId, now: Time) {
        if let Some(count) = self.remove(torrent) {
            let wait = AT_FIRST.get(usize::from(count)).copied().unwrap_or(EVERY);
            self.put(torrent, now + wait, count.saturating_add(1));
        }
    }

    fn put(&mut self, torrent: TorrentId, at: Time, count: u8) {
        self.times.insert(torrent, (at, count));
        self.by_time.insert((at, torrent));
    }

    fn first(&self) -> Option<(Time, TorrentId)> {
        self.by_time.first().copied()
    }
}

/// When each address was heard last.
#[derive(Debug, Default)]
struct Heard(BTreeMap<IpAddr, Time>);

impl Heard {
    fn is_near(&self, now: Time, ip: IpAddr) -> bool {
        let last = self.0.get(&ip.to_canonical());
        last.is_some_and(|at| now.since(*at) < FORGOTTEN)
    }

    /// Whether that is news.
    fn note(&mut self, now: Time, ip: IpAddr) -> bool {
        let new = !self.is_near(now, ip);
        if new && self.0.len() >= MOST_HEARD {
            self.0.retain(|_, at| now.since(*at) < FORGOTTEN);
        }
        if !new || self.0.len() < MOST_HEARD {
            self.0.insert(ip.to_canonical(), now);
        }
        new
    }
}

impl Lsd {
    /// Announcements of ours carry this.
    pub(super) fn new(peer_id: &[u8; 20]) -> Self {
        let tail = &peer_id[12..];
        Self {
            cookie: tail.iter().map(|byte| format!("{byte:02x}")).collect(),
            ..Self::default()
        }
    }

    /// Announces a torrent soon, and then again and again.
    pub(super) fn announce(&self, net: &Net, torrent: &Torrent) {
        if self.on.get() && !torrent.meta.is_private() {
            self.due.borrow_mut().start(torrent.id, net.now());
            self.woken.notify_one();
        }
    }

    /// Tells whoever announced the torrent that we have it.
    fn answer(&self, torrent: TorrentId) {
        self.asked.borrow_mut().insert(torrent);
        self.woken.notify_one();
    }

    /// A torrent is gone.
    pub(super) fn forget(&self, torrent: TorrentId) {
        self.due.borrow_mut().remove(torrent);
        self.asked.borrow_mut().remove(&torrent);
    }

    /// Somebody with this address was heard lately.
    pub(super) fn is_near(&self, now: Time, ip: IpAddr) -> bool {
        self.heard.borrow().is_near(now, ip)
    }

    /// The wire hashes of torrents that are due, or else of those that were asked for, and whether it is these. Those that
    /// do not run are not announced; they come again when they start.
    fn take_due(&self, net: &Net) -> (Vec<[u8; 20]>, bool) {
        let (now, mut hashes) = (net.now(), Vec::new());
        let mut due = self.due.borrow_mut();
        while let Some((_, id)) = due.first().filter(|(at, _)| *at <= now) {
            match running(net, id) {
                None => {
                    due.remove(id);
                }
                Some(own) if hashes.len() + own.len() > MOST_HASHES => break,
                Some(own) => {
                    due.repeat(id, now);
                    self.asked.borrow_mut().remove(&id);
                    hashes.extend(own);
                }
            }
        }
        if !hashes.is_empty() {
            return (hashes, false);
        }
        let mut asked = self.asked.borrow_mut();
        while let Some(id) = asked.first().copied() {
            let own = running(net, id).unwrap_or_default();
            if hashes.len() + own.len() > MOST_HASHES {
                break;
            }
            asked.remove(&id);
            hashes.extend(own);
        }
        (hashes, true)
    }

    /// How long there is nothing to announce.
    fn rest(&self, now: Time) -> Duration {
        if !self.asked.borrow().is_empty() {
            return Duration::ZERO;
        }
        let first = self.due.borrow().first();
        first.map_or(EVERY, |(due, _)| due.since(now))
    }
}

/// The wire hashes of a torrent that runs.
fn running(net: &Net, id: TorrentId) -> Option<Vec<[u8; 20]>> {
    let torrent = net.torrent(id).filter(|one| one.is_running())?;
    Some(torrent.meta.wire_hashes())
}

/// Joins the groups and starts to announce and to hear, where somebody beyond this machine could reach us. A machine
/// without multicast has no local discovery.
pub(super) fn start(net: &Rc<Net>, listening: &[SocketAddr]) {
    let reachable = |addr: &&SocketAddr| !addr.ip().is_loopback();
    let listening: Vec<SocketAddr> = listening.iter().filter(reachable).copied().collect();
    let mut ears = Vec::new();
    for group in [GROUP_V4, GROUP_V6] {
        let used = listening
            .iter()
            .any(|addr| addr.is_ipv4() == group.is_ipv4());
        if let Some(socket) = used.then(|| open(group).ok()).flatten() {
            let socket = Rc::new(socket);
            tokio::task::spawn_local(hear(Rc::clone(net), Rc::clone(&socket)));
            ears.push((group, socket));
        }
    }
    if !ears.is_empty() {
        net.lsd.on.set(true);
        tokio::task::spawn_local(announce(Rc::clone(net), listening, ears));
    }
}

/// A socket that gets what is sent to the group, and nothing else: bound to the group's own address it cannot be
/// reached from anywhere else. Others on this machine may do the same.
fn open(group: SocketAddr) -> std::io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(group), Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    // Only what comes through the interfaces that it joins, not what others on this machine joined.
    #[cfg(target_os = "linux")]
    if group.is_ipv4() {
        socket.set_multicast_all_v4(false)?;
    } else {
        socket.set_multicast_all_v6(false)?;
    }
    socket.bind(&group.into())?;
    UdpSocket::from_std(socket.into())
}

async fn announce(
    net: Rc<Net>,
    listening: Vec<SocketAddr>,
    ears: Vec<(SocketAddr, Rc<UdpSocket>)>,
) {
    loop {
        let (hashes, answers) = net.lsd.take_due(&net);
        let mut said = Announcement {
            port: 0,
            hashes,
            cookie: Some(net.lsd.cookie.clone()),
            answers,
        };
        for (group, socket) in &ears {
            for own in interfaces(*group, &listening) {
                let _ = join(socket, *group, &own); // mostly it is in the group already
                if !said.hashes.is_empty() {
                    said.port = own.addr.port();
                    let _ = send(*group, &own, &said.encode(*group)); // a link that is down hears nothing
                }
            }
        }
        if !said.hashes.is_empty() {
            tokio::time::sleep(PACE).await;
        }
        let woken = net.lsd.woken.notified();
        let wait = net.lsd.rest(net.now());
        let _ = tokio::time::timeout(wait, woken).await;
    }
}

/// One of our addresses, with the port that we listen on there.
#[derive(Debug)]
struct Interface {
    addr: SocketAddr,
    index: u32,
}

/// The interfaces of the family of a group, through which somebody else can reach us.
fn interfaces(group: SocketAddr, listening: &[SocketAddr]) -> Vec<Interface> {
    let all = if_addrs::get_if_addrs().unwrap_or_default();
    let fits = |one: &if_addrs::Interface| one.ip().is_ipv4() == group.is_ipv4();
    let others = all
        .into_iter()
        .filter(|one| fits(one) && !one.is_loopback());
    let ours = others.filter_map(|one| {
        let ip = one.ip();
        let ear = listening.iter().find(|addr| {
            addr.ip() == ip || addr.ip().is_unspecified() && addr.is_ipv4() == ip.is_ipv4()
        });
        Some(Interface {
            addr: SocketAddr::new(ip, ear?.port()),
            index: one.index?,
        })
    });
    ours.collect()
}

fn join(socket: &UdpSocket, group: SocketAddr, own: &Interface) -> std::io::Result<()> {
    match (group.ip(), own.addr.ip()) {
        (IpAddr::V4(group), IpAddr::V4(own)) => socket.join_multicast_v4(group, own),
        (IpAddr::V6(group), IpAddr::V6(_)) => socket.join_multicast_v6(&group, own.index),
        _ => Ok(()),
    }
}

/// Sends a datagram to a group through one interface, no farther than its network.
fn send(group: SocketAddr, own: &Interface, datagram: &[u8]) -> std::io::Result<()> {
    let socket = Socket::new(Domain::for_address(group), Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_nonblocking(true)?;
    match own.addr.ip() {
        IpAddr::V4(own) => socket.set_multicast_if_v4(&own)?,
        IpAddr::V6(_) => socket.set_multicast_if_v6(own.index)?,
    }
    socket.bind(&SocketAddr::new(own.addr.ip(), 0).into())?;
    socket.send_to(datagram, &group.into())?;
    Ok(())
}

async fn hear(net: Rc<Net>, socket: Rc<UdpSocket>) {
    let mut datagram = [0; MAX_ANNOUNCEMENT + 1];
    let (mut since, mut count) = (net.now(), 0);
    loop {
        if let Ok((length, from)) = socket.recv_from(&mut datagram).await
            && let Ok(said) = Announcement::parse(&datagram[..length])
        {
            heed(&net, from, &said);
        }
        count += 1;
        let passed = net.now().since(since);
        if passed >= Duration::from_secs(1) {
            (since, count) = (net.now(), 0);
        } else if count >= MOST_A_SECOND {
            tokio::time::sleep(Duration::from_secs(1).saturating_sub(passed)).await;
        }
    }
}

/// Takes in what somebody announced.
fn heed(net: &Net, from: SocketAddr, said: &Announcement) {
    if said.cookie.as_ref() == Some(&net.lsd.cookie) {
        return;
    }
    let mut addr = from;
    addr.set_port(said.port);
    let mut known = false;
    for hash in &said.hashes {
        let torrent = net.by_hash(hash);
        if let Some(torrent) = torrent.filter(|one| !one.meta.is_private()) {
            known = true;
            if !torrent.found_nearby(net, addr) && !said.answers {
                net.lsd.answer(torrent.id);
            }
        }
    }
    if known && net.lsd.heard.borrow_mut().note(net.now(), addr.ip()) {
        let torrents: Vec<_> = net.torrents.borrow().values().cloned().collect();
        let tell = |torrent: &Rc<Torrent>| torrent.is_near(net, addr.ip());
        torrents.iter().for_each(tell);
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn at(seconds: u64) -> Time {
        Time::new(Duration::from_secs(seconds))
    }

    #[test]
    fn a_torrent_is_announced_soon_again_and_then_now_and_then() {
        let mut due = Due::default();
        due.start(TorrentId(1), at(9));
        due.start(TorrentId(2), at(5));
        assert_eq!(due.first(), Some((at(5), TorrentId(2))));
        due.start(TorrentId(1), at(1));
        assert_eq!(due.remove(TorrentId(2)), Some(0));
        let mut now = at(1);
        for wait in [2, 4, 300, 300] {
            assert_eq!(due.first(), Some((now, TorrentId(1))));
            due.repeat(TorrentId(1), now);
            now = now + Duration::from_secs(wait);
        }
        assert_eq!(due.remove(TorrentId(1)), Some(4));
        due.repeat(TorrentId(1), now);
        assert_eq!((due.first(), due.times.len()), (None, 0));
    }

    #[test]
    fn who_was_heard_is_near_for_a_while_and_they_are_bounded() {
        let mut heard = Heard::default();
        let ip: IpAddr = "::ffff:192.0.2.7".parse().unwrap();
        assert!(!heard.is_near(at(0), ip));
        assert!(heard.note(at(0), ip) && !heard.note(at(9), ip));
        assert!(heard.is_near(at(9 + 899), "192.0.2.7".parse().unwrap()));
        assert!(!heard.is_near(at(9 + 900), ip) && heard.note(at(9 + 900), ip));
        for number in 0..5_000_u32 {
            heard.note(at(1_000), Ipv4Addr::from(number).into());
        }
        assert!(heard.0.len() <= MOST_HEARD);
        assert!(!heard.note(at(1_001), ip), "whoever is known stays");
        assert!(heard.note(at(2_000), Ipv4Addr::from(9_999).into()));
        assert!(heard.is_near(at(2_000), Ipv4Addr::from(9_999).into()));
    }

    #[test]
    fn only_addresses_that_are_listened_on_are_ours() {
        let nowhere: SocketAddr = "192.0.2.1:6881".parse().unwrap();
        assert!(interfaces(GROUP_V4, &[nowhere]).is_empty());
        let anywhere = SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 6881);
        assert!(interfaces(GROUP_V6, &[anywhere]).is_empty());
        for own in interfaces(GROUP_V4, &[anywhere]) {
            assert!(own.addr.is_ipv4() && !own.addr.ip().is_loopback());
            assert_eq!(own.addr.port(), 6881);
        }
    }
}
