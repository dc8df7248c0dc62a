//! The dictionaries of a new torrent, key by key as libtorrent 2.1.1 writes them.

use std::collections::BTreeMap;

use p2pcore_hashing::{Sha1Digest, Sha256Digest};

use super::{FileEntry, Plan, pad_after};
use crate::bencode::Item;
use crate::index::FileIndex;
use crate::metainfo::{Attributes, Format};
use crate::path::TorrentPath;

type Entries = BTreeMap<Vec<u8>, Item>;

/// The whole torrent.
pub(super) fn torrent(plan: &Plan, flat: &[Sha1Digest], roots: &[Sha256Digest]) -> Item {
    let options = &plan.options;
    let mut top = Entries::new();
    put(&mut top, "info", Item::Dict(info(plan, flat, roots)));
    if plan.format() != Format::V1 {
        put(&mut top, "piece layers", piece_layers(plan, roots));
    }
    let tiers: Vec<_> = options
        .trackers
        .iter()
        .filter(|tier| !tier.is_empty())
        .collect();
    if let Some(first) = tiers.iter().find_map(|tier| tier.first()) {
        put(&mut top, "announce", Item::from(first.as_str()));
    }
    if tiers.iter().map(|tier| tier.len()).sum::<usize>() > 1 {
        put(
            &mut top,
            "announce-list",
            Item::list(tiers.iter().map(|tier| texts(tier))),
        );
    }
    match &options.web_seeds[..] {
        [] => {}
        [one] => put(&mut top, "url-list", Item::from(one.as_str())),
        several => put(&mut top, "url-list", texts(several)),
    }
    if !options.http_seeds.is_empty() {
        put(&mut top, "httpseeds", texts(&options.http_seeds));
    }
    if let Some(comment) = &options.comment {
        put(&mut top, "comment", Item::from(comment.as_str()));
    }
    if let Some(program) = &options.created_by {
        put(&mut top, "created by", Item::from(program.as_str()));
    }
    if let Some(date) = options.creation_date {
        put(&mut top, "creation date", Item::Int(date));
    }
    Item::Dict(top)
}

fn info(plan: &Plan, flat: &[Sha1Digest], roots: &[Sha256Digest]) -> Entries {
    let mut info = Entries::new();
    put(&mut info, "name", Item::from(plan.name.as_str()));
    put(
        &mut info,
        "piece length",
        Item::from(plan.layout.piece_length()),
    );
    if plan.options.private {
        put(&mut info, "private", Item::Int(1));
    }
    if let Some(source) = &plan.options.source {
        put(&mut info, "source", Item::from(source.as_str()));
    }
    if plan.format() != Format::V2 {
        put(&mut info, "pieces", Item::Bytes(flat.concat()));
        match &plan.files[..] {
            [file] if plan.single => {
                put(&mut info, "length", length(file));
                put_attributes(&mut info, &file.attributes);
            }
            files => put(&mut info, "files", file_list(plan, files)),
        }
    }
    if plan.format() != Format::V1 {
        put(&mut info, "meta version", Item::Int(2));
        put(&mut info, "file tree", file_tree(plan, roots));
    }
    info
}

/// The v1 list, pads of hybrids included.
fn file_list(plan: &Plan, files: &[FileEntry]) -> Item {
    let mut list = Vec::new();
    for file in files {
        let mut entry = Entries::new();
        put(&mut entry, "length", length(file));
        put(&mut entry, "path", components(&file.path));
        put_attributes(&mut entry, &file.attributes);
        list.push(Item::Dict(entry));
        let pad = pad_after(file, files.len(), plan.layout.piece_length(), plan.format());
        list.extend(pad.map(pad_file));
    }
    Item::List(list)
}

fn pad_file(length: u64) -> Item {
    Item::dict([
        ("attr", Item::from("p")),
        ("length", Item::Int(length.cast_signed())),
        (
            "path",
            Item::list([Item::from(".pad"), Item::from(length.to_string().as_str())]),
        ),
    ])
}

/// The v2 tree. Symlinks have no length there.
fn file_tree(plan: &Plan, roots: &[Sha256Digest]) -> Item {
    let mut tree = Entries::new();
    for (number, file) in plan.files.iter().enumerate() {
        let mut leaf = Entries::new();
        if file.attributes.symlink.is_none() {
            put(&mut leaf, "length", length(file));
        }
        if let Some(root) = plan.file_root(FileIndex::new(number as u32), roots) {
            put(&mut leaf, "pieces root", Item::Bytes(root.to_vec()));
        }
        put_attributes(&mut leaf, &file.attributes);
        let names: Vec<&str> = file.path.components().collect();
        plant(&mut tree, &names, leaf);
    }
    Item::Dict(tree)
}

/// Puts a leaf under its names; as deep as a path may be.
fn plant(folder: &mut Entries, names: &[&str], leaf: Entries) {
    let Some((name, below)) = names.split_first() else {
        put(folder, "", Item::Dict(leaf));
        return;
    };
    let child = folder.entry(name.as_bytes().to_vec());
    // Only dictionaries stand in the tree above its leaves, and no path is held by another.
    if let Item::Dict(inner) = child.or_insert_with(|| Item::Dict(Entries::new())) {
        plant(inner, below, leaf);
    }
}

/// One layer for each distinct file larger than a piece.
fn piece_layers(plan: &Plan, roots: &[Sha256Digest]) -> Item {
    let mut layers = Entries::new();
    for number in 0..plan.files.len() {
        let file = FileIndex::new(number as u32);
        let layer = plan.file_layer(file, roots);
        if layer.len() > 1
            && let Some(root) = plan.file_root(file, roots)
        {
            layers.insert(root.to_vec(), Item::Bytes(layer.concat()));
        }
    }
    Item::Dict(layers)
}

fn put_attributes(entry: &mut Entries, attributes: &Attributes) {
    let flags = [
        (attributes.hidden, 'h'),
        (attributes.executable, 'x'),
        (attributes.symlink.is_some(), 'l'),
    ];
    let letters: String = flags
        .iter()
        .filter(|(set, _)| *set)
        .map(|(_, letter)| letter)
        .collect();
    if !letters.is_empty() {
        put(entry, "attr", Item::from(letters.as_str()));
    }
    if let Some(target) = &attributes.symlink {
        put(entry, "symlink path", components(target));
    }
}

fn components(path: &TorrentPath) -> Item {
    Item::list(path.components().map(Item::from))
}

fn length(file: &FileEntry) -> Item {
    // A layout was made of these lengths, so that they fit an i64.
    Item::Int(file.length.cast_signed())
}

fn texts(texts: &[String]) -> Item {
    Item::list(texts.iter().map(|text| Item::from(text.as_str())))
}

fn put(entries: &mut Entries, key: &str, item: Item) {
    entries.insert(key.as_bytes().to_vec(), item);
}
