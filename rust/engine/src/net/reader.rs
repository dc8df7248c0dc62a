//! Reads from one peer, and tells the Swarm what arrived.

use std::io;

use p2pcore_protocol::codec::Decoder;
use p2pcore_protocol::extension::{self, Coming, ExtensionError, ExtensionHandshake};
use p2pcore_protocol::holepunch::Holepunch;
use p2pcore_protocol::message::Message;
use p2pcore_protocol::pex::Exchange;
use p2pcore_protocol::seeds::parse_seeds;
use p2pcore_protocol::site::parse_site_news;
use p2pcore_scheduling::{CloseReason, Input, Place};
use tokio::net::TcpStream;

use super::Net;
use super::limits::{Allowance, Way};
use super::peer::Peer;
use super::stream::{Arrived, Stream};
use super::torrent::{
    COMING_ID, Core, DONT_HAVE_ID, EXCHANGE_ID, PUNCH_ID, SEEDS_ID, SITE_ID, Torrent,
    UPLOAD_ONLY_ID,
};

/// Reads until the connection ends.
pub(super) async fn read(
    net: &Net,
    torrent: &Torrent,
    peer: &Peer,
    stream: &TcpStream,
) -> CloseReason {
    let allowance = Allowance::new(net, Way::Down, torrent.id, Place::of(peer.info.addr.ip()));
    let mut input = Stream::new(Decoder::for_layout(torrent.meta.layout()));
    loop {
        if stream.readable().await.is_err() {
            return CloseReason::Closed;
        }
        while net.is_congested() {
            net.drained.notified().await;
        }
        let read = if allowance.is_limited() {
            read_some(&allowance, &mut input, stream).await
        } else {
            stream.try_read_vectored(&mut input.room())
        };
        match read {
            Ok(0) => return CloseReason::Closed,
            Ok(count) => {
                input.fill(count);
                if let Err(reason) = torrent.with(net, |core| take_all(&mut input, core, peer)) {
                    return reason;
                }
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(_) => return CloseReason::Closed,
        }
    }
}

/// Reads no more than is allowed.
async fn read_some(
    allowance: &Allowance<'_>,
    input: &mut Stream,
    stream: &TcpStream,
) -> io::Result<usize> {
    let wanted = input.room()[0].len() as u64;
    let allowed = allowance.take_some(wanted.min(LIMITED_READ)).await;
    let read = stream.try_read(&mut input.room()[0][..allowed as usize]);
    allowance.refund(allowed - *read.as_ref().unwrap_or(&0) as u64);
    read
}

/// Understands as much as is there. Bytes of payload are told to the Swarm once for each read.
fn take_all(input: &mut Stream, core: &mut Core, peer: &Peer) -> Result<(), CloseReason> {
    let result = loop {
        match input.next(&mut core.spare) {
            Ok(None) => break Ok(()),
            Ok(Some(Arrived::Block { piece, begin, data })) => {
                if let Err(reason) = core.block_arrived(peer.key, piece, begin, data) {
                    break Err(broken(core, peer, reason));
                }
            }
            Ok(Some(Arrived::Message(message))) => {
                if handle(core, peer, message).is_err() {
                    break Err(broken(core, peer, CloseReason::ProtocolError));
                }
            }
            Err(_) => break Err(broken(core, peer, CloseReason::ProtocolError)),
        }
    };
    let payload = input.payload();
    if payload > 0 {
        core.handle(Input::Progress {
            peer: peer.key,
            bytes: payload,
        });
    }
    result
}

fn broken(core: &mut Core, peer: &Peer, reason: CloseReason) -> CloseReason {
    core.handle(Input::Misbehaved {
        peer: peer.key,
        reason,
    });
    reason
}

/// What is the wire's business is answered here; the rest is for the Swarm.
fn handle(core: &mut Core, peer: &Peer, message: Message) -> Result<(), ExtensionError> {
    match message {
        Message::Extended {
            id: extension::HANDSHAKE_ID,
            payload,
        } => extended(core, peer, ExtensionHandshake::parse(&payload)?),
        Message::Extended {
            id: DONT_HAVE_ID,
            payload,
        } => core.handle(Input::PeerLacks {
            peer: peer.key,
            piece: extension::parse_dont_have(&payload)?,
        }),
        Message::Extended {
            id: COMING_ID,
            payload,
        } => core.handle(Input::PeerComing {
            peer: peer.key,
            coming: Coming::parse(&payload)?,
        }),
        Message::Extended {
            id: UPLOAD_ONLY_ID,
            payload,
        } => core.handle(Input::PeerUploadOnly {
            peer: peer.key,
            upload_only: extension::parse_upload_only(&payload)?,
        }),
        Message::Extended {
            id: SITE_ID,
            payload,
        } => core.handle(Input::SiteNews {
            peer: peer.key,
            news: parse_site_news(&payload).map_err(ExtensionError::from)?,
        }),
        Message::Extended {
            id: SEEDS_ID,
            payload,
        } => core.handle(Input::SeedsSeen {
            peer: peer.key,
            seeds: parse_seeds(&payload)?,
        }),
        Message::Extended {
            id: EXCHANGE_ID,
            payload,
        } if core.swarm.config().exchange => core.handle(Input::Exchanged {
            peer: peer.key,
            exchange: Exchange::parse(&payload)?,
        }),
        Message::Extended {
            id: PUNCH_ID,
            payload,
        } if core.swarm.config().exchange => match Holepunch::parse(&payload) {
            Ok(said) => core.handle(Input::Punched {
                peer: peer.key,
                said,
            }),
            Err(ExtensionError::UnknownKind) => {} // of a later version
            Err(error) => return Err(error),
        },
        Message::HashRequest(request) => core.answer_hashes(peer, request),
        Message::Hashes { request, hashes } => core.hashes_came(peer, request, hashes),
        Message::HashReject(request) => core.hashes_refused(peer, request),
        message => core.handle(Input::Message {
            peer: peer.key,
            message,
        }),
    }
    Ok(())
}

fn extended(core: &mut Core, peer: &Peer, handshake: ExtensionHandshake) {
    if let Some(client) = &handshake.client {
        peer.client.borrow_mut().clone_from(client);
    }
    if let Some(reqq) = handshake.reqq {
        core.handle(Input::PeerRequestLimit {
            peer: peer.key,
            reqq,
        });
    }
    let upload_only = handshake.upload_only.or(handshake.hidden_only);
    peer.hear(handshake);
    core.handle(peer.extensions());
    if let Some(site) = peer.site() {
        core.handle(site);
    }
    if let Some(upload_only) = upload_only {
        core.handle(Input::PeerUploadOnly {
            peer: peer.key,
            upload_only,
        });
    }
}

/// Under a rate limit bytes are asked for in small portions, so that peers share it.
const LIMITED_READ: u64 = 32 * 1024;
