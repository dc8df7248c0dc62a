//! Hostile, foreign and huge torrents.

use super::*;
use crate::bencode::Item;
use crate::layout::LayoutError;
use crate::path::PathError;

type Entry = (&'static str, Item);

fn torrent(info: impl IntoIterator<Item = Entry>) -> Vec<u8> {
    Item::dict([("info", Item::dict(info))]).to_bytes()
}

fn parse(info: impl IntoIterator<Item = Entry>) -> Result<Metainfo, MetainfoError> {
    Metainfo::parse(&torrent(info))
}

fn int(number: i64) -> Item {
    Item::Int(number)
}

fn text(text: &str) -> Item {
    Item::from(text)
}

fn bytes(length: usize) -> Item {
    Item::Bytes(vec![1; length])
}

fn path(path: &[&str]) -> Item {
    Item::list(path.iter().map(|name| Item::from(*name)))
}

fn v1_file(names: &[&str], length: i64) -> Item {
    Item::dict([("length", int(length)), ("path", path(names))])
}

fn pad(length: i64) -> Item {
    let name = path(&[".pad", "1"]);
    Item::dict([("length", int(length)), ("path", name), ("attr", text("p"))])
}

fn v1(files: impl IntoIterator<Item = Item>, pieces: usize) -> Vec<Entry> {
    vec![
        ("files", Item::list(files)),
        ("name", text("n")),
        ("piece length", int(16_384)),
        ("pieces", bytes(pieces * 20)),
    ]
}

fn leaf(length: i64) -> Item {
    let mut leaf = vec![("length", int(length))];
    if length > 0 {
        leaf.push(("pieces root", bytes(32)));
    }
    Item::dict([("", Item::dict(leaf))])
}

fn v2(tree: Item) -> Vec<Entry> {
    vec![
        ("file tree", tree),
        ("meta version", int(2)),
        ("name", text("n")),
        ("piece length", int(16_384)),
    ]
}

/// A hybrid of `a` (10 bytes) and `b` (20 bytes) with this v1 list.
fn hybrid(files: impl IntoIterator<Item = Item>, pieces: usize) -> Vec<Entry> {
    let mut info = v1(files, pieces);
    info.extend(v2(Item::dict([("a", leaf(10)), ("b", leaf(20))])));
    info
}

#[test]
fn the_info_hash_is_over_the_original_bytes() {
    let info =
        b"d6:lengthi5e4:name1:a12:piece lengthi16384e1:zi1e6:pieces20:aaaaaaaaaaaaaaaaaaaa0:i1ee";
    let raw = [b"d4:info", &info[..], b"8:announce8:http://xe\n"].concat();
    let meta = Metainfo::parse(&raw).unwrap();
    assert_eq!(meta.info_bytes(), info);
    assert_eq!(meta.info_hash_v1(), Some(p2pcore_hashing::sha1(info)));
    assert_eq!(meta.trackers(), [["http://x"]]);
    assert_eq!(meta.to_bytes(), raw[..raw.len() - 1]);
    assert_eq!(meta.format(), Format::V1);
    assert!(meta.is_single_file() && meta.has_piece_layers());
    assert_eq!(
        meta.piece_hash_v1(PieceIndex::new(0)),
        Some(b"aaaaaaaaaaaaaaaaaaaa")
    );
    assert_eq!(meta.piece_hash_v1(PieceIndex::new(1)), None);
    assert_eq!(meta.piece_root_v2(PieceIndex::new(0)), None);
}

#[test]
fn unsafe_paths_are_refused() {
    for names in [
        &[".."][..],
        &["a", ".."],
        &["", "a"],
        &["/etc"],
        &["a\0"],
        &["C:"],
        &[],
        &["."],
    ] {
        let refused = parse(v1([v1_file(names, 5)], 1)).unwrap_err();
        assert!(
            matches!(refused, MetainfoError::Path(_)),
            "{names:?}: {refused}"
        );
    }
    for name in ["..", "a/b", ".", "", "\\\\host"] {
        let mut info = v1([v1_file(&["a"], 5)], 1);
        info[1] = ("name", text(name));
        assert!(
            matches!(parse(info), Err(MetainfoError::Path(_))),
            "{name:?}"
        );
    }
    for name in ["..", "a/b", "."] {
        let refused = parse(v2(Item::dict([(name, leaf(5))]))).unwrap_err();
        assert!(
            matches!(refused, MetainfoError::Path(_)),
            "{name:?}: {refused}"
        );
    }
}

#[test]
fn links_out_of_the_torrent_are_refused() {
    let link = |target: &[&str]| {
        let entry = Item::dict([
            ("attr", text("l")),
            ("length", int(0)),
            ("path", path(&["l"])),
            ("symlink path", path(target)),
        ]);
        parse(v1([v1_file(&["a"], 5), entry], 1))
    };
    assert!(matches!(link(&["..", "x"]), Err(MetainfoError::Path(_))));
    assert!(matches!(link(&["/etc"]), Err(MetainfoError::Path(_))));
    assert!(matches!(
        link(&[]),
        Err(MetainfoError::Path(PathError::Empty))
    ));
    let meta = link(&["a"]).unwrap();
    assert_eq!(
        meta.files()[1].attributes.symlink,
        Some(TorrentPath::parse("a").unwrap())
    );
}

#[test]
fn files_that_clash_are_refused() {
    let clash = |one: &[&str], two: &[&str]| {
        let between = v1_file(&["a-b"], 1);
        parse(v1([v1_file(one, 5), between, v1_file(two, 5)], 1)).unwrap_err()
    };
    assert_eq!(clash(&["a"], &["a"]), MetainfoError::Clash("a".into()));
    assert_eq!(clash(&["a", "b"], &["a"]), MetainfoError::Clash("a".into()));
    let siblings = Item::dict([("", Item::dict([("length", int(0))])), ("b", leaf(5))]);
    let refused = parse(v2(Item::dict([("a", siblings)])));
    assert_eq!(refused, Err(MetainfoError::FileNode("a".into())));
    let rootless = parse(v2(leaf(5)));
    assert_eq!(rootless, Err(MetainfoError::FileNode(String::new())));
}

#[test]
fn names_that_are_no_text_stay_distinct_and_utf_8_fields_win() {
    let raw =
        |name: &[u8]| Item::dict([("length", int(1)), ("path", Item::list([Item::from(name)]))]);
    let named = Item::dict([
        ("length", int(1)),
        ("path", path(&["old"])),
        ("path.utf-8", path(&["ü"])),
    ]);
    let meta = parse(v1([raw(b"\xe9"), raw(b"\xe8"), named], 1)).unwrap();
    let paths: Vec<_> = meta.files().iter().map(|file| file.path.as_str()).collect();
    assert_eq!(paths, ["%E9", "%E8", "ü"]);
}

#[test]
fn wrong_piece_counts_and_lengths_are_refused() {
    let refused = parse(v1([v1_file(&["a"], 16_385)], 1));
    assert_eq!(
        refused,
        Err(MetainfoError::PieceCount {
            found: 20,
            pieces: 2
        })
    );
    let refused = parse(v1([v1_file(&["a"], -1)], 1));
    assert_eq!(refused, Err(MetainfoError::NegativeLength(-1)));
    let huge = || v1_file(&["a"], i64::MAX);
    assert_eq!(
        parse(v1([huge(), pad(1)], 1)),
        Err(LayoutError::Overflow.into())
    );
    assert!(matches!(
        parse(v1([huge()], 1)),
        Err(MetainfoError::Layout(_))
    ));
    assert_eq!(
        parse(v1([v1_file(&["a"], 0)], 0)),
        Err(MetainfoError::NoFiles)
    );
    for length in [0, -1, 1 << 31, i64::MAX] {
        let mut info = v1([v1_file(&["a"], 5)], 1);
        info[2] = ("piece length", int(length));
        assert!(parse(info).is_err(), "{length}");
    }
    for length in [8192, 16_385, 49_152] {
        let mut info = v2(Item::dict([("a", leaf(5))]));
        info[3] = ("piece length", int(length));
        assert_eq!(parse(info), Err(MetainfoError::PieceLength(length)));
    }
    let mut info = v1([v1_file(&["a"], 5)], 1);
    info.pop();
    assert_eq!(parse(info), Err(MetainfoError::Missing("pieces")));
}

#[test]
fn v2_files_need_roots_and_empty_ones_have_none() {
    let bare = Item::dict([("", Item::dict([("length", int(5))]))]);
    let refused = parse(v2(Item::dict([("a", bare)])));
    assert_eq!(refused, Err(MetainfoError::PiecesRoot("a".into())));
    let meta = parse(v2(Item::dict([
        ("a", leaf(0)),
        ("b", leaf(5)),
        ("c", leaf(5)),
    ])))
    .unwrap();
    assert_eq!(meta.files()[0].pieces_root, None);
    assert_eq!(meta.files_with_root([1; 32]).count(), 2);
    assert_eq!(meta.piece_root_v2(PieceIndex::new(1)), Some([1; 32]));
    assert!(!meta.is_single_file());
    let mut info = v2(Item::dict([("a", leaf(5))]));
    info[1] = ("meta version", int(3));
    assert_eq!(parse(info), Err(MetainfoError::Version(3)));
}

#[test]
fn piece_layers_are_checked_against_their_roots() {
    let info = Item::dict(v2(Item::dict([("a", leaf(20_000))])));
    let with = |layer: usize| {
        let layers = Item::dict([([1; 32], bytes(layer))]);
        let top = [("info", info.clone()), ("piece layers", layers)];
        Metainfo::parse(&Item::dict(top).to_bytes())
    };
    assert_eq!(with(64), Err(MetainfoError::LayerRoot("a".into())));
    let path = "a".to_owned();
    assert_eq!(
        with(96),
        Err(MetainfoError::LayerSize {
            path,
            found: 96,
            expected: 64
        })
    );
}

#[test]
fn both_sides_of_a_hybrid_must_agree() {
    let (a, b) = (|| v1_file(&["a"], 10), || v1_file(&["b"], 20));
    assert!(parse(hybrid([a(), pad(16_374), b()], 2)).is_ok());
    let padded = parse(hybrid([a(), pad(16_374), b(), pad(16_364)], 2)).unwrap();
    assert_eq!(padded.format(), Format::Hybrid);
    assert_eq!(padded.layout().piece_size(PieceIndex::new(1)), 16_384);
    assert_eq!(padded.layout().data_size(PieceIndex::new(1)), 20);
    let wrong: [(Vec<Item>, usize); 7] = [
        (vec![a(), b()], 1),
        (vec![a(), pad(16_373), b()], 1),
        (vec![a(), pad(16_375), b()], 2),
        (vec![a(), pad(16_374), b(), pad(16_363)], 2),
        (vec![b(), pad(16_364), a()], 2),
        (vec![a()], 1),
        (vec![v1_file(&["a"], 11), pad(16_373), b()], 2),
    ];
    for (number, (files, pieces)) in wrong.into_iter().enumerate() {
        let refused = parse(hybrid(files, pieces));
        assert!(
            matches!(refused, Err(MetainfoError::Disagree(_))),
            "{number}: {refused:?}"
        );
    }
}

#[test]
fn pad_files_are_no_files() {
    let files = [v1_file(&["a"], 10), pad(6), v1_file(&["b"], 5), pad(3)];
    let meta = parse(v1(files, 1)).unwrap();
    assert_eq!(meta.files().len(), 2);
    assert_eq!(meta.layout().total(), 24);
    assert_eq!(meta.total_size(), 15);
    assert_eq!(meta.disk_path(FileIndex::new(1)), "n/b");
    assert_eq!(meta.disk_path(FileIndex::new(2)), "");
}

#[test]
fn depth_and_path_bombs_are_refused() {
    let mut deep = leaf(5);
    for _ in 0..200 {
        deep = Item::dict([("d", deep)]);
    }
    assert!(matches!(
        parse(v2(deep)),
        Err(MetainfoError::Path(PathError::TooDeep(_)))
    ));
    let files = (0..2000).map(|number| (format!("{number}"), leaf(0)));
    let mut tree = Item::dict(files);
    for _ in 0..100 {
        tree = Item::dict([("d".repeat(255), tree)]);
    }
    assert!(matches!(
        parse(v2(tree)),
        Err(MetainfoError::PathBytes { .. })
    ));
    assert!(Metainfo::parse(&b"d4:info".repeat(100_000)).is_err());
}

#[test]
fn a_hundred_thousand_files_load() {
    let tree = Item::dict((0..100).map(|dir| {
        let files = (0..1000).map(|file| (format!("file-{file}"), leaf(1 + file)));
        (format!("dir-{dir}"), Item::dict(files))
    }));
    let meta = parse(v2(tree)).unwrap();
    assert_eq!(meta.files().len(), 100_000);
    assert_eq!(meta.layout().piece_count(), 100_000);
    let last = FileIndex::new(99_999);
    let piece = PieceIndex::new(meta.layout().file_pieces(last).start);
    assert_eq!(meta.layout().piece_files(piece).next(), Some(last));
}

#[test]
fn a_million_pieces_load_and_their_hashes_are_not_copied() {
    let meta = parse(v1([v1_file(&["a"], 16_384_000_000 - 5)], 1_000_000)).unwrap();
    assert_eq!(meta.layout().piece_count(), 1_000_000);
    let last = PieceIndex::new(999_999);
    assert_eq!(meta.layout().piece_size(last), 16_379);
    let hash = meta.piece_hash_v1(last).unwrap();
    assert!(meta.info_bytes().as_ptr_range().contains(&hash.as_ptr()));
}
