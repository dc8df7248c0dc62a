//! Connections as the engine has them: for each direction an outbox that the Swarm fills, a writer that takes batches,
//! a socket buffer that the uplink drains, and what is on its way. Nothing here decides when.

use std::collections::VecDeque;

use p2pcore_protocol::BlockSpan;
use p2pcore_protocol::message::{Message, Request};

use crate::event::{Nanos, PipeId};

/// A block on its way.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Flying {
    pub(crate) span: BlockSpan,
    pub(crate) corrupt: bool,
}

/// A message on its way. Most are HAVEs or requests, and a large swarm holds millions.
#[derive(Debug)]
enum Note {
    Have(u32),
    Request(Request),
    /// An extension message of five bytes.
    Brief(u8, [u8; 5]),
    Other(Box<Message>),
}

impl From<Message> for Note {
    fn from(message: Message) -> Self {
        match message {
            Message::Have(piece) => Self::Have(piece),
            Message::Request(request) => Self::Request(request),
            Message::Extended { id, payload } => match payload[..].try_into() {
                Ok(brief) => Self::Brief(id, brief),
                Err(_) => Self::Other(Box::new(Message::Extended { id, payload })),
            },
            other => Self::Other(Box::new(other)),
        }
    }
}

impl From<Note> for Message {
    fn from(note: Note) -> Self {
        match note {
            Note::Have(piece) => Self::Have(piece),
            Note::Request(request) => Self::Request(request),
            Note::Brief(id, payload) => Self::Extended {
                id,
                payload: payload.to_vec(),
            },
            Note::Other(message) => *message,
        }
    }
}

/// One direction of a connection.
#[derive(Debug)]
pub(crate) struct Pipe {
    /// The node that sends.
    pub(crate) from: u32,
    /// The node that receives.
    pub(crate) to: u32,
    pub(crate) delay: Nanos,
    /// The sending end is connected and has not closed.
    pub(crate) open: bool,
    /// Handed over by the Swarm.
    outbox: VecDeque<BlockSpan>,
    outbox_bytes: u32,
    /// Taken by the writer: first what is in the socket, then the rest of the batch.
    wire: VecDeque<BlockSpan>,
    wire_bytes: u32,
    /// A batch is not yet wholly in the socket.
    writing: bool,
    /// It waits for its turn at the uplink, or for a link between sites.
    pub(crate) queued: bool,
    /// The receiving end knows that the sending end is interested.
    pub(crate) wants: bool,
    /// Sent and not yet received.
    pub(crate) blocks: VecDeque<Flying>,
    notes: VecDeque<(Nanos, Note)>,
    /// When the last of what was sent arrives: nothing overtakes it.
    last: Nanos,
    /// When messages were last sent, and when those arrive: what is sent at one time arrives together.
    noted: Option<(Nanos, Nanos)>,
}

impl Pipe {
    pub(crate) fn new(from: u32, to: u32, delay: Nanos) -> Self {
        Self {
            from,
            to,
            delay,
            open: false,
            outbox: VecDeque::new(),
            outbox_bytes: 0,
            wire: VecDeque::new(),
            wire_bytes: 0,
            writing: false,
            queued: false,
            wants: false,
            blocks: VecDeque::new(),
            notes: VecDeque::new(),
            last: 0,
            noted: None,
        }
    }

    /// The Swarm hands over a block.
    pub(crate) fn serve(&mut self, span: BlockSpan) {
        self.outbox.push_back(span);
        self.outbox_bytes += span.length;
    }

    /// The writer takes a batch, if the last one is in the socket and there is something. Whether it did.
    pub(crate) fn take_batch(&mut self, most: usize) -> bool {
        if self.writing || self.outbox.is_empty() {
            return false;
        }
        let count = self.outbox.len().min(most);
        for span in self.outbox.drain(..count) {
            self.outbox_bytes -= span.length;
            self.wire_bytes += span.length;
            self.wire.push_back(span);
        }
        self.writing = true;
        true
    }

    /// Whether a batch that was not yet wholly in a socket of this size is now.
    pub(crate) fn batch_is_written(&mut self, socket: u32) -> bool {
        let written = self.writing && self.wire_bytes <= socket;
        if written {
            self.writing = false;
        }
        written
    }

    /// Payload bytes that wait in the outbox.
    pub(crate) fn waiting(&self) -> u32 {
        self.outbox_bytes
    }

    /// The uplink takes the next block.
    pub(crate) fn send_next(&mut self) -> Option<BlockSpan> {
        let span = self.wire.pop_front()?;
        self.wire_bytes -= span.length;
        Some(span)
    }

    /// There is something for the uplink.
    pub(crate) fn has_work(&self) -> bool {
        self.open && !self.wire.is_empty()
    }

