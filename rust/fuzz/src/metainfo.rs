//! Metainfo: what is accepted keeps its promises: hashes over its own bytes, safe paths, a layout without gaps, a hash
//! for each piece, and piece layers that can be served and proven.

use std::sync::Arc;

use p2pcore_hashing::{sha1, sha256};
use p2pcore_protocol::hashes::HashTrees;
use p2pcore_protocol::{BlockSpan, FileIndex, Format, Layout, Metainfo, PieceIndex};

/// Pieces and files looked at from each end: a short file may claim millions.
const SAMPLE: u32 = 64;

/// Feeds the parser; accepted means that there is a metainfo.
pub fn metainfo(data: &[u8]) -> bool {
    let Ok(meta) = Metainfo::parse(data) else {
        return false;
    };
    let bytes = meta.to_bytes();
    assert!(data.starts_with(&bytes), "the file's own bytes are kept");
    assert_eq!(Metainfo::parse(&bytes).as_ref(), Ok(&meta));
    identity(&meta);
    paths(&meta);
    layout(meta.layout());
    pieces(&meta);
    hash_requests(meta);
    true
}

fn identity(meta: &Metainfo) {
    let (v1, v2) = (meta.info_hash_v1(), meta.info_hash_v2());
    assert!(v1.is_none_or(|hash| hash == sha1(meta.info_bytes())));
    assert!(v2.is_none_or(|hash| hash == sha256(meta.info_bytes())));
    let sides = [v1.is_some(), v2.is_some()];
    let expected = match meta.format() {
        Format::V1 => [true, false],
        Format::V2 => [false, true],
        Format::Hybrid => [true, true],
    };
    assert_eq!(sides, expected);
    let wire = meta.wire_hashes();
    assert_eq!(wire.len(), sides.iter().filter(|&&side| side).count());
    assert_eq!(meta.magnet().info_hash_v1, v1);
    assert_eq!(meta.magnet().info_hash_v2, v2);
}

fn paths(meta: &Metainfo) {
    assert_eq!(meta.files().len() as u32, meta.layout().file_count());
    assert!(!meta.is_single_file() || meta.files().len() == 1);
    let mut seen: Vec<_> = meta.files().iter().map(|file| file.path.as_str()).collect();
    seen.sort_unstable();
    assert!(
        seen.windows(2).all(|pair| pair[0] != pair[1]),
        "a path stands twice"
    );
    for (number, file) in meta.files().iter().enumerate() {
        let index = FileIndex::new(number as u32);
        assert_eq!(meta.layout().file_size(index), file.length);
        safe(&meta.disk_path(index));
        if let Some(target) = &file.attributes.symlink {
            safe(target.as_str());
            assert_eq!(file.length, 0);
        }
    }
}

fn safe(path: &str) {
    assert!(!path.contains('\0'));
    for name in path.split('/') {
        assert!(
            !matches!(name, "" | "." | "..") && name.len() <= 255,
            "unsafe path {path:?}"
        );
        assert!(name.as_bytes().get(1) != Some(&b':') || !name.as_bytes()[0].is_ascii_alphabetic());
        assert!(!name.starts_with('\\') && !name.split('\\').any(|part| part == ".."));
    }
}

fn layout(layout: &Layout) {
    let count = layout.piece_count();
    let length = u64::from(layout.piece_length());
    assert_eq!(u64::from(count), layout.total().div_ceil(length));
    assert!(layout.piece(count).is_none());
    for piece in sample(count).map(PieceIndex::new) {
        let (size, data) = (layout.piece_size(piece), layout.data_size(piece));
        assert!(data <= size && size > 0 && u64::from(size) <= length);
        assert!(piece.get() + 1 == count || u64::from(size) == length);
        let mut end = 0;
        for block in layout.blocks(piece).take(SAMPLE as usize) {
            assert_eq!(block.begin, end);
            end += block.length;
            let index = layout.block_at(piece, block.begin, block.length);
            assert_eq!(index.map(|index| layout.block(piece, index)), Some(block));
            assert_eq!(
                layout.check_span(piece.get(), block.begin, block.length),
                Some(block)
            );
        }
        assert!(end == data || layout.block_count(piece) > SAMPLE);
        let whole = BlockSpan {
            piece,
            begin: 0,
            length: size,
        };
        let covered: u64 = layout
            .slices(whole)
            .map(|slice| u64::from(slice.length))
            .sum();
        assert_eq!(covered, u64::from(size), "the slices of a piece cover it");
        for slice in layout.slices(whole) {
            let Some(file) = slice.file else { continue };
            assert!(slice.offset + u64::from(slice.length) <= layout.file_size(file));
            assert!(layout.file_pieces(file).contains(&piece.get()));
            assert!(layout.piece_files(piece).any(|other| other == file));
        }
    }
    let sizes = (0..layout.file_count()).map(|file| layout.file_size(FileIndex::new(file)));
    assert_eq!(sizes.sum::<u64>(), layout.user_size());
    assert!(layout.user_size() <= layout.total());
    let last = FileIndex::new(layout.file_count().saturating_sub(1));
    assert!(layout.file_pieces(last).end <= count);
}

fn pieces(meta: &Metainfo) {
    for piece in sample(meta.layout().piece_count()).map(PieceIndex::new) {
        assert_eq!(
            meta.piece_hash_v1(piece).is_some(),
            meta.info_hash_v1().is_some()
        );
        let has_file = meta.layout().piece_files(piece).next().is_some();
        if meta.format() == Format::V2 {
            assert!(has_file);
        }
        if meta.info_hash_v2().is_some() && meta.has_piece_layers() && has_file {
            assert!(meta.piece_root_v2(piece).is_some());
        }
    }
}

fn hash_requests(meta: Metainfo) {
    let files = meta.layout().file_count();
    let meta = Arc::new(meta);
    let mut trees = HashTrees::new(Arc::clone(&meta));
    for file in sample(files.min(SAMPLE)).map(FileIndex::new) {
        for request in trees.requests(file).take(2) {
            let answer = trees.answer(&request);
            assert_eq!(answer.is_ok(), meta.piece_layer(file).is_some());
            if let Ok(hashes) = answer {
                proven(&meta, &trees.verify(&request, &hashes));
            }
        }
    }
}

fn proven(
    meta: &Metainfo,
    proven: &Result<
        Vec<p2pcore_protocol::hashes::ProvenHashes>,
        p2pcore_protocol::hashes::HashError,
    >,
) {
    let parts = proven.as_ref().expect("our own answer is proven");
    for part in parts {
        for (number, hash) in (part.first.get()..).zip(&part.hashes) {
            assert_eq!(
                meta.piece_root_v2(PieceIndex::new(number)).as_ref(),
                Some(hash)
            );
        }
    }
}

fn sample(count: u32) -> impl Iterator<Item = u32> {
    let tail = count.saturating_sub(SAMPLE).max(SAMPLE);
    (0..count.min(SAMPLE)).chain(tail..count)
}
