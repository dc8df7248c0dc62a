//! Tests of the codec: every message, at any split of the stream, and what a hostile peer may claim.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

const PIECES: u32 = 21;

fn wire(message: &Message) -> Vec<u8> {
    let mut out = Vec::new();
    encode(message, &mut out);
    out
}

fn request() -> impl Strategy<Value = Request> {
    any::<(u32, u32, u32)>().prop_map(|(piece, begin, length)| Request {
        piece,
        begin,
        length,
    })
}

fn hash_requests() -> impl Strategy<Value = HashRequest> {
    any::<([u8; 32], u32, u32, u32, u32)>().prop_map(
        |(pieces_root, base_layer, index, length, proof_layers)| HashRequest {
            pieces_root,
            base_layer,
            index,
            length,
            proof_layers,
        },
    )
}

fn messages() -> impl Strategy<Value = Message> {
    prop_oneof![
        Just(Message::KeepAlive),
        Just(Message::Choke),
        Just(Message::Unchoke),
        Just(Message::Interested),
        Just(Message::NotInterested),
        Just(Message::HaveAll),
        Just(Message::HaveNone),
        any::<u32>().prop_map(Message::Have),
        any::<u32>().prop_map(Message::Suggest),
        any::<u32>().prop_map(Message::AllowedFast),
        any::<u16>().prop_map(Message::Port),
        any::<[u8; 3]>().prop_map(|[a, b, c]| Message::Bitfield(vec![a, b, c & 0xf8])),
        request().prop_map(Message::Request),
        request().prop_map(Message::Cancel),
        request().prop_map(Message::Reject),
        (any::<u8>(), vec(any::<u8>(), 0..200))
            .prop_map(|(id, payload)| Message::Extended { id, payload }),
        hash_requests().prop_map(Message::HashRequest),
        hash_requests().prop_map(Message::HashReject),
        (hash_requests(), vec(any::<[u8; 32]>(), 0..20))
            .prop_map(|(request, hashes)| Message::Hashes { request, hashes }),
        (24..=255_u8).prop_map(Message::Unknown),
    ]
}

/// A message, or the header of a piece with its payload.
fn frames() -> impl Strategy<Value = Frame> {
    prop_oneof![
        4 => messages().prop_map(Frame::Message),
        1 => (any::<u32>(), any::<u32>(), 1..200_u32)
            .prop_map(|(piece, begin, length)| Frame::Piece { piece, begin, length }),
    ]
}

fn put(frame: &Frame, out: &mut Vec<u8>) {
    match frame {
        Frame::Message(message) => encode(message, out),
        &Frame::Piece {
            piece,
            begin,
            length,
        } => {
            encode_piece_header(piece, begin, length, out);
            out.extend(std::iter::repeat_n(0xaa, length as usize));
        }
    }
}

/// Reads a stream that arrives in parts, the way a connection does.
fn read(stream: &[u8], cuts: &[usize]) -> Vec<Frame> {
    let mut decoder = Decoder::new(PIECES);
    let mut found = Vec::new();
    let mut buffer = Vec::new();
    let mut payload = 0;
    let mut parts = Vec::new();
    let mut at = 0;
    for cut in cuts.iter().copied().chain([stream.len()]) {
        let end = (at + cut).min(stream.len());
        parts.push(&stream[at..end]);
        at = end;
    }
    for part in parts {
        buffer.extend_from_slice(part);
        loop {
            let taken = payload.min(buffer.len());
            payload -= taken;
            buffer.drain(..taken);
            if payload > 0 {
                break;
            }
            if let Some((frame, used)) = decoder.decode(&buffer).unwrap() {
                buffer.drain(..used);
                if let Frame::Piece { length, .. } = frame {
                    payload = length as usize;
                }
                found.push(frame);
            } else {
                assert!(decoder.needed() > buffer.len());
                assert!(decoder.needed() <= decoder.longest_message());
                break;
            }
        }
    }
    assert!(buffer.is_empty());
    found
}

proptest! {
    #[test]
    fn what_is_encoded_is_decoded_at_any_split(
        frames in vec(frames(), 0..8),
        cuts in vec(0..40_usize, 0..30),
    ) {
        let mut stream = Vec::new();
        for frame in &frames {
            put(frame, &mut stream);
        }
        prop_assert_eq!(read(&stream, &cuts), frames.clone());
        let single: Vec<_> = stream.iter().map(|_| 1).collect();
        prop_assert_eq!(read(&stream, &single), frames);
    }

    #[test]
    fn decoding_waits_until_exactly_the_needed_bytes_are_there(message in messages()) {
        let bytes = wire(&message);
        let mut decoder = Decoder::new(PIECES);
        for end in 0..bytes.len() {
            prop_assert_eq!(decoder.decode(&bytes[..end]), Ok(None));
            prop_assert!(decoder.needed() > end && decoder.needed() <= bytes.len());
        }
        prop_assert_eq!(
            decoder.decode(&bytes),
            Ok(Some((Frame::Message(message), bytes.len())))
        );
    }

    #[test]
    fn random_bytes_never_panic_and_never_take_more_than_there_is(
        bytes in vec(any::<u8>(), 0..300),
        length in 0..300_u32,
        id in 0..30_u8,
    ) {
        let mut framed = length.to_be_bytes().to_vec();
        framed.push(id);
        framed.extend_from_slice(&bytes);
        for bytes in [&bytes, &framed] {
            for mut decoder in [Decoder::new(PIECES), Decoder::without_metainfo()] {
                match decoder.decode(bytes) {
                    Ok(Some((_, used))) => prop_assert!(used > 0 && used <= bytes.len()),
                    Ok(None) => prop_assert!(
                        decoder.needed() > bytes.len()
                            && decoder.needed() <= decoder.longest_message()
                    ),
                    Err(_) => {}
                }
            }
        }
    }
}

