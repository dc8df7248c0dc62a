//! Fuzz targets: for each parser of bytes from outside, one function that feeds it and checks what must always hold; for
//! the Swarm and its parts, one that takes the bytes as a script of what happens.
//!
//! A target takes any bytes, panics where an invariant breaks, and otherwise says whether the bytes were accepted. The
//! same functions run in two places: `tests/replay.rs` feeds them the corpus and a few thousand mutations of each file
//! in every test run, and `cargo-fuzz/` feeds them what libFuzzer finds (`make fuzz`). Corpus files named `good-*` must
//! be accepted, `bad-*` refused; `examples/make_corpus.rs` writes them.

#![forbid(unsafe_code)]

mod bencode;
pub mod corpus;
mod lsd;
mod magnet;
mod metainfo;
pub mod mutate;
mod peer;
mod picker;
mod script;
mod swarm;
mod uploader;
mod wire;

pub use bencode::bencode;
pub use lsd::lsd;
pub use magnet::magnet;
pub use metainfo::metainfo;
pub use peer::peer;
pub use picker::picker;
pub use swarm::swarm;
pub use uploader::uploader;
pub use wire::wire;

/// A target: whether it accepted the bytes.
pub type Target = fn(&[u8]) -> bool;

/// Every target with its name, which is also the name of its corpus folder.
pub const TARGETS: &[(&str, Target)] = &[
    ("bencode", bencode),
    ("lsd", lsd),
    ("magnet", magnet),
    ("metainfo", metainfo),
    ("peer", peer),
    ("picker", picker),
    ("swarm", swarm),
    ("uploader", uploader),
    ("wire", wire),
];

/// Those that take a script: they parse nothing, and keep state for what happens, whatever the bytes are.
pub const SCRIPTED: &[&str] = &["peer", "picker", "swarm", "uploader"];
