//! The peer wire codec: bytes to messages and back (BEP 3, 5, 6, 10, 52).
//!
//! The decoder keeps no bytes. It is given what has arrived so far and says what stands at the front, or how many bytes
//! it must see first. A claimed length is judged as soon as it is readable, by a limit for its message and torrent, so
//! a caller's buffer never grows past [`Decoder::longest_message`]. The payload of a piece message never passes through
//! here: its header is reported once the 13 bytes are there, and the payload is the caller's to take from the socket.
//! Headers, requests and haves are decoded without allocating. Whether an index exists is for the Swarm to say.

use crate::layout::{Layout, MAX_PIECES, MAX_SERVED};
use crate::message::{HashRequest, Message, Request};

/// Bytes of a piece message before its payload: length, id, piece and begin.
pub const PIECE_HEADER: usize = 13;

/// Longest accepted extended message. `ut_metadata` needs 16 KiB and a dictionary; the longest peer exchange seen in the
/// wild is far below this.
pub const MAX_EXTENDED: u32 = 256 * 1024;

/// Longest accepted message of an id that we do not know. It has to be buffered to be skipped.
pub const MAX_UNKNOWN: u32 = 128 * 1024;

/// Most hashes accepted in one message: the 512 that BEP 52 advises, and a proof for a tree of any height.
pub const MAX_HASHES_RECEIVED: u32 = 512 + 64;

/// One thing read from the stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// A whole message.
    Message(Message),
    /// The header of a piece message; `length` payload bytes follow it in the stream, and only then the next frame.
    Piece {
        /// Piece index, unchecked.
        piece: u32,
        /// Byte offset in the piece, unchecked.
        begin: u32,
        /// Payload bytes: 1 to 128 KiB.
        length: u32,
    },
}

/// What a peer did wrong. All of it ends the connection: the stream cannot be trusted any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// No message of this torrent is that long.
    #[error("a message claims {length} bytes, more than the longest of {limit}")]
    TooLong {
        /// The claim.
        length: u32,
        /// The longest of any message.
        limit: u32,
    },
    /// A message that is longer or shorter than its id allows.
    #[error("message {id} claims {length} bytes instead of {min} to {max}")]
    Length {
        /// Message id.
        id: u8,
        /// The claim.
        length: u32,
        /// Shortest allowed.
        min: u32,
        /// Longest allowed.
        max: u32,
    },
    /// The hashes message does not hold whole hashes.
    #[error("{0} bytes of hashes are no multiple of 32")]
    PartialHash(usize),
    /// Bits past the last piece are set.
    #[error("a bitfield for {0} pieces has bits set past the last one")]
    BitfieldTail(u32),
}

/// Finds the messages in a peer's byte stream.
#[derive(Debug, Clone)]
pub struct Decoder {
    pieces: Option<u32>,
    needed: usize,
}

impl Decoder {
    /// A decoder for a torrent of this many pieces.
    pub const fn new(piece_count: u32) -> Self {
        Self {
            pieces: Some(piece_count),
            needed: LENGTH,
        }
    }

    /// A decoder for this torrent.
    pub fn for_layout(layout: &Layout) -> Self {
        Self::new(layout.piece_count())
    }

    /// A decoder for a torrent whose metainfo is not known yet: a bitfield may have any length that some torrent has,
    /// and its last bits are not looked at.
    pub const fn without_metainfo() -> Self {
        Self {
            pieces: None,
            needed: LENGTH,
        }
    }

    /// Reads the frame at the front of `bytes`, and how many bytes it took.
    ///
    /// `None`: too few bytes; [`needed`](Self::needed) says how many there must be, counted from the front of `bytes`.
    /// After an error the stream is lost.
    pub fn decode(&mut self, bytes: &[u8]) -> Result<Option<(Frame, usize)>, WireError> {
        self.needed = LENGTH;
        let Some(length) = u32_at(bytes, 0) else {
            return Ok(self.wait(LENGTH));
        };
        if length == 0 {
            return Ok(Some((Frame::Message(Message::KeepAlive), LENGTH)));
        }
        let limit = self.longest_body();
        if length > limit {
            return Err(WireError::TooLong { length, limit });
        }
        let Some(&id) = bytes.get(LENGTH) else {
            return Ok(self.wait(LENGTH + 1));
        };
        let (min, max) = self.lengths(id);
        if !(min..=max).contains(&length) {
            return Err(WireError::Length {
                id,
                length,
                min,
                max,
            });
        }
        if id == PIECE {
            return Ok(self.piece_header(bytes, length));
        }
        let total = LENGTH + length as usize;
        let Some(body) = bytes.get(LENGTH + 1..total) else {
            return Ok(self.wait(total));
        };
        let message = self.message(id, body)?;
        Ok(Some((Frame::Message(message), total)))
    }

