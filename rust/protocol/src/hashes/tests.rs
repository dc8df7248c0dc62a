//! Tests of hash requests against trees written out in full.

use p2pcore_hashing::sha256;

use super::*;
use crate::bencode::Item;

const PIECE: u32 = 64 * 1024;
const LOWEST: u32 = 2;

/// A v2 torrent of one file for each count of pieces, with made-up piece hashes; equal counts are identical files.
fn torrent(counts: &[u32], with_layers: bool) -> Arc<Metainfo> {
    let layers: Vec<_> = counts.iter().map(|&count| layer(count)).collect();
    let roots: Vec<_> = layers
        .iter()
        .map(|layer| merkle::root(layer, LOWEST, 1))
        .collect();
    torrent_of(counts, &roots, if with_layers { &layers } else { &[] })
}

fn torrent_of(
    counts: &[u32],
    roots: &[Sha256Digest],
    layers: &[Vec<Sha256Digest>],
) -> Arc<Metainfo> {
    let lengths: Vec<u32> = counts.iter().map(|count| count * PIECE - 5).collect();
    torrent_of_lengths(&lengths, roots, layers)
}

fn torrent_of_lengths(
    lengths: &[u32],
    roots: &[Sha256Digest],
    layers: &[Vec<Sha256Digest>],
) -> Arc<Metainfo> {
    let files = lengths
        .iter()
        .zip(roots)
        .enumerate()
        .map(|(number, (&length, root))| {
            let length = i64::from(length);
            let leaf = Item::dict([
                ("length", Item::from(length)),
                ("pieces root", Item::from(&root[..])),
            ]);
            (format!("file {number:02}"), Item::dict([("", leaf)]))
        });
    let info = Item::dict([
        ("file tree", Item::dict(files)),
        ("meta version", Item::from(2_i64)),
        ("name", Item::from("folder")),
        ("piece length", Item::from(PIECE)),
    ]);
    let layers = roots
        .iter()
        .zip(layers)
        .map(|(root, layer)| (root, Item::from(layer.as_flattened())));
    let whole = Item::dict([("info", info), ("piece layers", Item::dict(layers))]);
    Arc::new(Metainfo::parse(&whole.to_bytes()).unwrap())
}

fn layer(count: u32) -> Vec<Sha256Digest> {
    (0..count)
        .map(|number| sha256(&number.to_be_bytes()))
        .collect()
}

/// All layers from the piece layer to the root, padding and all.
fn tree(count: u32) -> Vec<Vec<Sha256Digest>> {
    let mut nodes = layer(count);
    nodes.resize(nodes.len().next_power_of_two(), merkle::pad_hash(LOWEST));
    let mut layers = vec![nodes];
    while let Some(below) = layers.last().filter(|layer| layer.len() > 1) {
        let above = below
            .chunks(2)
            .map(|pair| merkle::parent(&pair[0], &pair[1]))
            .collect();
        layers.push(above);
    }
    layers
}

fn root_of(count: u32) -> Sha256Digest {
    merkle::root(&layer(count), LOWEST, 1)
}

fn request(count: u32, level: u32, index: u32, length: u32, proof_layers: u32) -> HashRequest {
    let base_layer = LOWEST + level;
    HashRequest {
        pieces_root: root_of(count),
        base_layer,
        index,
        length,
        proof_layers,
    }
}

const FILE: FileIndex = FileIndex::new(0);

