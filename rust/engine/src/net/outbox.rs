//! What waits to be sent to one peer.

use std::collections::VecDeque;

use p2pcore_protocol::BlockSpan;
use p2pcore_protocol::codec;
use p2pcore_protocol::message::Message;

/// Encoded messages, and blocks that are read only when their turn comes. The Swarm bounds the blocks by
/// [`ROOM`](super::writer::ROOM); messages are answers to a peer's own and to our progress, closed when they pile up.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    pub messages: Vec<u8>,
    pub blocks: VecDeque<BlockSpan>,
}

impl Outbox {
    pub fn push(&mut self, message: &Message) {
        codec::encode(message, &mut self.messages);
    }

    /// The peer asks faster than it reads: nobody does that in good faith.
    pub fn is_flooded(&self) -> bool {
        self.messages.len() > MAX_WAITING
    }

    /// Payload bytes that wait.
    pub fn payload(&self) -> u32 {
        self.blocks.iter().map(|span| span.length).sum()
    }
}

/// A bitfield of four million pieces, and a million `have`s.
const MAX_WAITING: usize = 16 << 20;
