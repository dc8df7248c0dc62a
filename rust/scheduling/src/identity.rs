//! Who a peer is when shares are counted: what an address costs to have, not what it says of itself.
//!
//! One host on the open Internet has a whole /24 or /56 for little, so such a prefix counts as one. On private ranges
//! every host is somebody: whoever could forge one there stands in the room already.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

use crate::input::PeerKey;

/// A peer, or all peers behind one prefix. Ordered and small: a key of tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Identity {
    /// A host of a private, link-local or loopback range.
    Host(IpAddr),
    /// An IPv4 /24 of the open Internet.
    V4([u8; 3]),
    /// An IPv6 /56 of the open Internet.
    V6([u8; 7]),
}

impl Identity {
    /// The identity behind an address. An IPv4 address mapped into IPv6 is that IPv4 address.
    pub fn of(addr: IpAddr) -> Self {
        match addr.to_canonical() {
            IpAddr::V4(v4) if v4.is_private() || v4.is_link_local() || v4.is_loopback() => {
                Self::Host(IpAddr::V4(v4))
            }
            IpAddr::V6(v6)
                if v6.is_unique_local() || v6.is_unicast_link_local() || v6.is_loopback() =>
            {
                Self::Host(IpAddr::V6(v6))
            }
            IpAddr::V4(v4) => {
                let [a, b, c, _] = v4.octets();
                Self::V4([a, b, c])
            }
            IpAddr::V6(v6) => {
                let mut prefix = [0; 7];
                prefix.copy_from_slice(&v6.octets()[..7]);
                Self::V6(prefix)
            }
        }
    }

    /// It stands for one host, not for all behind a prefix.
    pub fn is_host(self) -> bool {
        matches!(self, Self::Host(_))
    }
}

/// Whose share a peer's is: all behind one prefix of the open Internet share one, and a private host has one for each
/// connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Account(Identity, Option<PeerKey>);

impl Account {
    pub(crate) fn of(identity: Identity, peer: PeerKey) -> Self {
        Self(identity, identity.is_host().then_some(peer))
    }

    /// A peer of it that comes again has it again.
    pub(crate) fn outlasts_connections(self) -> bool {
        self.1.is_none()
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host(addr) => addr.fmt(f),
            Self::V4([a, b, c]) => write!(f, "{a}.{b}.{c}.0/24"),
            Self::V6(prefix) => {
                let mut octets = [0; 16];
                octets[..7].copy_from_slice(prefix);
                write!(f, "{}/56", Ipv6Addr::from(octets))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_is_one_and_a_private_host_is_one() {
        let text = |addr: &str| Identity::of(addr.parse().unwrap()).to_string();
        assert_eq!(text("203.0.113.7"), "203.0.113.0/24");
        assert_eq!(text("::ffff:203.0.113.9"), "203.0.113.0/24");
        assert_eq!(text("2001:db8:1:2ff::7"), "2001:db8:1:200::/56");
        assert_eq!(text("192.168.1.5"), "192.168.1.5");
        assert_eq!(text("fd00::5"), "fd00::5");
        assert_eq!(text("::1"), "::1");
        assert!(Identity::of("10.0.0.1".parse().unwrap()).is_host());
        assert!(!Identity::of("8.8.8.8".parse().unwrap()).is_host());
    }
}
