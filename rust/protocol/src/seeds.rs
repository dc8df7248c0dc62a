//! `p2_seeds`, an extension message of ours (BEP 10): a peer tells each seed of the other seeds that it is connected with.
//! Seeds do not connect with each other; those that begin a swarm together share the work by it. A list of peers, each by
//! the last eight bytes of its peer id:
//!
//! ```text
//! n seeds (8 bytes each)
//! ```
//!
//! Each message takes the place of the one before; an empty one says that there is no other.

use crate::extension::ExtensionError;
use crate::site::Member;

/// Seeds of one message at most. Where there are more, there is nothing to share.
pub const MOST_SEEDS: usize = 8;

const NAME: usize = size_of::<Member>();

/// The payload that names these seeds, or the first of them.
pub fn encode_seeds(seeds: &[Member]) -> Vec<u8> {
    let named = seeds.iter().take(MOST_SEEDS);
    named.flat_map(|seed| seed.0.to_be_bytes()).collect()
}

/// Reads the payload of a message.
pub fn parse_seeds(payload: &[u8]) -> Result<Vec<Member>, ExtensionError> {
    let (names, rest) = payload.as_chunks::<NAME>();
    if names.len() > MOST_SEEDS || !rest.is_empty() {
        return Err(ExtensionError::Length {
            found: payload.len(),
            expected: names.len().min(MOST_SEEDS) * NAME,
        });
    }
    let seed = |name: &[u8; NAME]| Member(u64::from_be_bytes(*name));
    Ok(names.iter().map(seed).collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_named_is_read(seeds in prop::collection::vec(any::<u64>().prop_map(Member), 0..20)) {
            let read = parse_seeds(&encode_seeds(&seeds)).unwrap();
            prop_assert_eq!(&read[..], &seeds[..seeds.len().min(MOST_SEEDS)]);
        }

        #[test]
        fn any_bytes_are_read_or_refused(payload in prop::collection::vec(any::<u8>(), 0..100)) {
            match parse_seeds(&payload) {
                Ok(seeds) => prop_assert_eq!(encode_seeds(&seeds), payload),
                Err(_) => prop_assert!(payload.len() % 8 != 0 || payload.len() > 64),
            }
        }
    }
}