    /// How many bytes the last unsuccessful `decode` wants to see, counted from the front of the frame.
    pub const fn needed(&self) -> usize {
        self.needed
    }

    /// The most bytes that [`needed`](Self::needed) can ever say: the right bound for a receive buffer.
    pub fn longest_message(&self) -> usize {
        LENGTH + self.longest_body() as usize
    }

    fn wait(&mut self, needed: usize) -> Option<(Frame, usize)> {
        self.needed = needed;
        None
    }

    fn longest_body(&self) -> u32 {
        let (_, bitfield) = self.lengths(BITFIELD);
        bitfield.max(MAX_EXTENDED + 2)
    }

    fn bitfield_length(&self) -> (u32, u32) {
        match self.pieces {
            Some(pieces) => (1 + pieces.div_ceil(8), 1 + pieces.div_ceil(8)),
            None => (1, 1 + MAX_PIECES.div_ceil(8)),
        }
    }

    /// Shortest and longest length that may stand before a message of this id; the id itself counts.
    fn lengths(&self, id: u8) -> (u32, u32) {
        let exactly = |length| (length, length);
        match id {
            CHOKE | UNCHOKE | INTERESTED | NOT_INTERESTED | HAVE_ALL | HAVE_NONE => exactly(1),
            HAVE | SUGGEST | ALLOWED_FAST => exactly(5),
            REQUEST | CANCEL | REJECT => exactly(13),
            PORT => exactly(3),
            BITFIELD => self.bitfield_length(),
            PIECE => (10, 9 + MAX_SERVED),
            EXTENDED => (2, 2 + MAX_EXTENDED),
            HASH_REQUEST | HASH_REJECT => exactly(49),
            HASHES => (49, 49 + 32 * MAX_HASHES_RECEIVED),
            _ => (1, MAX_UNKNOWN),
        }
    }

    fn piece_header(&mut self, bytes: &[u8], length: u32) -> Option<(Frame, usize)> {
        match (u32_at(bytes, LENGTH + 1), u32_at(bytes, LENGTH + 5)) {
            (Some(piece), Some(begin)) => {
                let frame = Frame::Piece {
                    piece,
                    begin,
                    length: length - 9,
                };
                Some((frame, PIECE_HEADER))
            }
            _ => self.wait(PIECE_HEADER),
        }
    }

    /// The body's length was checked against the id before, so fields that are read here are there.
    fn message(&self, id: u8, body: &[u8]) -> Result<Message, WireError> {
        let number = |at| u32_at(body, at).unwrap_or_default();
        let request = || Request {
            piece: number(0),
            begin: number(4),
            length: number(8),
        };
        Ok(match id {
            CHOKE => Message::Choke,
            UNCHOKE => Message::Unchoke,
            INTERESTED => Message::Interested,
            NOT_INTERESTED => Message::NotInterested,
            HAVE => Message::Have(number(0)),
            BITFIELD => Message::Bitfield(self.bitfield(body)?),
            REQUEST => Message::Request(request()),
            CANCEL => Message::Cancel(request()),
            PORT => Message::Port(body.first_chunk().copied().map_or(0, u16::from_be_bytes)),
            SUGGEST => Message::Suggest(number(0)),
            HAVE_ALL => Message::HaveAll,
            HAVE_NONE => Message::HaveNone,
            REJECT => Message::Reject(request()),
            ALLOWED_FAST => Message::AllowedFast(number(0)),
            EXTENDED => Message::Extended {
                id: body.first().copied().unwrap_or_default(),
                payload: body.get(1..).unwrap_or_default().to_vec(),
            },
            HASH_REQUEST => Message::HashRequest(hash_request(body)),
            HASHES => {
                let (hashes, rest) = body.get(48..).unwrap_or_default().as_chunks::<32>();
                if !rest.is_empty() {
                    return Err(WireError::PartialHash(body.len() - 48));
                }
                Message::Hashes {
                    request: hash_request(body),
                    hashes: hashes.to_vec(),
                }
            }
            HASH_REJECT => Message::HashReject(hash_request(body)),
            _ => Message::Unknown(id),
        })
    }

    fn bitfield(&self, body: &[u8]) -> Result<Vec<u8>, WireError> {
        if let Some(pieces) = self.pieces {
            let used = pieces % 8;
            let tail = body.last().copied().unwrap_or_default();
            if used != 0 && tail & (0xff >> used) != 0 {
                return Err(WireError::BitfieldTail(pieces));
            }
        }
        Ok(body.to_vec())
    }
}

