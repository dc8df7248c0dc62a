//! What is decoded and encoded for every block allocates nothing. A program of its own: the count is over the process.

use std::alloc::System;

use p2pcore_protocol::codec::{Decoder, Frame, encode, encode_piece_header};
use p2pcore_protocol::message::{Message, Request};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static GLOBAL: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

#[test]
fn blocks_requests_and_haves_pass_without_allocation() {
    let request = Request {
        piece: 7,
        begin: 16_384,
        length: 16_384,
    };
    let messages = [
        Message::Request(request),
        Message::Cancel(request),
        Message::Have(7),
        Message::KeepAlive,
    ];
    let mut wire = Vec::with_capacity(4096);
    let mut decoder = Decoder::new(1000);
    let region = Region::new(GLOBAL);
    for _ in 0..1000 {
        wire.clear();
        for message in &messages {
            encode(message, &mut wire);
        }
        encode_piece_header(7, 0, 16_384, &mut wire);
        let mut at = 0;
        let mut frames = 0;
        while let Ok(Some((frame, used))) = decoder.decode(&wire[at..]) {
            at += used;
            frames += 1;
            assert!(!matches!(frame, Frame::Message(Message::Unknown(_))));
        }
        assert_eq!((at, frames), (wire.len(), 5));
    }
    assert_eq!(region.change().allocations, 0);
}
