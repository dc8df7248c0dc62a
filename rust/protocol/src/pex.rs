//! Peer exchange (`ut_pex`, BEP 11): a peer tells those that it is connected with of each other. A dictionary of compact
//! addresses, IPv4 and IPv6 apart:
//!
//! ```text
//! added, added6        addresses that it is connected with since the message before (6 or 18 bytes each)
//! added.f, added6.f    a byte of flags for each
//! dropped, dropped6    addresses that it is not connected with any more
//! ```
//!
//! Everything in it is a peer's claim.

use std::net::{IpAddr, SocketAddr};

use crate::bencode::{Dict, Document, Item, Limits, Mode, Value};
use crate::codec::MAX_EXTENDED;
use crate::extension::ExtensionError;

/// Addresses of one message that are added, or dropped, at most (BEP 11).
pub const MOST_TOLD: usize = 50;

/// Addresses of one message that are read: the first message of other clients names all their peers.
pub const MOST_READ: usize = 200;

/// A peer that others are told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Told {
    /// Where it takes connections.
    pub addr: SocketAddr,
    /// It needs nothing.
    pub seed: bool,
    /// It was dialled, so that others can, too.
    pub reachable: bool,
}

/// What a message says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Exchange {
    /// Those that it is connected with.
    pub added: Vec<Told>,
    /// Those that it was connected with.
    pub dropped: Vec<SocketAddr>,
}

const SEED: u8 = 0x02;
const REACHABLE: u8 = 0x10;

/// Bytes of a port.
const PORT: usize = 2;

impl Exchange {
    /// The payload that says so, or of each list the first [`MOST_TOLD`].
    pub fn encode(&self) -> Vec<u8> {
        let [mut added, mut flags, mut dropped] = [const { [vec![], vec![]] }; 3];
        for told in self.added.iter().take(MOST_TOLD) {
            let list = usize::from(told.addr.is_ipv6());
            put(&mut added[list], told.addr);
            let seed = if told.seed { SEED } else { 0 };
            let reachable = if told.reachable { REACHABLE } else { 0 };
            flags[list].push(seed | reachable);
        }
        for addr in self.dropped.iter().take(MOST_TOLD) {
            put(&mut dropped[usize::from(addr.is_ipv6())], *addr);
        }
        let keys = KEYS.into_iter().zip([added, flags, dropped]);
        let entries = keys.flat_map(|(keys, lists)| {
            let said = keys.into_iter().zip(lists);
            said.map(|(key, list)| (key, Item::from(&list[..])))
        });
        Item::dict(entries).to_bytes()
    }

    /// Reads the payload of a message: of each list the first [`MOST_READ`], without those that have no port. An IPv4 address
    /// within an IPv6 one (`::ffff:1.2.3.4`) is that IPv4 address.
    pub fn parse(payload: &[u8]) -> Result<Self, ExtensionError> {
        let limits = Limits {
            max_bytes: MAX_EXTENDED as usize,
            max_depth: 4,
        };
        let document = Document::parse(payload, Mode::Lenient, limits)?;
        let root = document.root();
        let dict = root.as_dict().ok_or(ExtensionError::NotADictionary)?;
        let [added, flags, dropped] = KEYS;
        let mut exchange = Self::default();
        for list in 0..KEYS[0].len() {
            let flags = bytes(&dict, flags[list]);
            for (at, addr) in addresses(&dict, added[list], list) {
                let flags = flags.get(at).copied().unwrap_or(0);
                exchange.added.push(Told {
                    addr,
                    seed: flags & SEED != 0,
                    reachable: flags & REACHABLE != 0,
                });
            }
            let gone = addresses(&dict, dropped[list], list);
            exchange.dropped.extend(gone.map(|(_, addr)| addr));
        }
        Ok(exchange)
    }
}

/// The lists: each of IPv4 and of IPv6.
const KEYS: [[&str; 2]; 3] = [
    ["added", "added6"],
    ["added.f", "added6.f"],
    ["dropped", "dropped6"],
];

fn put(list: &mut Vec<u8>, addr: SocketAddr) {
    match addr.ip() {
        IpAddr::V4(ip) => list.extend(ip.octets()),
        IpAddr::V6(ip) => list.extend(ip.octets()),
    }
    list.extend(addr.port().to_be_bytes());
}

