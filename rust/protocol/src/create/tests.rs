use p2pcore_hashing::sha256;
use proptest::prelude::*;

use super::*;
use crate::bencode::Item;
use crate::check::{Mismatch, check_piece};
use crate::index::PieceIndex;

fn data(length: usize, seed: usize) -> Vec<u8> {
    (0..length)
        .map(|i| ((i * 31 + seed * 7 + (i >> 8)) % 251) as u8)
        .collect()
}

fn entry(path: &str, length: usize) -> FileEntry {
    FileEntry {
        path: TorrentPath::parse(path).unwrap(),
        length: length as u64,
        attributes: Attributes::default(),
    }
}

fn options(format: Format, piece_length: u32) -> CreateOptions {
    CreateOptions {
        piece_length: Some(piece_length),
        ..CreateOptions::new(format)
    }
}

/// Plans and builds a folder `tree`; contents by path.
fn build(files: &[(&str, Vec<u8>)], options: CreateOptions) -> (Plan, Vec<Vec<u8>>, Metainfo) {
    let entries = files
        .iter()
        .map(|(path, bytes)| entry(path, bytes.len()))
        .collect();
    let plan = Plan::new("tree", false, entries, options).unwrap();
    let content = |file: &FileEntry| {
        let found = files.iter().find(|(path, _)| *path == file.path.as_str());
        found.unwrap().1.clone()
    };
    let contents: Vec<Vec<u8>> = plan.files().iter().map(content).collect();
    let meta = plan.build(plan.hash_contents(&contents)).unwrap();
    (plan, contents, meta)
}

fn hex(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from_digit(value.into(), 16).unwrap();
    bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)])
        .collect()
}

const FORMATS: [Format; 3] = [Format::V1, Format::V2, Format::Hybrid];

/// Digests of `info` as libtorrent 2.1.1 writes it for the same data.
#[test]
fn info_is_what_libtorrent_writes() {
    let twin = || data(65_536, 99);
    let mut entries = Vec::new();
    let tree = [
        (".hid", data(6, 0)),
        ("B", data(100_001, 1)),
        ("dir/deep/x", data(16_385, 2)),
        ("dir/e", vec![]),
        ("dir/twin", twin()),
        ("exe", data(3, 5)),
        ("piece", data(32_768, 6)),
        ("twin", twin()),
        ("z", vec![]),
        ("ünï/ß", data(40_000, 9)),
    ];
    for (path, bytes) in tree.iter().rev() {
        let mut file = entry(path, bytes.len());
        file.attributes.executable = *path == "exe";
        entries.push(file);
    }
    let contents: Vec<&[u8]> = tree.iter().map(|(_, bytes)| &bytes[..]).collect();
    let expected = [
        "7b162532ec83a48f11abb08ce0101859ae6bf28e517599fe977decdbf16094c1",
        "8ae490c826f100cab0310ce231c93f92720b43658ef8ae98e0e2251a5b383f13",
        "1519e1249741cc6aea539e5c39c509809d62b259a722437d88ae21521442301a",
    ];
    for (format, expected) in FORMATS.into_iter().zip(expected) {
        let plan = Plan::new("tree", false, entries.clone(), options(format, 32_768)).unwrap();
        let meta = plan.build(plan.hash_contents(&contents)).unwrap();
        assert_eq!(hex(&sha256(meta.info_bytes())), expected, "{format:?}");
    }
    let expected = [
        "0b8e7eac7cb67c7daa8ca9dc8b288161d33d28c78af1891d81a72c38b83df0f3",
        "711fc6061edcd5c5cccbfa9d1a35d61b71736fac29dcff60e37649a907ff860c",
        "77d680f2529b0b0ac283be6baa9ec7eae871850be0f860e7cb2faf7c81c8d196",
    ];
    for (format, expected) in FORMATS.into_iter().zip(expected) {
        let files = vec![entry("one.bin", 70_000)];
        let plan = Plan::new("one.bin", true, files, options(format, 32_768)).unwrap();
        let meta = plan.build(plan.hash_contents(&[data(70_000, 1)])).unwrap();
        assert_eq!(hex(&sha256(meta.info_bytes())), expected, "{format:?}");
        assert!(meta.is_single_file());
        assert_eq!(meta.disk_path(FileIndex::new(0)), "one.bin");
    }
}

#[test]
fn a_hybrid_list_follows_its_tree_where_a_folder_stands_beside_like_names() {
    let files = [
        ("sub.x", data(9, 0)),
        ("sub/a", data(7, 1)),
        ("sub-y", data(8, 2)),
    ];
    for format in FORMATS {
        let (_, _, meta) = build(&files, options(format, 16_384));
        let paths: Vec<_> = meta.files().iter().map(|file| file.path.as_str()).collect();
        assert_eq!(paths, ["sub/a", "sub-y", "sub.x"]);
    }
}

