//! The extension handshake (BEP 10), and the one-line extension messages: don't-have (BEP 54), upload-only, and
//! that a piece comes.
//!
//! The handshake is a dictionary that each side sends once or more; a later one changes only what it names
//! ([`ExtensionHandshake::update`]). Everything in it is a peer's claim: numbers out of range are left out, text is cut
//! and cleaned, unknown keys are ignored, and only bytes that are no dictionary at all are an error.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::bencode::{BencodeError, Dict, Document, Item, Limits, Mode, Value};
use crate::client::display_text;
use crate::codec::MAX_EXTENDED;
use crate::site::SiteError;

/// The extended message id of the handshake itself.
pub const HANDSHAKE_ID: u8 = 0;

/// Largest believed `metadata_size`. An info dictionary of a million v1 pieces has 20 MB.
pub const MAX_METADATA: u32 = 32 * 1024 * 1024;

/// Characters kept of a client's name.
pub const MAX_CLIENT: usize = 64;

/// Ids of extension messages: what the sender of the handshake wants each to be called. `None` says nothing, 0 takes an
/// earlier id back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct ExtensionIds {
    /// Info dictionary from peers (BEP 9).
    pub ut_metadata: Option<u8>,
    /// Peer exchange (BEP 11).
    pub ut_pex: Option<u8>,
    /// A piece is gone (BEP 54).
    pub lt_donthave: Option<u8>,
    /// The state of BEP 21 changed: libtorrent's message of one byte.
    pub upload_only: Option<u8>,
    /// Who fetches what for a site ([`crate::site`]).
    pub p2_site: Option<u8>,
    /// The other seeds that the peer sees ([`crate::seeds`]).
    pub p2_seeds: Option<u8>,
    /// Two are to dial each other ([`crate::holepunch`]).
    pub p2_punch: Option<u8>,
    /// A piece is not there yet and comes ([`Coming`]).
    pub p2_coming: Option<u8>,
}

/// What an extension handshake says. Everything is optional.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ExtensionHandshake {
    /// `m`: ids for the messages that the sender takes.
    pub ids: ExtensionIds,
    /// `v`: the client's name and version, fit to be shown.
    pub client: Option<String>,
    /// `reqq`: outstanding requests that the sender queues without dropping; at least 1.
    pub reqq: Option<u32>,
    /// `upload_only`: the sender downloads nothing (BEP 21).
    pub upload_only: Option<bool>,
    /// `p2_only`: the same, where others are not to know: libtorrent leaves who downloads nothing and shows nothing yet.
    pub hidden_only: Option<bool>,
    /// `p2_pass`: to the sender, `not interested` and `interested` at once say "somebody else may have my slot for now".
    pub passes: Option<bool>,
    /// `p2_label`: the name of the sender's site, as [`label`](crate::site::label) makes it.
    pub site: Option<[u8; 8]>,
    /// `metadata_size`: bytes of the info dictionary; 1 to [`MAX_METADATA`].
    pub metadata_size: Option<u32>,
    /// `p`: the port where the sender listens; not 0.
    pub listen_port: Option<u16>,
    /// `yourip`: the receiver's address as the sender sees it.
    pub your_ip: Option<IpAddr>,
    /// `ipv4`: another address of the sender.
    pub ipv4: Option<Ipv4Addr>,
    /// `ipv6`: another address of the sender.
    pub ipv6: Option<Ipv6Addr>,
}

