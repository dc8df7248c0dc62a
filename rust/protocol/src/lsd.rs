//! Local service discovery (BEP 14): who takes part in which torrents is told to a multicast group of the local network,
//! in messages that look like HTTP.
//!
//! ```text
//! BT-SEARCH * HTTP/1.1
//! Host: 239.192.152.143:6771
//! Port: 6881
//! Infohash: 0123456789abcdef0123456789abcdef01234567
//! cookie: whose it is
//! ```
//!
//! Lines end with CR LF, and two empty ones follow. A line of ours, `p2-answer: 1`, says that this only answers somebody: it
//! is not answered.

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// The group of IPv4.
pub const GROUP_V4: SocketAddr =
    SocketAddr::new(IpAddr::V4(Ipv4Addr::new(239, 192, 152, 143)), PORT);
/// The group of IPv6.
pub const GROUP_V6: SocketAddr = SocketAddr::new(
    IpAddr::V6(Ipv6Addr::new(0xff15, 0, 0, 0, 0, 0, 0xefc0, 0x988f)),
    PORT,
);
const PORT: u16 = 6771;

/// Bytes of an announcement at most: what goes into one packet of any network.
pub const MAX_ANNOUNCEMENT: usize = 1_400;
/// Torrents that one announcement of ours names at most.
pub const MOST_HASHES: usize = 20;
/// Bytes of a cookie at most.
const MAX_COOKIE: usize = 256;

/// Somebody takes part in torrents. Its address is the sender's, with this port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Announcement {
    /// Where it listens; never 0.
    pub port: u16,
    /// The torrents by their wire hashes: one or more.
    pub hashes: Vec<[u8; 20]>,
    /// By this the sender knows its own.
    pub cookie: Option<String>,
    /// It answers somebody, and is not to be answered.
    pub answers: bool,
}

/// Why a datagram is no announcement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LsdError {
    /// It is longer than [`MAX_ANNOUNCEMENT`].
    #[error("longer than {MAX_ANNOUNCEMENT} bytes")]
    TooLong,
    /// It is not text.
    #[error("not text")]
    NotText,
    /// It is something else: its first line is not that of a search.
    #[error("no search")]
    NoSearch,
    /// The port is missing, 0, or no port.
    #[error("no port")]
    NoPort,
    /// A hash is not 40 hexadecimal digits, or there is none.
    #[error("no hash")]
    NoHash,
    /// The cookie is too long.
    #[error("a cookie longer than {MAX_COOKIE} bytes")]
    LongCookie,
}

const SEARCH: &str = "BT-SEARCH * HTTP/1.1";

impl Announcement {
    /// The datagram for a group. It is within [`MAX_ANNOUNCEMENT`] where there are at most [`MOST_HASHES`] and the cookie
    /// is short.
    pub fn encode(&self, group: SocketAddr) -> Vec<u8> {
        let mut text = format!("{SEARCH}\r\nHost: {group}\r\nPort: {}\r\n", self.port);
        for hash in &self.hashes {
            text.push_str("Infohash: ");
            for byte in hash {
                let _ = write!(text, "{byte:02x}"); // to a text it cannot fail
            }
            text.push_str("\r\n");
        }
        if let Some(cookie) = &self.cookie {
            let _ = write!(text, "cookie: {cookie}\r\n");
        }
        if self.answers {
            text.push_str("p2-answer: 1\r\n");
        }
        text.push_str("\r\n\r\n");
        text.into_bytes()
    }

