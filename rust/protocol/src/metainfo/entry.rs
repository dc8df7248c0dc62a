//! What the v1 file list and the v2 file tree have in common: attributes, lengths, and a bound on paths.

use super::{Attributes, MetainfoError};
use crate::bencode::Dict;
use crate::path::{TorrentPath, decode_name};

/// A described entry: a file, or padding.
pub(super) enum Entry {
    /// A file that the user sees.
    File(Attributes),
    /// A pad file (BEP 47 `p`).
    Pad,
}

/// Counts the bytes of paths: folders that many files share are written once in a v2 tree, so that a small torrent
/// could claim paths of gigabytes. Honest trees stay far below the limit.
pub(super) struct PathBudget {
    used: usize,
    limit: usize,
}

impl PathBudget {
    /// For a torrent of this many bytes.
    pub(super) fn new(raw_bytes: usize) -> Self {
        Self {
            used: 0,
            limit: raw_bytes.saturating_mul(16).saturating_add(1 << 20),
        }
    }

    /// A path of components joined by `/`, each of them checked.
    pub(super) fn path(&mut self, path: &str) -> Result<TorrentPath, MetainfoError> {
        self.used = self.used.saturating_add(path.len());
        if self.used > self.limit {
            return Err(MetainfoError::PathBytes {
                found: self.used,
                limit: self.limit,
            });
        }
        Ok(TorrentPath::parse(path)?)
    }
}

/// The entry's BEP 47 attributes. Letters that are not known are ignored.
pub(super) fn attributes(entry: Dict<'_>, budget: &mut PathBudget) -> Result<Entry, MetainfoError> {
    let letters = entry
        .get(b"attr")
        .and_then(|attr| attr.as_bytes())
        .unwrap_or_default();
    if letters.contains(&b'p') {
        return Ok(Entry::Pad);
    }
    let symlink = if letters.contains(&b'l') {
        Some(symlink(entry, budget)?)
    } else {
        None
    };
    Ok(Entry::File(Attributes {
        executable: letters.contains(&b'x'),
        hidden: letters.contains(&b'h'),
        symlink,
    }))
}

fn symlink(entry: Dict<'_>, budget: &mut PathBudget) -> Result<TorrentPath, MetainfoError> {
    let target = entry
        .get(b"symlink path")
        .ok_or(MetainfoError::Missing("symlink path"))?;
    let wrong = MetainfoError::Type {
        field: "symlink path",
        expected: "a list of strings",
    };
    let components = components(target).ok_or(wrong)?;
    // `..` and absolute targets are refused like any unsafe path: a link never leads out of the torrent.
    let path = TorrentPath::new(&components)?;
    budget.path(path.as_str())
}

/// The names in a list of strings.
pub(super) fn components(value: crate::bencode::Value<'_>) -> Option<Vec<String>> {
    value
        .as_list()?
        .iter()
        .map(|name| name.as_bytes().map(decode_name))
        .collect()
}

/// The entry's length.
pub(super) fn length(entry: Dict<'_>) -> Result<u64, MetainfoError> {
    let value = entry
        .get(b"length")
        .ok_or(MetainfoError::Missing("length"))?;
    let wrong = MetainfoError::Type {
        field: "length",
        expected: "an integer",
    };
    let length = value.as_int().ok_or(wrong)?;
    u64::try_from(length).map_err(|_| MetainfoError::NegativeLength(length))
}