#[test]
fn every_option_is_read_back() {
    let text = |text: &str| Some(text.to_owned());
    let options = CreateOptions {
        private: true,
        source: text("src"),
        trackers: vec![
            vec!["http://a".into(), "http://b".into()],
            vec!["udp://c".into()],
        ],
        web_seeds: vec!["http://w".into()],
        http_seeds: vec!["http://h".into()],
        comment: text("c"),
        created_by: text("p"),
        creation_date: Some(7),
        ..options(Format::Hybrid, 16_384)
    };
    let (_, _, meta) = build(&[("a", data(10, 0))], options.clone());
    assert!(meta.is_private());
    assert_eq!(meta.source(), Some("src"));
    assert_eq!(meta.trackers(), options.trackers);
    assert_eq!(meta.web_seeds(), options.web_seeds);
    assert_eq!(meta.http_seeds(), options.http_seeds);
    assert_eq!((meta.comment(), meta.created_by()), (Some("c"), Some("p")));
    assert_eq!(meta.creation_date(), Some(7));
    let (_, _, again) = build(&[("a", data(10, 0))], options);
    assert_eq!(again.to_bytes(), meta.to_bytes());
    let magnet = meta.magnet();
    assert_eq!(magnet.info_hash_v1, meta.info_hash_v1());
    assert_eq!(magnet.trackers.len(), 3);
    assert_eq!(meta.wire_hashes().len(), 2);
}

#[test]
fn attributes_and_links_are_read_back() {
    let mut link = entry("d/link", 0);
    link.attributes.symlink = Some(TorrentPath::parse("d/real").unwrap());
    let mut real = entry("d/real", 5);
    real.attributes = Attributes {
        executable: true,
        hidden: true,
        symlink: None,
    };
    for format in FORMATS {
        let plan = Plan::new(
            "t",
            false,
            vec![real.clone(), link.clone()],
            options(format, 16_384),
        );
        let plan = plan.unwrap();
        let meta = plan
            .build(plan.hash_contents(&[vec![], data(5, 0)]))
            .unwrap();
        assert_eq!(meta.files()[0].attributes, link.attributes);
        assert_eq!(meta.files()[1].attributes, real.attributes);
        assert_eq!(meta.disk_path(FileIndex::new(0)), "t/d/link");
    }
}

#[test]
fn bad_plans_are_typed_errors() {
    let plan = |single, files: &[(&str, usize)], piece| {
        let files = files
            .iter()
            .map(|&(path, length)| entry(path, length))
            .collect();
        Plan::new("t", single, files, options(Format::Hybrid, piece))
            .map(|_| ())
            .unwrap_err()
    };
    let ok = &[("a", 1)][..];
    assert_eq!(plan(false, ok, 16_383), CreateError::PieceLength(16_383));
    assert_eq!(plan(false, ok, 8192), CreateError::PieceLength(8192));
    assert_eq!(plan(false, ok, 1 << 31), CreateError::PieceLength(1 << 31));
    assert_eq!(plan(true, ok, 16_384), CreateError::Single("t".into()));
    assert_eq!(plan(false, &[], 16_384), CreateError::Empty);
    assert_eq!(plan(false, &[("a", 0)], 16_384), CreateError::Empty);
    assert_eq!(
        plan(false, &[("a", 1), ("a", 2)], 16_384),
        CreateError::Clash("a".into())
    );
    let clash = plan(false, &[("a/b", 1), ("a-b", 1), ("a", 2)], 16_384);
    assert_eq!(clash, CreateError::Clash("a".into()));
    assert!(matches!(
        plan(false, &[("a", 1 << 40)], 16_384),
        CreateError::Layout(_)
    ));
}

#[test]
fn hashes_that_do_not_fit_the_plan_are_refused() {
    let (plan, contents, _) = build(&[("a", data(40_000, 0))], options(Format::Hybrid, 16_384));
    let mut hashes = plan.hash_contents(&contents);
    assert_eq!(
        plan.build(hashes[..2].to_vec()),
        Err(CreateError::Hashes(2))
    );
    hashes.swap(0, 1);
    assert_eq!(plan.build(hashes), Err(CreateError::Hashes(0)));
    let short = plan.hash_contents(&[data(20_000, 0)]);
    assert_eq!(plan.build(short), Err(CreateError::Hashes(1)));
}

#[test]
fn piece_lengths_grow_with_the_data() {
    assert_eq!(auto_piece_length(0), 16_384);
    assert_eq!(auto_piece_length(2_684_355), 16_384);
    assert_eq!(auto_piece_length(2_684_356), 32_768);
    assert_eq!(auto_piece_length(u64::MAX), 16 << 20);
}

