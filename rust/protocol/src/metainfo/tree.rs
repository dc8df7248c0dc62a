//! The v2 file tree and the piece layers (BEP 52).
//!
//! The tree is walked with a stack of its own, as deep as paths may be. Files come in the order of the dictionaries:
//! that is the order of pieces.

use std::ops::Range;

use p2pcore_hashing::{Sha256Digest, merkle};

use super::entry::{Entry, PathBudget, attributes, length};
use super::{File, MetainfoError};
use crate::bencode::{Dict, DictIter};
use crate::path::{MAX_COMPONENTS, PathError, check_component, decode_name};

/// The files of a tree, in order.
pub(super) fn files(tree: Dict<'_>, budget: &mut PathBudget) -> Result<Vec<File>, MetainfoError> {
    let mut files = Vec::new();
    let mut path = String::new();
    // Each level: the entries still to come, and the bytes of `path` that name the level.
    let mut levels: Vec<(DictIter<'_>, usize)> = vec![(tree.iter(), 0)];
    while let Some((entries, prefix)) = levels.last_mut() {
        path.truncate(*prefix);
        let Some((key, value)) = entries.next() else {
            levels.pop();
            continue;
        };
        if key.is_empty() {
            return Err(MetainfoError::FileNode(path));
        }
        let name = decode_name(key);
        check_component(&name)?;
        if !path.is_empty() {
            path.push('/');
        }
        path.push_str(&name);
        let wrong = MetainfoError::Type {
            field: "file tree",
            expected: "made of dictionaries",
        };
        let node = value.as_dict().ok_or(wrong)?;
        let Some(leaf) = node.get(b"") else {
            if levels.len() >= MAX_COMPONENTS {
                return Err(PathError::TooDeep(levels.len() + 1).into());
            }
            levels.push((node.iter(), path.len()));
            continue;
        };
        if node.iter().nth(1).is_some() {
            return Err(MetainfoError::FileNode(path));
        }
        let wrong = MetainfoError::Type {
            field: "file tree",
            expected: "made of dictionaries",
        };
        files.push(file(&path, leaf.as_dict().ok_or(wrong)?, budget)?);
    }
    Ok(files)
}

fn file(path: &str, leaf: Dict<'_>, budget: &mut PathBudget) -> Result<File, MetainfoError> {
    let entry = attributes(leaf, budget)?;
    let Entry::File(attributes) = entry else {
        return Err(MetainfoError::Type {
            field: "attr",
            expected: "allowed to be `p` in v2",
        });
    };
    let length = if attributes.symlink.is_some() {
        0
    } else {
        length(leaf)?
    };
    let root: Option<Sha256Digest> = leaf
        .get(b"pieces root")
        .and_then(|root| root.as_bytes())
        .and_then(|root| root.try_into().ok());
    // Some programs write a root for empty files; it means nothing.
    let pieces_root = root.filter(|_| length > 0);
    if length > 0 && pieces_root.is_none() {
        return Err(MetainfoError::PiecesRoot(path.to_owned()));
    }
    Ok(File {
        path: budget.path(path)?,
        length,
        attributes,
        pieces_root,
    })
}

/// For each file, where its piece layer lies; and whether all that are needed are there.
///
/// Each layer is checked against its root once, however many files share it. Layers of no file are ignored.
pub(super) fn layers(
    raw: &[u8],
    layers: Option<Dict<'_>>,
    files: &[File],
    piece_length: u32,
) -> Result<(Vec<Range<usize>>, bool), MetainfoError> {
    let mut known: Vec<Layer<'_>> = Vec::new();
    for (root, value) in layers.into_iter().flatten() {
        let content = value.content().ok_or(MetainfoError::Type {
            field: "piece layers",
            expected: "a dictionary of strings",
        })?;
        known.push(Layer {
            root,
            content,
            proved: false,
        });
    }
    known.sort_by(|a, b| a.root.cmp(b.root));
    let mut complete = true;
    let mut ranges = Vec::with_capacity(files.len());
    for file in files {
        let root = file
            .pieces_root
            .filter(|_| file.length > u64::from(piece_length));
        let Some(root) = root else {
            ranges.push(0..0);
            continue;
        };
        let found = known.binary_search_by(|layer| layer.root.cmp(&root[..]));
        let Some(layer) = found.ok().and_then(|at| known.get_mut(at)) else {
            complete = false;
            ranges.push(0..0);
            continue;
        };
        layer.check(raw, file, root, piece_length)?;
        ranges.push(layer.content.clone());
    }
    Ok((ranges, complete))
}

struct Layer<'a> {
    root: &'a [u8],
    content: Range<usize>,
    proved: bool,
}

impl Layer<'_> {
    fn check(
        &mut self,
        raw: &[u8],
        file: &File,
        root: Sha256Digest,
        piece_length: u32,
    ) -> Result<(), MetainfoError> {
        let expected = file.length.div_ceil(u64::from(piece_length)) * 32;
        let found = self.content.len();
        if found as u64 != expected {
            let path = file.path.to_string();
            return Err(MetainfoError::LayerSize {
                path,
                found,
                expected,
            });
        }
        if !self.proved {
            let (nodes, _) = raw
                .get(self.content.clone())
                .unwrap_or_default()
                .as_chunks::<32>();
            let height = (piece_length as usize / merkle::LEAF).max(1).ilog2();
            if merkle::root(nodes, height, 1) != root {
                return Err(MetainfoError::LayerRoot(file.path.to_string()));
            }
            self.proved = true;
        }
        Ok(())
    }
}
