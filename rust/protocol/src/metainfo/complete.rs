//! Adding piece layers to a v2 torrent that lacks them, as they come from peers (BEP 52 hash requests).

use std::collections::BTreeMap;

use p2pcore_hashing::Sha256Digest;

use super::{Metainfo, MetainfoError};
use crate::bencode::{Document, Item, Limits, Mode};

/// A metainfo with these layers (root, then 32 bytes for each piece) beside those that it has. Each layer is checked
/// against its root like those of a file that is read. The info hashes stay the same.
pub(super) fn with_layers(
    meta: &Metainfo,
    layers: impl IntoIterator<Item = (Sha256Digest, Vec<u8>)>,
) -> Result<Metainfo, MetainfoError> {
    let document = Document::parse(&meta.raw, Mode::Lenient, Limits::default())?;
    let mut top: BTreeMap<Vec<u8>, Item> = BTreeMap::new();
    let mut known: BTreeMap<Vec<u8>, Item> = BTreeMap::new();
    for (key, value) in document.root().as_dict().into_iter().flatten() {
        if key == b"piece layers" {
            let entries = value.as_dict().into_iter().flatten();
            known.extend(entries.map(|(root, layer)| (root.to_vec(), raw(layer.raw()))));
        } else {
            top.entry(key.to_vec()).or_insert_with(|| raw(value.raw()));
        }
    }
    known.extend(
        layers
            .into_iter()
            .map(|(root, layer)| (root.to_vec(), Item::Bytes(layer))),
    );
    top.insert(b"piece layers".to_vec(), Item::Dict(known));
    Metainfo::parse(&Item::Dict(top).to_bytes())
}

fn raw(bytes: &[u8]) -> Item {
    Item::Raw(bytes.to_vec())
}
