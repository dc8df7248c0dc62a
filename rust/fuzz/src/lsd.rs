//! Announcements of local service discovery: what is accepted comes back from its own text.

use p2pcore_protocol::lsd::{Announcement, GROUP_V4, MAX_ANNOUNCEMENT};

/// Feeds the parser; accepted means that somebody takes part in something.
pub fn lsd(data: &[u8]) -> bool {
    let Ok(said) = Announcement::parse(data) else {
        return false;
    };
    assert!(said.port > 0 && !said.hashes.is_empty());
    let again = said.encode(GROUP_V4);
    if again.len() <= MAX_ANNOUNCEMENT {
        assert_eq!(Announcement::parse(&again).as_ref(), Ok(&said));
    }
    true
}
