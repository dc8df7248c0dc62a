//! The v1 file list (BEP 3) with pad files (BEP 47), and how it must agree with a hybrid's tree (BEP 52).

use super::entry::{Entry, PathBudget, attributes, components, length};
use super::{File, MetainfoError};
use crate::bencode::Dict;
use crate::layout::{Layout, Span};
use crate::path::TorrentPath;

/// The v1 side of `info`: the user's files, and all spans in order.
pub(super) struct List {
    pub(super) files: Vec<File>,
    pub(super) spans: Vec<Span>,
    pub(super) single: bool,
}

/// Reads `files`, or `length` of a single file.
pub(super) fn list(
    info: Dict<'_>,
    name: &str,
    budget: &mut PathBudget,
) -> Result<List, MetainfoError> {
    let Some(value) = info.get(b"files") else {
        return single(info, name, budget);
    };
    let wrong = MetainfoError::Type {
        field: "files",
        expected: "a list of dictionaries",
    };
    let mut list = List {
        files: Vec::new(),
        spans: Vec::new(),
        single: false,
    };
    for entry in value.as_list().ok_or(wrong.clone())? {
        let entry = entry.as_dict().ok_or(wrong.clone())?;
        match attributes(entry, budget)? {
            Entry::Pad => list.spans.push(Span::Pad(length(entry)?)),
            Entry::File(attributes) => {
                let path = path(entry, budget)?;
                list.push(path, attributes, entry)?;
            }
        }
    }
    Ok(list)
}

fn single(info: Dict<'_>, name: &str, budget: &mut PathBudget) -> Result<List, MetainfoError> {
    let Entry::File(attributes) = attributes(info, budget)? else {
        return Err(MetainfoError::NoFiles);
    };
    let mut list = List {
        files: Vec::new(),
        spans: Vec::new(),
        single: true,
    };
    list.push(budget.path(name)?, attributes, info)?;
    Ok(list)
}

fn path(entry: Dict<'_>, budget: &mut PathBudget) -> Result<TorrentPath, MetainfoError> {
    let value = entry.get(b"path.utf-8").or_else(|| entry.get(b"path"));
    let value = value.ok_or(MetainfoError::Missing("path"))?;
    let wrong = MetainfoError::Type {
        field: "path",
        expected: "a list of strings",
    };
    let path = TorrentPath::new(&components(value).ok_or(wrong)?)?;
    budget.path(path.as_str())
}

impl List {
    fn push(
        &mut self,
        path: TorrentPath,
        attributes: super::Attributes,
        entry: Dict<'_>,
    ) -> Result<(), MetainfoError> {
        // A link has no bytes of its own; some programs leave its length out.
        let length = if attributes.symlink.is_some() && entry.get(b"length").is_none() {
            0
        } else {
            length(entry)?
        };
        if attributes.symlink.is_some() && length > 0 {
            return Err(MetainfoError::Type {
                field: "length",
                expected: "zero for a symlink",
            });
        }
        self.spans.push(Span::File(length));
        self.files.push(File {
            path,
            length,
            attributes,
            pieces_root: None,
        });
        Ok(())
    }
}

/// Whether both sides of a hybrid name the same files at the same places. Padding after the last file may be there or
/// not: both are in the wild.
pub(super) fn agree(
    list: &List,
    layout: &Layout,
    tree: &[File],
    aligned: &Layout,
) -> Result<(), MetainfoError> {
    let differ = |what: String| Err(MetainfoError::Disagree(what));
    if list.files.len() != tree.len() {
        return differ(format!(
            "{} files in v1, {} in v2",
            list.files.len(),
            tree.len()
        ));
    }
    for (number, (one, two)) in list.files.iter().zip(tree).enumerate() {
        if one.path != two.path {
            return differ(format!(
                "{:?} in v1 is {:?} in v2",
                one.path.as_str(),
                two.path.as_str()
            ));
        }
        if one.length != two.length {
            let (path, one, two) = (one.path.as_str(), one.length, two.length);
            return differ(format!("{path:?} has {one} bytes in v1, {two} in v2"));
        }
        if one.attributes.symlink != two.attributes.symlink {
            return differ(format!("{:?} links to different places", one.path.as_str()));
        }
        let file = crate::FileIndex::new(number as u32);
        let (start, expected) = (layout.file_start(file), aligned.file_start(file));
        if one.length > 0 && start != expected {
            let path = one.path.as_str();
            return differ(format!(
                "{path:?} starts at byte {start} in v1, expected {expected}: wrong padding"
            ));
        }
    }
    let padded = aligned
        .total()
        .next_multiple_of(u64::from(aligned.piece_length()));
    if layout.total() != aligned.total() && layout.total() != padded {
        let (found, end) = (layout.total(), aligned.total());
        return differ(format!(
            "v1 ends at byte {found}, v2 at {end}: wrong padding"
        ));
    }
    Ok(())
}