/// Appends a message as it goes onto the wire.
pub fn encode(message: &Message, out: &mut Vec<u8>) {
    match message {
        Message::KeepAlive => out.extend_from_slice(&[0; LENGTH]),
        Message::Choke => head(out, CHOKE, 0),
        Message::Unchoke => head(out, UNCHOKE, 0),
        Message::Interested => head(out, INTERESTED, 0),
        Message::NotInterested => head(out, NOT_INTERESTED, 0),
        Message::Have(piece) => numbers(out, HAVE, &[*piece]),
        Message::Bitfield(bits) => {
            head(out, BITFIELD, bits.len());
            out.extend_from_slice(bits);
        }
        Message::Request(request) => triple(out, REQUEST, *request),
        Message::Cancel(request) => triple(out, CANCEL, *request),
        Message::Port(port) => {
            head(out, PORT, 2);
            out.extend_from_slice(&port.to_be_bytes());
        }
        Message::Suggest(piece) => numbers(out, SUGGEST, &[*piece]),
        Message::HaveAll => head(out, HAVE_ALL, 0),
        Message::HaveNone => head(out, HAVE_NONE, 0),
        Message::Reject(request) => triple(out, REJECT, *request),
        Message::AllowedFast(piece) => numbers(out, ALLOWED_FAST, &[*piece]),
        Message::Extended { id, payload } => {
            head(out, EXTENDED, 1 + payload.len());
            out.push(*id);
            out.extend_from_slice(payload);
        }
        Message::HashRequest(request) => hashes(out, HASH_REQUEST, request, &[]),
        Message::Hashes {
            request,
            hashes: nodes,
        } => hashes(out, HASHES, request, nodes),
        Message::HashReject(request) => hashes(out, HASH_REJECT, request, &[]),
        Message::Unknown(id) => head(out, *id, 0),
    }
}

/// Appends the 13 bytes that go before the payload of a piece message.
pub fn encode_piece_header(piece: u32, begin: u32, length: u32, out: &mut Vec<u8>) {
    head(out, PIECE, 8 + length as usize);
    out.extend_from_slice(&piece.to_be_bytes());
    out.extend_from_slice(&begin.to_be_bytes());
}

/// `body` counts the bytes after the id. Our own messages are far below 4 GiB.
fn head(out: &mut Vec<u8>, id: u8, body: usize) {
    out.extend_from_slice(&(body as u32 + 1).to_be_bytes());
    out.push(id);
}

fn numbers(out: &mut Vec<u8>, id: u8, fields: &[u32]) {
    head(out, id, fields.len() * 4);
    for field in fields {
        out.extend_from_slice(&field.to_be_bytes());
    }
}

fn triple(out: &mut Vec<u8>, id: u8, request: Request) {
    numbers(out, id, &[request.piece, request.begin, request.length]);
}

fn hashes(out: &mut Vec<u8>, id: u8, request: &HashRequest, nodes: &[[u8; 32]]) {
    head(out, id, 48 + nodes.len() * 32);
    out.extend_from_slice(&request.pieces_root);
    for field in [
        request.base_layer,
        request.index,
        request.length,
        request.proof_layers,
    ] {
        out.extend_from_slice(&field.to_be_bytes());
    }
    out.extend_from_slice(nodes.as_flattened());
}

fn hash_request(body: &[u8]) -> HashRequest {
    let number = |at| u32_at(body, at).unwrap_or_default();
    HashRequest {
        pieces_root: body.first_chunk().copied().unwrap_or_default(),
        base_layer: number(32),
        index: number(36),
        length: number(40),
        proof_layers: number(44),
    }
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// Bytes of the length before each message.
const LENGTH: usize = 4;

const CHOKE: u8 = 0;
const UNCHOKE: u8 = 1;
const INTERESTED: u8 = 2;
const NOT_INTERESTED: u8 = 3;
const HAVE: u8 = 4;
const BITFIELD: u8 = 5;
const REQUEST: u8 = 6;
const PIECE: u8 = 7;
const CANCEL: u8 = 8;
const PORT: u8 = 9;
const SUGGEST: u8 = 13;
const HAVE_ALL: u8 = 14;
const HAVE_NONE: u8 = 15;
const REJECT: u8 = 16;
const ALLOWED_FAST: u8 = 17;
const EXTENDED: u8 = 20;
const HASH_REQUEST: u8 = 21;
const HASHES: u8 = 22;
const HASH_REJECT: u8 = 23;

#[cfg(test)]
mod tests;
