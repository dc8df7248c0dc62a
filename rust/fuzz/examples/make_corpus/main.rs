//! Writes the hand-made part of the corpus: `cargo run -p p2pcore-fuzz --example make_corpus`.
//!
//! Files that it does not know (finds of libFuzzer) stay as they are. The same program writes the same bytes.

mod bencode;
mod magnet;
mod metainfo;
mod swarm;
mod wire;

use p2pcore_fuzz::corpus::folder;

/// A file's name and bytes.
type Made = (&'static str, Vec<u8>);

fn main() -> std::io::Result<()> {
    let targets = [
        ("bencode", bencode::files()),
        ("magnet", magnet::files()),
        ("metainfo", metainfo::files()),
        ("swarm", swarm::files()),
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
