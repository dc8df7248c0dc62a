//! Streams by hand. The first byte is a third of the piece count, the second the size of the parts.

use p2pcore_protocol::client::peer_id;
use p2pcore_protocol::codec::{encode, encode_piece_header};
use p2pcore_protocol::extension::{ExtensionHandshake, ExtensionIds};
use p2pcore_protocol::handshake::Handshake;
use p2pcore_protocol::message::{HashRequest, Message, Request};
use p2pcore_protocol::pex::{Exchange, Told};

use crate::Made;

/// 21 pieces, parts of 5 bytes.
const START: [u8; 2] = [7, 5];

pub fn files() -> Vec<Made> {
    let mut files = vec![
        ("good-session", session()),
        ("good-hashes", stream(&hashes())),
        (
            "good-no-metainfo",
            [
                &[255, 200][..],
                &stream(&[Message::Bitfield(vec![255; 99])])[2..],
            ]
            .concat(),
        ),
        ("good-no-pieces", vec![0, 1, 0, 0, 0, 1, 5, 0, 0, 0, 0]),
        ("good-cut-off", raw(&[0, 0, 0, 13, 6, 0, 0])),
        ("bad-empty", vec![]),
    ];
    files.extend(claims());
    files.extend(broken());
    files
}

fn stream(messages: &[Message]) -> Vec<u8> {
    let mut out = START.to_vec();
    for message in messages {
        encode(message, &mut out);
    }
    out
}

fn raw(bytes: &[u8]) -> Vec<u8> {
    [&START[..], bytes].concat()
}

fn session() -> Vec<u8> {
    let request = Request {
        piece: 3,
        begin: 16_384,
        length: 16_384,
    };
    let handshake = ExtensionHandshake {
        ids: ExtensionIds {
            ut_metadata: Some(1),
            lt_donthave: Some(7),
            ..Default::default()
        },
        client: Some("p2pcore 0.1.0".to_owned()),
        reqq: Some(500),
        upload_only: Some(true),
        metadata_size: Some(31_235),
        listen_port: Some(6881),
        your_ip: Some([127, 0, 0, 1].into()),
        ..Default::default()
    };
    let messages = [
        Message::Extended {
            id: 0,
            payload: handshake.encode(),
        },
        Message::Bitfield(vec![0xff, 0x00, 0xf8]),
        Message::HaveAll,
        Message::HaveNone,
        Message::Unchoke,
        Message::Interested,
        Message::Request(request),
        Message::Cancel(request),
        Message::Reject(request),
        Message::KeepAlive,
        Message::Have(20),
        Message::Suggest(1),
        Message::AllowedFast(2),
        Message::Port(6881),
        Message::Unknown(99),
        Message::Extended {
            id: 7,
            payload: 5_u32.to_be_bytes().to_vec(),
        },
        Message::Extended {
            id: 1,
            payload: peers().encode(),
        },
        Message::NotInterested,
        Message::Choke,
    ];
    let mut out = START.to_vec();
    out.extend(Handshake::ours([1; 20], peer_id([2; 12]), true).encode());
    for message in &messages {
        encode(message, &mut out);
    }
    encode_piece_header(3, 0, 40, &mut out);
    out.extend([0xaa; 40]);
    encode(&Message::Have(3), &mut out);
    out
}

fn peers() -> Exchange {
    let told = |addr: &str| Told {
        addr: addr.parse().expect("an address"),
        seed: false,
        reachable: true,
    };
    Exchange {
        added: vec![told("192.0.2.1:6881"), told("[2001:db8::1]:6881")],
        dropped: vec![told("192.0.2.2:6881").addr],
    }
}

fn hashes() -> [Message; 3] {
    let request = HashRequest {
        pieces_root: [3; 32],
        base_layer: 2,
        index: 4,
        length: 2,
        proof_layers: 3,
    };
    [
        Message::HashRequest(request.clone()),
        Message::Hashes {
            request: request.clone(),
            hashes: vec![[4; 32]; 5],
        },
        Message::HashReject(request),
    ]
}

/// Lengths that the bytes do not hold.
fn claims() -> Vec<Made> {
    vec![
        ("bad-giant", raw(&[0xff; 4])),
        ("bad-giant-bitfield", raw(&[0, 8, 0, 0, 5])),
        ("bad-giant-extended", raw(&[0, 4, 0, 3, 20])),
        ("bad-giant-hashes", raw(&[0, 1, 0, 0, 22])),
        ("bad-giant-piece", raw(&[0, 2, 0, 10, 7])),
        ("bad-giant-unknown", raw(&[0, 2, 0, 1, 99])),
        ("bad-giant-choke", raw(&[0, 0, 0xff, 0xff, 0])),
        (
            "good-largest-piece",
            raw(&[0, 2, 0, 9, 7, 0, 0, 0, 1, 0, 0, 0, 0]),
        ),
        ("good-large-extended", raw(&[0, 4, 0, 2, 20])),
    ]
}

fn broken() -> Vec<Made> {
    let extended = |payload: &[u8]| {
        stream(&[Message::Extended {
            id: 0,
            payload: payload.to_vec(),
        }])
    };
    vec![
        ("bad-bitfield-tail", stream(&[Message::Bitfield(vec![0xff, 0xff, 0xfc])])),
        ("bad-bitfield-short", stream(&[Message::Bitfield(vec![0xff, 0xff])])),
        ("bad-bitfield-long", stream(&[Message::Bitfield(vec![0; 4])])),
        ("bad-empty-piece", raw(&[0, 0, 0, 9, 7, 0, 0, 0, 1, 0, 0, 0, 0])),
        ("bad-request-short", raw(&[0, 0, 0, 12, 6])),
        ("bad-partial-hash", raw(&[&[0, 0, 0, 50, 22][..], &[0; 49]].concat())),
        ("bad-noise", raw(b"GET / HTTP/1.1\r\n\r\n")),
        ("good-zero-pieces-claimed", raw(&[0, 0, 0, 13, 6, 255, 255, 255, 255, 255, 255, 255, 255, 0, 0, 0, 0])),
        ("good-bomb-in-extended", extended(&[b'l'; 2000])),
        ("good-hostile-handshake", extended(
            b"d1:md11:lt_donthavei999e6:ut_pexi-1ee13:metadata_sizei9999999999999e1:pi70000e4:reqqi-1e1:v8:\x1b[2J\xff\xfe\xe2\x80e",
        )),
        ("good-not-a-dictionary", extended(b"i1e")),
    ]
}
