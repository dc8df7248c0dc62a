//! The bytes of a connection, found to be messages and blocks. No I/O: it says where the next bytes go.
//!
//! While a block arrives, what comes next goes straight to its place: first the rest of the block, and then, on the guess
//! that more of the usual length follow, header and block by turns. Where the guess was wrong, the bytes are put in a row
//! and read as any others.

use std::collections::VecDeque;
use std::io::IoSliceMut;

use p2pcore_protocol::BLOCK;
use p2pcore_protocol::codec::{Decoder, Frame, PIECE_HEADER, WireError};
use p2pcore_protocol::message::Message;

use super::spare::Spare;
use crate::aligned::PageBuffer;

/// What arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Arrived {
    Message(Message),
    Block {
        piece: u32,
        begin: u32,
        data: Vec<u8>,
    },
}

/// Invariant: between two reads, either a block is arriving and the buffer is empty, or none is.
#[derive(Debug)]
pub(super) struct Stream {
    decoder: Decoder,
    buffer: PageBuffer,
    start: usize,
    filled: usize,
    block: Option<Incoming>,
    /// Headers and blocks that may follow the one that is arriving.
    ahead: VecDeque<([u8; PIECE_HEADER], Vec<u8>)>,
    /// How many of them are worth their memory. It does not fall: who was fast once may be so again.
    depth: usize,
    /// Bytes that the latest read put into the block and what is ahead.
    scattered: usize,
    payload: u32,
}

/// A block whose payload is still arriving.
#[derive(Debug)]
struct Incoming {
    piece: u32,
    begin: u32,
    data: Vec<u8>,
    have: usize,
}

impl Incoming {
    fn missing(&self) -> usize {
        self.data.len() - self.have
    }
}

impl Stream {
    pub fn new(decoder: Decoder) -> Self {
        Self {
            decoder,
            buffer: PageBuffer::new(SMALLEST),
            start: 0,
            filled: 0,
            block: None,
            ahead: VecDeque::new(),
            depth: 0,
            scattered: 0,
            payload: 0,
        }
    }

    /// Where the next bytes go; the first part is never empty.
    pub fn room(&mut self) -> Vec<IoSliceMut<'_>> {
        if self.block.is_none() {
            return vec![IoSliceMut::new(self.buffer_room())];
        }
        let rest = self.block.iter_mut();
        let rest = rest.map(|block| IoSliceMut::new(&mut block.data[block.have..]));
        let ahead = self.ahead.iter_mut();
        rest.chain(
            ahead.flat_map(|(header, data)| [IoSliceMut::new(header), IoSliceMut::new(data)]),
        )
        .collect()
    }

    /// A buffer that keeps filling up grows, to a bound.
    fn buffer_room(&mut self) -> &mut [u8] {
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
        let room = &mut self.buffer[self.filled..];
        // Of who sends blocks only the next header is wanted here, and the block behind it at its own place.
        let most = if self.depth > 0 { SMALLEST } else { room.len() };
        let length = room.len().min(most);
        &mut room[..length]
    }

    /// So many bytes were put into the room, from its start on.
    pub fn fill(&mut self, count: usize) {
        let Some(block) = &self.block else {
            self.filled += count;
            return;
        };
        self.scattered = count;
        let room = block.missing() + self.ahead.len() * (PIECE_HEADER + BLOCK as usize);
        if count == room {
            self.depth = (self.depth * 2).clamp(1, DEEPEST);
        }
    }

    /// The next thing that is whole; nothing, where more bytes are needed.
    pub fn next(&mut self, spare: &mut Spare) -> Result<Option<Arrived>, WireError> {
        loop {
            if self.scattered > 0 {
                if self.block.is_none() {
                    self.guess();
                }
                let now = self.block.as_ref().map_or(0, Incoming::missing);
                let now = now.min(self.scattered);
                self.scattered -= now;
                if let Some(arrived) = self.take_payload(now) {
                    return Ok(Some(arrived));
                }
                continue;
            }
            let there = &self.buffer[self.start..self.filled];
            if there.is_empty() {
                self.provide(spare);
                return Ok(None);
            }
            if let Some(block) = &mut self.block {
                let now = block.missing().min(there.len());
                block.data[block.have..][..now].copy_from_slice(&there[..now]);
                self.start += now;
                if let Some(arrived) = self.take_payload(now) {
                    return Ok(Some(arrived));
                }
                continue;
            }
            let Some((frame, length)) = self.decoder.decode(there)? else {
                self.provide(spare);
                return Ok(None);
            };
            self.start += length;
            match frame {
                Frame::Message(message) => return Ok(Some(Arrived::Message(message))),
                Frame::Piece {
                    piece,
                    begin,
                    length,
                } => self.begin(piece, begin, spare.take(length)),
            }
        }
    }

    /// Bytes of payload since this was asked last.
    pub fn payload(&mut self) -> u32 {
        std::mem::take(&mut self.payload)
    }

    fn begin(&mut self, piece: u32, begin: u32, data: Vec<u8>) {
        self.block = Some(Incoming {
            piece,
            begin,
            data,
            have: 0,
        });
    }

    /// So many bytes more are in the block that is arriving. The block, if it is whole now.
    fn take_payload(&mut self, count: usize) -> Option<Arrived> {
        let block = self.block.as_mut()?;
        block.have += count;
        self.payload += count as u32;
        if block.missing() > 0 {
            return None;
        }
        let Incoming {
            piece, begin, data, ..
        } = self.block.take()?;
        Some(Arrived::Block { piece, begin, data })
    }

    /// After a block more bytes were scattered: if they begin with a header as it was guessed, the block behind it is where
    /// it belongs; otherwise they are put in a row.
    fn guess(&mut self) {
        if self.scattered >= PIECE_HEADER
            && let Some((header, data)) = self.ahead.pop_front()
        {
            if let Ok(Some((
                Frame::Piece {
                    piece,
                    begin,
                    length: BLOCK,
                },
                _,
            ))) = self.decoder.decode(&header)
            {
                self.scattered -= PIECE_HEADER;
                return self.begin(piece, begin, data);
            }
            self.ahead.push_front((header, data));
        }
        (self.start, self.filled) = (0, 0);
        self.buffer.grow(self.scattered);
        for (header, data) in &self.ahead {
            for part in [&header[..], data] {
                let now = part.len().min(self.scattered);
                self.buffer[self.filled..][..now].copy_from_slice(&part[..now]);
                self.filled += now;
                self.scattered -= now;
            }
        }
    }

    /// A block that is arriving is worth buffers ahead; who sends none holds none.
    fn provide(&mut self, spare: &mut Spare) {
        if self.block.is_none() {
            self.ahead.drain(..).for_each(|(_, data)| spare.give(data));
        } else {
            let lacking = self.depth.saturating_sub(self.ahead.len());
            let buffers = (0..lacking).map(|_| ([0; PIECE_HEADER], spare.take(BLOCK)));
            self.ahead.extend(buffers);
        }
    }
}

