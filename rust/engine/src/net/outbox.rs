//! What waits to be sent to one peer.

use std::collections::VecDeque;

use p2pcore_protocol::BlockSpan;
use p2pcore_protocol::codec;
use p2pcore_protocol::message::Message;

/// Encoded messages, and blocks that are read only when their turn comes. The Swarm bounds the blocks by
/// [`ROOM`](super::writer::ROOM); messages are answers to a peer's own and to our progress, closed when they pile up.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    messages: Vec<u8>,
    pub blocks: VecDeque<Serving>,
    /// There are `have`s among the messages, or something else.
    news: bool,
    other: bool,
}

/// A block to be sent.
#[derive(Debug)]
pub(super) struct Serving {
    pub span: BlockSpan,
    /// Its bytes, where its piece is not on disk yet.
    pub data: Option<Vec<u8>>,
}

/// When what waits should go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    Never,
    /// There are only `have`s: to send each by itself costs a call and wakes the peer for 9 bytes, so those that come
    /// fast go together.
    WithMoreNews,
    Now,
}

impl Outbox {
    pub fn push(&mut self, message: &Message) {
        match message {
            Message::Have(_) => self.news = true,
            _ => self.other = true,
        }
        codec::encode(message, &mut self.messages);
    }

    /// Moves the messages behind those in `into`, and says whether there were `have`s among them.
    pub fn take_messages(&mut self, into: &mut Vec<u8>) -> bool {
        into.append(&mut self.messages);
        self.other = false;
        std::mem::take(&mut self.news)
    }

    pub fn due(&self) -> Due {
        if self.blocks.is_empty() {
            self.messages_due()
        } else {
            Due::Now
        }
    }

    /// The same without the blocks.
    pub fn messages_due(&self) -> Due {
        if self.other {
            Due::Now
        } else if self.news {
            Due::WithMoreNews
        } else {
            Due::Never
        }
    }

    /// The peer asks faster than it reads: nobody does that in good faith.
    pub fn is_flooded(&self) -> bool {
        self.messages.len() > MAX_WAITING
    }

    /// Payload bytes that wait.
    pub fn payload(&self) -> u32 {
        self.blocks.iter().map(|block| block.span.length).sum()
    }
}

/// A bitfield of four million pieces, and a million `have`s.
const MAX_WAITING: usize = 16 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_haves_wait_for_more_of_them() {
        let mut outbox = Outbox::default();
        assert_eq!(outbox.due(), Due::Never);
        outbox.push(&Message::Have(7));
        assert_eq!(outbox.due(), Due::WithMoreNews);
        outbox.push(&Message::Interested);
        assert_eq!(outbox.due(), Due::Now);
        let mut taken = Vec::new();
        assert!(outbox.take_messages(&mut taken));
        assert_eq!(taken.len(), 9 + 5);
        assert_eq!(outbox.due(), Due::Never);
        outbox.push(&Message::Choke);
        assert_eq!(outbox.due(), Due::Now);
        assert!(!outbox.take_messages(&mut taken));
    }
}
