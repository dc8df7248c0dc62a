//! The wire: a stream gives the same frames however it is cut, and each message encodes to the bytes it came from.
//!
//! The first byte chooses the number of pieces (255: no metainfo yet), the second the size of the parts in which the
//! stream arrives; the rest is the stream, a handshake first where it is one.

use p2pcore_protocol::client::{client_name, display_text};
use p2pcore_protocol::codec::{
    Decoder, Frame, PIECE_HEADER, WireError, encode, encode_piece_header,
};
use p2pcore_protocol::extension::{
    Coming, ExtensionHandshake, HANDSHAKE_ID, parse_dont_have, parse_upload_only,
};
use p2pcore_protocol::handshake::{HANDSHAKE_LEN, Handshake, check_start};
use p2pcore_protocol::holepunch::Holepunch;
use p2pcore_protocol::message::Message;
use p2pcore_protocol::pex::{Exchange, MOST_READ};
use p2pcore_protocol::site::{encode_site_news, parse_site_news};

/// Feeds the handshake, the decoder and the extension messages; accepted means that no byte broke the protocol.
pub fn wire(data: &[u8]) -> bool {
    let &[pieces, part, ref stream @ ..] = data else {
        return false;
    };
    let decoder = match pieces {
        255 => Decoder::without_metainfo(),
        pieces => Decoder::new(u32::from(pieces) * 3),
    };
    let stream = after_handshake(stream);
    let whole = read(decoder.clone(), stream, stream.len().max(1));
    let parts = read(decoder, stream, usize::from(part).max(1));
    assert_eq!(whole, parts, "frames depend on how the stream is cut");
    whole.1.is_none()
}

fn after_handshake(stream: &[u8]) -> &[u8] {
    let Some((start, rest)) = stream.split_first_chunk::<HANDSHAKE_LEN>() else {
        return stream;
    };
    let parsed = Handshake::parse(start);
    assert_eq!(parsed.is_ok(), check_start(start).is_ok());
    let Ok(handshake) = parsed else {
        return stream;
    };
    assert_eq!(Handshake::parse(&handshake.encode()), Ok(handshake));
    assert!(
        !client_name(&handshake.peer_id)
            .chars()
            .any(char::is_control)
    );
    rest
}

/// All frames of a stream that arrives in parts of this size, and how it ended.
fn read(mut decoder: Decoder, stream: &[u8], part: usize) -> (Vec<Frame>, Option<WireError>) {
    let mut frames = Vec::new();
    let (mut at, mut there) = (0, 0);
    loop {
        match decoder.decode(&stream[at.min(there)..there]) {
            Err(error) => return (frames, Some(error)),
            Ok(Some((frame, used))) => {
                assert!(used > 0 && at + used <= there);
                same_bytes(&frame, &stream[at..at + used]);
                at += used;
                if let Frame::Piece { length, .. } = frame {
                    // Payload that is cut off by the end of the stream is never waited for.
                    at += length as usize;
                }
                frames.push(frame);
                there = there.max(at.min(stream.len()));
                if at > stream.len() {
                    return (frames, None);
                }
            }
            Ok(None) => {
                assert!(decoder.needed() > there - at);
                assert!(decoder.needed() <= decoder.longest_message());
                if there == stream.len() {
                    return (frames, None);
                }
                there = (there + part).min(stream.len());
            }
        }
    }
}

fn same_bytes(frame: &Frame, bytes: &[u8]) {
    let mut encoded = Vec::with_capacity(bytes.len());
    match frame {
        Frame::Message(Message::Unknown(id)) => {
            assert_eq!(bytes.get(4), Some(id));
            return;
        }
        Frame::Message(message) => {
            encode(message, &mut encoded);
            if let Message::Extended { id, payload } = message {
                extended(*id, payload);
            }
        }
        &Frame::Piece {
            piece,
            begin,
            length,
        } => {
            encode_piece_header(piece, begin, length, &mut encoded);
            assert_eq!(encoded.len(), PIECE_HEADER);
        }
    }
    assert_eq!(encoded, bytes, "{frame:?} does not encode to its own bytes");
}

fn extended(id: u8, payload: &[u8]) {
    if id == HANDSHAKE_ID
        && let Ok(handshake) = ExtensionHandshake::parse(payload)
    {
        assert_eq!(
            ExtensionHandshake::parse(&handshake.encode()),
            Ok(handshake)
        );
    }
    assert_eq!(parse_dont_have(payload).is_ok(), payload.len() == 4);
    assert_eq!(Coming::parse(payload).is_ok(), payload.len() == 5);
    assert_eq!(parse_upload_only(payload).is_ok(), payload.len() == 1);
    if let Ok(exchange) = Exchange::parse(payload) {
        let most = MOST_READ * 2;
        assert!(exchange.added.len() <= most && exchange.dropped.len() <= most);
        assert!(Exchange::parse(&exchange.encode()).is_ok());
    }
    if let Ok(said) = Holepunch::parse(payload) {
        assert_eq!(Holepunch::parse(&said.encode()), Ok(said));
    }
    if let Ok(news) = parse_site_news(payload) {
        assert!(
            encode_site_news(&news)
                .iter()
                .all(|some| parse_site_news(some).is_ok())
        );
    }
    let shown = display_text(payload, 20);
    assert!(shown.chars().count() <= 20 && !shown.chars().any(char::is_control));
}
