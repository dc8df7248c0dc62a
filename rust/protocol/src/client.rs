//! Peer ids: ours, and what those of others say of their program.
//!
//! A peer chooses its id and its name freely. What is made of them here is for eyes only: bounded, without control
//! characters, and never an input to a decision.

/// A peer id of this program: its mark and version, then the caller's random bytes.
pub fn peer_id(random: [u8; 12]) -> [u8; 20] {
    let mut id = [0; 20];
    id[..8].copy_from_slice(b"-PC0100-");
    id[8..].copy_from_slice(&random);
    id
}

/// Names the program behind a peer id: `libtorrent 2.1.1`, `aria2 1.36.0`. An unknown one gives its printable part.
pub fn client_name(peer_id: &[u8; 20]) -> String {
    azureus_style(peer_id)
        .or_else(|| mainline_style(peer_id))
        .unwrap_or_else(|| unknown(peer_id))
}

/// Text from a peer, fit to be shown: invalid UTF-8 is replaced, control and direction characters are dropped, and at
/// most `limit` characters are kept.
pub fn display_text(bytes: &[u8], limit: usize) -> String {
    // No character is longer than four bytes, so what is cut off here could not be shown anyhow (but for the dropped).
    let start = bytes.get(..limit.saturating_mul(8)).unwrap_or(bytes);
    String::from_utf8_lossy(start)
        .chars()
        .filter(|&character| !character.is_control() && !is_direction(character))
        .take(limit)
        .collect()
}

/// Characters that reorder text on a terminal.
fn is_direction(character: char) -> bool {
    matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// `-LT2110-`: a mark of two characters and four digits of version.
fn azureus_style(peer_id: &[u8; 20]) -> Option<String> {
    let &[b'-', first, second, a, b, c, d, b'-', ..] = peer_id else {
        return None;
    };
    let digits = [digit(a)?, digit(b)?, digit(c)?, digit(d)?];
    let name = AZUREUS
        .iter()
        .find(|(mark, _)| **mark == [first, second])
        .map(|(_, name)| (*name).to_owned())
        .or_else(|| mark_text([first, second]))?;
    Some(format!("{name} {}", version(&digits)))
}

/// `A2-1-36-0-` and `M7-9-2--`: a mark, and numbers between dashes.
fn mainline_style(peer_id: &[u8; 20]) -> Option<String> {
    let (name, rest) = DASHED
        .iter()
        .find_map(|(mark, name)| peer_id.strip_prefix(*mark).map(|rest| (*name, rest)))?;
    let numbers: Vec<_> = rest
        .split(|&byte| byte == b'-')
        .map_while(|part| std::str::from_utf8(part).ok()?.parse::<u16>().ok())
        .take(3)
        .map(|number| number.to_string())
        .collect();
    (!numbers.is_empty()).then(|| format!("{name} {}", numbers.join(".")))
}

fn unknown(peer_id: &[u8; 20]) -> String {
    let printable: String = peer_id
        .iter()
        .take(8)
        .take_while(|byte| byte.is_ascii_graphic())
        .map(|&byte| char::from(byte))
        .collect();
    if printable.is_empty() {
        "unknown".to_owned()
    } else {
        format!("unknown ({printable})")
    }
}

/// Digits go on with letters after nine: `-lt0D80-` is 0.13.8.
fn digit(byte: u8) -> Option<u32> {
    char::from(byte).to_digit(36)
}

/// The fourth number is left out where it is zero.
fn version(digits: &[u32; 4]) -> String {
    let shown = if digits[3] == 0 {
        &digits[..3]
    } else {
        &digits[..]
    };
    let shown: Vec<_> = shown.iter().map(ToString::to_string).collect();
    shown.join(".")
}

fn mark_text(mark: [u8; 2]) -> Option<String> {
    let printable = mark.iter().all(u8::is_ascii_alphanumeric);
    printable.then(|| mark.map(char::from).iter().collect())
}

const DASHED: &[(&[u8], &str)] = &[(b"A2-", "aria2"), (b"M", "BitTorrent"), (b"Q", "Queen Bee")];

const AZUREUS: &[(&[u8; 2], &str)] = &[
    (b"AZ", "Vuze"),
    (b"BC", "BitComet"),
    (b"BI", "BiglyBT"),
    (b"BT", "BitTorrent"),
    (b"BW", "BitWombat"),
    (b"DE", "Deluge"),
    (b"FD", "Free Download Manager"),
    (b"FW", "FrostWire"),
    (b"GT", "go.torrent"),
    (b"KT", "KTorrent"),
    (b"LT", "libtorrent"),
    (b"lt", "rTorrent"),
    (b"PC", "p2pcore"),
    (b"PI", "PicoTorrent"),
    (b"qB", "qBittorrent"),
    (b"rQ", "rqbit"),
    (b"SD", "Thunder"),
    (b"TL", "Tribler"),
    (b"TR", "Transmission"),
    (b"TX", "Tixati"),
    (b"UM", "µTorrent for Mac"),
    (b"UT", "µTorrent"),
    (b"UW", "µTorrent Web"),
    (b"WD", "WebTorrent Desktop"),
    (b"WW", "WebTorrent"),
    (b"XL", "Xunlei"),
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn name(start: &[u8]) -> String {
        let mut id = [b'x'; 20];
        id[..start.len()].copy_from_slice(start);
        client_name(&id)
    }

    #[test]
    fn well_known_programs_are_named() {
        assert_eq!(name(b"-LT2110-"), "libtorrent 2.1.1");
        assert_eq!(name(b"-TR3000-"), "Transmission 3.0.0");
        assert_eq!(name(b"-lt0D80-"), "rTorrent 0.13.8");
        assert_eq!(name(b"-UT3551-"), "µTorrent 3.5.5.1");
        assert_eq!(name(b"A2-1-36-0-"), "aria2 1.36.0");
        assert_eq!(name(b"M7-9-2--"), "BitTorrent 7.9.2");
        assert_eq!(client_name(&peer_id([7; 12])), "p2pcore 0.1.0");
    }

    #[test]
    fn strangers_keep_their_printable_mark() {
        assert_eq!(name(b"-ZZ1234-"), "ZZ 1.2.3.4");
        assert_eq!(name(b"-\x1b[1234-"), "unknown (-)");
        assert_eq!(name(b"S58B-----"), "unknown (S58B----)");
        assert_eq!(name(&[0; 20]), "unknown");
    }

    #[test]
    fn shown_text_cannot_drive_a_terminal() {
        assert_eq!(
            display_text(b"qB\x1b[2J \xff\xe2\x80\xae!", 64),
            "qB[2J \u{fffd}!"
        );
        assert_eq!(display_text("µµµ".as_bytes(), 2), "µµ");
    }

    proptest! {
        #[test]
        fn any_peer_id_has_a_short_printable_name(id: [u8; 20]) {
            let name = client_name(&id);
            prop_assert!(!name.is_empty() && name.chars().count() < 40);
            prop_assert!(!name.chars().any(char::is_control));
        }
    }
}
