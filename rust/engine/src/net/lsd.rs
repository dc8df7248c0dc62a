//! Local service discovery (BEP 14): torrents are announced to a multicast group of the local network, and who announces
//! one of ours is a peer of it, and at our site.
//!
//! Each torrent is announced when it starts and every five minutes. A seed that hears of somebody new announces at once
//! what both have, so that nobody waits: whoever lacks something dials, a seed dials nobody. Nothing is announced on the
//! loopback interface, beyond the local network, or of a private torrent (BEP 27).

use std::cell::RefCell;
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
use crate::api::TorrentId;

const EVERY: Duration = Duration::from_mins(5);
/// Between two announcements, of thousands of torrents too.
const PACE: Duration = Duration::from_millis(250);
/// Whoever was not heard for so long is new.
const FORGOTTEN: Duration = Duration::from_mins(4);
/// Peers that are remembered.
const MOST_HEARD: usize = 4_096;
/// What is heard in a second at most; the rest is lost.
const MOST_A_SECOND: usize = 100;

/// What is to be announced, and who was heard.
#[derive(Debug, Default)]
pub(super) struct Lsd {
    cookie: String,
    due: RefCell<Due>,
    woken: Notify,
    heard: RefCell<BTreeMap<(IpAddr, u16, TorrentId), Time>>,
}

/// When each torrent is announced next.
#[derive(Debug, Default)]
struct Due {
    by_time: BTreeSet<(Time, TorrentId)>,
    times: BTreeMap<TorrentId, Time>,
}

impl Due {
    fn set(&mut self, torrent: TorrentId, at: Option<Time>) {
        if let Some(before) = self.times.remove(&torrent) {
            self.by_time.remove(&(before, torrent));
        }
        if let Some(at) = at {
            self.times.insert(torrent, at);
            self.by_time.insert((at, torrent));
        }
    }

    fn first(&self) -> Option<(Time, TorrentId)> {
        self.by_time.first().copied()
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

    /// Announces a torrent soon.
    pub(super) fn announce(&self, net: &Net, torrent: TorrentId) {
        if net.config.local_discovery {
            self.due.borrow_mut().set(torrent, Some(net.now()));
            self.woken.notify_one();
        }
    }

    /// A torrent is gone.
    pub(super) fn forget(&self, torrent: TorrentId) {
        self.due.borrow_mut().set(torrent, None);
        let mut heard = self.heard.borrow_mut();
        heard.retain(|(.., other), _| *other != torrent);
    }

    /// Somebody with this address was heard.
    pub(super) fn has_heard(&self, ip: IpAddr) -> bool {
        let first = (ip.to_canonical(), 0, TorrentId(0));
        let heard = self.heard.borrow();
        let next = heard.range(first..).next();
        next.is_some_and(|((other, ..), _)| *other == first.0)
    }

    /// Somebody takes part in a torrent of ours; whether that is news.
    fn note(&self, now: Time, addr: SocketAddr, torrent: TorrentId) -> bool {
        let mut heard = self.heard.borrow_mut();
        if heard.len() >= MOST_HEARD {
            heard.retain(|_, at| now.since(*at) < FORGOTTEN);
        }
        if heard.len() >= MOST_HEARD {
            return false;
        }
        let key = (addr.ip().to_canonical(), addr.port(), torrent);
        let before = heard.insert(key, now);
        before.is_none_or(|at| now.since(at) >= FORGOTTEN)
    }

    /// The wire hashes of torrents that are due. Those that do not run, or are private, are not announced; they come
    /// again when they start.
    fn take_due(&self, net: &Net) -> Vec<[u8; 20]> {
        let (now, mut hashes) = (net.now(), Vec::new());
        let mut due = self.due.borrow_mut();
        while let Some((_, id)) = due.first().filter(|(at, _)| *at <= now) {
            let torrent = net.torrent(id);
            let torrent = torrent.filter(|one| one.is_running() && !one.meta.is_private());
            let own = torrent.map(|one| one.meta.wire_hashes());
            if let Some(own) = &own
                && hashes.len() + own.len() > MOST_HASHES
            {
                break;
            }
            due.set(id, own.is_some().then(|| now + EVERY));
            hashes.extend(own.into_iter().flatten());
        }
        hashes
    }
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
        tokio::task::spawn_local(announce(Rc::clone(net), listening, ears));
    }
}

/// A socket that gets what is sent to the group, and nothing else: bound to the group's own address it cannot be
/// reached from anywhere else. Others on this machine may do the same.
fn open(group: SocketAddr) -> std::io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(group), Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&group.into())?;
    UdpSocket::from_std(socket.into())
}

