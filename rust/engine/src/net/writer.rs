//! Writes to one peer: messages first, then blocks read from storage, many to a system call.

use std::io::{self, IoSlice};
use std::pin::pin;

use p2pcore_protocol::{BlockSpan, codec};
use p2pcore_scheduling::{CloseReason, Input, Place};
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::limits::{Allowance, Way};
use super::outbox::{Due, Serving};
use super::peer::Peer;
use super::torrent::Torrent;
use super::{Net, jobs};
use crate::aligned::PageBuffer;
use crate::error::StorageError;

/// Writes until the connection ends.
pub(super) async fn write(
    net: &Net,
    torrent: &Torrent,
    peer: &Peer,
    stream: &TcpStream,
) -> CloseReason {
    let allowance = Allowance::new(net, Way::Up, torrent.id, Place::of(peer.info.addr.ip()));
    let mut batch = Batch::default();
    let mut told = None;
    loop {
        if peer.outbox.borrow().due() != Due::Now {
            batch = Batch::default(); // an idle peer costs no buffer
        }
        peer.writable(told).await;
        let limited = allowance.is_limited();
        if batch.take(peer, limited) {
            told = Some(Instant::now());
        }
        let leave = allowance.take_all(batch.payload_length() as u64);
        if limited
            && write_meanwhile(peer, stream, &mut told, leave)
                .await
                .is_err()
        {
            return CloseReason::Closed;
        }
        if let Err(reason) = read_blocks(net, torrent, &mut batch).await {
            return reason;
        }
        if write_all(stream, &mut batch.parts()).await.is_err() {
            return CloseReason::Closed;
        }
        if !batch.spans.is_empty() {
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

/// Until blocks have leave to go. Messages that come meanwhile need none: what we ask of the peer does not wait for what
/// it gets.
async fn write_meanwhile(
    peer: &Peer,
    stream: &TcpStream,
    told: &mut Option<Instant>,
    leave: impl Future<Output = ()>,
) -> io::Result<()> {
    let mut leave = pin!(leave);
    let mut messages = Vec::new();
    loop {
        tokio::select! {
            biased;
            () = &mut leave => return Ok(()),
            () = peer.has_messages(*told) => {}
        }
        messages.clear();
        if peer.outbox.borrow_mut().take_messages(&mut messages) {
            *told = Some(Instant::now());
        }
        write_all(stream, &mut [IoSlice::new(&messages)]).await?;
    }
}

/// What goes to the socket by one call.
#[derive(Debug, Default)]
struct Batch {
    messages: Vec<u8>,
    spans: Vec<BlockSpan>,
    /// Those of them that come from storage, with their place in the payload.
    to_read: Vec<(usize, BlockSpan)>,
    /// Of the blocks, one after the other.
    headers: Vec<u8>,
    /// The blocks themselves, likewise. It may be longer: what was read into once need not be cleared again.
    payload: PageBuffer,
}

impl Batch {
    /// Takes what waits, and nothing is left of the batch before. Under a rate limit messages never wait behind blocks,
    /// and blocks go one by one. True if there are `have`s in it.
    fn take(&mut self, peer: &Peer, limited: bool) -> bool {
        self.messages.clear();
        self.spans.clear();
        self.to_read.clear();
        self.headers.clear();
        let mut outbox = peer.outbox.borrow_mut();
        let news = outbox.take_messages(&mut self.messages);
        let most = match (limited, self.messages.is_empty()) {
            (true, false) => 0,
            (true, true) => 1,
            (false, _) => BATCH,
        };
        let count = outbox.blocks.len().min(most);
        let lengths = outbox.blocks.iter().map(|block| block.span.length as usize);
        self.payload.grow(lengths.take(count).sum());
        let blocks = outbox.blocks.drain(..count);
        let mut at = 0;
        for block in blocks {
            let length = block.span.length as usize;
            self.push(at, block);
            at += length;
        }
        news
    }

    fn push(&mut self, at: usize, block: Serving) {
        let Serving { span, data } = block;
        let headers = &mut self.headers;
        codec::encode_piece_header(span.piece.get(), span.begin, span.length, headers);
        match data {
            Some(data) => self.payload[at..at + data.len()].copy_from_slice(&data),
            None => self.to_read.push((at, span)),
        }
        self.spans.push(span);
    }

    fn payload_length(&self) -> usize {
        self.spans.iter().map(|span| span.length as usize).sum()
    }

    /// Messages first, then each block behind its header.
    fn parts(&self) -> Vec<IoSlice<'_>> {
        let mut parts = vec![IoSlice::new(&self.messages)];
        let (headers, _) = self.headers.as_chunks::<{ codec::PIECE_HEADER }>();
        let mut payload = &self.payload[..];
        for (header, span) in headers.iter().zip(&self.spans) {
            let (block, rest) = payload.split_at(span.length as usize);
            parts.extend([IoSlice::new(header), IoSlice::new(block)]);
            payload = rest;
        }
        parts
    }
}

/// Blocks that follow each other in a piece and in the payload, as one: a read costs as much for one as for many.
fn runs(blocks: &[(usize, BlockSpan)]) -> Vec<(usize, BlockSpan)> {
    let mut runs: Vec<(usize, BlockSpan)> = Vec::new();
    for &(at, span) in blocks {
        match runs.last_mut() {
            Some((from, run))
                if run.piece == span.piece
                    && run.begin + run.length == span.begin
                    && *from + run.length as usize == at =>
            {
                run.length += span.length;
            }
            _ => runs.push((at, span)),
        }
    }
    runs
}

/// Reads the blocks: from the page cache at once, otherwise on a thread that may wait for the disk.
async fn read_blocks(net: &Net, torrent: &Torrent, batch: &mut Batch) -> Result<(), CloseReason> {
    let runs = runs(&batch.to_read);
    if runs.is_empty() {
        return Ok(());
    }
    let Some(storage) = torrent.storage() else {
        return Err(CloseReason::Stopped);
    };
    let fail = |error| {
        torrent.fail(net, error);
        CloseReason::Stopped
    };
    let place = |at: usize, run: BlockSpan| at..at + run.length as usize;
    for (number, &(at, run)) in runs.iter().enumerate() {
        match storage.read_now(run, &mut batch.payload[place(at, run)]) {
            Some(read) => read.map_err(fail)?,
            None => {
                let rest = runs[number..].to_vec();
                let storage = std::sync::Arc::clone(&storage);
                let mut payload = std::mem::take(&mut batch.payload);
                let read = jobs::read(torrent.reads(), move || {
                    for (at, run) in rest {
                        storage.read(run, &mut payload[place(at, run)])?;
                    }
                    Ok::<_, StorageError>(payload)
                });
                let read = read.await.ok_or(CloseReason::Stopped)?;
                batch.payload = read.map_err(fail)?;
                break;
            }
        }
    }
    Ok(())
}

/// Writes everything, waiting for the socket as often as it takes.
pub(super) async fn write_all(stream: &TcpStream, mut parts: &mut [IoSlice<'_>]) -> io::Result<()> {
    IoSlice::advance_slices(&mut parts, 0); // skips empty ones
    while !parts.is_empty() {
        match stream.try_write_vectored(parts) {
            Ok(count) => IoSlice::advance_slices(&mut parts, count),
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

#[cfg(test)]
mod tests {
    use p2pcore_protocol::PieceIndex;

    use super::*;

    fn span(piece: u32, begin: u32, length: u32) -> BlockSpan {
        let piece = PieceIndex::new(piece);
        BlockSpan {
            piece,
            begin,
            length,
        }
    }

    #[test]
    fn blocks_in_a_row_are_read_as_one() {
        let blocks = [
            (0, span(0, 0, 4)),
            (4, span(0, 4, 4)),
            (8, span(0, 8, 2)),
            (10, span(1, 10, 4)),
            (14, span(1, 0, 4)),
            (18, span(0, 4, 4)),
            (30, span(0, 8, 4)),
        ];
        let expected = [
            (0, span(0, 0, 10)),
            (10, span(1, 10, 4)),
            (14, span(1, 0, 4)),
            (18, span(0, 4, 4)),
            (30, span(0, 8, 4)), // elsewhere in the payload
        ];
        assert_eq!(runs(&blocks), expected);
    }

    #[test]
    fn each_block_goes_behind_its_header_and_messages_before_all() {
        let mut batch = Batch {
            messages: b"messages".to_vec(),
            payload: PageBuffer::new(100),
            ..Batch::default()
        };
        batch.payload[..17].copy_from_slice(b"abc?????, as was ");
        let data = Some(b"defgh".to_vec());
        let (read, relayed) = (span(7, 0, 3), span(7, 16, 5));
        let span = read;
        batch.push(0, Serving { span, data: None });
        let span = relayed;
        batch.push(3, Serving { span, data });
        assert_eq!(batch.to_read, [(0, read)]);
        let mut expected = b"messages".to_vec();
        codec::encode_piece_header(7, 0, 3, &mut expected);
        expected.extend(b"abc");
        codec::encode_piece_header(7, 16, 5, &mut expected);
        expected.extend(b"defgh");
        let parts = batch.parts();
        assert_eq!(
            parts
                .iter()
                .flat_map(|part| part.to_vec())
                .collect::<Vec<_>>(),
            expected
        );
    }
}