    /// Reads a datagram. Lines that it does not know are passed over, as newer clients may have more to say.
    pub fn parse(datagram: &[u8]) -> Result<Self, LsdError> {
        if datagram.len() > MAX_ANNOUNCEMENT {
            return Err(LsdError::TooLong);
        }
        let text = std::str::from_utf8(datagram).map_err(|_| LsdError::NotText)?;
        let mut lines = text.lines();
        if lines.next() != Some(SEARCH) {
            return Err(LsdError::NoSearch);
        }
        let (mut port, mut hashes, mut cookie) = (None, Vec::new(), None);
        let mut answers = false;
        for (name, value) in lines.filter_map(|line| line.split_once(':')) {
            let value = value.trim();
            match name.to_ascii_lowercase().as_str() {
                "port" => port = value.parse().ok().filter(|port| *port > 0),
                "infohash" => hashes.push(hash(value).ok_or(LsdError::NoHash)?),
                "cookie" if value.len() > MAX_COOKIE => return Err(LsdError::LongCookie),
                "cookie" => cookie = Some(value.to_owned()),
                "p2-answer" => answers = value == "1",
                _ => {}
            }
        }
        if hashes.is_empty() {
            return Err(LsdError::NoHash);
        }
        let port = port.ok_or(LsdError::NoPort)?;
        Ok(Self {
            port,
            hashes,
            cookie,
            answers,
        })
    }
}

fn hash(digits: &str) -> Option<[u8; 20]> {
    let digits = digits.as_bytes();
    let mut hash = [0; 20];
    if digits.len() != 2 * hash.len() {
        return None;
    }
    let digit = |digit: u8| char::from(digit).to_digit(16);
    for (byte, pair) in hash.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = (digit(pair[0])? * 16 + digit(pair[1])?) as u8;
    }
    Some(hash)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_said_is_heard(
            port in 1..=u16::MAX,
            hashes in prop::collection::vec(any::<[u8; 20]>(), 1..=MOST_HASHES),
            cookie in prop::option::of("[!-~]{1,32}"),
            answers: bool,
        ) {
            let said = Announcement { port, hashes, cookie, answers };
            for group in [GROUP_V4, GROUP_V6] {
                let datagram = said.encode(group);
                prop_assert!(datagram.len() <= MAX_ANNOUNCEMENT);
                prop_assert_eq!(Announcement::parse(&datagram), Ok(said.clone()));
            }
        }
    }

    #[test]
    fn what_others_say_is_understood() {
        let hash = "0123456789abcdef0123456789ABCDEF01234567";
        let said = |lines: &str| Announcement::parse(format!("{SEARCH}\r\n{lines}").as_bytes());
        let plain = said(&format!(
            "Host: x\r\nPort: 6881\r\nInfohash: {hash}\r\n\r\n\r\n"
        ))
        .unwrap();
        assert_eq!(
            (plain.port, plain.hashes.len(), plain.cookie),
            (6881, 1, None)
        );
        let odd = said(&format!(
            "INFOHASH:{hash}\nport:  1 \nX-New: y\n\ncookie: ab:c\nInfohash: {hash}"
        ));
        let odd = odd.unwrap();
        assert_eq!((odd.port, odd.hashes.len()), (1, 2));
        assert_eq!(odd.cookie.as_deref(), Some("ab:c"));
        for (lines, error) in [
            (format!("Infohash: {hash}\r\n"), LsdError::NoPort),
            (format!("Port: 0\r\nInfohash: {hash}\r\n"), LsdError::NoPort),
            (
                format!("Port: 65536\r\nInfohash: {hash}\r\n"),
                LsdError::NoPort,
            ),
            ("Port: 1\r\n".to_owned(), LsdError::NoHash),
            (
                format!("Port: 1\r\nInfohash: {hash}0\r\n"),
                LsdError::NoHash,
            ),
            (
                format!("Port: 1\r\nInfohash: g{}\r\n", &hash[1..]),
                LsdError::NoHash,
            ),
            (
                format!(
                    "Port: 1\r\nInfohash: {hash}\r\ncookie: {}\r\n",
                    "c".repeat(257)
                ),
                LsdError::LongCookie,
            ),
            ("x".repeat(MAX_ANNOUNCEMENT), LsdError::TooLong),
        ] {
            assert_eq!(said(&lines), Err(error), "{lines}");
        }
        assert_eq!(
            Announcement::parse(b"M-SEARCH * HTTP/1.1\r\n"),
            Err(LsdError::NoSearch)
        );
        assert_eq!(Announcement::parse(b"\xff"), Err(LsdError::NotText));
    }
}
