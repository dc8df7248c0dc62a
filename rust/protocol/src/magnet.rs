//! Magnet links (BEP 9, BEP 53): parsing and building.
//!
//! A [`Magnet`] that was parsed has at least one info hash. Parameters that are not known are ignored; known ones that
//! are malformed are errors, so that a link never means something else than it says (a broken `so` would fetch every
//! file). `Display` writes the link; parsing that gives the same value.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

use crate::index::FileIndex;

/// Longest accepted link in bytes.
pub const MAX_MAGNET_BYTES: usize = 64 * 1024;

/// What a magnet link says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Magnet {
    /// `xt=urn:btih:`
    pub info_hash_v1: Option<[u8; 20]>,
    /// `xt=urn:btmh:1220`
    pub info_hash_v2: Option<[u8; 32]>,
    /// `dn`
    pub name: Option<String>,
    /// `xl`: bytes of all files.
    pub length: Option<u64>,
    /// `tr`
    pub trackers: Vec<String>,
    /// `ws`
    pub web_seeds: Vec<String>,
    /// `x.pe`: addresses of peers; host names are kept apart in `peer_names`.
    pub peers: Vec<SocketAddr>,
    /// `x.pe` with a host name instead of an address, as `host:port`.
    pub peer_names: Vec<String>,
    /// `so`: the files wanted, as inclusive ranges of indices; empty: all.
    pub select: Vec<(u32, u32)>,
}

/// Why a link is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MagnetError {
    /// Another scheme.
    #[error("a magnet link starts with \"magnet:?\"")]
    Scheme,
    /// Too long.
    #[error("a magnet link of {0} bytes is over the limit of {MAX_MAGNET_BYTES}")]
    TooLong(usize),
    /// Neither `urn:btih` nor `urn:btmh`.
    #[error("the magnet link has no BitTorrent info hash")]
    NoHash,
    /// A hash of the wrong length or alphabet.
    #[error("{0:?} is not an info hash")]
    Hash(String),
    /// Two hashes of one kind.
    #[error("the magnet link has two different {0} hashes")]
    TwoHashes(&'static str),
    /// A parameter that cannot be read.
    #[error("{value:?} is not a valid {key:?}")]
    Value {
        /// The parameter.
        key: &'static str,
        /// What it says.
        value: String,
    },
}

impl Magnet {
    /// Takes a link apart.
    pub fn parse(uri: &str) -> Result<Self, MagnetError> {
        if uri.len() > MAX_MAGNET_BYTES {
            return Err(MagnetError::TooLong(uri.len()));
        }
        let (scheme, query) = uri.trim().split_once('?').ok_or(MagnetError::Scheme)?;
        if !scheme.eq_ignore_ascii_case("magnet:") {
            return Err(MagnetError::Scheme);
        }
        let mut magnet = Self::default();
        for parameter in query.split('&') {
            let (key, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            magnet.take(key, value)?;
        }
        if magnet.info_hash_v1.is_none() && magnet.info_hash_v2.is_none() {
            return Err(MagnetError::NoHash);
        }
        Ok(magnet)
    }

    /// The same link with these hashes, in hexadecimal (v1 also in base32), checked as if it had been parsed.
    pub fn with_hashes(mut self, v1: Option<&str>, v2: Option<&str>) -> Result<Self, MagnetError> {
        if let Some(hash) = v1 {
            self.take_topic(&format!("urn:btih:{hash}"))?;
        }
        if let Some(hash) = v2 {
            self.take_topic(&format!("urn:btmh:1220{hash}"))?;
        }
        Self::parse(&self.to_string())
    }

    /// Whether the link asks for this file.
    pub fn selects(&self, file: FileIndex) -> bool {
        let wanted = |&(first, last): &(u32, u32)| (first..=last).contains(&file.get());
        self.select.is_empty() || self.select.iter().any(wanted)
    }

    fn take(&mut self, key: &str, value: &str) -> Result<(), MagnetError> {
        let text = decode(value);
        // `tr.1`, `xt.2`: numbered parameters mean the same as plain ones.
        let plain = key
            .trim_end_matches(|c: char| c.is_ascii_digit())
            .trim_end_matches('.');
        match plain.to_ascii_lowercase().as_str() {
            "xt" => self.take_topic(&text)?,
            "dn" => self.name = Some(decode(&value.replace('+', " "))),
            "xl" => self.length = Some(text.parse().map_err(|_| wrong("xl", &text))?),
            "tr" if !text.is_empty() => self.trackers.push(text),
            "ws" if !text.is_empty() => self.web_seeds.push(text),
            "x.pe" => self.take_peer(text)?,
            "so" => self.select = ranges(&text)?,
            _ => {}
        }
        Ok(())
    }

    fn take_topic(&mut self, topic: &str) -> Result<(), MagnetError> {
        let lower = topic.to_ascii_lowercase();
        let refused = || MagnetError::Hash(topic.to_owned());
        if let Some(hash) = lower.strip_prefix("urn:btih:") {
            let hash = unhex(hash).or_else(|| base32(hash)).ok_or_else(refused)?;
            set(&mut self.info_hash_v1, hash, "v1")
        } else if let Some(hash) = lower.strip_prefix("urn:btmh:") {
            // A multihash: 0x12 is SHA-256, 0x20 its length.
            let hash = hash
                .strip_prefix("1220")
                .and_then(unhex)
                .ok_or_else(refused)?;
            set(&mut self.info_hash_v2, hash, "v2")
        } else {
            Ok(())
        }
    }

    fn take_peer(&mut self, text: String) -> Result<(), MagnetError> {
        if let Ok(address) = text.parse() {
            self.peers.push(address);
            return Ok(());
        }
        let named = text.rsplit_once(':').is_some_and(|(host, port)| {
            let letter = |c: char| c.is_alphanumeric() || c == '.' || c == '-' || c == '_';
            !host.is_empty() && host.chars().all(letter) && port.parse::<u16>().is_ok()
        });
        if !named {
            return Err(wrong("x.pe", &text));
        }
        self.peer_names.push(text);
        Ok(())
    }
}

impl FromStr for Magnet {
    type Err = MagnetError;

