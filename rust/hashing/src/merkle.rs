//! The Merkle trees of BEP 52: binary trees of SHA-256 over 16 KiB leaves, one tree for each file.
//!
//! Two zeroes must not be confused: a missing *leaf* is 32 zero bytes, while a missing node higher up is the root of a
//! subtree of such leaves ([`pad_hash`] of its height). Widths are always padded to a power of two. Heights count from
//! the leaves (0). This module knows nothing of pieces: a piece layer is a layer of some height to it.

use std::sync::LazyLock;

use crate::digest::{Sha256Digest, sha256};
use crate::reduce::merkle_reduce;

/// Bytes under one leaf.
pub const LEAF: usize = 16 * 1024;

/// More levels than any tree has: 2^63 leaves of 16 KiB are beyond any file size.
const MAX_HEIGHT: usize = 64;

static PAD_HASHES: LazyLock<[Sha256Digest; MAX_HEIGHT]> = LazyLock::new(|| {
    let mut pads = [[0; 32]; MAX_HEIGHT];
    for height in 1..MAX_HEIGHT {
        pads[height] = parent(&pads[height - 1], &pads[height - 1]);
    }
    pads
});

/// The root of a subtree of `height` levels above all-zero leaves; 0 gives the leaf itself, 32 zero bytes.
///
/// Heights over 63 (no file is that large) are answered as 63.
pub fn pad_hash(height: u32) -> Sha256Digest {
    PAD_HASHES[(height as usize).min(MAX_HEIGHT - 1)]
}

/// The node above two siblings.
pub fn parent(left: &Sha256Digest, right: &Sha256Digest) -> Sha256Digest {
    sha256([*left, *right].as_flattened())
}

/// The root over one layer, whose nodes stand `height` levels above the leaves.
///
/// The layer is padded with [`pad_hash`]`(height)` to a power of two of at least `min_width` nodes. An empty layer with
/// `min_width` of at most 1 gives the padding node itself. Memory is one node per two of the layer; nodes of padding
/// are never stored.
pub fn root(layer: &[Sha256Digest], height: u32, min_width: usize) -> Sha256Digest {
    let width = layer.len().max(min_width).max(1).next_power_of_two();
    let levels = width.trailing_zeros();
    if levels == 0 {
        return layer.first().copied().unwrap_or_else(|| pad_hash(height));
    }
    let mut nodes = level_above(layer, height);
    for level in 1..levels {
        nodes = level_above(&nodes, height + level);
    }
    nodes
        .first()
        .copied()
        .unwrap_or_else(|| pad_hash(height + levels))
}

/// The layer above `layer`, whose nodes stand at `height`; an odd last node gets a padding sibling.
pub fn level_above(layer: &[Sha256Digest], height: u32) -> Vec<Sha256Digest> {
    let (pairs, odd) = layer.as_chunks::<2>();
    let mut above = merkle_reduce(pairs);
    above.extend(odd.first().map(|left| parent(left, &pad_hash(height))));
    above
}

/// The uncle hashes that prove `length` nodes of `layer` from `index` on (both as in a BEP 52 hash request).
///
/// `height` is the layer's own height above the leaves, `width` the number of nodes of the whole layer with padding (a
/// power of two). `proof_layers` counts layers from the asked one upwards; those that the reader computes from the
/// asked nodes themselves are counted but left out, and nothing is sent from the root on. Lowest first.
pub fn proof(
    layer: &[Sha256Digest],
    height: u32,
    width: usize,
    index: usize,
    length: usize,
    proof_layers: u32,
) -> Vec<Sha256Digest> {
    let levels = width.max(1).next_power_of_two().trailing_zeros();
    let skipped = length.max(1).next_power_of_two().trailing_zeros();
    let mut uncles = Vec::new();
    let mut nodes = layer.to_vec();
    for level in 0..levels.min(proof_layers.saturating_add(1)) {
        if level >= skipped {
            let sibling = (index >> level) ^ 1;
            uncles.push(
                nodes
                    .get(sibling)
                    .copied()
                    .unwrap_or_else(|| pad_hash(height + level)),
            );
        }
        nodes = level_above(&nodes, height + level);
    }
    uncles
}

