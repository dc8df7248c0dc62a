//! From bencode to [`Metainfo`]: the order of the checks, and what stands outside `info`.

use std::ops::Range;

use p2pcore_hashing::{merkle, sha1, sha256};

use super::entry::PathBudget;
use super::{File, Metainfo, MetainfoError, Outer, tree, v1};
use crate::bencode::{Dict, Document, Limits, Mode, Value};
use crate::layout::{Layout, LayoutError, MAX_PIECE_LENGTH};
use crate::path::{TorrentPath, check_component, decode_name};

pub(super) fn parse(bytes: &[u8]) -> Result<Metainfo, MetainfoError> {
    let document = Document::parse(bytes, Mode::Lenient, Limits::default())?;
    let root = document.root();
    let wrong = MetainfoError::Type {
        field: "the torrent",
        expected: "a dictionary",
    };
    let top = root.as_dict().ok_or(wrong)?;
    let info_value = top.get(b"info").ok_or(MetainfoError::Missing("info"))?;
    let wrong = MetainfoError::Type {
        field: "info",
        expected: "a dictionary",
    };
    let info = info_value.as_dict().ok_or(wrong)?;
    let name = name(info)?;
    let mut budget = PathBudget::new(bytes.len());
    let sides = sides(info, &name, &mut budget)?;
    no_clashes(&sides.files)?;
    let pieces = if sides.v1 {
        v1_pieces(info, &sides.layout)?
    } else {
        0..0
    };
    let piece_layers = top.get(b"piece layers").and_then(|layers| layers.as_dict());
    let (layers, layers_complete) = tree::layers(
        bytes,
        piece_layers,
        &sides.files,
        sides.layout.piece_length(),
    )?;
    Ok(Metainfo {
        raw: root.raw().to_vec(),
        info: info_value.span(),
        pieces,
        layers,
        layers_complete: layers_complete || !sides.v2,
        info_hash_v1: sides.v1.then(|| sha1(info_value.raw())),
        info_hash_v2: sides.v2.then(|| sha256(info_value.raw())),
        name,
        single_file: sides.single,
        private: info.get(b"private").and_then(|flag| flag.as_int()) == Some(1),
        source: info.get(b"source").and_then(text),
        files: sides.files,
        layout: sides.layout,
        outer: outer(top),
    })
}

/// What the v1 and v2 sides say together.
struct Sides {
    v1: bool,
    v2: bool,
    single: bool,
    files: Vec<File>,
    layout: Layout,
}

fn sides(info: Dict<'_>, name: &str, budget: &mut PathBudget) -> Result<Sides, MetainfoError> {
    let v2 = match info
        .get(b"meta version")
        .map(|version| version.as_int().unwrap_or(-1))
    {
        None | Some(1) => false,
        Some(2) => true,
        Some(other) => return Err(MetainfoError::Version(other)),
    };
    let v1 = !v2 || info.get(b"pieces").is_some();
    let piece_length = piece_length(info, v2)?;
    let list = if v1 {
        Some(v1::list(info, name, budget)?)
    } else {
        None
    };
    let tree = if v2 {
        Some(tree_files(info, budget)?)
    } else {
        None
    };
    let sides = match (list, tree) {
        (Some(list), None) => {
            let layout = Layout::new(piece_length, list.spans.iter().copied())?;
            Sides {
                v1,
                v2,
                single: list.single,
                files: list.files,
                layout,
            }
        }
        (list, tree) => {
            let files = tree.unwrap_or_default();
            let aligned = Layout::aligned(piece_length, files.iter().map(|file| file.length))?;
            let only = matches!(&files[..], [file] if file.path.as_str() == name);
            let (single, layout) = match list {
                None => (only, aligned),
                Some(list) => {
                    let layout = Layout::new(piece_length, list.spans.iter().copied())?;
                    v1::agree(&list, &layout, &files, &aligned)?;
                    (list.single, layout)
                }
            };
            Sides {
                v1,
                v2,
                single,
                files,
                layout,
            }
        }
    };
    if sides.layout.user_size() == 0 {
        return Err(MetainfoError::NoFiles);
    }
    Ok(sides)
}

