//! Magnet links: what is accepted comes back from its own text.

use p2pcore_protocol::Magnet;

/// Feeds the parser where the bytes are text; accepted means that there is a magnet.
pub fn magnet(data: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(data) else {
        return false;
    };
    let Ok(magnet) = Magnet::parse(text) else {
        return false;
    };
    assert!(magnet.info_hash_v1.is_some() || magnet.info_hash_v2.is_some());
    let again = magnet.to_string();
    assert!(again.is_ascii(), "{again:?} is not escaped");
    assert_eq!(Magnet::parse(&again).as_ref(), Ok(&magnet), "{again}");
    true
}