#[test]
fn every_sound_request_is_answered_with_the_nodes_of_the_tree() {
    for count in [2, 3, 5, 8, 17, 40] {
        let mut trees = HashTrees::new(torrent(&[count], true));
        let tree = tree(count);
        let depth = tree.len() as u32 - 1;
        for level in 0..depth {
            let width = 1 << (depth - level);
            for length in (0..=depth - level).map(|power| 1_u32 << power) {
                for index in (0..width).step_by(length as usize) {
                    for proof in 0..depth - level {
                        let answer = trees.answer(&request(count, level, index, length, proof));
                        let nodes = &tree[level as usize];
                        let mut expected =
                            nodes[index as usize..(index + length) as usize].to_vec();
                        for up in length.ilog2()..=proof {
                            let sibling = (index >> up) ^ 1;
                            expected.push(tree[(level + up) as usize][sibling as usize]);
                        }
                        assert_eq!(
                            answer,
                            Ok(expected),
                            "{count} {level} {index} {length} {proof}"
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn a_whole_piece_layer_is_fetched_by_requests() {
    for count in [2, 3, 511, 512, 513, 1024, 1500] {
        let mut seed = HashTrees::new(torrent(&[1, count], true));
        let leech = HashTrees::new(torrent(&[1, count], false));
        let file = FileIndex::new(1);
        let mut fetched = Vec::new();
        for request in leech.requests(file) {
            assert!(request.length >= 2 && request.index % request.length == 0);
            let answer = seed.answer(&request).unwrap();
            let proven = leech.verify(&request, &answer).unwrap();
            assert_eq!(proven.len(), 1);
            assert_eq!(proven[0].file, file);
            assert_eq!(proven[0].first, PieceIndex::new(1 + fetched.len() as u32));
            fetched.extend_from_slice(&proven[0].hashes);
        }
        assert_eq!(fetched, layer(count));
        assert_eq!(leech.requests(FILE).count(), 0);
        assert_eq!(leech.requests(FileIndex::new(9)).count(), 0);
    }
}

#[test]
fn identical_files_are_proven_together() {
    let trees = HashTrees::new(torrent(&[3, 5, 3], false));
    let mut seed = HashTrees::new(torrent(&[3, 5, 3], true));
    let request = trees.requests(FILE).next().unwrap();
    let proven = trees
        .verify(&request, &seed.answer(&request).unwrap())
        .unwrap();
    let places: Vec<_> = proven
        .iter()
        .map(|part| (part.file.get(), part.first.get()))
        .collect();
    assert_eq!(places, [(0, 0), (2, 8)]);
    assert!(proven.iter().all(|part| part.hashes == layer(3)));
}

#[test]
fn unsound_requests_are_rejected() {
    let mut trees = HashTrees::new(torrent(&[5, 1], true));
    let good = request(5, 0, 4, 2, 2);
    assert!(trees.answer(&good).is_ok());
    for length in [0, 3, 1024, 1 << 31] {
        let bad = HashRequest {
            length,
            ..good.clone()
        };
        assert_eq!(trees.answer(&bad), Err(HashError::Count(length)));
    }
    for (index, length) in [(1, 2), (8, 2), (4, 8), (0, 16), (u32::MAX - 1, 2)] {
        let bad = HashRequest {
            index,
            length,
            ..good.clone()
        };
        assert_eq!(
            trees.answer(&bad),
            Err(HashError::Range {
                index,
                length,
                width: 8
            })
        );
    }
    for layer in [0, LOWEST - 1, LOWEST + 3, u32::MAX] {
        let bad = HashRequest {
            base_layer: layer,
            ..good.clone()
        };
        let expected = HashError::Layer {
            layer,
            lowest: LOWEST,
            highest: LOWEST + 2,
        };
        assert_eq!(trees.answer(&bad), Err(expected));
    }
    for found in [3, u32::MAX] {
        let bad = HashRequest {
            proof_layers: found,
            ..good.clone()
        };
        assert_eq!(
            trees.answer(&bad),
            Err(HashError::Proof { found, layers: 3 })
        );
    }
    for pieces_root in [[0; 32], root_of(1)] {
        let bad = HashRequest {
            pieces_root,
            ..good.clone()
        };
        assert_eq!(trees.answer(&bad), Err(HashError::UnknownRoot));
    }
}

#[test]
fn nothing_is_served_without_piece_layers() {
    let mut trees = HashTrees::new(torrent(&[5], false));
    assert_eq!(
        trees.answer(&request(5, 0, 0, 2, 2)),
        Err(HashError::Missing)
    );
}

#[test]
fn answers_that_do_not_fit_are_refused() {
    let trees = HashTrees::new(torrent(&[600], false));
    let mut seed = HashTrees::new(torrent(&[600], true));
    let asked = trees.requests(FILE).nth(1).unwrap();
    let answer = seed.answer(&asked).unwrap();
    assert_eq!(answer.len(), 513);
    for at in [0, 88, 511, 512] {
        let mut forged = answer.clone();
        forged[at][7] ^= 1;
        assert_eq!(trees.verify(&asked, &forged), Err(HashError::AnswerRoot));
    }
    for found in [0, 1, 511, 512] {
        let expected = Err(HashError::AnswerSize {
            found,
            expected: 513,
        });
        assert_eq!(trees.verify(&asked, &answer[..found]), expected);
    }
    let mut long = answer.clone();
    long.push([0; 32]);
    assert!(trees.verify(&asked, &long).is_err());
    let first = HashRequest {
        index: 0,
        ..asked.clone()
    };
    assert_eq!(trees.verify(&first, &answer), Err(HashError::AnswerRoot));
}

#[test]
fn an_answer_without_full_proof_proves_nothing() {
    let trees = HashTrees::new(torrent(&[600], false));
    let mut seed = HashTrees::new(torrent(&[600], true));
    let short = request(600, 0, 0, 512, 8);
    let answer = seed.answer(&short).unwrap();
    assert_eq!(
        trees.verify(&short, &answer),
        Err(HashError::Proof {
            found: 8,
            layers: 10
        })
    );
    let upper = request(600, 1, 0, 512, 8);
    let answer = seed.answer(&upper).unwrap();
    assert!(matches!(
        trees.verify(&upper, &answer),
        Err(HashError::Layer { .. })
    ));
}

#[test]
fn data_after_the_last_piece_of_a_tree_is_refused() {
    let nodes = [layer(3), vec![[9; 32]]].concat();
    let root = merkle::root(&nodes, LOWEST, 1);
    let trees = HashTrees::new(torrent_of(&[3], &[root], &[]));
    let asked = trees.requests(FILE).next().unwrap();
    assert_eq!(trees.verify(&asked, &nodes), Err(HashError::AnswerPadding));
}

/// The leaves of each piece of a file, the last of which has one block, and the piece layer over them.
fn leaves(pieces: u32) -> (Vec<Vec<Sha256Digest>>, Vec<Sha256Digest>) {
    let leaf =
        |piece: u32, block: u32| sha256(&[piece.to_be_bytes(), block.to_be_bytes()].concat());
    let blocks = |piece| if piece + 1 < pieces { 4 } else { 1 };
    let leaves: Vec<Vec<_>> = (0..pieces)
        .map(|piece| (0..blocks(piece)).map(|block| leaf(piece, block)).collect())
        .collect();
    let layer = leaves.iter().map(|leaves| merkle::root(leaves, 0, 4));
    (leaves.clone(), layer.collect())
}

/// A file of so many pieces, the last of one block, behind another.
fn torrent_with_leaves(pieces: u32) -> (Arc<Metainfo>, Vec<Vec<Sha256Digest>>) {
    let (leaves, layer) = leaves(pieces);
    let root = merkle::root(&layer, LOWEST, 1);
    let length = (pieces - 1) * PIECE + 100;
    let layers = [self::layer(4), layer];
    let meta = torrent_of_lengths(&[200_000, length], &[root_of(4), root], &layers);
    (meta, leaves)
}

#[test]
fn the_leaves_of_each_piece_are_asked_for_answered_and_proven() {
    let (meta, leaves) = torrent_with_leaves(5);
    let mut seed = HashTrees::new(Arc::clone(&meta));
    let leech = HashTrees::new(meta);
    for (number, leaves) in (4..).zip(&leaves) {
        let piece = PieceIndex::new(number);
        let request = leech.leaf_request(piece).unwrap();
        assert_eq!((request.base_layer, request.length), (0, 4));
        assert_eq!(seed.pieces_of_leaves(&request), Ok(vec![piece]));
        let answer = seed.answer_leaves(&request, leaves).unwrap();
        assert_eq!(leech.verify_leaves(piece, &answer).as_ref(), Ok(leaves));
        let mut forged = answer.clone();
        forged[3][7] ^= 1;
        let refused = leech.verify_leaves(piece, &forged);
        assert_eq!(refused, Err(HashError::AnswerRoot));
        assert!(leech.verify_leaves(piece, &answer[..3]).is_err());
    }
    assert_eq!(leech.leaf_request(PieceIndex::new(9)), None);
}

#[test]
fn leaves_come_with_as_many_uncles_as_are_asked_for() {
    let (meta, leaves) = torrent_with_leaves(5);
    let layer: Vec<_> = leaves
        .iter()
        .map(|leaves| merkle::root(leaves, 0, 4))
        .collect();
    let root = merkle::root(&layer, LOWEST, 1);
    let mut seed = HashTrees::new(meta);
    for (proof_layers, uncles) in [(0, 0), (1, 0), (2, 1), (3, 2), (4, 3)] {
        let request = HashRequest {
            pieces_root: root,
            base_layer: 0,
            index: 8,
            length: 4,
            proof_layers,
        };
        let answer = seed.answer_leaves(&request, &leaves[2]).unwrap();
        assert_eq!(answer.len(), 4 + uncles);
        let proven = merkle::verify_proof(&answer[..4], 8, &answer[4..], &root);
        assert_eq!(proven, uncles == 3);
    }
}

#[test]
fn unsound_requests_for_leaves_are_rejected() {
    let (meta, leaves) = torrent_with_leaves(5);
    let layer: Vec<_> = leaves
        .iter()
        .map(|leaves| merkle::root(leaves, 0, 4))
        .collect();
    let trees = HashTrees::new(meta);
    let good = HashRequest {
        pieces_root: merkle::root(&layer, LOWEST, 1),
        base_layer: 0,
        index: 4,
        length: 4,
        proof_layers: 0,
    };
    assert_eq!(trees.pieces_of_leaves(&good), Ok(vec![PieceIndex::new(5)]));
    let bad = [
        HashRequest {
            base_layer: 1,
            ..good.clone()
        },
        HashRequest {
            length: 2,
            ..good.clone()
        },
        HashRequest {
            length: 1 << 31,
            ..good.clone()
        },
        HashRequest {
            index: 6,
            ..good.clone()
        },
        HashRequest {
            index: 20,
            ..good.clone()
        },
        HashRequest {
            proof_layers: 5,
            ..good.clone()
        },
        HashRequest {
            pieces_root: [0; 32],
            ..good
        },
    ];
    for request in bad {
        assert!(trees.pieces_of_leaves(&request).is_err(), "{request:?}");
    }
}

#[test]
fn a_leaf_of_data_behind_the_end_of_a_file_is_refused() {
    let nodes: Vec<_> = (0_u32..4)
        .map(|number| sha256(&number.to_be_bytes()))
        .collect();
    let layer = vec![merkle::root(&nodes, 0, 4), merkle::root(&nodes, 0, 4)];
    let root = merkle::root(&layer, LOWEST, 1);
    let meta = torrent_of_lengths(&[PIECE + 100], &[root], &[layer]);
    let trees = HashTrees::new(meta);
    assert_eq!(
        trees.verify_leaves(PieceIndex::new(0), &nodes),
        Ok(nodes.clone())
    );
    let refused = trees.verify_leaves(PieceIndex::new(1), &nodes);
    assert_eq!(refused, Err(HashError::AnswerPadding));
}