/// Why an extension message is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ExtensionError {
    /// The handshake is not bencoded.
    #[error("malformed extension handshake: {0}")]
    Bencode(#[from] BencodeError),
    /// The handshake is no dictionary.
    #[error("the extension handshake is not a dictionary")]
    NotADictionary,
    /// News of a site are malformed.
    #[error(transparent)]
    Site(#[from] SiteError),
    /// A message says what nobody knows.
    #[error("an extension message of an unknown kind")]
    UnknownKind,
    /// A message of fixed length that has another.
    #[error("an extension message of {found} bytes, expected {expected}")]
    Length {
        /// Bytes of the payload.
        found: usize,
        /// Bytes that it must have.
        expected: usize,
    },
}

impl ExtensionHandshake {
    /// The payload of the extended message with id [`HANDSHAKE_ID`]. The same value gives the same bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut entries: Vec<(&str, Item)> = vec![("m", self.ids.encode())];
        let mut put = |key, item: Option<Item>| entries.extend(item.map(|item| (key, item)));
        put("v", self.client.as_deref().map(Item::from));
        put("reqq", self.reqq.map(Item::from));
        put(
            "upload_only",
            self.upload_only.map(|set| Item::from(i64::from(set))),
        );
        put(
            "p2_only",
            self.hidden_only.map(|set| Item::from(i64::from(set))),
        );
        put("p2_pass", self.passes.map(|set| Item::from(i64::from(set))));
        put("p2_label", self.site.map(|label| Item::from(&label[..])));
        put("metadata_size", self.metadata_size.map(Item::from));
        put(
            "p",
            self.listen_port.map(|port| Item::from(u32::from(port))),
        );
        put("yourip", self.your_ip.map(address));
        put("ipv4", self.ipv4.map(|ip| Item::from(&ip.octets()[..])));
        put("ipv6", self.ipv6.map(|ip| Item::from(&ip.octets()[..])));
        Item::dict(entries).to_bytes()
    }

    /// Reads the payload of a handshake.
    pub fn parse(payload: &[u8]) -> Result<Self, ExtensionError> {
        let limits = Limits {
            max_bytes: MAX_EXTENDED as usize,
            max_depth: 8,
        };
        let document = Document::parse(payload, Mode::Lenient, limits)?;
        let dict = document
            .root()
            .as_dict()
            .ok_or(ExtensionError::NotADictionary)?;
        let bytes = |key: &str| dict.get(key.as_bytes()).and_then(|value| value.as_bytes());
        let flag = |key: &str| {
            let number = dict.get(key.as_bytes()).and_then(|value| value.as_int());
            number.map(|set| set != 0)
        };
        Ok(Self {
            ids: dict
                .get(b"m")
                .and_then(|m| m.as_dict())
                .map(|m| ExtensionIds::parse(&m))
                .unwrap_or_default(),
            client: bytes("v").map(|name| display_text(name, MAX_CLIENT)),
            reqq: number(&dict, "reqq", 1..=i64::from(u32::MAX)),
            upload_only: flag("upload_only"),
            hidden_only: flag("p2_only"),
            passes: flag("p2_pass"),
            site: bytes("p2_label").and_then(octets),
            metadata_size: number(&dict, "metadata_size", 1..=i64::from(MAX_METADATA)),
            listen_port: number(&dict, "p", 1..=i64::from(u16::MAX)),
            your_ip: bytes("yourip").and_then(ip),
            ipv4: bytes("ipv4").and_then(octets).map(|ip: [u8; 4]| ip.into()),
            ipv6: bytes("ipv6").and_then(octets).map(|ip: [u8; 16]| ip.into()),
        })
    }

    /// Takes over what a later handshake of the same peer says.
    pub fn update(&mut self, later: Self) {
        self.ids.update(later.ids);
        replace(&mut self.client, later.client);
        replace(&mut self.reqq, later.reqq);
        replace(&mut self.upload_only, later.upload_only);
        replace(&mut self.hidden_only, later.hidden_only);
        replace(&mut self.passes, later.passes);
        replace(&mut self.site, later.site);
        replace(&mut self.metadata_size, later.metadata_size);
        replace(&mut self.listen_port, later.listen_port);
        replace(&mut self.your_ip, later.your_ip);
        replace(&mut self.ipv4, later.ipv4);
        replace(&mut self.ipv6, later.ipv6);
    }
}

impl ExtensionIds {
    fn encode(self) -> Item {
        let named = [
            (UT_METADATA, self.ut_metadata),
            (UT_PEX, self.ut_pex),
            (LT_DONTHAVE, self.lt_donthave),
            (UPLOAD_ONLY, self.upload_only),
            (P2_SITE, self.p2_site),
            (P2_SEEDS, self.p2_seeds),
            (P2_PUNCH, self.p2_punch),
            (P2_COMING, self.p2_coming),
        ];
        let known = named
            .into_iter()
            .filter_map(|(name, id)| Some((name, Item::from(u32::from(id?)))));
        Item::dict(known)
    }

    fn parse(m: &Dict<'_>) -> Self {
        let id = |name| number(m, name, 0..=i64::from(u8::MAX));
        Self {
            ut_metadata: id(UT_METADATA),
            ut_pex: id(UT_PEX),
            lt_donthave: id(LT_DONTHAVE),
            upload_only: id(UPLOAD_ONLY),
            p2_site: id(P2_SITE),
            p2_seeds: id(P2_SEEDS),
            p2_punch: id(P2_PUNCH),
            p2_coming: id(P2_COMING),
        }
    }

    fn update(&mut self, later: Self) {
        replace(&mut self.ut_metadata, later.ut_metadata);
        replace(&mut self.ut_pex, later.ut_pex);
        replace(&mut self.lt_donthave, later.lt_donthave);
        replace(&mut self.upload_only, later.upload_only);
        replace(&mut self.p2_site, later.p2_site);
        replace(&mut self.p2_seeds, later.p2_seeds);
        replace(&mut self.p2_punch, later.p2_punch);
        replace(&mut self.p2_coming, later.p2_coming);
    }
}

