//! Torrents by hand: sound ones of each format, and every way to be hostile that we thought of.

use p2pcore_hashing::{Sha256Digest, merkle, sha256};
use p2pcore_protocol::bencode::Item;

use crate::Made;

const PIECE: i64 = 32 * 1024;

pub fn files() -> Vec<Made> {
    [
        sound(),
        hostile_shapes(),
        hostile_v1(),
        hostile_v2(),
        hostile_hybrids(),
        hostile_paths(),
    ]
    .concat()
}

type Entries = Vec<(&'static str, Item)>;

/// Replaces or adds entries of a dictionary.
fn with(mut entries: Entries, changes: Entries) -> Entries {
    entries.retain(|(key, _)| changes.iter().all(|(other, _)| key != other));
    entries.extend(changes);
    entries
}

fn without(mut entries: Entries, key: &str) -> Entries {
    entries.retain(|(other, _)| *other != key);
    entries
}

fn torrent(info: Entries) -> Vec<u8> {
    torrent_with(info, vec![])
}

fn torrent_with(info: Entries, outer: Entries) -> Vec<u8> {
    let entries = with(outer, vec![("info", Item::dict(info))]);
    Item::dict(entries).to_bytes()
}

fn int(number: i64) -> Item {
    Item::from(number)
}

fn pieces(count: usize) -> Item {
    Item::from(&vec![7; count * 20][..])
}

fn path(names: &[&str]) -> Item {
    Item::list(names.iter().map(|name| Item::from(*name)))
}

fn v1_single(length: i64) -> Entries {
    let count = (length + PIECE - 1) / PIECE;
    vec![
        ("length", int(length)),
        ("name", Item::from("file")),
        ("piece length", int(PIECE)),
        ("pieces", pieces(usize::try_from(count).unwrap_or_default())),
    ]
}

fn v1_file(names: &[&str], length: i64, attr: &str) -> Item {
    let entry = vec![("length", int(length)), ("path", path(names))];
    let attr = (!attr.is_empty()).then(|| ("attr", Item::from(attr)));
    Item::dict(entry.into_iter().chain(attr))
}

fn v1_multi(files: Vec<Item>, piece_count: usize) -> Entries {
    vec![
        ("files", Item::list(files)),
        ("name", Item::from("folder")),
        ("piece length", int(PIECE)),
        ("pieces", pieces(piece_count)),
    ]
}

/// Made-up piece hashes of a file.
fn layer(count: u8) -> Vec<Sha256Digest> {
    (0..count).map(|number| sha256(&[number])).collect()
}

fn root(count: u8) -> Sha256Digest {
    merkle::root(&layer(count), 1, 1)
}

fn layers(counts: &[u8]) -> Item {
    let entry = |&count: &u8| (root(count), Item::from(layer(count).as_flattened()));
    Item::dict(counts.iter().map(entry))
}

fn leaf(length: i64, root: &[u8]) -> Item {
    let mut entries = vec![("length", int(length))];
    if !root.is_empty() {
        entries.push(("pieces root", Item::from(root)));
    }
    Item::dict([("", Item::dict(entries))])
}

fn v2(tree: Item) -> Entries {
    vec![
        ("file tree", tree),
        ("meta version", int(2)),
        ("name", Item::from("folder")),
        ("piece length", int(PIECE)),
    ]
}

/// A file of three pieces, an empty one and a small one in a folder.
fn v2_tree() -> Item {
    Item::dict([
        ("a", leaf(PIECE * 3 - 7, &root(3))),
        ("b", leaf(0, &[])),
        ("c", Item::dict([("d", leaf(5, &[9; 32]))])),
    ])
}

fn v2_layers() -> Entries {
    vec![("piece layers", layers(&[3]))]
}

fn hybrid_list(pad: i64) -> Vec<Item> {
    vec![
        v1_file(&["a"], PIECE * 3 - 7, ""),
        v1_file(&[".pad", "7"], pad, "p"),
        v1_file(&["b"], 0, ""),
        v1_file(&["c", "d"], 5, ""),
    ]
}

fn hybrid(list: Vec<Item>) -> Entries {
    with(
        v2(v2_tree()),
        vec![("files", Item::list(list)), ("pieces", pieces(4))],
    )
}

fn sound() -> Vec<Made> {
    let outer = vec![
        ("announce", Item::from("http://a.example/announce")),
        (
            "announce-list",
            Item::list([
                path(&["udp://a.example:1", ""]),
                path(&["http://b.example"]),
            ]),
        ),
        ("comment", Item::from("a comment")),
        ("created by", Item::from("hand")),
        ("creation date", int(1_700_000_000)),
        ("httpseeds", path(&["http://c.example/seed"])),
        (
            "nodes",
            Item::list([Item::list([Item::from("d.example"), int(6881)])]),
        ),
        ("url-list", Item::from("http://e.example/f")),
    ];
    let private = vec![("private", int(1)), ("source", Item::from("SRC"))];
    let link = Item::dict([
        ("attr", Item::from("l")),
        ("length", int(0)),
        ("path", path(&["link"])),
        ("symlink path", path(&["x", "a.txt"])),
    ]);
    let multi = vec![
        v1_file(&["x", "a.txt"], 100_000, "x"),
        v1_file(&[".pad", "31072"], 31_072, "p"),
        v1_file(&["x", "\u{e4}.txt"], 1, "h"),
        v1_file(&["empty"], 0, ""),
        link,
    ];
    vec![
        ("good-v1-single", torrent(v1_single(PIECE * 3 + 1))),
        ("good-v1-outer", torrent_with(with(v1_single(1), private), outer)),
        ("good-v1-multi", torrent(v1_multi(multi, 5))),
        ("good-v1-odd-piece-length", torrent(with(v1_single(10), vec![("piece length", int(7)), ("pieces", pieces(2))]))),
        ("good-v2", torrent_with(v2(v2_tree()), v2_layers())),
        ("good-v2-no-layers", torrent(v2(v2_tree()))),
        (
            "good-v2-identical",
            torrent_with(
                v2(Item::dict([("a", leaf(PIECE * 3, &root(3))), ("b", leaf(PIECE * 3, &root(3)))])),
                v2_layers(),
            ),
        ),
        ("good-v2-single", torrent(v2(Item::dict([("folder", leaf(PIECE, &[1; 32]))])))),
        ("good-hybrid", torrent_with(hybrid(hybrid_list(7)), v2_layers())),
        (
            "good-hybrid-padded-end",
            torrent_with(
                hybrid([hybrid_list(7), vec![v1_file(&[".pad", "0"], PIECE - 5, "p")]].concat()),
                v2_layers(),
            ),
        ),
        ("good-unsorted", b"d4:infod6:pieces20:aaaaaaaaaaaaaaaaaaaa4:name1:x12:piece lengthi16384e6:lengthi5ee0:0:e".to_vec()),
    ]
}

fn hostile_shapes() -> Vec<Made> {
    let sound = torrent(v1_single(PIECE));
    vec![
        ("bad-empty", Vec::new()),
        ("bad-truncated", sound[..sound.len() - 30].to_vec()),
        ("bad-not-a-dictionary", b"l4:infoe".to_vec()),
        ("bad-no-info", b"d8:announce1:xe".to_vec()),
        ("bad-info-list", b"d4:infolee".to_vec()),
        (
            "bad-depth-bomb",
            [&b"d4:info"[..], &b"d1:a".repeat(3000)].concat(),
        ),
        (
            "bad-giant-string",
            b"d4:infod6:lengthi1e4:name1:x12:piece lengthi16384e6:pieces99999999999:ee".to_vec(),
        ),
        ("bad-no-name", torrent(without(v1_single(1), "name"))),
        (
            "bad-no-piece-length",
            torrent(without(v1_single(1), "piece length")),
        ),
        ("bad-no-pieces", torrent(without(v1_single(1), "pieces"))),
        ("bad-no-length", torrent(without(v1_single(1), "length"))),
        (
            "bad-version",
            torrent(with(v2(v2_tree()), vec![("meta version", int(3))])),
        ),
    ]
}

fn hostile_v1() -> Vec<Made> {
    let set = |key, item| torrent(with(v1_single(1), vec![(key, item)]));
    let two = |one: &[&str], other: &[&str]| {
        torrent(v1_multi(
            vec![v1_file(one, 1, ""), v1_file(other, 1, "")],
            1,
        ))
    };
    vec![
        ("bad-v1-giant-length", set("length", int(i64::MAX))),
        ("bad-v1-negative-length", set("length", int(-1))),
        ("bad-v1-length-text", set("length", Item::from("1"))),
        (
            "bad-v1-empty",
            torrent(with(v1_single(0), vec![("pieces", pieces(0))])),
        ),
        ("bad-v1-piece-length-zero", set("piece length", int(0))),
        (
            "bad-v1-piece-length-negative",
            set("piece length", int(-16_384)),
        ),
        (
            "bad-v1-piece-length-giant",
            set("piece length", int(i64::MAX)),
        ),
        (
            "bad-v1-pieces-short",
            torrent(with(v1_single(PIECE * 2), vec![("pieces", pieces(1))])),
        ),
        ("bad-v1-pieces-long", set("pieces", pieces(2))),
        ("bad-v1-pieces-odd", set("pieces", Item::from(&[1; 19][..]))),
        (
            "bad-v1-lengths-overflow",
            torrent(v1_multi(
                vec![v1_file(&["a"], i64::MAX, ""), v1_file(&["b"], i64::MAX, "")],
                1,
            )),
        ),
        (
            "bad-v1-pad-overflow",
            torrent(v1_multi(
                vec![v1_file(&["a"], 1, ""), v1_file(&["b"], i64::MAX, "p")],
                1,
            )),
        ),
        (
            "bad-v1-only-pads",
            torrent(v1_multi(vec![v1_file(&["a"], 5, "p")], 1)),
        ),
        ("bad-v1-no-files", torrent(v1_multi(vec![], 0))),
        ("bad-v1-twice", two(&["a", "b"], &["a", "b"])),
        ("bad-v1-file-and-folder", two(&["a"], &["a", "b"])),
        (
            "bad-v1-files-text",
            torrent(with(v1_multi(vec![], 0), vec![("files", Item::from("x"))])),
        ),
    ]
}

fn hostile_v2() -> Vec<Made> {
    let tree = |tree: Item| torrent(v2(tree));
    let one = |leaf: Item| torrent(v2(Item::dict([("a", leaf)])));
    let layer_of = |bytes: &[u8]| {
        let layers = Item::dict([(root(3), Item::from(bytes))]);
        torrent_with(v2(v2_tree()), vec![("piece layers", layers)])
    };
    let nested = (0..250).fold(leaf(1, &[1; 32]), |inner, _| Item::dict([("x", inner)]));
    let wrong_order = [sha256(&[1]), sha256(&[0]), sha256(&[2])];
    vec![
        (
            "bad-v2-no-tree",
            torrent(without(v2(v2_tree()), "file tree")),
        ),
        ("bad-v2-empty-tree", tree(Item::dict::<&str>([]))),
        ("bad-v2-root-short", one(leaf(1, &[1; 31]))),
        ("bad-v2-root-missing", one(leaf(1, &[]))),
        ("bad-v2-length-negative", one(leaf(-1, &[1; 32]))),
        ("bad-v2-length-giant", one(leaf(i64::MAX, &[1; 32]))),
        ("good-v2-length-large", one(leaf(PIECE << 22, &[1; 32]))),
        (
            "bad-v2-piece-length-small",
            torrent(with(v2(v2_tree()), vec![("piece length", int(8192))])),
        ),
        (
            "bad-v2-piece-length-odd",
            torrent(with(v2(v2_tree()), vec![("piece length", int(49_152))])),
        ),
        ("bad-v2-layer-short", layer_of(layer(2).as_flattened())),
        ("bad-v2-layer-long", layer_of(layer(4).as_flattened())),
        ("bad-v2-layer-odd", layer_of(&[1; 95])),
        ("bad-v2-layer-wrong", layer_of(wrong_order.as_flattened())),
        ("bad-v2-depth", tree(nested)),
        ("bad-v2-node-is-number", tree(Item::dict([("a", int(5))]))),
        (
            "bad-v2-file-with-siblings",
            tree(Item::dict([(
                "a",
                Item::dict([
                    ("", Item::dict([("length", int(0))])),
                    ("b", leaf(1, &[1; 32])),
                ]),
            )])),
        ),
        ("bad-v2-file-at-top", tree(leaf(1, &[1; 32]))),
    ]
}

fn hostile_hybrids() -> Vec<Made> {
    let of = |list| torrent_with(hybrid(list), v2_layers());
    let changed = |at: usize, file: Item| {
        let mut list = hybrid_list(7);
        list[at] = file;
        of(list)
    };
    let mut unpadded = hybrid_list(7);
    unpadded.remove(1);
    let end = |length| of([hybrid_list(7), vec![v1_file(&[".pad", "0"], length, "p")]].concat());
    vec![
        ("bad-hybrid-pad-short", of(hybrid_list(6))),
        ("bad-hybrid-pad-long", of(hybrid_list(8))),
        ("bad-hybrid-pad-missing", of(unpadded)),
        ("bad-hybrid-pad-piece-more", of(hybrid_list(7 + PIECE))),
        ("bad-hybrid-end-pad", end(3)),
        (
            "bad-hybrid-other-name",
            changed(3, v1_file(&["c", "e"], 5, "")),
        ),
        (
            "bad-hybrid-other-length",
            changed(3, v1_file(&["c", "d"], 6, "")),
        ),
        ("bad-hybrid-more-files", changed(2, v1_file(&["b"], 0, "p"))),
        (
            "bad-hybrid-pieces",
            torrent_with(
                with(hybrid(hybrid_list(7)), vec![("pieces", pieces(3))]),
                v2_layers(),
            ),
        ),
    ]
}

fn hostile_paths() -> Vec<Made> {
    let file = |names: &[&str]| torrent(v1_multi(vec![v1_file(names, 1, "")], 1));
    let name = |name: &str| torrent(with(v1_single(1), vec![("name", Item::from(name))]));
    let tree = |name: &str| torrent(v2(Item::dict([(name, leaf(1, &[1; 32]))])));
    let link = |target: &[&str]| {
        let link = Item::dict([
            ("attr", Item::from("l")),
            ("path", path(&["link"])),
            ("symlink path", path(target)),
        ]);
        torrent(v1_multi(vec![v1_file(&["a"], 1, ""), link], 1))
    };
    vec![
        ("bad-path-up", file(&["..", "..", "etc", "passwd"])),
        ("bad-path-up-inside", file(&["a", "..", "..", "b"])),
        ("bad-path-dot", file(&["."])),
        ("bad-path-slash", file(&["a/../../b"])),
        ("bad-path-absolute", file(&["/etc/passwd"])),
        ("bad-path-backslash", file(&["..\\..\\b"])),
        ("bad-path-drive", file(&["C:", "b"])),
        ("bad-path-nul", file(&["a\0b"])),
        ("bad-path-empty", file(&[])),
        ("bad-path-empty-name", file(&["a", ""])),
        ("bad-path-long", file(&[&"x".repeat(300)])),
        ("bad-path-deep", file(&["x"; 500])),
        ("bad-name-up", name("..")),
        ("bad-name-slash", name("a/b")),
        ("bad-name-absolute", name("/tmp")),
        ("bad-name-empty", name("")),
        ("bad-tree-up", tree("..")),
        ("bad-tree-slash", tree("../a")),
        ("bad-link-up", link(&["..", "secret"])),
        ("bad-link-absolute", link(&["/etc"])),
        (
            "good-path-odd",
            file(&["CON", "a ", "b.", "\u{202e}x", "...", "A", "a"]),
        ),
    ]
}
