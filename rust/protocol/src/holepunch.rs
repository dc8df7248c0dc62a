//! `p2_punch`, an extension message of ours (BEP 10): the messages of BEP 55, by which two peers that nobody can dial are
//! told by a third, which both are connected with, to dial each other at the same time. It has a name of its own because
//! BEP 55 dials by uTP, and here it is TCP:
//!
//! ```text
//! kind (1 byte)           0 meet, 1 dial, 2 it cannot be done
//! family (1 byte)         0 IPv4, 1 IPv6
//! address (4 or 16 bytes), port (2 bytes)
//! error (4 bytes)         0 unless the kind is 2
//! ```

use std::net::{IpAddr, SocketAddr};

use crate::extension::ExtensionError;

/// What a message says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holepunch {
    /// To a peer that is connected with whoever takes connections there: tell the two of us to dial each other.
    Rendezvous(SocketAddr),
    /// Dial this address now: whoever is there dials you.
    Connect(SocketAddr),
    /// The answer to a `Rendezvous` with this address that comes to nothing.
    Failed(SocketAddr, Failure),
}

/// Why a rendezvous comes to nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// Nobody can have this address, or the asker could not reach it.
    NoSuchPeer,
    /// The peer that was asked is not connected with it.
    NotConnected,
    /// Whoever has it does not take part in this.
    NoSupport,
    /// It is the peer's own.
    NoSelf,
}

const RENDEZVOUS: u8 = 0;
const CONNECT: u8 = 1;
const FAILED: u8 = 2;

const FAILURES: [(u32, Failure); 4] = [
    (1, Failure::NoSuchPeer),
    (2, Failure::NotConnected),
    (3, Failure::NoSupport),
    (4, Failure::NoSelf),
];

impl Holepunch {
    /// The payload that says so. Goes to a peer that named an id for `p2_punch`.
    pub fn encode(self) -> Vec<u8> {
        let (kind, addr, error) = match self {
            Self::Rendezvous(addr) => (RENDEZVOUS, addr, 0),
            Self::Connect(addr) => (CONNECT, addr, 0),
            Self::Failed(addr, failure) => (FAILED, addr, failure.code()),
        };
        let mut payload = vec![kind, u8::from(addr.is_ipv6())];
        match addr.ip() {
            IpAddr::V4(ip) => payload.extend(ip.octets()),
            IpAddr::V6(ip) => payload.extend(ip.octets()),
        }
        payload.extend(addr.port().to_be_bytes());
        payload.extend(error.to_be_bytes());
        payload
    }

    /// Reads a payload. The address is a claim; an IPv4 address within an IPv6 one is that IPv4 address.
    pub fn parse(payload: &[u8]) -> Result<Self, ExtensionError> {
        let [kind, family, rest @ ..] = payload else {
            return Err(malformed(payload, 12));
        };
        let (ip, rest) = match family {
            0 => split(rest).map(|(ip, rest): ([u8; 4], _)| (IpAddr::from(ip), rest)),
            1 => split(rest).map(|(ip, rest): ([u8; 16], _)| (IpAddr::from(ip), rest)),
            _ => return Err(ExtensionError::UnknownKind),
        }
        .ok_or_else(|| malformed(payload, 24))?;
        let [high, low, error @ ..] = rest else {
            return Err(malformed(payload, 24));
        };
        let error: [u8; 4] = error.try_into().map_err(|_| malformed(payload, 24))?;
        let addr = SocketAddr::new(ip.to_canonical(), u16::from_be_bytes([*high, *low]));
        let failure = Failure::of(u32::from_be_bytes(error));
        match (*kind, failure) {
            (RENDEZVOUS, _) => Ok(Self::Rendezvous(addr)),
            (CONNECT, _) => Ok(Self::Connect(addr)),
            (FAILED, Some(failure)) => Ok(Self::Failed(addr, failure)),
            _ => Err(ExtensionError::UnknownKind),
        }
    }
}

impl Failure {
    fn code(self) -> u32 {
        let of = FAILURES.iter().find(|(_, failure)| *failure == self);
        of.map_or(0, |(code, _)| *code)
    }

    fn of(code: u32) -> Option<Self> {
        let of = FAILURES.iter().find(|(known, _)| *known == code);
        of.map(|(_, failure)| *failure)
    }
}

fn split<const N: usize>(bytes: &[u8]) -> Option<([u8; N], &[u8])> {
    bytes.split_first_chunk().map(|(ip, rest)| (*ip, rest))
}

fn malformed(payload: &[u8], expected: usize) -> ExtensionError {
    ExtensionError::Length {
        found: payload.len(),
        expected,
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn said() -> impl Strategy<Value = Holepunch> {
        let ip = any::<IpAddr>().prop_map(|ip| ip.to_canonical());
        let addr = (ip, any::<u16>()).prop_map(SocketAddr::from);
        (addr, 0..6_usize).prop_map(|(addr, kind)| match kind {
            0 => Holepunch::Rendezvous(addr),
            1 => Holepunch::Connect(addr),
            failure => Holepunch::Failed(addr, FAILURES[failure - 2].1),
        })
    }

    proptest! {
        #[test]
        fn what_is_said_is_read(said in said()) {
            prop_assert_eq!(Holepunch::parse(&said.encode()), Ok(said));
        }

        #[test]
        fn any_bytes_are_read_or_refused(payload in vec(any::<u8>(), 0..40)) {
            if let Ok(said) = Holepunch::parse(&payload) {
                prop_assert!(payload.len() == 12 || payload.len() == 24);
                prop_assert_eq!(Holepunch::parse(&said.encode()), Ok(said));
            }
        }
    }

    #[test]
    fn the_bytes_are_those_of_bep_55() {
        let addr: SocketAddr = "1.2.3.4:6881".parse().unwrap();
        let failed = Holepunch::Failed(addr, Failure::NotConnected);
        assert_eq!(
            failed.encode(),
            b"\x02\x00\x01\x02\x03\x04\x1a\xe1\0\0\0\x02"
        );
        let addr: SocketAddr = "[2001:db8::1]:6881".parse().unwrap();
        let connect = Holepunch::Connect(addr).encode();
        assert_eq!(
            connect,
            b"\x01\x01\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\x1a\xe1\0\0\0\0"
        );
        let unknown = ExtensionError::UnknownKind;
        assert_eq!(
            Holepunch::parse(b"\x03\x00\x01\x02\x03\x04\x1a\xe1\0\0\0\0"),
            Err(unknown)
        );
        assert_eq!(
            Holepunch::parse(b"\x02\x00\x01\x02\x03\x04\x1a\xe1\0\0\0\x09"),
            Err(unknown)
        );
    }
}
