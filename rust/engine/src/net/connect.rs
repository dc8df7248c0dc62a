//! From a socket to a peer: dialling, and the handshake of either side (BEP 3, BEP 52's upgrade of hybrids).

use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use p2pcore_protocol::Metainfo;
use p2pcore_protocol::handshake::{HANDSHAKE_LEN, Handshake, check_start, info_hash};
use p2pcore_scheduling::{Input, PeerInfo};
use tokio::net::TcpStream;

use crate::api::EventKind;

use super::torrent::Torrent;
use super::writer::write_all;
use super::{Net, outgoing};

/// Why a connection came to nothing.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConnectError {
    #[error("connection failed")]
    Io(#[from] io::Error),
    #[error("the handshake took too long")]
    TooLong,
    #[error("not a BitTorrent handshake")]
    Junk,
    #[error("no such torrent here")]
    UnknownTorrent,
    #[error("connected to self")]
    OwnSelf,
    #[error("no room for more peers")]
    Full,
}

impl ConnectError {
    /// With more of the cause than what is counted by.
    fn in_words(&self) -> String {
        match self {
            Self::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                "it closed the connection before its handshake: does it have this torrent?"
                    .to_owned()
            }
            Self::Io(error) => error.kind().to_string(),
            other => other.to_string(),
        }
    }
}

/// Connects to `addr` for `torrent`, and runs the peer to its end. Where there is a `limit` it must answer within it.
pub(super) async fn dial(
    net: Rc<Net>,
    torrent: Rc<Torrent>,
    addr: SocketAddr,
    limit: Option<Duration>,
) {
    let made = {
        let _permit = net.half_open.acquire().await;
        within(&net, dial_and_greet(&net, &torrent, addr, limit)).await
    };
    match made {
        Ok((stream, info)) => super::peer::run(net, torrent, stream, info).await,
        Err(error) => {
            net.ends.count(&error);
            let reason = error.in_words();
            net.emit(Some(torrent.id), EventKind::DialFailed { addr, reason });
            let for_good = matches!(error, ConnectError::OwnSelf);
            torrent.handle(&net, Input::DialFailed { addr, for_good });
        }
    }
}

async fn dial_and_greet(
    net: &Net,
    torrent: &Torrent,
    addr: SocketAddr,
    limit: Option<Duration>,
) -> Result<(TcpStream, PeerInfo), ConnectError> {
    check_room(net)?;
    let port = outgoing::port_for(addr, net.listen_port.get());
    let answered = outgoing::connect(addr, port);
    let limit = limit.unwrap_or(net.config.connect_timeout);
    let stream = tokio::time::timeout(limit, answered)
        .await
        .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))?;
    prepare(&stream);
    let meta = &torrent.meta;
    // A hybrid is offered by its v1 hash; the v2 bit says that we would rather speak v2 (BEP 52).
    let hashes = meta.wire_hashes();
    let offered = hashes.first().copied().unwrap_or_default();
    let ours = Handshake::ours(offered, net.peer_id, speaks_v2(meta));
    write_all(&stream, &mut [IoSlice::new(&ours.encode())]).await?;
    let mut bytes = [0; HANDSHAKE_LEN];
    read_until(&stream, &mut bytes, 0, HANDSHAKE_LEN).await?;
    let theirs = Handshake::parse(&bytes).map_err(|_| ConnectError::Junk)?;
    if !hashes.contains(&theirs.info_hash) {
        return Err(ConnectError::UnknownTorrent);
    }
    let info = peer_info(net, meta, &theirs, addr, true)?;
    Ok((stream, info))
}

/// Answers a stranger's handshake, if it asks for a torrent that is running here.
pub(super) async fn greet(
    net: &Rc<Net>,
    stream: &TcpStream,
    addr: SocketAddr,
) -> Result<(Rc<Torrent>, PeerInfo), ConnectError> {
    within(net, greet_unbounded(net, stream, addr)).await
}

async fn greet_unbounded(
    net: &Rc<Net>,
    stream: &TcpStream,
    addr: SocketAddr,
) -> Result<(Rc<Torrent>, PeerInfo), ConnectError> {
    check_room(net)?;
    prepare(stream);
    let mut bytes = [0; HANDSHAKE_LEN];
    // Some clients send their peer id only after our answer: look at the hash first.
    let have = read_until(stream, &mut bytes, 0, 48).await?;
    let hash = info_hash(&bytes).unwrap_or_default();
    let torrent = net.by_hash(&hash).ok_or(ConnectError::UnknownTorrent)?;
    if !torrent.is_running() {
        return Err(ConnectError::UnknownTorrent);
    }
    let v2 = speaks_v2(&torrent.meta);
    let partial = Handshake::parse(&bytes).map_err(|_| ConnectError::Junk)?;
    let upgraded = torrent.meta.wire_hashes().last().copied();
    let answer = if partial.v2 {
        upgraded.unwrap_or(hash)
    } else {
        hash
    };
    let answer = Handshake::ours(answer, net.peer_id, v2).encode();
    write_all(stream, &mut [IoSlice::new(&answer)]).await?;
    read_until(stream, &mut bytes, have, HANDSHAKE_LEN).await?;
    let theirs = Handshake::parse(&bytes).map_err(|_| ConnectError::Junk)?;
    let info = peer_info(net, &torrent.meta, &theirs, addr, false)?;
    Ok((torrent, info))
}

fn peer_info(
    net: &Net,
    meta: &Metainfo,
    theirs: &Handshake,
    addr: SocketAddr,
    outgoing: bool,
) -> Result<PeerInfo, ConnectError> {
    if theirs.peer_id == net.peer_id {
        return Err(ConnectError::OwnSelf);
    }
    Ok(PeerInfo {
        addr,
        outgoing,
        peer_id: theirs.peer_id,
        fast: theirs.fast,
        extended: theirs.extended,
        v2: theirs.v2 && speaks_v2(meta),
    })
}

fn speaks_v2(meta: &Metainfo) -> bool {
    meta.info_hash_v2().is_some()
}

fn check_room(net: &Net) -> Result<(), ConnectError> {
    if net.connected.get() < net.config.max_peers {
        Ok(())
    } else {
        Err(ConnectError::Full)
    }
}

fn prepare(stream: &TcpStream) {
    // Without it small requests wait for acknowledgements. A socket that refuses still works.
    let _ = stream.set_nodelay(true);
}

async fn within<T>(
    net: &Net,
    work: impl Future<Output = Result<T, ConnectError>>,
) -> Result<T, ConnectError> {
    tokio::time::timeout(net.config.connect_timeout, work)
        .await
        .unwrap_or(Err(ConnectError::TooLong))
}

/// Reads until `until` bytes of the handshake are there (more may come); answers how many.
async fn read_until(
    stream: &TcpStream,
    bytes: &mut [u8; HANDSHAKE_LEN],
    mut have: usize,
    until: usize,
) -> Result<usize, ConnectError> {
    while have < until {
        stream.readable().await?;
        match stream.try_read(&mut bytes[have..]) {
            Ok(count) => have = accept(bytes, have, count)?,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(have)
}

/// Checks what has arrived so far; junk is refused at its first byte.
fn accept(bytes: &[u8; HANDSHAKE_LEN], have: usize, count: usize) -> Result<usize, ConnectError> {
    if count == 0 {
        return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
    }
    let have = have + count;
    check_start(&bytes[..have]).map_err(|_| ConnectError::Junk)?;
    Ok(have)
}