/// The payload that says that a piece is gone (BEP 54). Goes to a peer that named an id for `lt_donthave`.
pub const fn encode_dont_have(piece: u32) -> [u8; 4] {
    piece.to_be_bytes()
}

/// The piece that is gone, unchecked (BEP 54).
pub fn parse_dont_have(payload: &[u8]) -> Result<u32, ExtensionError> {
    let length = || ExtensionError::Length {
        found: payload.len(),
        expected: 4,
    };
    octets(payload).map(u32::from_be_bytes).ok_or_else(length)
}

/// A piece comes: what is asked of it is sent as it is verified, block by block, or once the piece is there. An extension
/// message of ours, `p2_coming`; a `have` follows, or that it does not come after all (BEP 54).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Coming {
    /// The piece, unchecked.
    pub piece: u32,
    /// So many peers pass it on between whoever has it and the receiver of this: nobody waits for who waits for it.
    pub hops: u8,
}

impl Coming {
    /// The payload that says so. Goes to a peer that named an id for `p2_coming`.
    pub const fn encode(self) -> [u8; 5] {
        let [a, b, c, d] = self.piece.to_be_bytes();
        [a, b, c, d, self.hops]
    }

    /// What a payload says.
    pub fn parse(payload: &[u8]) -> Result<Self, ExtensionError> {
        match *payload {
            [a, b, c, d, hops] => Ok(Self {
                piece: u32::from_be_bytes([a, b, c, d]),
                hops,
            }),
            _ => Err(ExtensionError::Length {
                found: payload.len(),
                expected: 5,
            }),
        }
    }
}

/// The payload that says whether we still download. Goes to a peer that named an id for `upload_only`.
pub const fn encode_upload_only(set: bool) -> [u8; 1] {
    [set as u8]
}

/// Whether the peer says that it downloads nothing any more.
pub fn parse_upload_only(payload: &[u8]) -> Result<bool, ExtensionError> {
    match payload {
        [set] => Ok(*set != 0),
        _ => Err(ExtensionError::Length {
            found: payload.len(),
            expected: 1,
        }),
    }
}

const UT_METADATA: &str = "ut_metadata";
const UT_PEX: &str = "ut_pex";
const LT_DONTHAVE: &str = "lt_donthave";
const UPLOAD_ONLY: &str = "upload_only";
const P2_SITE: &str = "p2_site";
const P2_SEEDS: &str = "p2_seeds";
const P2_PUNCH: &str = "p2_punch";
const P2_COMING: &str = "p2_coming";

/// A number in this range; others count as not said.
fn number<T: TryFrom<i64>>(
    dict: &Dict<'_>,
    key: &str,
    range: std::ops::RangeInclusive<i64>,
) -> Option<T> {
    let number = dict.get(key.as_bytes()).as_ref().and_then(Value::as_int)?;
    range.contains(&number).then(|| T::try_from(number).ok())?
}

fn replace<T>(old: &mut Option<T>, new: Option<T>) {
    if new.is_some() {
        *old = new;
    }
}

fn octets<const N: usize>(bytes: &[u8]) -> Option<[u8; N]> {
    bytes.try_into().ok()
}

fn ip(bytes: &[u8]) -> Option<IpAddr> {
    octets::<4>(bytes)
        .map(IpAddr::from)
        .or_else(|| octets::<16>(bytes).map(IpAddr::from))
}