#[test]
fn a_missing_piece_layer_is_marked_and_can_be_added() {
    let (plan, contents, meta) = build(&[("a", data(40_000, 0))], options(Format::V2, 16_384));
    let layer = meta.piece_layer(FileIndex::new(0)).unwrap().to_vec();
    let root = meta.files()[0].pieces_root.unwrap();
    let bytes = Item::dict([("info", Item::Raw(meta.info_bytes().to_vec()))]).to_bytes();
    let bare = Metainfo::parse(&bytes).unwrap();
    assert!(!bare.has_piece_layers() && meta.has_piece_layers());
    let piece = PieceIndex::new(1);
    let check =
        |meta: &Metainfo| check_piece(meta, piece, [&contents[0][16_384..32_768]].into_iter());
    assert_eq!(check(&bare), Err(Mismatch::Unknown(piece)));
    let whole = bare.with_piece_layers([(root, layer.clone())]).unwrap();
    assert_eq!(check(&whole).unwrap().piece(), piece);
    assert_eq!(whole.info_hash_v2(), meta.info_hash_v2());
    let wrong = bare.with_piece_layers([(root, vec![1; layer.len()])]);
    assert_eq!(wrong, Err(MetainfoError::LayerRoot("a".into())));
    assert_eq!(plan.layout(), whole.layout());
}

#[test]
fn corrupt_pieces_are_found_and_contradictions_are_told_apart() {
    let bytes = data(40_000, 3);
    for format in FORMATS {
        let (_, _, meta) = build(&[("a", bytes.clone())], options(format, 32_768));
        let last = PieceIndex::new(1);
        let check = |bytes: &[u8]| check_piece(&meta, last, bytes.chunks(999));
        assert!(check(&bytes[32_768..]).is_ok());
        let mut bad = bytes[32_768..].to_vec();
        bad[5] ^= 1;
        assert_eq!(check(&bad), Err(Mismatch::Hash(last)));
        let (expected, found) = (40_000 - 32_768, 7231);
        let short = Mismatch::Length {
            piece: last,
            expected,
            found,
        };
        assert_eq!(check(&bytes[32_769..]), Err(short));
    }
    // A hybrid whose v1 side is of other data.
    let plan = Plan::new(
        "t",
        false,
        vec![entry("a", 40_000)],
        options(Format::Hybrid, 32_768),
    );
    let plan = plan.unwrap();
    let hashes = plan.hash_contents(std::slice::from_ref(&bytes));
    let roots: Vec<_> = hashes.iter().filter_map(|piece| piece.v2).collect();
    let meta = plan.build_from(&[[1; 20], [2; 20]], &roots).unwrap();
    let first = PieceIndex::new(0);
    let found = check_piece(&meta, first, [&bytes[..32_768]].into_iter());
    assert_eq!(
        found,
        Err(Mismatch::Disagree {
            piece: first,
            fits: "v2"
        })
    );
}

fn tree() -> impl Strategy<Value = Vec<(String, Vec<u8>)>> {
    let path = prop_oneof!["[a-c]{1,2}", "[ab]/[a-c.-]{3}", "ü/[a-c]/[A-C]{1,3}"];
    let size = prop_oneof![Just(0_usize), Just(16_384), Just(32_768), 1_usize..80_000];
    let file = (path, size, any::<u8>()).prop_map(|(p, n, seed)| (p, data(n, seed.into())));
    prop::collection::vec(file, 1..7)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn what_is_created_is_read_back_and_verifies(files in tree(), large in any::<bool>()) {
        for format in FORMATS {
            let piece_length = if large { 65_536 } else { 16_384 };
            let entries = files.iter().map(|(path, bytes)| entry(path, bytes.len())).collect();
            let Ok(plan) = Plan::new("t", false, entries, options(format, piece_length)) else {
                continue;
            };
            let content = |file: &FileEntry| {
                let found = files.iter().find(|(path, _)| path == file.path.as_str());
                found.unwrap().1.clone()
            };
            let contents: Vec<_> = plan.files().iter().map(content).collect();
            let hashes = plan.hash_contents(&contents);
            let meta = plan.build(hashes.clone()).unwrap();
            prop_assert_eq!(meta.format(), format);
            prop_assert_eq!(meta.layout(), plan.layout());
            prop_assert!(meta.has_piece_layers());
            prop_assert_eq!(meta.files().len(), plan.files().len());
            for (read, file) in meta.files().iter().zip(plan.files()) {
                prop_assert_eq!(&read.path, &file.path);
                prop_assert_eq!(read.length, file.length);
            }
            for piece in hashes {
                prop_assert!(piece.check(&meta).is_ok());
            }
            prop_assert_eq!(Metainfo::parse(&meta.to_bytes()).unwrap(), meta);
        }
    }

    #[test]
    fn mutated_torrents_never_panic(files in tree(), at in any::<usize>(), with in any::<[u8; 2]>()) {
        let entries = files.iter().map(|(path, bytes)| entry(path, bytes.len())).collect();
        if let Ok(plan) = Plan::new("t", false, entries, options(Format::Hybrid, 16_384)) {
            let pieces = plan.layout().piece_count() as usize;
            let roots = vec![[3; 32]; pieces];
            let mut bytes = info::torrent(&plan, &vec![[1; 20]; pieces], &roots).to_bytes();
            let at = at % bytes.len();
            bytes[at] = with[0];
            let _ = Metainfo::parse(&bytes);
            bytes.insert(at, with[1]);
            let _ = Metainfo::parse(&bytes);
            bytes.truncate(at);
            let _ = Metainfo::parse(&bytes);
        }
    }
}
