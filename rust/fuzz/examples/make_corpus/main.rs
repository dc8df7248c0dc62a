//! Writes the hand-made part of the corpus: `cargo run -p p2pcore-fuzz --example make_corpus`.
//!
//! Files that it does not know (finds of libFuzzer) stay as they are. The same program writes the same bytes.

mod bencode;
mod lsd;
mod magnet;
mod metainfo;
mod peer;
mod picker;
mod swarm;
mod uploader;
mod wire;

use p2pcore_fuzz::corpus::folder;
use p2pcore_fuzz::mutate::Random;

/// A file's name and bytes.
type Made = (&'static str, Vec<u8>);

fn main() -> std::io::Result<()> {
    let targets = [
        ("bencode", bencode::files()),
        ("lsd", lsd::files()),
        ("magnet", magnet::files()),
        ("metainfo", metainfo::files()),
        ("peer", peer::files()),
        ("picker", picker::files()),
        ("swarm", swarm::files()),
        ("uploader", uploader::files()),
        ("wire", wire::files()),
    ];
    for (target, files) in targets {
        std::fs::create_dir_all(folder(target))?;
        for (name, data) in files {
            std::fs::write(folder(target).join(name), data)?;
        }
    }
    Ok(())
}

/// A script that begins like this and goes on with anything.
fn noise(start: &[u8], seed: u64) -> Vec<u8> {
    let mut random = Random::new(seed * 0x9e37_79b9);
    let tail = (0..600).map(|_| random.below(256) as u8);
    start.iter().copied().chain(tail).collect()
}
