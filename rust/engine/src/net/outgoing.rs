//! Connections that we make come from the port where we listen, where that may be. So a firewall that translates addresses
//! (NAT) shows others one port of ours, and opens it for whom we dial: two behind such firewalls that dial each other at the
//! same time meet (simultaneous open, RFC 9293, 3.5).

use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use tokio::net::{TcpSocket, TcpStream};

/// The port that a connection to `addr` is to come from, by the one where we listen. On this host there is no firewall between,
/// and peers that dial each other keep connections of their own.
pub(super) fn port_for(addr: SocketAddr, listens: Option<u16>) -> Option<u16> {
    let loopback = addr.ip().to_canonical().is_loopback();
    listens.filter(|_| cfg!(unix) && !loopback)
}

/// Connects to `addr`, from that port if there is one and it may be.
pub(super) async fn connect(addr: SocketAddr, port: Option<u16>) -> io::Result<TcpStream> {
    // The system may not share ports, or not with us.
    if let Some(Ok(socket)) = port.map(|port| bound(addr, port)) {
        match socket.connect(addr).await {
            Err(error) if is_taken(&error) => {}
            other => return other,
        }
    }
    TcpStream::connect(addr).await
}

/// There is a connection from that port, or was one a moment ago.
fn is_taken(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::AddrInUse | ErrorKind::AddrNotAvailable
    )
}

fn bound(addr: SocketAddr, port: u16) -> io::Result<TcpSocket> {
    let (socket, own) = if addr.is_ipv4() {
        (TcpSocket::new_v4()?, Ipv4Addr::UNSPECIFIED.into())
    } else {
        (TcpSocket::new_v6()?, Ipv6Addr::UNSPECIFIED.into())
    };
    socket.set_reuseaddr(true)?;
    #[cfg(unix)]
    socket.set_reuseport(true)?;
    socket.bind(SocketAddr::new(own, port))?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::listen;

    fn any_port() -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, 0))
    }

    #[tokio::test(flavor = "current_thread")]
    async fn a_connection_comes_from_where_we_listen_and_a_second_one_from_elsewhere() {
        let ours = listen::bind(&[any_port()]).unwrap().remove(0);
        let theirs = listen::bind(&[any_port()]).unwrap().remove(0);
        let (own, there) = (ours.local_addr().unwrap(), theirs.local_addr().unwrap());
        let first = connect(there, Some(own.port())).await.unwrap();
        let (_first_there, from) = theirs.accept().await.unwrap();
        assert_eq!((from, first.local_addr().unwrap()), (own, own));
        let second = connect(there, Some(own.port())).await.unwrap();
        let (_second_there, from) = theirs.accept().await.unwrap();
        assert_eq!(from, second.local_addr().unwrap());
        assert_ne!(from, own);
        // We are still the only ones that listen there, and take connections.
        assert!(listen::bind(&[own]).is_err());
        let back = connect(own, None).await.unwrap();
        let (_back_here, from) = ours.accept().await.unwrap();
        assert_eq!(from, back.local_addr().unwrap());
    }

    #[test]
    fn on_this_host_connections_come_from_anywhere() {
        let port = |addr: &str| port_for(addr.parse().unwrap(), Some(7));
        for own in ["127.0.0.1:1", "[::1]:1", "[::ffff:127.0.0.1]:1"] {
            assert_eq!(port(own), None, "{own}");
        }
        assert_eq!(port("192.0.2.1:1"), Some(7).filter(|_| cfg!(unix)));
        assert_eq!(port_for("192.0.2.1:1".parse().unwrap(), None), None);
    }
}
