//! Magnet links (BEP 9, BEP 53): parsing and building.

use std::net::SocketAddr;

/// What a magnet link says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Magnet {
    /// `xt=urn:btih:`
    pub info_hash_v1: Option<[u8; 20]>,
    /// `xt=urn:btmh:1220`
    pub info_hash_v2: Option<[u8; 32]>,
    /// `dn`
    pub name: Option<String>,
    /// `xl`: bytes of all files.
    pub length: Option<u64>,
    /// `tr`
    pub trackers: Vec<String>,
    /// `ws`
    pub web_seeds: Vec<String>,
    /// `x.pe`: addresses of peers; host names are kept apart in `peer_names`.
    pub peers: Vec<SocketAddr>,
    /// `x.pe` with a host name instead of an address, as `host:port`.
    pub peer_names: Vec<String>,
    /// `so`: the files wanted, as inclusive ranges of indices; empty: all.
    pub select: Vec<(u32, u32)>,
}
