//! The cut points, frozen for ever. If this fails, the code is wrong, never the numbers: data that was chunked by an
//! earlier version must be chunked alike by every later one.
//!
//! The input is `SplitMix64`'s output from a seed, eight little-endian bytes to a number.
#![allow(clippy::unreadable_literal)]

use p2pcore_chunking::{Bounds, Chunk, Chunker};

fn input(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed;
    let next = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)).to_le_bytes()
    };
    let mut bytes: Vec<u8> = std::iter::repeat_with(next)
        .take(length.div_ceil(8))
        .flatten()
        .collect();
    bytes.truncate(length);
    bytes
}

fn chunks(bounds: Bounds, data: &[u8]) -> Vec<Chunk> {
    let mut chunker = Chunker::new(bounds);
    let mut chunks = Vec::new();
    chunker.update(data, &mut chunks);
    chunks.extend(chunker.finish());
    chunks
}

/// BLAKE3 over all offsets and lengths, as little-endian numbers, and all digests.
fn digest(chunks: &[Chunk]) -> String {
    let mut hasher = blake3::Hasher::new();
    for chunk in chunks {
        hasher.update(&chunk.offset.to_le_bytes());
        hasher.update(&chunk.length.to_le_bytes());
        hasher.update(&chunk.blake3);
    }
    hasher.finalize().to_hex().to_string()
}

fn check(bounds: Bounds, data: &[u8], lengths: &[u32], count: usize, all: &str) {
    let chunks = chunks(bounds, data);
    let first: Vec<u32> = chunks.iter().map(|chunk| chunk.length).take(8).collect();
    assert_eq!(
        (first.as_slice(), chunks.len(), digest(&chunks).as_str()),
        (lengths, count, all)
    );
}

#[test]
fn random_bytes_with_the_usual_bounds() {
    let bounds = Bounds::new(65_536, None, None).unwrap();
    check(
        bounds,
        &input(0, 16 << 20),
        &[50260, 62108, 54455, 58818, 17869, 76582, 67839, 92830],
        254,
        "3c0ee1a20ba3b71cafaf86bbbc20878cf854a15c7d1b425d1ea2223303005434",
    );
}

#[test]
fn random_bytes_in_small_chunks() {
    let bounds = Bounds::new(1_000, Some(64), Some(3_000)).unwrap();
    check(
        bounds,
        &input(1, 1 << 20),
        &[935, 530, 930, 931, 1124, 848, 842, 995],
        1099,
        "6b9c75447b4f06122a6ba60f748ee5698e48cd43fd20c06cfd06a32a4aeba044",
    );
}

#[test]
fn zeros_are_cut_at_the_greatest_length() {
    let bounds = Bounds::new(65_536, None, None).unwrap();
    check(
        bounds,
        &vec![0; 1_000_000],
        &[262144, 262144, 262144, 213568],
        4,
        "14858db5b8c6976c717b3c719ef64a433d35c68969b7a861b23538decf9bf6cb",
    );
}

#[test]
fn an_inserted_byte_changes_three_chunks_at_most() {
    let bounds = Bounds::new(65_536, None, None).unwrap();
    let mut data = input(2, 64 << 20);
    let before = chunks(bounds, &data);
    for at in [0, 1, data.len() / 2, data.len() / 3, data.len()] {
        data.insert(at, b'!');
        let known: std::collections::HashSet<_> = before.iter().map(|chunk| chunk.blake3).collect();
        let after = chunks(bounds, &data);
        let new = after.iter().filter(|chunk| !known.contains(&chunk.blake3));
        assert!((1..=3).contains(&new.count()), "{at}");
        data.remove(at);
    }
}
