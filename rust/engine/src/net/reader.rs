//! Reads from one peer: finds the frames in the stream, puts payload into block buffers, tells the Swarm.

use std::io;

use p2pcore_protocol::codec::{Decoder, Frame};
use p2pcore_protocol::extension::{self, ExtensionError, ExtensionHandshake};
use p2pcore_protocol::message::Message;
use p2pcore_protocol::seeds::parse_seeds;
use p2pcore_protocol::site::parse_site_news;
use p2pcore_scheduling::{CloseReason, Input, Place};
use tokio::net::TcpStream;

use super::Net;
use super::limits::{Allowance, Way};
use super::peer::Peer;
use super::torrent::{Core, DONT_HAVE_ID, SEEDS_ID, SITE_ID, Torrent, UPLOAD_ONLY_ID};
use crate::aligned::PageBuffer;

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
        let mut allowed = input.room().len() as u64;
        let limited = allowance.is_limited();
        if limited {
            allowed = allowance.take_some(allowed.min(LIMITED_READ)).await;
        }
        let read = stream.try_read(&mut input.room()[..allowed as usize]);
        let count = *read.as_ref().unwrap_or(&0);
        if limited {
            allowance.refund(allowed - count as u64);
        }
        match read {
            Ok(0) => return CloseReason::Closed,
            Ok(count) => {
                input.filled += count;
                if let Err(reason) = torrent.with(net, |core| input.take_frames(core, peer)) {
                    return reason;
                }
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(_) => return CloseReason::Closed,
        }
    }
}

/// The bytes of a connection that are not yet understood.
struct Stream {
    buffer: PageBuffer,
    start: usize,
    filled: usize,
    decoder: Decoder,
    block: Option<Incoming>,
}

/// A block whose payload is still arriving.
struct Incoming {
    piece: u32,
    begin: u32,
    length: u32,
    data: Vec<u8>,
}

impl Stream {
    fn new(decoder: Decoder) -> Self {
        Self {
            buffer: PageBuffer::new(SMALLEST),
            start: 0,
            filled: 0,
            decoder,
            block: None,
        }
    }

    /// Where the next bytes go; never empty. A buffer that keeps filling up grows, to a bound.
    fn room(&mut self) -> &mut [u8] {
        if self.start == self.filled {
            if self.filled == self.buffer.len() && self.buffer.len() < LARGEST {
                self.buffer.grow(self.buffer.len() * 2);
            }
            (self.start, self.filled) = (0, 0);
        } else if self.start > 0 && self.filled == self.buffer.len() {
            self.buffer.copy_within(self.start..self.filled, 0);
            self.filled -= self.start;
            self.start = 0;
        }
        // A message longer than the buffer: the decoder has checked its length against the torrent's limit.
        if self.filled == self.buffer.len() {
            self.buffer.grow(self.buffer.len() * 2);
        }
        &mut self.buffer[self.filled..]
    }

    /// Understands as much as is there. Bytes of payload are told to the Swarm once for each read.
    fn take_frames(&mut self, core: &mut Core, peer: &Peer) -> Result<(), CloseReason> {
        let mut payload = 0;
        let mut result = Ok(());
        while self.start < self.filled {
            if let Some(block) = &mut self.block {
                let missing = block.length as usize - block.data.len();
                let count = missing.min(self.filled - self.start);
                let bytes = &self.buffer[self.start..self.start + count];
                block.data.extend_from_slice(bytes);
                self.start += count;
                payload += count as u32;
                if count == missing
                    && let Some(block) = self.block.take()
                {
                    core.block_arrived(peer.key, block.piece, block.begin, block.data);
                }
                continue;
            }
            match self.decoder.decode(&self.buffer[self.start..self.filled]) {
                Ok(None) => break,
                Ok(Some((frame, count))) => {
                    self.start += count;
                    match frame {
                        Frame::Message(message) => {
                            if handle(core, peer, message).is_err() {
                                result = Err(broken(core, peer));
                                break;
                            }
                        }
                        Frame::Piece {
                            piece,
                            begin,
                            length,
                        } => {
                            let data = core.new_block(length);
                            self.block = Some(Incoming {
                                piece,
                                begin,
                                length,
                                data,
                            });
                        }
                    }
                }
                Err(_) => {
                    result = Err(broken(core, peer));
                    break;
                }
            }
        }
        if payload > 0 {
            core.handle(Input::Progress {
                peer: peer.key,
                bytes: payload,
            });
        }
        result
    }
}

fn broken(core: &mut Core, peer: &Peer) -> CloseReason {
    let reason = CloseReason::ProtocolError;
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
        Message::HashRequest(request) => peer.send(&core.answer_hashes(request)),
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
    let upload_only = handshake.upload_only;
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

/// An idle peer's buffer.
const SMALLEST: usize = 4 * 1024;

/// A fast peer's buffer: 16 blocks to a system call, and it stays in the second-level cache.
const LARGEST: usize = 256 * 1024;

/// Under a rate limit bytes are asked for in small portions, so that peers share it.
const LIMITED_READ: u64 = 32 * 1024;
