//! Nodes of Merkle trees: SHA-256 of 64 bytes each.
//!
//! Such a message is one block, and then one of padding, the same for every node: the kernels have its schedule worked
//! out in advance.

use crate::backend::Backend;
use crate::digest::{Sha256Digest, sha256};
use crate::lanes::{BLOCK, LANES};
use crate::many::bytes;
use crate::processor;

/// The node above each pair of siblings.
pub fn merkle_reduce(pairs: &[[Sha256Digest; 2]]) -> Vec<Sha256Digest> {
    merkle_reduce_with(Backend::best(), pairs)
}

/// The same on a given backend, for tests and measurements. One that this processor lacks is replaced by the portable
/// one.
pub fn merkle_reduce_with(backend: Backend, pairs: &[[Sha256Digest; 2]]) -> Vec<Sha256Digest> {
    let mut nodes = Vec::with_capacity(pairs.len());
    // Idle lanes hold anything, and nobody looks at what they become.
    let (mut data, mut states) = ([&[0; BLOCK][..]; LANES], [[0; 8]; LANES]);
    for kernels in processor::kernels(backend.or_portable()) {
        let kernel = &kernels.node;
        while pairs.len() - nodes.len() >= kernel.worth {
            let now = pairs[nodes.len()..].iter().take(kernel.lanes);
            let count = now.len();
            for (data, pair) in data.iter_mut().zip(now) {
                *data = pair.as_flattened();
            }
            (kernel.run)(&mut states[..kernel.lanes], &data[..kernel.lanes], 1);
            nodes.extend(states[..count].iter().map(|state| bytes(*state)));
        }
    }
    let rest = pairs[nodes.len()..].iter();
    nodes.extend(rest.map(|pair| sha256(pair.as_flattened())));
    nodes
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn nodes_are_digests_of_their_pairs(pairs in prop::collection::vec(any::<[Sha256Digest; 2]>(), 0..70)) {
            let expected: Vec<_> = pairs.iter().map(|pair| sha256(pair.as_flattened())).collect();
            for backend in Backend::ALL.into_iter().filter(|backend| backend.is_available()) {
                prop_assert_eq!(&merkle_reduce_with(backend, &pairs), &expected, "{:?}", backend);
            }
        }
    }
}