    fn from_str(uri: &str) -> Result<Self, MagnetError> {
        Self::parse(uri)
    }
}

impl fmt::Display for Magnet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut mark = "magnet:?";
        let mut put = |key: &str, value: &str| {
            let written = write!(f, "{mark}{key}={value}");
            mark = "&";
            written
        };
        if let Some(hash) = &self.info_hash_v1 {
            put("xt", &format!("urn:btih:{}", hex(hash)))?;
        }
        if let Some(hash) = &self.info_hash_v2 {
            put("xt", &format!("urn:btmh:1220{}", hex(hash)))?;
        }
        if let Some(name) = &self.name {
            put("dn", &encode(name))?;
        }
        if let Some(length) = self.length {
            put("xl", &length.to_string())?;
        }
        for tracker in &self.trackers {
            put("tr", &encode(tracker))?;
        }
        for seed in &self.web_seeds {
            put("ws", &encode(seed))?;
        }
        for peer in &self.peers {
            put("x.pe", &encode(&peer.to_string()))?;
        }
        for peer in &self.peer_names {
            put("x.pe", &encode(peer))?;
        }
        if !self.select.is_empty() {
            let ranges: Vec<String> = self.select.iter().copied().map(range).collect();
            put("so", &ranges.join(","))?;
        }
        Ok(())
    }
}

fn wrong(key: &'static str, value: &str) -> MagnetError {
    MagnetError::Value {
        key,
        value: value.to_owned(),
    }
}

fn set<const N: usize>(
    place: &mut Option<[u8; N]>,
    hash: [u8; N],
    kind: &'static str,
) -> Result<(), MagnetError> {
    match place.replace(hash) {
        Some(other) if other != hash => Err(MagnetError::TwoHashes(kind)),
        _ => Ok(()),
    }
}

/// `0,2,4-6` (BEP 53). Ranges stay ranges: nothing is as large as they claim.
fn ranges(text: &str) -> Result<Vec<(u32, u32)>, MagnetError> {
    let parse = |part: &str| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last) = (first.parse().ok()?, last.parse().ok()?);
        (first <= last).then_some((first, last))
    };
    let ranges: Option<Vec<_>> = text.split(',').map(parse).collect();
    ranges.ok_or_else(|| wrong("so", text))
}

fn range((first, last): (u32, u32)) -> String {
    if first == last {
        first.to_string()
    } else {
        format!("{first}-{last}")
    }
}

fn hex(bytes: &[u8]) -> String {
    use fmt::Write as _;
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            // Writing to a String cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}

fn unhex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if pairs.len() != N || !rest.is_empty() {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(pairs) {
        *byte = hex_pair(*pair)?;
    }
    Some(bytes)
}

fn hex_pair([high, low]: [u8; 2]) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    u8::try_from(digit(high)? * 16 + digit(low)?).ok()
}

/// 32 letters of RFC 4648 base32, in lower case: 20 bytes without padding.
fn base32(text: &str) -> Option<[u8; 20]> {
    if text.len() != 32 {
        return None;
    }
    let mut bytes = [0; 20];
    for (out, letters) in bytes.chunks_mut(5).zip(text.as_bytes().chunks(8)) {
        let mut bits = 0_u64;
        for &letter in letters {
            let value = match letter {
                b'a'..=b'z' => letter - b'a',
                b'2'..=b'7' => letter - b'2' + 26,
                _ => return None,
            };
            bits = bits << 5 | u64::from(value);
        }
        out.copy_from_slice(&bits.to_be_bytes()[3..]);
    }
    Some(bytes)
}

