//! `p2_site`, an extension message of ours (BEP 10): what peers at one site tell each other of who fetches what from
//! outside. A list of items, one after the other:
//!
//! ```text
//! says (1 byte: 0 gone, 1 here) | member (8 bytes) | n (2 bytes) | n pieces (4 bytes each)
//! ```
//!
//! Numbers are big-endian. Somebody who is gone fetches no pieces: n is 0.

use p2pcore_hashing::sha256;

use crate::codec::MAX_EXTENDED;

/// The name of a site as it goes over the wire: not the name itself, which is nobody else's concern.
pub fn label(name: &str) -> [u8; 8] {
    let mut label = [0; 8];
    label.copy_from_slice(&sha256(name.as_bytes())[..8]);
    label
}

/// Somebody by the last eight bytes of its peer id. Nobody can prove to be one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Member(pub u64);

impl Member {
    /// Whose peer id it is.
    pub fn of(peer_id: &[u8; 20]) -> Self {
        let mut tail = [0; 8];
        tail.copy_from_slice(&peer_id[12..]);
        Self(u64::from_be_bytes(tail))
    }
}

/// What is said of one member.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SiteNews {
    /// Of whom.
    pub member: Member,
    /// What.
    pub says: Says,
}

/// What can be said of a member.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Says {
    /// It left.
    Gone,
    /// It is here, and fetches these pieces, if any. They are a claim, and may be out of range.
    Here(Vec<u32>),
}

/// Why a message is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SiteError {
    /// It ends within an item.
    #[error("site news end within an item")]
    Short,
    /// An item is neither of the two.
    #[error("site news of an unknown kind: {0}")]
    Kind(u8),
    /// Somebody who is gone fetches pieces.
    #[error("site news of somebody gone with pieces")]
    Busy,
}

const GONE: u8 = 0;
const HERE: u8 = 1;
/// Bytes of an item before its pieces.
const HEAD: usize = 11;
/// Pieces of one item at most: beyond them the rest goes into another.
const MOST_PIECES: usize = 4_096;

/// The payloads that say all this, in order; none is longer than an extended message may be.
pub fn encode_site_news(news: &[SiteNews]) -> Vec<Vec<u8>> {
    let mut payloads: Vec<Vec<u8>> = Vec::new();
    for item in news {
        match &item.says {
            Says::Gone => put(&mut payloads, GONE, item.member, &[]),
            Says::Here(pieces) if pieces.is_empty() => put(&mut payloads, HERE, item.member, &[]),
            Says::Here(pieces) => {
                for some in pieces.chunks(MOST_PIECES) {
                    put(&mut payloads, HERE, item.member, some);
                }
            }
        }
    }
    payloads
}

fn put(payloads: &mut Vec<Vec<u8>>, kind: u8, member: Member, pieces: &[u32]) {
    let size = HEAD + 4 * pieces.len();
    let fits = |payload: &&mut Vec<u8>| payload.len() + size <= MAX_EXTENDED as usize;
    let payload = match payloads.last_mut().filter(fits) {
        Some(payload) => payload,
        None => {
            payloads.push(Vec::with_capacity(size));
            payloads.last_mut().expect("one was just put there")
        }
    };
    payload.push(kind);
    payload.extend(member.0.to_be_bytes());
    payload.extend((pieces.len() as u16).to_be_bytes());
    payload.extend(pieces.iter().flat_map(|piece| piece.to_be_bytes()));
}

/// Reads the payload of a message. What it allocates is no more than a few times what came.
pub fn parse_site_news(mut payload: &[u8]) -> Result<Vec<SiteNews>, SiteError> {
    let mut news = Vec::new();
    while let Some((head, rest)) = payload.split_first_chunk::<HEAD>() {
        let [kind, member @ .., high, low] = *head;
        let count = usize::from(u16::from_be_bytes([high, low]));
        let (pieces, rest) = rest.split_at_checked(4 * count).ok_or(SiteError::Short)?;
        let pieces = pieces.chunks_exact(4);
        let pieces =
            pieces.map(|piece| u32::from_be_bytes([piece[0], piece[1], piece[2], piece[3]]));
        let says = match kind {
            GONE if count > 0 => return Err(SiteError::Busy),
            GONE => Says::Gone,
            HERE => Says::Here(pieces.collect()),
            other => return Err(SiteError::Kind(other)),
        };
        let member = Member(u64::from_be_bytes(member));
        news.push(SiteNews { member, says });
        payload = rest;
    }
    if payload.is_empty() {
        Ok(news)
    } else {
        Err(SiteError::Short)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn news() -> impl Strategy<Value = Vec<SiteNews>> {
        let pieces = prop::collection::vec(any::<u32>(), 0..40);
        let says = prop_oneof![Just(Says::Gone), pieces.prop_map(Says::Here)];
        let item = (any::<u64>(), says).prop_map(|(member, says)| SiteNews {
            member: Member(member),
            says,
        });
        prop::collection::vec(item, 0..20)
    }

    proptest! {
        #[test]
        fn what_is_said_is_heard(news in news()) {
            let heard: Vec<SiteNews> = encode_site_news(&news)
                .iter()
                .flat_map(|payload| parse_site_news(payload).unwrap())
                .collect();
            prop_assert_eq!(heard, news);
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(news) = parse_site_news(&bytes) {
                prop_assert_eq!(encode_site_news(&news).concat(), bytes);
            }
        }
    }

    #[test]
    fn much_is_said_in_several_messages() {
        let pieces: Vec<u32> = (0..1_000_000).collect();
        let all = SiteNews {
            member: Member(7),
            says: Says::Here(pieces.clone()),
        };
        let payloads = encode_site_news(&[all]);
        assert!(
            payloads
                .iter()
                .all(|payload| payload.len() <= MAX_EXTENDED as usize)
        );
        let heard = payloads
            .iter()
            .flat_map(|payload| parse_site_news(payload).unwrap());
        let heard: Vec<u32> = heard
            .flat_map(|item| match item.says {
                Says::Here(pieces) => pieces,
                Says::Gone => Vec::new(),
            })
            .collect();
        assert_eq!(heard, pieces);
    }

    #[test]
    fn nonsense_is_refused() {
        let item = |kind, count: u16| {
            let mut bytes = vec![kind];
            bytes.extend([1, 2, 3, 4, 5, 6, 7, 8]);
            bytes.extend(count.to_be_bytes());
            bytes
        };
        assert_eq!(parse_site_news(&[]), Ok(Vec::new()));
        assert_eq!(parse_site_news(&[1, 2]), Err(SiteError::Short));
        assert_eq!(parse_site_news(&item(1, 9)), Err(SiteError::Short));
        assert_eq!(parse_site_news(&item(2, 0)), Err(SiteError::Kind(2)));
        let busy = [item(0, 1), vec![0; 4]].concat();
        assert_eq!(parse_site_news(&busy), Err(SiteError::Busy));
    }

    #[test]
    fn a_member_is_the_tail_of_its_peer_id() {
        let id = *b"-P20000-xxxx\0\0\0\0\0\0\x01\x02";
        assert_eq!(Member::of(&id), Member(0x102));
    }
}
