//! Writes to one peer: messages first, then blocks read from storage, many to a system call.

use std::io;

use p2pcore_protocol::{BlockSpan, codec};
use p2pcore_scheduling::{CloseReason, Input, Place};
use tokio::net::TcpStream;

use super::limits::{Allowance, Way};
use super::peer::Peer;
use super::torrent::Torrent;
use super::{Net, jobs};
use crate::error::StorageError;

/// Writes until the connection ends.
pub(super) async fn write(
    net: &Net,
    torrent: &Torrent,
    peer: &Peer,
    stream: &TcpStream,
) -> CloseReason {
    let allowance = Allowance::new(net, Way::Up, torrent.id, Place::of(peer.info.addr.ip()));
    let mut buffer = Vec::new();
    let mut spans = Vec::new();
    loop {
        buffer.clear();
        let limited = allowance.is_limited();
        take_batch(peer, limited, &mut buffer, &mut spans);
        if buffer.is_empty() && spans.is_empty() {
            buffer = Vec::new(); // an idle peer costs no buffer
            peer.writable().await;
            continue;
        }
        if limited {
            let payload: u64 = spans.iter().map(|span| u64::from(span.length)).sum();
            allowance.take_all(payload).await;
        }
        if !spans.is_empty() {
            match read_blocks(net, torrent, buffer, &spans).await {
                Ok(filled) => buffer = filled,
                Err(reason) => return reason,
            }
        }
        if write_all(stream, &buffer).await.is_err() {
            return CloseReason::Closed;
        }
        if !spans.is_empty() {
            spans.clear();
            let room = ROOM.saturating_sub(peer.outbox.borrow().payload());
            torrent.handle(
                net,
                Input::Writable {
                    peer: peer.key,
                    room,
                },
            );
        }
    }
}

/// Moves messages into `buffer` and blocks into `spans`. Under a rate limit messages never wait behind blocks, and
/// blocks go one by one.
fn take_batch(peer: &Peer, limited: bool, buffer: &mut Vec<u8>, spans: &mut Vec<BlockSpan>) {
    let mut outbox = peer.outbox.borrow_mut();
    buffer.append(&mut outbox.messages);
    let most = match (limited, buffer.is_empty()) {
        (true, false) => 0,
        (true, true) => 1,
        (false, _) => BATCH,
    };
    let count = outbox.blocks.len().min(most);
    spans.extend(outbox.blocks.drain(..count));
}

/// Appends each block as a piece message: from the page cache at once, otherwise on a thread that may wait for the disk.
async fn read_blocks(
    net: &Net,
    torrent: &Torrent,
    mut buffer: Vec<u8>,
    spans: &[BlockSpan],
) -> Result<Vec<u8>, CloseReason> {
    let Some(storage) = torrent.storage() else {
        return Err(CloseReason::Stopped);
    };
    for (number, span) in spans.iter().enumerate() {
        let at = start_block(&mut buffer, *span);
        let Some(read) = storage.read_now(*span, &mut buffer[at..]) else {
            buffer.truncate(at - codec::PIECE_HEADER);
            let rest = spans[number..].to_vec();
            let storage = std::sync::Arc::clone(&storage);
            let read = jobs::read(torrent.reads(), move || {
                for span in rest {
                    let at = start_block(&mut buffer, span);
                    storage.read(span, &mut buffer[at..])?;
                }
                Ok::<_, StorageError>(buffer)
            });
            return read.await.ok_or(CloseReason::Stopped)?.map_err(|error| {
                torrent.fail(net, error);
                CloseReason::Stopped
            });
        };
        if let Err(error) = read {
            torrent.fail(net, error);
            return Err(CloseReason::Stopped);
        }
    }
    Ok(buffer)
}

/// Writes the header and makes room for the payload; answers where that begins.
fn start_block(buffer: &mut Vec<u8>, span: BlockSpan) -> usize {
    codec::encode_piece_header(span.piece.get(), span.begin, span.length, buffer);
    let at = buffer.len();
    buffer.resize(at + span.length as usize, 0);
    at
}

/// Writes everything, waiting for the socket as often as it takes.
pub(super) async fn write_all(stream: &TcpStream, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match stream.try_write(bytes) {
            Ok(count) => bytes = &bytes[count..],
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => stream.writable().await?,
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Payload bytes that may wait in a peer's outbox: what the Swarm can no longer decide about.
pub(super) const ROOM: u32 = 1 << 20;

/// Blocks to one system call: 512 KiB.
const BATCH: usize = 32;
