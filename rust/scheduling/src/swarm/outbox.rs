//! The queue of outputs. The driver empties it after every input, so its length is bounded by what one input can cause.

use std::collections::VecDeque;

use p2pcore_protocol::extension::encode_dont_have;
use p2pcore_protocol::message::Message;

use crate::output::Output;
use crate::peers::Peer;
use crate::time::Time;

/// Outputs in order.
#[derive(Debug, Default)]
pub(super) struct Outbox(VecDeque<Output>);

impl Outbox {
    /// The driver took all.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn push(&mut self, output: Output) {
        self.0.push_back(output);
    }

    pub(super) fn pop(&mut self) -> Option<Output> {
        self.0.pop_front()
    }

    /// A message to a peer.
    pub(super) fn send(&mut self, now: Time, peer: &mut Peer, message: Message) {
        peer.spoken = now;
        self.push(Output::Send {
            peer: peer.key,
            message,
        });
    }

    /// A piece that the peer was told of is not there (BEP 54), if it understands that.
    pub(super) fn send_dont_have(&mut self, now: Time, peer: &mut Peer, piece: u32) {
        if let Some(id) = peer.dont_have {
            let payload = encode_dont_have(piece).to_vec();
            self.send(now, peer, Message::Extended { id, payload });
        }
    }
}