fn bytes<'d>(dict: &Dict<'d>, key: &str) -> &'d [u8] {
    let value = dict.get(key.as_bytes());
    value.as_ref().and_then(Value::as_bytes).unwrap_or_default()
}

/// The addresses of a list, each with its place there.
fn addresses<'d>(
    dict: &Dict<'d>,
    key: &str,
    list: usize,
) -> impl Iterator<Item = (usize, SocketAddr)> + use<'d> {
    let bytes = bytes(dict, key);
    let size = [4, 16][list] + PORT;
    let all = bytes.chunks_exact(size).take(MOST_READ).enumerate();
    let named = all.filter_map(|(at, bytes)| Some((at, address(bytes)?)));
    named.filter(|(_, addr)| addr.port() != 0)
}

fn address(bytes: &[u8]) -> Option<SocketAddr> {
    let (ip, port) = bytes.split_last_chunk::<PORT>()?;
    let ip = match ip.len() {
        4 => IpAddr::from(<[u8; 4]>::try_from(ip).ok()?),
        _ => IpAddr::from(<[u8; 16]>::try_from(ip).ok()?),
    };
    Some(SocketAddr::new(
        ip.to_canonical(),
        u16::from_be_bytes(*port),
    ))
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn addrs() -> impl Strategy<Value = SocketAddr> {
        let ip = any::<IpAddr>().prop_map(|ip| ip.to_canonical());
        (ip, 1..=u16::MAX).prop_map(SocketAddr::from)
    }

    fn told() -> impl Strategy<Value = Told> {
        let flags = any::<(bool, bool)>();
        (addrs(), flags).prop_map(|(addr, (seed, reachable))| Told {
            addr,
            seed,
            reachable,
        })
    }

    proptest! {
        #[test]
        fn what_is_told_is_read(
            added in vec(told(), 0..MOST_TOLD + 20),
            dropped in vec(addrs(), 0..MOST_TOLD + 20),
        ) {
            let said = Exchange { added, dropped };
            let read = Exchange::parse(&said.encode()).unwrap();
            // IPv4 comes before IPv6, each in the order that it was told in.
            let mut said = said;
            said.added.truncate(MOST_TOLD);
            said.dropped.truncate(MOST_TOLD);
            said.added.sort_by_key(|told| told.addr.is_ipv6());
            said.dropped.sort_by_key(SocketAddr::is_ipv6);
            prop_assert_eq!(read, said);
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in vec(any::<u8>(), 0..200)) {
            let _ = Exchange::parse(&bytes);
            let mut message = format!("d5:added{}:", bytes.len()).into_bytes();
            message.extend_from_slice(&bytes);
            message.push(b'e');
            let read = Exchange::parse(&message).unwrap();
            prop_assert!(read.added.len() <= bytes.len() / 6 && read.dropped.is_empty());
        }
    }

    #[test]
    fn a_message_of_another_client_is_read() {
        let message = b"d5:added12:\x01\x02\x03\x04\x1a\xe1\x05\x06\x07\x08\x00\x007:added.f2:\x12\x026:added618:\
            \x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\x1a\xe17:dropped6:\x09\x09\x09\x09\x1a\xe1e";
        let read = Exchange::parse(message).unwrap();
        let told = |addr: &str, flag| Told {
            addr: addr.parse().unwrap(),
            seed: flag,
            reachable: flag,
        };
        // One has no port, and of one there are no flags.
        let added = vec![
            told("1.2.3.4:6881", true),
            told("[2001:db8::1]:6881", false),
        ];
        assert_eq!(read.added, added);
        assert_eq!(read.dropped, ["9.9.9.9:6881".parse().unwrap()]);
    }

    #[test]
    fn no_more_than_some_are_read() {
        let mut list = Vec::new();
        for port in 1..=1_000 {
            put(&mut list, SocketAddr::from(([1, 2, 3, 4], port)));
        }
        let message = Item::dict([("added", Item::from(&list[..]))]).to_bytes();
        let read = Exchange::parse(&message).unwrap();
        assert_eq!(read.added.len(), MOST_READ);
        assert_eq!(Exchange::parse(b"le"), Err(ExtensionError::NotADictionary));
    }
}
