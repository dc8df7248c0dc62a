use super::*;
use crate::digest::{sha1, sha256};
use proptest::prelude::*;

fn backends() -> impl Iterator<Item = Backend> {
    Backend::ALL
        .into_iter()
        .filter(|backend| backend.is_available())
}

proptest! {
    #[test]
    fn lanes_hash_like_one_by_one(
        messages in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..400), 0..40),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 80),
    ) {
        for backend in backends() {
            let mut one = Sha1Many::with(backend, messages.len());
            let mut two = Sha256Many::with(backend, messages.len());
            // Each stream in three parts, cut anywhere.
            let cut = |number: usize| {
                let message = &messages[number];
                let [a, b] = [2 * number, 2 * number + 1].map(|i| cuts[i].index(message.len() + 1));
                [&message[..a.min(b)], &message[a.min(b)..a.max(b)], &message[a.max(b)..]]
            };
            for part in 0..3 {
                let parts: Vec<&[u8]> = (0..messages.len()).map(|number| cut(number)[part]).collect();
                one.update(&parts);
                two.update(&parts);
            }
            let expected: Vec<_> = messages.iter().map(|message| sha1(message)).collect();
            prop_assert_eq!(one.finish(), expected, "{:?}", backend);
            let expected: Vec<_> = messages.iter().map(|message| sha256(message)).collect();
            prop_assert_eq!(two.finish(), expected, "{:?}", backend);
        }
    }
}

#[test]
fn every_length_to_several_blocks_and_every_number_of_streams() {
    let data: Vec<u8> = (0..1000u32).map(|i| (i * 7 + i / 256) as u8).collect();
    for backend in backends() {
        for count in 0..40 {
            let messages: Vec<&[u8]> = (0..count).map(|i| &data[i..i + 9 * i]).collect();
            let mut many = Sha256Many::with(backend, count);
            many.update(&messages);
            let expected: Vec<_> = messages.iter().map(|message| sha256(message)).collect();
            assert_eq!(many.finish(), expected, "{backend:?}, {count}");
        }
        for start in 0..4 {
            let messages: Vec<&[u8]> = (0..300)
                .map(|length| &data[start..start + length])
                .collect();
            let mut many = Sha1Many::with(backend, messages.len());
            many.update(&messages);
            let expected: Vec<_> = messages.iter().map(|message| sha1(message)).collect();
            assert_eq!(many.finish(), expected, "{backend:?}");
        }
    }
}

#[test]
fn a_backend_that_is_not_there_is_replaced() {
    for backend in Backend::ALL {
        let mut many = Sha1Many::with(backend, 20);
        many.update(&[&b"abc"[..]; 20]);
        assert_eq!(many.finish(), [sha1(b"abc"); 20]);
    }
    assert!(Backend::best().is_available());
}