/// An idle peer's buffer.
const SMALLEST: usize = 4 * 1024;

/// The buffer of one who sends many messages.
const LARGEST: usize = 256 * 1024;

/// Blocks to a system call.
const DEEPEST: usize = 16;

#[cfg(test)]
mod tests {
    use p2pcore_protocol::codec;
    use p2pcore_protocol::message::Request;
    use proptest::prelude::*;

    use super::*;

    /// Reads like a socket that holds so many bytes at each read, and tells all that arrived.
    fn read(mut bytes: &[u8], sizes: &[usize]) -> (Vec<Arrived>, u32) {
        let mut stream = Stream::new(Decoder::new(10_000));
        let mut spare = Spare::default();
        let mut all = Vec::new();
        for size in sizes.iter().cycle() {
            let mut count = 0;
            for part in &mut stream.room() {
                let now = part.len().min(size - count).min(bytes.len());
                part[..now].copy_from_slice(&bytes[..now]);
                bytes = &bytes[now..];
                count += now;
            }
            stream.fill(count);
            while let Some(arrived) = stream.next(&mut spare).unwrap() {
                all.push(arrived);
            }
            if bytes.is_empty() {
                break;
            }
        }
        assert!(stream.block.is_none() && stream.start == stream.filled);
        assert!(stream.ahead.is_empty(), "who sends no block holds none");
        (all, stream.payload())
    }

    fn block(piece: u32, length: u32) -> Arrived {
        let data = (0..length).map(|at| (at * 7 + piece) as u8).collect();
        Arrived::Block {
            piece,
            begin: 0,
            data,
        }
    }

    fn encode(arrived: &Arrived, out: &mut Vec<u8>) {
        match arrived {
            Arrived::Message(message) => codec::encode(message, out),
            Arrived::Block { piece, begin, data } => {
                codec::encode_piece_header(*piece, *begin, data.len() as u32, out);
                out.extend(data);
            }
        }
    }

    fn anything() -> impl Strategy<Value = Arrived> {
        let request = |piece| Request {
            piece,
            begin: 0,
            length: BLOCK,
        };
        prop_oneof![
            8 => (0..9_u32).prop_map(|piece| block(piece, BLOCK)),
            1 => (1..2 * BLOCK).prop_map(|length| block(1, length)),
            1 => (0..9_u32).prop_map(|piece| Arrived::Message(Message::Have(piece))),
            1 => (0..9_u32).prop_map(move |piece| Arrived::Message(Message::Request(request(piece)))),
            1 => Just(Arrived::Message(Message::KeepAlive)),
        ]
    }

    proptest! {
        #[test]
        fn what_was_sent_arrives_however_it_is_cut(
            sent in prop::collection::vec(anything(), 0..60),
            sizes in prop::collection::vec(prop_oneof![1..40_usize, 1..600_000_usize], 1..20),
        ) {
            let mut bytes = Vec::new();
            sent.iter().for_each(|arrived| encode(arrived, &mut bytes));
            let blocks = sent.iter().map(|arrived| match arrived {
                Arrived::Block { data, .. } => data.len() as u32,
                Arrived::Message(_) => 0,
            });
            let payload: u32 = blocks.sum();
            let (arrived, counted) = read(&bytes, &sizes);
            prop_assert!(arrived == sent);
            prop_assert_eq!(counted, payload);
        }
    }

    #[test]
    fn a_steady_sender_fills_many_blocks_by_one_read() {
        let mut bytes = Vec::new();
        (0..200).for_each(|piece| encode(&block(piece, BLOCK), &mut bytes));
        let mut stream = Stream::new(Decoder::new(10_000));
        let mut spare = Spare::default();
        let (mut rest, mut reads, mut blocks) = (&bytes[..], 0, 0);
        while !rest.is_empty() {
            let mut count = 0;
            for part in &mut stream.room() {
                let now = part.len().min(rest.len());
                part[..now].copy_from_slice(&rest[..now]);
                rest = &rest[now..];
                count += now;
            }
            stream.fill(count);
            reads += 1;
            while let Some(arrived) = stream.next(&mut spare).unwrap() {
                assert!(arrived == block(blocks, BLOCK));
                blocks += 1;
            }
        }
        assert_eq!(blocks, 200);
        assert!(reads < 50, "{reads}");
    }
}
