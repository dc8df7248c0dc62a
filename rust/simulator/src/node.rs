//! One machine of the simulated world: a real Swarm, two links, and what is measured of it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::{IpAddr, SocketAddr};

use p2pcore_protocol::{BlockSpan, Layout, Member};
use p2pcore_scheduling::{Swarm, SwarmConfig, UploaderPolicy};

use crate::event::{Nanos, PipeId};
use crate::scenario::{Conduct, Group, UNLIMITED};

/// A node. It exists from the start of the run, but takes part only while it is here.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) swarm: Swarm,
    pub(crate) group: usize,
    /// Where it listens.
    pub(crate) addr: SocketAddr,
    pub(crate) what: Group,
    pub(crate) state: State,
    pub(crate) joins_at: Nanos,
    /// The wake-up that counts; others are stale.
    pub(crate) tick_at: Option<Nanos>,
    /// Connections with something to send, in the order of their turns.
    pub(crate) ring: VecDeque<PipeId>,
    /// What is on the uplink, and when it will have crossed what lies between sites.
    pub(crate) sending: Option<(PipeId, BlockSpan, Nanos)>,
    /// When the downlink has taken all that reached it.
    pub(crate) down_free: Nanos,
    /// Every connection it ever had, by its own sending direction.
    pub(crate) pipes: Vec<PipeId>,
    /// Addresses told before it came.
    pub(crate) known: Vec<SocketAddr>,
    /// Peers that are interested in it, and since when there is any.
    pub(crate) wanted: (u32, Nanos),
    /// Corrupt blocks stored, by piece, each with its sender.
    pub(crate) corrupt: BTreeMap<u32, Vec<(BlockSpan, u32)>>,
    /// Pieces that are still to come and whose leaves it knows.
    pub(crate) leaves: BTreeSet<u32>,
    pub(crate) seen: Seen,
}

/// Whether a node takes part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Absent,
    Here,
    Gone,
}

/// What is measured of one node.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seen {
    pub(crate) first_piece: Option<Nanos>,
    pub(crate) completed: Option<Nanos>,
    pub(crate) left: Option<Nanos>,
    /// When it first kept back what it should have sent.
    pub(crate) stalled: Option<Nanos>,
    /// For how long somebody was interested, in all.
    pub(crate) wanted_for: Nanos,
    /// Payload that went over its uplink.
    pub(crate) sent: u64,
    /// Payload that its Swarm handed over.
    pub(crate) handed: u64,
    /// Payload received.
    pub(crate) received: u64,
    /// Payload received until the mark.
    pub(crate) received_at_mark: u64,
    /// Bytes of messages sent, with the headers of blocks.
    pub(crate) control: u64,
    /// Nodes that it banned.
    pub(crate) banned: Vec<u32>,
    /// Nodes that sent corrupt blocks of pieces that it checked.
    pub(crate) lied_to_by: BTreeSet<u32>,
}

impl Node {
    pub(crate) fn new(
        (number, seed): (u32, u64),
        (group, member): (usize, usize),
        what: Group,
        joins_at: Nanos,
        (config, layout): (SwarmConfig, &Layout),
    ) -> Self {
        let config = SwarmConfig {
            me: Member::of(&peer_id(number)),
            locality: true,
            ..config
        };
        let config = match what.conduct {
            _ if what.legacy => legacy(config),
            // It says all that it says that it has.
            Conduct::FakeHave | Conduct::SlowLoris => SwarmConfig {
                origin: false,
                ..config
            },
            _ => config,
        };
        let prefix = what
            .prefixes
            .map(|prefixes| member as u32 % prefixes.max(1));
        let seed = seed.wrapping_mul(1_000_003).wrapping_add(number.into());
        Self {
            swarm: Swarm::new(config, layout.clone(), seed),
            group,
            addr: address(number, prefix),
            what,
            state: State::Absent,
            joins_at,
            tick_at: None,
            ring: VecDeque::new(),
            sending: None,
            down_free: 0,
            pipes: Vec::new(),
            known: Vec::new(),
            wanted: (0, 0),
            corrupt: BTreeMap::new(),
            leaves: BTreeSet::new(),
            seen: Seen::default(),
        }
    }

    pub(crate) fn is_here(&self) -> bool {
        self.state == State::Here
    }
}

/// The time that so many bytes take at a rate.
pub(crate) fn transmission(bytes: u32, rate: u64) -> Nanos {
    if rate == UNLIMITED {
        return 0;
    }
    let nanos = u128::from(bytes) * 1_000_000_000 / u128::from(rate.max(1));
    u64::try_from(nanos).unwrap_or(u64::MAX / 4)
}

/// A client as most are: BEP 3 and nothing that came later.
fn legacy(config: SwarmConfig) -> SwarmConfig {
    SwarmConfig {
        uploader: UploaderPolicy::TitForTat,
        origin: false,
        locality: false,
        ..config
    }
}

/// Where a node listens: at a private host of its own, or among the hosts of a prefix, which share ports.
fn address(node: u32, prefix: Option<u32>) -> SocketAddr {
    let [_, high, middle, low] = node.to_be_bytes();
    match prefix.map(u32::to_be_bytes) {
        None => SocketAddr::from(([PRIVATE, high, middle, low], LISTENING)),
        Some([.., prefix_high, prefix_low]) => {
            let port = LISTENING + u16::from_be_bytes([high, middle]);
            SocketAddr::from(([OPEN, prefix_high, prefix_low, low], port))
        }
    }
}

/// The first bytes of the addresses.
const PRIVATE: u8 = 10;
const OPEN: u8 = 11;
/// Nodes of prefixes tell themselves apart by their ports, too, below those that are dialled from.
const LISTENING: u16 = 6_881;
const DIALLING: u16 = 36_000;

/// Where a connection that a node dialled comes from.
pub(crate) fn dialled_from(mut addr: SocketAddr) -> SocketAddr {
    addr.set_port(addr.port() - LISTENING + DIALLING);
    addr
}

/// Whose address it is.
pub(crate) fn node_at(addr: SocketAddr) -> u32 {
    let port = addr.port();
    let first = if port < DIALLING { LISTENING } else { DIALLING };
    match addr.ip() {
        IpAddr::V4(ip) if ip.octets()[0] == PRIVATE => u32::from(ip) & 0x00ff_ffff,
        IpAddr::V4(ip) => u32::from(port - first) << 8 | u32::from(ip.octets()[3]),
        IpAddr::V6(_) => u32::MAX,
    }
}

/// A peer id that is its node's own.
pub(crate) fn peer_id(node: u32) -> [u8; 20] {
    let mut id = *b"-P20000-node00000000";
    id[16..].copy_from_slice(&node.to_be_bytes());
    id
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_name_their_nodes() {
        for node in [0, 1, 255, 256, 100_000] {
            for prefix in [None, Some(0), Some(700)] {
                let addr = address(node, prefix);
                assert_eq!(node_at(addr), node);
                assert_eq!(node_at(dialled_from(addr)), node);
            }
        }
    }

    #[test]
    fn transmission_follows_the_rate() {
        assert_eq!(transmission(16_384, 16_384), 1_000_000_000);
        assert_eq!(transmission(16_384, UNLIMITED), 0);
    }
}
