//! Who is at our site: by the name of it where both have one, else by address, or as it was heard on the local network.

use std::net::IpAddr;

/// Where somebody is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Site {
    /// The name of the site, as it goes over the wire.
    pub label: Option<[u8; 8]>,
    /// The address of this end of the connection.
    pub ip: IpAddr,
}

impl Site {
    /// Whether both are at one site. Whoever was `heard` on our local network is. Addresses that are private, of the link
    /// or of the machine itself are; public ones are if they are of one /24 (IPv4) or /48 (IPv6).
    pub fn is_with(&self, other: &Self, heard: bool) -> bool {
        match (self.label, other.label) {
            (Some(ours), Some(theirs)) => ours == theirs,
            _ => heard || is_near(self.ip.to_canonical(), other.ip.to_canonical()),
        }
    }
}

fn is_near(ours: IpAddr, theirs: IpAddr) -> bool {
    match (ours, theirs) {
        (IpAddr::V4(ours), IpAddr::V4(theirs)) => {
            let inside = theirs.is_loopback() || theirs.is_private() || theirs.is_link_local();
            inside || ours.octets()[..3] == theirs.octets()[..3]
        }
        (IpAddr::V6(ours), IpAddr::V6(theirs)) => {
            let inside =
                theirs.is_loopback() || theirs.is_unique_local() || theirs.is_unicast_link_local();
            inside || ours.segments()[..3] == theirs.segments()[..3]
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ip: &str) -> Site {
        Site {
            label: None,
            ip: ip.parse().unwrap(),
        }
    }

    #[test]
    fn addresses_tell_the_site() {
        for (ours, theirs, with) in [
            ("127.0.0.1", "127.0.0.1", true),
            ("192.168.1.2", "10.0.0.7", true),
            ("203.0.113.4", "203.0.113.200", true),
            ("203.0.113.4", "203.0.114.4", false),
            ("2001:db8:1:2::1", "2001:db8:1:ffff::1", true),
            ("2001:db8:1::1", "2001:db8:2::1", false),
            ("fe80::1", "fe80::2", true),
            ("::ffff:203.0.113.4", "203.0.113.9", true),
            ("203.0.113.4", "2001:db8::1", false),
        ] {
            assert_eq!(
                at(ours).is_with(&at(theirs), false),
                with,
                "{ours} {theirs}"
            );
            assert!(at(ours).is_with(&at(theirs), true), "{ours} {theirs}");
        }
    }

    #[test]
    fn names_go_before_addresses() {
        let named = |label, ip| Site {
            label: Some([label; 8]),
            ..at(ip)
        };
        for heard in [false, true] {
            assert!(!named(1, "10.0.0.1").is_with(&named(2, "10.0.0.2"), heard));
            assert!(named(1, "203.0.113.4").is_with(&named(1, "198.51.100.9"), heard));
        }
        assert!(named(1, "10.0.0.1").is_with(&at("10.0.0.2"), false));
    }
}