fn claim(length: u32, id: u8) -> Result<Option<(Frame, usize)>, WireError> {
    let mut bytes = length.to_be_bytes().to_vec();
    bytes.push(id);
    Decoder::new(PIECES).decode(&bytes)
}

#[test]
fn a_giant_length_is_refused_before_the_id_is_there() {
    let error = Decoder::new(PIECES).decode(&u32::MAX.to_be_bytes());
    let limit = MAX_EXTENDED + 2;
    assert_eq!(
        error,
        Err(WireError::TooLong {
            length: u32::MAX,
            limit
        })
    );
}

#[test]
fn claimed_lengths_are_judged_by_the_id_alone() {
    for (id, good) in [
        (CHOKE, 1),
        (HAVE, 5),
        (BITFIELD, 4),
        (REQUEST, 13),
        (PORT, 3),
    ] {
        assert!(claim(good, id).is_ok());
        let short = claim(good - 1, id);
        assert!(
            good == 1 || matches!(short, Err(WireError::Length { .. })),
            "{id}: {short:?}"
        );
        let long = claim(good + 1, id);
        assert!(
            matches!(long, Err(WireError::Length { .. })),
            "{id}: {long:?}"
        );
    }
    for (id, longest) in [
        (PIECE, 9 + 128 * 1024),
        (EXTENDED, 2 + MAX_EXTENDED),
        (HASHES, 49 + 32 * MAX_HASHES_RECEIVED),
        (99, MAX_UNKNOWN),
    ] {
        assert_eq!(claim(longest, id), Ok(None));
        assert!(claim(longest + 1, id).is_err());
    }
}

#[test]
fn the_header_of_a_piece_is_reported_without_its_payload() {
    let mut bytes = Vec::new();
    encode_piece_header(3, 16_384, 16_384, &mut bytes);
    let frame = Frame::Piece {
        piece: 3,
        begin: 16_384,
        length: 16_384,
    };
    assert_eq!(
        Decoder::new(PIECES).decode(&bytes),
        Ok(Some((frame, PIECE_HEADER)))
    );
}

#[test]
fn a_piece_without_payload_is_refused() {
    assert!(matches!(claim(9, PIECE), Err(WireError::Length { .. })));
}

#[test]
fn bits_past_the_last_piece_are_refused() {
    let good = wire(&Message::Bitfield(vec![0xff, 0xff, 0xf8]));
    assert!(Decoder::new(PIECES).decode(&good).is_ok());
    let bad = wire(&Message::Bitfield(vec![0xff, 0xff, 0xfc]));
    assert_eq!(
        Decoder::new(PIECES).decode(&bad),
        Err(WireError::BitfieldTail(PIECES))
    );
    assert!(Decoder::new(24).decode(&bad).is_ok());
    assert!(Decoder::without_metainfo().decode(&bad).is_ok());
    let empty = wire(&Message::Bitfield(vec![]));
    assert!(Decoder::new(0).decode(&empty).is_ok());
}

#[test]
fn a_partial_hash_is_refused() {
    let request = HashRequest {
        pieces_root: [1; 32],
        base_layer: 0,
        index: 0,
        length: 2,
        proof_layers: 0,
    };
    let mut bytes = wire(&Message::Hashes {
        request,
        hashes: vec![[2; 32]],
    });
    bytes.push(0);
    bytes[3] += 1;
    assert_eq!(
        Decoder::new(PIECES).decode(&bytes),
        Err(WireError::PartialHash(33))
    );
}

#[test]
fn an_unknown_message_is_reported_and_skipped_with_its_payload() {
    let bytes = [0, 0, 0, 4, 200, 1, 2, 3, 0, 0, 0, 1, 1];
    let mut decoder = Decoder::new(PIECES);
    let first = decoder.decode(&bytes);
    assert_eq!(first, Ok(Some((Frame::Message(Message::Unknown(200)), 8))));
    let second = decoder.decode(&bytes[8..]);
    assert_eq!(second, Ok(Some((Frame::Message(Message::Unchoke), 5))));
}

#[test]
fn a_large_torrent_has_a_large_buffer_bound_and_a_small_one_has_not() {
    assert_eq!(Decoder::new(8).longest_message(), 4 + 2 + 256 * 1024);
    assert_eq!(
        Decoder::new(MAX_PIECES).longest_message(),
        4 + 1 + 512 * 1024
    );
}