fn address(ip: IpAddr) -> Item {
    match ip {
        IpAddr::V4(ip) => Item::from(&ip.octets()[..]),
        IpAddr::V6(ip) => Item::from(&ip.octets()[..]),
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::option::of;
    use proptest::prelude::*;

    use super::*;

    fn ids() -> impl Strategy<Value = ExtensionIds> {
        any::<[Option<u8>; 8]>().prop_map(|[a, b, c, d, e, f, g, h]| ExtensionIds {
            ut_metadata: a,
            ut_pex: b,
            lt_donthave: c,
            upload_only: d,
            p2_site: e,
            p2_seeds: f,
            p2_punch: g,
            p2_coming: h,
        })
    }

    fn handshakes() -> impl Strategy<Value = ExtensionHandshake> {
        let text = of("[ -~µ]{0,20}");
        let numbers = (
            of(1..=u32::MAX),
            any::<Option<bool>>(),
            any::<Option<bool>>(),
            any::<Option<bool>>(),
            any::<Option<[u8; 8]>>(),
            of(1..=MAX_METADATA),
            of(1..=u16::MAX),
        );
        let addresses = (
            of(any::<IpAddr>()),
            of(any::<Ipv4Addr>()),
            of(any::<Ipv6Addr>()),
        );
        (ids(), text, numbers, addresses).prop_map(
            |(
                ids,
                client,
                (reqq, upload_only, hidden_only, passes, site, metadata_size, listen_port),
                (your_ip, ipv4, ipv6),
            )| {
                ExtensionHandshake {
                    ids,
                    client,
                    reqq,
                    upload_only,
                    hidden_only,
                    passes,
                    site,
                    metadata_size,
                    listen_port,
                    your_ip,
                    ipv4,
                    ipv6,
                }
            },
        )
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_parsed(handshake in handshakes()) {
            prop_assert_eq!(ExtensionHandshake::parse(&handshake.encode()), Ok(handshake));
        }

        #[test]
        fn random_bytes_never_panic(bytes in vec(any::<u8>(), 0..200)) {
            let _ = ExtensionHandshake::parse(&bytes);
            let mut dict = b"d1:m".to_vec();
            dict.extend_from_slice(&bytes);
            let _ = ExtensionHandshake::parse(&dict);
            let _ = parse_dont_have(&bytes);
            let _ = parse_upload_only(&bytes);
        }
    }

    #[test]
    fn the_dictionary_is_canonical() {
        let handshake = ExtensionHandshake {
            ids: ExtensionIds {
                lt_donthave: Some(7),
                ut_metadata: Some(2),
                ..Default::default()
            },
            client: Some("p2pcore 0.1.0".into()),
            reqq: Some(500),
            ..Default::default()
        };
        let expected = b"d1:md11:lt_donthavei7e11:ut_metadatai2ee4:reqqi500e1:v13:p2pcore 0.1.0e";
        assert_eq!(handshake.encode(), expected);
    }

    #[test]
    fn claims_out_of_range_count_as_not_made() {
        let parsed = ExtensionHandshake::parse(
            b"d1:md11:ut_metadatai256e6:ut_pexi-1e11:lt_donthavei0ee13:metadata_sizei99999999999e\
              1:pi0e4:reqqi-5e6:yourip3:abc4:ipv45:abcdee",
        );
        let ids = ExtensionIds {
            lt_donthave: Some(0),
            ..Default::default()
        };
        assert_eq!(
            parsed,
            Ok(ExtensionHandshake {
                ids,
                ..Default::default()
            })
        );
    }

    #[test]
    fn a_name_is_cut_and_cleaned() {
        let name = format!("d1:v{}:\x1b[31m{}e", 200 + 5, "x".repeat(200));
        let parsed = ExtensionHandshake::parse(name.as_bytes()).unwrap();
        let client = parsed.client.unwrap();
        assert_eq!(client.chars().count(), MAX_CLIENT);
        assert!(client.starts_with("[31mx"));
    }

    #[test]
    fn a_later_handshake_changes_only_what_it_names() {
        let mut first =
            ExtensionHandshake::parse(b"d1:md6:ut_pexi1e11:lt_donthavei7ee4:reqqi10ee").unwrap();
        first.update(ExtensionHandshake::parse(b"d1:md6:ut_pexi0ee11:upload_onlyi1ee").unwrap());
        assert_eq!(first.ids.ut_pex, Some(0));
        assert_eq!(first.ids.lt_donthave, Some(7));
        assert_eq!(first.reqq, Some(10));
        assert_eq!(first.upload_only, Some(true));
    }

    #[test]
    fn what_is_no_dictionary_is_refused() {
        assert_eq!(
            ExtensionHandshake::parse(b"le"),
            Err(ExtensionError::NotADictionary)
        );
        assert!(matches!(
            ExtensionHandshake::parse(b""),
            Err(ExtensionError::Bencode(_))
        ));
        let bomb = [b'l'; 10_000];
        assert!(matches!(
            ExtensionHandshake::parse(&bomb),
            Err(ExtensionError::Bencode(_))
        ));
    }

    #[test]
    fn short_messages_have_their_exact_length() {
        assert_eq!(parse_dont_have(&encode_dont_have(77)), Ok(77));
        let coming = Coming {
            piece: 1 << 20,
            hops: 3,
        };
        assert_eq!(Coming::parse(&coming.encode()), Ok(coming));
        assert!(Coming::parse(b"abcd").is_err());
        assert_eq!(
            parse_dont_have(b"abc"),
            Err(ExtensionError::Length {
                found: 3,
                expected: 4
            })
        );
        assert_eq!(parse_upload_only(&encode_upload_only(true)), Ok(true));
        assert!(parse_upload_only(b"").is_err());
    }
}