fn tree_files(info: Dict<'_>, budget: &mut PathBudget) -> Result<Vec<File>, MetainfoError> {
    let tree = info
        .get(b"file tree")
        .ok_or(MetainfoError::Missing("file tree"))?;
    let wrong = MetainfoError::Type {
        field: "file tree",
        expected: "a dictionary",
    };
    tree::files(tree.as_dict().ok_or(wrong)?, budget)
}

fn piece_length(info: Dict<'_>, v2: bool) -> Result<u32, MetainfoError> {
    let value = info
        .get(b"piece length")
        .ok_or(MetainfoError::Missing("piece length"))?;
    let wrong = MetainfoError::Type {
        field: "piece length",
        expected: "an integer",
    };
    let claimed = value.as_int().ok_or(wrong)?;
    let length = u32::try_from(claimed)
        .ok()
        .filter(|length| (1..=MAX_PIECE_LENGTH).contains(length));
    let Some(length) = length else {
        let claimed = u64::try_from(claimed).map_err(|_| MetainfoError::PieceLength(claimed))?;
        return Err(LayoutError::PieceLength(claimed).into());
    };
    if v2 && !(length.is_power_of_two() && length as usize >= merkle::LEAF) {
        return Err(MetainfoError::PieceLength(claimed));
    }
    Ok(length)
}

fn name(info: Dict<'_>) -> Result<String, MetainfoError> {
    let value = info.get(b"name.utf-8").or_else(|| info.get(b"name"));
    let value = value.ok_or(MetainfoError::Missing("name"))?;
    let wrong = MetainfoError::Type {
        field: "name",
        expected: "a string",
    };
    let name = decode_name(value.as_bytes().ok_or(wrong)?);
    check_component(&name)?;
    Ok(name)
}

fn v1_pieces(info: Dict<'_>, layout: &Layout) -> Result<Range<usize>, MetainfoError> {
    let pieces = info
        .get(b"pieces")
        .ok_or(MetainfoError::Missing("pieces"))?;
    let wrong = MetainfoError::Type {
        field: "pieces",
        expected: "a string",
    };
    let content = pieces.content().ok_or(wrong)?;
    let (found, pieces) = (content.len(), layout.piece_count());
    if found as u64 != u64::from(pieces) * 20 {
        return Err(MetainfoError::PieceCount { found, pieces });
    }
    Ok(content)
}

/// No path twice, and no file where another file needs a folder.
fn no_clashes(files: &[File]) -> Result<(), MetainfoError> {
    let mut paths: Vec<&TorrentPath> = files.iter().map(|file| &file.path).collect();
    paths.sort();
    match paths.windows(2).find(|pair| pair[0].holds(pair[1])) {
        Some(pair) => Err(MetainfoError::Clash(pair[0].to_string())),
        None => Ok(()),
    }
}

/// Nothing here is hashed, and programs differ: what has the wrong type counts as absent.
fn outer(top: Dict<'_>) -> Outer {
    Outer {
        trackers: trackers(top),
        web_seeds: top.get(b"url-list").map(texts).unwrap_or_default(),
        http_seeds: top.get(b"httpseeds").map(texts).unwrap_or_default(),
        comment: top
            .get(b"comment.utf-8")
            .or_else(|| top.get(b"comment"))
            .and_then(text),
        created_by: top.get(b"created by").and_then(text),
        creation_date: top.get(b"creation date").and_then(|date| date.as_int()),
    }
}

/// BEP 12: `announce-list` replaces `announce` where it names any tracker.
fn trackers(top: Dict<'_>) -> Vec<Vec<String>> {
    let tiers = top.get(b"announce-list").and_then(|tiers| tiers.as_list());
    let mut tiers: Vec<Vec<String>> = tiers
        .into_iter()
        .flatten()
        .map(texts)
        .filter(|tier| !tier.is_empty())
        .collect();
    if tiers.is_empty() {
        let single = top.get(b"announce").map(texts).unwrap_or_default();
        tiers.extend((!single.is_empty()).then_some(single));
    }
    tiers
}

/// One string, or a list of them; empty ones are left out.
fn texts(value: Value<'_>) -> Vec<String> {
    let list = value.as_list();
    let found = list
        .into_iter()
        .flatten()
        .filter_map(text)
        .chain(text(value));
    found.filter(|text| !text.is_empty()).collect()
}

fn text(value: Value<'_>) -> Option<String> {
    value
        .as_bytes()
        .map(|bytes| String::from_utf8_lossy(bytes).into_owned())
}