/// Whether `nodes` (a power of two of them, at `index` of their layer, a multiple of their number) and the uncle
/// hashes of [`proof`] lead to `root`.
pub fn verify_proof(
    nodes: &[Sha256Digest],
    index: usize,
    uncles: &[Sha256Digest],
    root: &Sha256Digest,
) -> bool {
    if !nodes.len().is_power_of_two() || !index.is_multiple_of(nodes.len()) {
        return false;
    }
    let mut position = index / nodes.len();
    let mut node = self::root(nodes, 0, nodes.len());
    for uncle in uncles {
        node = if position & 1 == 0 {
            parent(&node, uncle)
        } else {
            parent(uncle, &node)
        };
        position >>= 1;
    }
    position == 0 && node == *root
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layer(count: u8) -> Vec<Sha256Digest> {
        (0..count).map(|n| sha256(&[n])).collect()
    }

    /// The tree written out, padding and all.
    fn naive_root(layer: &[Sha256Digest], height: u32, width: usize) -> Sha256Digest {
        let mut nodes = layer.to_vec();
        nodes.resize(width, pad_hash(height));
        while nodes.len() > 1 {
            nodes = nodes
                .chunks(2)
                .map(|pair| parent(&pair[0], &pair[1]))
                .collect();
        }
        nodes[0]
    }

    #[test]
    fn missing_leaves_are_zero_and_missing_nodes_are_zero_subtrees() {
        assert_eq!(pad_hash(0), [0; 32]);
        assert_eq!(pad_hash(1), sha256(&[0; 64]));
        assert_eq!(pad_hash(2), parent(&pad_hash(1), &pad_hash(1)));
    }

    #[test]
    fn root_is_that_of_the_tree_written_out() {
        for count in 0..10 {
            for height in [0, 3] {
                for width in [1, 2, 4, 16, 32] {
                    let nodes = layer(count);
                    let whole = nodes.len().max(width).next_power_of_two();
                    assert_eq!(
                        root(&nodes, height, width),
                        naive_root(&nodes, height, whole)
                    );
                }
            }
        }
    }

    #[test]
    fn proofs_lead_to_the_root() {
        for count in 1..20_u8 {
            let nodes = layer(count);
            let width = nodes.len().next_power_of_two();
            let top = root(&nodes, 2, 1);
            let mut padded = nodes.clone();
            padded.resize(width, pad_hash(2));
            let mut length = 2;
            while length <= width {
                for index in (0..width).step_by(length) {
                    let uncles = proof(&nodes, 2, width, index, length, 40);
                    assert_eq!(uncles.len() as u32, (width / length).trailing_zeros());
                    let asked = &padded[index..index + length];
                    assert!(verify_proof(asked, index, &uncles, &top));
                    assert!(!verify_proof(asked, index + width, &uncles, &top));
                    assert!(!verify_proof(asked, index, &uncles, &[7; 32]));
                }
                length *= 2;
            }
        }
    }

    #[test]
    fn layers_that_the_reader_computes_are_counted_but_not_sent() {
        let nodes = layer(16);
        assert_eq!(proof(&nodes, 0, 16, 0, 4, 1).len(), 0);
        assert_eq!(proof(&nodes, 0, 16, 0, 4, 2).len(), 1);
        assert_eq!(proof(&nodes, 0, 16, 0, 4, 3).len(), 2);
        assert_eq!(proof(&nodes, 0, 16, 0, 4, 9).len(), 2);
    }

    #[test]
    fn broken_proof_shapes_are_refused() {
        let nodes = layer(3);
        assert!(!verify_proof(&nodes, 0, &[], &[0; 32]));
        assert!(!verify_proof(&[], 0, &[], &[0; 32]));
        assert!(!verify_proof(&layer(2), 1, &[], &root(&layer(2), 0, 2)));
    }
}