/// Percent-decoding; what is no valid escape stays as it is, and bytes that are no text are replaced.
fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let escape = (byte == b'%').then(|| after.first_chunk().copied().and_then(hex_pair));
        if let Some(decoded) = escape.flatten() {
            bytes.push(decoded);
            rest = &after[2..];
        } else {
            bytes.push(byte);
            rest = after;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Percent-encoding of everything but RFC 3986's unreserved characters.
fn encode(text: &str) -> String {
    use fmt::Write as _;
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const V1: &str = "c12fe1c06bba254a9dc9f519b335aa7c1367a88a";
    const V2: &str = "caf1e1c30e81cb361b9ee167c4aa64228a7fa4fa9f6105232b28ad099f3a302e";

    #[test]
    fn every_parameter_is_read() {
        let uri = format!(
            "magnet:?xt=urn:btih:{V1}&xt=urn:btmh:1220{V2}&dn=a+b%20%C3%BC&xl=7&tr=http%3A%2F%2Ft%2Fa\
             &tr.1=udp://u:1&ws=http://w/&x.pe=1.2.3.4:5&x.pe=[::1]:6&x.pe=host.example:7&so=0,2,4-6&k=v"
        );
        let magnet = Magnet::parse(&uri).unwrap();
        assert_eq!(
            magnet.info_hash_v1.map(|hash| hex(&hash)).as_deref(),
            Some(V1)
        );
        assert_eq!(
            magnet.info_hash_v2.map(|hash| hex(&hash)).as_deref(),
            Some(V2)
        );
        assert_eq!(magnet.name.as_deref(), Some("a b ü"));
        assert_eq!(magnet.length, Some(7));
        assert_eq!(magnet.trackers, ["http://t/a", "udp://u:1"]);
        assert_eq!(magnet.web_seeds, ["http://w/"]);
        assert_eq!(
            magnet.peers,
            ["1.2.3.4:5", "[::1]:6"].map(|peer| peer.parse().unwrap())
        );
        assert_eq!(magnet.peer_names, ["host.example:7"]);
        assert_eq!(magnet.select, [(0, 0), (2, 2), (4, 6)]);
        assert!(magnet.selects(FileIndex::new(5)) && !magnet.selects(FileIndex::new(1)));
        assert_eq!(Magnet::parse(&magnet.to_string()), Ok(magnet));
    }

    #[test]
    fn base32_is_the_same_hash() {
        let hex = Magnet::parse(&format!("magnet:?xt=urn:btih:{V1}")).unwrap();
        let base32 = "MAGNET:?xt=urn:btih:YEX6DQDLXISUVHOJ6UM3GNNKPQJWPKEK";
        assert_eq!(Magnet::parse(base32), Ok(hex));
    }

    #[test]
    fn malformed_links_are_typed_errors() {
        let with = |rest: &str| Magnet::parse(&format!("magnet:?xt=urn:btih:{V1}&{rest}"));
        assert_eq!(Magnet::parse("http://x/?xt=1"), Err(MagnetError::Scheme));
        assert_eq!(Magnet::parse("magnet:"), Err(MagnetError::Scheme));
        assert_eq!(Magnet::parse("magnet:?dn=x"), Err(MagnetError::NoHash));
        assert_eq!(
            Magnet::parse("magnet:?xt=urn:sha1:ABC"),
            Err(MagnetError::NoHash)
        );
        for bad in [
            "urn:btih:12",
            "urn:btih:",
            "urn:btmh:1120",
            &format!("urn:btmh:1220{V1}"),
        ] {
            let refused = Magnet::parse(&format!("magnet:?xt={bad}"));
            assert_eq!(refused, Err(MagnetError::Hash(bad.to_owned())));
        }
        let other = format!("xt=urn:btih:{}", V1.replace('c', "d"));
        assert_eq!(with(&other), Err(MagnetError::TwoHashes("v1")));
        for bad in [
            "so=6-4",
            "so=x",
            "so=1,,2",
            "so=99999999999",
            "xl=-1",
            "x.pe=nowhere",
            "x.pe=:1",
        ] {
            assert!(matches!(with(bad), Err(MagnetError::Value { .. })), "{bad}");
        }
        let long = "x".repeat(MAX_MAGNET_BYTES);
        assert!(matches!(with(&long), Err(MagnetError::TooLong(_))));
        assert!(with("dn=%").is_ok() && with("dn=%zz%f").is_ok() && with("dn=%ff").is_ok());
        assert!(with("so=0-4294967295").unwrap().selects(FileIndex::new(77)));
    }

    proptest! {
        #[test]
        fn any_text_parses_or_fails(text in "(magnet:\\?)?(xt=urn:bt[im]h:(1220)?[0-9a-f]{38,66}|&|=|\\PC|%){0,6}") {
            let _ = Magnet::parse(&text);
        }

        #[test]
        fn what_is_built_is_read_back(
            hash in any::<[u8; 32]>(),
            name in "\\PC{0,20}",
            trackers in prop::collection::vec("\\PC{1,20}", 0..3),
        ) {
            let magnet = Magnet {
                info_hash_v2: Some(hash), name: Some(name), trackers, ..Magnet::default()
            };
            prop_assert_eq!(Magnet::parse(&magnet.to_string()), Ok(magnet));
        }
    }
}