    /// When something that would arrive at `at` does: not before what was sent earlier.
    pub(crate) fn arrival(&mut self, at: Nanos) -> Nanos {
        self.last = self.last.max(at);
        self.last
    }

    /// Sends a message now; answers the arrival of a burst that this begins.
    pub(crate) fn send_note(&mut self, now: Nanos, at: Nanos, message: Message) -> Option<Nanos> {
        if let Some((sent, arrives)) = self.noted
            && sent == now
            && arrives == self.last
        {
            self.notes.push_back((arrives, message.into()));
            return None;
        }
        let arrives = self.arrival(at);
        self.noted = Some((now, arrives));
        self.notes.push_back((arrives, message.into()));
        Some(arrives)
    }

    /// The next message that has arrived by now.
    pub(crate) fn next_note(&mut self, now: Nanos) -> Option<Message> {
        // On a path without delay more can be sent at the same time: that is another burst.
        self.noted = self.noted.filter(|(_, arrives)| *arrives > now);
        let (arrives, _) = self.notes.front()?;
        if *arrives > now {
            return None;
        }
        self.notes.pop_front().map(|(_, note)| note.into())
    }

    /// The sending end is closed: what was not sent is lost. What is under way arrives.
    pub(crate) fn close(&mut self) {
        self.open = false;
        self.outbox = VecDeque::new();
        self.wire = VecDeque::new();
        (self.outbox_bytes, self.wire_bytes) = (0, 0);
        self.writing = false;
    }
}

/// The other direction of the same connection.
pub(crate) const fn back(pipe: PipeId) -> PipeId {
    pipe ^ 1
}

/// Bytes of a message on the wire (BEP 3), for counting.
pub(crate) fn size(message: &Message) -> u64 {
    match message {
        Message::KeepAlive => 4,
        Message::Choke
        | Message::Unchoke
        | Message::Interested
        | Message::NotInterested
        | Message::HaveAll
        | Message::HaveNone
        | Message::Unknown(_) => 5,
        Message::Have(_) | Message::Suggest(_) | Message::AllowedFast(_) => 9,
        Message::Request(_) | Message::Cancel(_) | Message::Reject(_) => 17,
        Message::Bitfield(bits) => 5 + bits.len() as u64,
        Message::Port(_) => 7,
        Message::Extended { payload, .. } => 6 + payload.len() as u64,
        Message::HashRequest(_) | Message::HashReject(_) => 53,
        Message::Hashes { hashes, .. } => 53 + 32 * hashes.len() as u64,
    }
}

/// What stands before the payload of a block.
pub(crate) const BLOCK_HEADER: u64 = 13;

#[cfg(test)]
mod tests {
    use p2pcore_protocol::PieceIndex;

    use super::*;

    fn span(begin: u32) -> BlockSpan {
        BlockSpan {
            piece: PieceIndex::new(0),
            begin,
            length: 10,
        }
    }

    #[test]
    fn a_batch_is_written_when_the_socket_has_taken_it() {
        let mut pipe = Pipe::new(0, 1, 0);
        (0..4).for_each(|block| pipe.serve(span(block * 10)));
        assert!(pipe.take_batch(3) && !pipe.take_batch(3));
        assert_eq!(pipe.waiting(), 10);
        assert!(!pipe.batch_is_written(20));
        assert_eq!(pipe.send_next(), Some(span(0)));
        assert!(pipe.batch_is_written(20) && !pipe.batch_is_written(20));
        assert!(pipe.take_batch(3));
        assert_eq!(pipe.waiting(), 0);
    }

    #[test]
    fn nothing_overtakes_and_what_is_sent_together_arrives_together() {
        let mut pipe = Pipe::new(0, 1, 0);
        assert_eq!(pipe.send_note(1, 50, Message::Choke), Some(50));
        assert_eq!(pipe.send_note(1, 70, Message::Unchoke), None);
        assert_eq!(pipe.send_note(2, 40, Message::Interested), Some(50));
        assert_eq!(pipe.arrival(30), 50);
        assert_eq!(pipe.arrival(60), 60);
        assert_eq!(pipe.send_note(2, 45, Message::HaveAll), Some(60));
        assert_eq!(pipe.notes.len(), 4);
    }

    #[test]
    fn without_delay_what_is_sent_after_a_delivery_is_another_burst() {
        let mut pipe = Pipe::new(0, 1, 0);
        assert_eq!(pipe.send_note(5, 5, Message::Choke), Some(5));
        assert_eq!(pipe.next_note(5), Some(Message::Choke));
        assert_eq!(pipe.next_note(5), None);
        assert_eq!(pipe.send_note(5, 5, Message::Unchoke), Some(5));
    }
}
