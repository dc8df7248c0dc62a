//! Listening sockets.

use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpListener;

use super::connect::ConnectError;
use super::{Net, connect};
use crate::error::EngineError;

/// Opens every address, or none.
pub(super) fn bind(addrs: &[SocketAddr]) -> Result<Vec<TcpListener>, EngineError> {
    let open = |addr: &SocketAddr| {
        listen(*addr).map_err(|error| EngineError::Listen {
            addr: *addr,
            errno: error.raw_os_error(),
            message: error.to_string(),
        })
    };
    addrs.iter().map(open).collect()
}

fn listen(addr: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    if addr.is_ipv6() {
        socket.set_only_v6(true)?; // so that both families can be listened on at one port
    }
    socket.set_nonblocking(true)?;
    socket.bind(&addr.into())?;
    socket.listen(BACKLOG)?;
    // Only now, so that two sessions cannot listen here at once. Where it is refused our connections come from other ports.
    #[cfg(unix)]
    let _ = socket.set_reuse_port(true);
    TcpListener::from_std(socket.into())
}

/// Greets whoever connects, for as long as the session lives.
pub(super) async fn accept(net: Rc<Net>, listener: TcpListener) {
    loop {
        match listener.accept().await {
            // Strangers that only sit there may not use up our descriptors: beyond the bound they are turned away.
            Ok(_) if net.greeting.get() >= MAX_GREETING => net.ends.count(&ConnectError::Full),
            Ok((stream, addr)) => {
                net.greeting.set(net.greeting.get() + 1);
                let net = Rc::clone(&net);
                tokio::task::spawn_local(async move {
                    let greeted = connect::greet(&net, &stream, addr).await;
                    net.greeting.set(net.greeting.get() - 1);
                    match greeted {
                        Ok((torrent, info)) => super::peer::run(net, torrent, stream, info).await,
                        Err(error) => net.ends.count(&error),
                    }
                });
            }
            // Out of descriptors, or a connection that ended in the queue: neither ends the listening.
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}

const BACKLOG: i32 = 512;
const MAX_GREETING: usize = 256;
const PAUSE: Duration = Duration::from_millis(50);
