//! The 68 bytes that open a connection (BEP 3), and the four reserved bits that we know.
//!
//! A handshake can be judged while it arrives: [`check_start`] refuses what is not BitTorrent from its first wrong byte
//! on, and [`info_hash`] gives the hash as soon as it is there, so that a listener can drop strangers early.

/// Bytes of a handshake.
pub const HANDSHAKE_LEN: usize = 68;

/// What every handshake starts with: the length of the protocol's name and the name.
pub const PROTOCOL: &[u8; 20] = b"\x13BitTorrent protocol";

/// What both sides say first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "they are four separate bits on the wire"
)]
pub struct Handshake {
    /// The torrent: a v1 hash, or a v2 hash cut to 20 bytes.
    pub info_hash: [u8; 20],
    /// Who speaks.
    pub peer_id: [u8; 20],
    /// It speaks the extension protocol (BEP 10).
    pub extended: bool,
    /// It speaks the fast extension (BEP 6).
    pub fast: bool,
    /// It has a DHT node (BEP 5).
    pub dht: bool,
    /// It can go on with v2 (BEP 52): from a dialler on a v1 hash of a hybrid, the offer to upgrade.
    pub v2: bool,
}

/// Why bytes are no handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HandshakeError {
    /// The name of another protocol, or noise (encrypted connections look like that).
    #[error("byte {at} of the handshake is {found:#04x}, not {expected:#04x}")]
    Protocol {
        /// Where it differs first.
        at: usize,
        /// The byte there.
        found: u8,
        /// The byte that belongs there.
        expected: u8,
    },
}

impl Handshake {
    /// What we say: extension protocol and fast extension, and v2 where asked; no DHT yet.
    pub const fn ours(info_hash: [u8; 20], peer_id: [u8; 20], v2: bool) -> Self {
        Self {
            info_hash,
            peer_id,
            extended: true,
            fast: true,
            dht: false,
            v2,
        }
    }

    /// The bytes for the wire.
    pub fn encode(&self) -> [u8; HANDSHAKE_LEN] {
        let mut reserved = [0; 8];
        for (set, (byte, bit)) in [
            (self.extended, EXTENDED),
            (self.fast, FAST),
            (self.dht, DHT),
            (self.v2, V2),
        ] {
            reserved[byte] |= if set { bit } else { 0 };
        }
        let mut out = [0; HANDSHAKE_LEN];
        out[..20].copy_from_slice(PROTOCOL);
        out[20..28].copy_from_slice(&reserved);
        out[28..48].copy_from_slice(&self.info_hash);
        out[48..].copy_from_slice(&self.peer_id);
        out
    }

    /// Reads a handshake. Reserved bits that we do not know are ignored.
    pub fn parse(bytes: &[u8; HANDSHAKE_LEN]) -> Result<Self, HandshakeError> {
        check_start(bytes)?;
        let has = |(byte, bit): (usize, u8)| bytes[20 + byte] & bit != 0;
        Ok(Self {
            info_hash: info_hash(bytes).unwrap_or_default(),
            peer_id: bytes.last_chunk().copied().unwrap_or_default(),
            extended: has(EXTENDED),
            fast: has(FAST),
            dht: has(DHT),
            v2: has(V2),
        })
    }
}

/// Whether the bytes so far, however few, can be the start of a handshake.
pub fn check_start(bytes: &[u8]) -> Result<(), HandshakeError> {
    let differs = bytes
        .iter()
        .zip(PROTOCOL)
        .position(|(found, expected)| found != expected);
    match differs {
        Some(at) => Err(HandshakeError::Protocol {
            at,
            found: bytes[at],
            expected: PROTOCOL[at],
        }),
        None => Ok(()),
    }
}

/// The info hash of a handshake that is still arriving, once its 48 bytes are there.
pub fn info_hash(bytes: &[u8]) -> Option<[u8; 20]> {
    bytes.get(28..)?.first_chunk().copied()
}

/// Byte of the reserved eight, and bit.
const EXTENDED: (usize, u8) = (5, 0x10);
const FAST: (usize, u8) = (7, 0x04);
const DHT: (usize, u8) = (7, 0x01);
const V2: (usize, u8) = (7, 0x10);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_encoded_is_parsed(
            info_hash: [u8; 20],
            peer_id: [u8; 20],
            bits: [bool; 4],
        ) {
            let [extended, fast, dht, v2] = bits;
            let handshake = Handshake { info_hash, peer_id, extended, fast, dht, v2 };
            let bytes = handshake.encode();
            prop_assert_eq!(Handshake::parse(&bytes), Ok(handshake));
            for end in 0..=bytes.len() {
                prop_assert_eq!(check_start(&bytes[..end]), Ok(()));
                prop_assert_eq!(super::info_hash(&bytes[..end]), (end >= 48).then_some(info_hash));
            }
        }

        #[test]
        fn unknown_reserved_bits_are_ignored(reserved: [u8; 8]) {
            let mut bytes = Handshake::ours([1; 20], [2; 20], false).encode();
            bytes[20..28].copy_from_slice(&reserved);
            let parsed = Handshake::parse(&bytes).unwrap();
            prop_assert_eq!(parsed.extended, reserved[5] & 0x10 != 0);
            prop_assert_eq!(parsed.fast, reserved[7] & 4 != 0);
            prop_assert_eq!(parsed.dht, reserved[7] & 1 != 0);
            prop_assert_eq!(parsed.v2, reserved[7] & 0x10 != 0);
        }
    }

    #[test]
    fn bytes_on_the_wire_are_those_of_the_specification() {
        let bytes = Handshake::ours([0xaa; 20], [0xbb; 20], true).encode();
        let mut expected = b"\x13BitTorrent protocol\0\0\0\0\0\x10\0\x14".to_vec();
        expected.extend([0xaa; 20]);
        expected.extend([0xbb; 20]);
        assert_eq!(bytes.as_slice(), expected);
    }

    #[test]
    fn noise_is_refused_at_its_first_wrong_byte() {
        let error = check_start(b"GET / HTTP/1.1").unwrap_err();
        let expected = HandshakeError::Protocol {
            at: 0,
            found: b'G',
            expected: 19,
        };
        assert_eq!(error, expected);
        assert_eq!(
            error.to_string(),
            "byte 0 of the handshake is 0x47, not 0x13"
        );
        assert!(check_start(b"\x13BitTorrent protocoL").is_err());
        assert!(check_start(b"").is_ok());
    }
}