async fn announce(
    net: Rc<Net>,
    listening: Vec<SocketAddr>,
    ears: Vec<(SocketAddr, Rc<UdpSocket>)>,
) {
    loop {
        let ours = interfaces(&listening);
        for (group, socket) in &ears {
            for own in ours
                .iter()
                .filter(|own| own.addr.is_ipv4() == group.is_ipv4())
            {
                let _ = join(socket, *group, own); // mostly it is in the group already
            }
        }
        let hashes = net.lsd.take_due(&net);
        if !hashes.is_empty() {
            for (own, (group, _)) in ours
                .iter()
                .flat_map(|own| ears.iter().map(move |ear| (own, ear)))
            {
                let said = Announcement {
                    port: own.addr.port(),
                    hashes: hashes.clone(),
                    cookie: Some(net.lsd.cookie.clone()),
                };
                let _ = send(*group, own, &said.encode(*group)); // a link that is down hears nothing
            }
            tokio::time::sleep(PACE).await;
        }
        let woken = net.lsd.woken.notified();
        let first = net.lsd.due.borrow().first();
        let wait = first.map_or(EVERY, |(due, _)| due.since(net.now()));
        let _ = tokio::time::timeout(wait, woken).await;
    }
}

/// One of our addresses, with the port that we listen on there.
#[derive(Debug)]
struct Interface {
    addr: SocketAddr,
    index: u32,
}

/// The interfaces through which somebody else can reach us.
fn interfaces(listening: &[SocketAddr]) -> Vec<Interface> {
    let all = if_addrs::get_if_addrs().unwrap_or_default();
    let others = all.into_iter().filter(|one| !one.is_loopback());
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
    if group.is_ipv4() != own.addr.is_ipv4() {
        return Ok(());
    }
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
    let near = net.lsd.has_heard(addr.ip());
    for hash in &said.hashes {
        let Some(torrent) = net.by_hash(hash).filter(|one| !one.meta.is_private()) else {
            continue;
        };
        let new = net.lsd.note(net.now(), addr, torrent.id);
        if !torrent.found_nearby(net, addr) && new {
            net.lsd.announce(net, torrent.id);
        }
    }
    if !near && net.lsd.has_heard(addr.ip()) {
        let torrents: Vec<_> = net.torrents.borrow().values().cloned().collect();
        torrents
            .iter()
            .for_each(|torrent| torrent.is_near(net, addr.ip()));
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn each_torrent_is_due_once() {
        let at = |seconds| Time::new(Duration::from_secs(seconds));
        let mut due = Due::default();
        due.set(TorrentId(1), Some(at(9)));
        due.set(TorrentId(2), Some(at(5)));
        assert_eq!(due.first(), Some((at(5), TorrentId(2))));
        due.set(TorrentId(1), Some(at(1)));
        assert_eq!(due.first(), Some((at(1), TorrentId(1))));
        due.set(TorrentId(1), None);
        due.set(TorrentId(2), None);
        due.set(TorrentId(3), None);
        assert_eq!((due.first(), due.times.len()), (None, 0));
    }

    #[test]
    fn who_was_heard_is_news_once_and_bounded() {
        let lsd = Lsd::new(&[7; 20]);
        let addr: SocketAddr = "[::ffff:192.0.2.7]:6881".parse().unwrap();
        let at = |seconds| Time::new(Duration::from_secs(seconds));
        assert!(!lsd.has_heard(addr.ip()));
        assert!(lsd.note(at(0), addr, TorrentId(1)));
        assert!(!lsd.note(at(9), addr, TorrentId(1)));
        assert!(lsd.note(at(9), addr, TorrentId(2)));
        assert!(lsd.has_heard("192.0.2.7".parse().unwrap()));
        assert!(!lsd.has_heard("192.0.2.6".parse().unwrap()));
        assert!(!lsd.has_heard("192.0.2.8".parse().unwrap()));
        assert!(lsd.note(at(9 + 240), addr, TorrentId(1)));
        for id in 0..=MOST_HEARD as u64 {
            lsd.note(at(300), addr, TorrentId(id));
        }
        assert!(lsd.heard.borrow().len() <= MOST_HEARD);
        lsd.forget(TorrentId(1));
        assert!(lsd.note(at(300), addr, TorrentId(1)));
    }

    #[test]
    fn only_addresses_that_are_listened_on_are_ours() {
        let nowhere: SocketAddr = "192.0.2.1:6881".parse().unwrap();
        assert!(interfaces(&[nowhere]).is_empty());
        let anywhere = SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 6881);
        for own in interfaces(&[anywhere]) {
            assert!(own.addr.is_ipv4() && !own.addr.ip().is_loopback());
            assert_eq!(own.addr.port(), 6881);
        }
    }
}
