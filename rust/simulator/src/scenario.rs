//! What is simulated: a torrent, groups of nodes, and the network between them. Plain values; nothing here runs.

use std::borrow::Cow;
use std::time::Duration;

use p2pcore_protocol::Layout;
use p2pcore_protocol::layout::Span;
use p2pcore_scheduling::{SwarmConfig, UploaderPolicy};

/// Uplink, downlink and link rates are bytes per second. This one takes no time at all.
pub const UNLIMITED: u64 = u64::MAX;

/// A swarm to simulate. Start from [`Scenario::new`] or [`Scenario::flash_crowd`] and change what differs.
#[derive(Debug, Clone, PartialEq)]
pub struct Scenario {
    /// Pieces of the torrent.
    pub pieces: u32,
    /// Bytes of each piece.
    pub piece_length: u32,
    /// Who takes part. Nodes are numbered in this order; the first group is the origin.
    pub groups: Vec<Group>,
    /// What lies between them.
    pub network: Network,
    /// Mean number of neighbours in the random graph.
    pub degree: usize,
    /// What each Swarm is started with.
    pub config: SwarmConfig,
    /// From a piece's last block until it can be served.
    pub check: Duration,
    /// Peers ask each other for the leaves of pieces (v2, hybrid): blocks go on one by one, and corrupt ones are found at
    /// once. Otherwise (v1) pieces go on, and are found corrupt, as a whole.
    pub leaves_known: bool,
    /// What the sending side of one connection holds.
    pub send_queue: SendQueue,
    /// When to give up.
    pub limit: Duration,
    /// From when on [`Report::late_rate`](crate::Report::late_rate) is measured.
    pub mark: Duration,
}

/// The buffers between a Swarm and the wire, for one connection. The defaults are the engine's and a usual socket's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SendQueue {
    /// Payload bytes that the Swarm may have handed over and the writer has not yet taken.
    pub room: u32,
    /// Blocks that the writer takes at once; the Swarm hears of room when they are in the socket.
    pub batch: usize,
    /// Bytes that the socket's send buffer takes.
    pub socket: u32,
}

impl Default for SendQueue {
    fn default() -> Self {
        Self {
            room: 1 << 20,
            batch: 32,
            socket: 128 << 10,
        }
    }
}

/// Nodes of one kind.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    /// What the report calls them.
    pub class: Cow<'static, str>,
    /// How many.
    pub count: usize,
    /// Uplink of each.
    pub up: u64,
    /// Downlink of each.
    pub down: u64,
    /// Where they are, see [`Network`].
    pub site: u8,
    /// They have every piece from the start.
    pub complete: bool,
    /// How they treat others.
    pub conduct: Conduct,
    /// When they come.
    pub joins: Joins,
    /// When they go.
    pub leaves: Leaves,
    /// Who can dial them.
    pub reach: Reach,
    /// Nodes that each makes itself known to, if not half of the scenario's degree.
    pub view: Option<usize>,
    /// Their addresses are of so many prefixes (/24) of the open Internet. None: each has a private address of its own,
    /// which counts as a peer of its own.
    pub prefixes: Option<u32>,
    /// They are usual clients: tit-for-tat of 4 + 1 slots, no fast extension (BEP 6), no origin mode.
    pub legacy: bool,
    /// The run lasts until they are done, and the report's times are theirs.
    pub counted: bool,
}

/// How a node treats others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conduct {
    /// As the Swarm says.
    Honest,
    /// Never unchokes anybody.
    FreeRider,
    /// Takes requests and never answers one. With everything from the start it announces all of it.
    SlowLoris,
    /// The same, but as the only source would: it announces piece after piece.
    HiddenLoris,
    /// Sends this many bytes and from then on nothing.
    StallsAfter(u64),
    /// Everything it sends is corrupt.
    Liar,
    /// Refuses every request: with everything from the start, it announces what it does not give.
    FakeHave,
}

/// Who can dial a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Everybody.
    Open,
    /// Whom it dials at the same time: its firewall opens for an address that it sends to, and its own address is the same
    /// to everybody.
    Punchable,
    /// Nobody: its firewall opens for the one connection, or its port is another to everybody (symmetric NAT).
    Firewalled,
}

/// When the nodes of a group come.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Joins {
    /// All at this time.
    At(Duration),
    /// At random times within this time from the start.
    Within(Duration),
    /// So many a second, at random, from the start.
    Poisson(f64),
}

/// When a node goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leaves {
    /// Never.
    Never,
    /// As soon as it has everything.
    Complete,
    /// As soon as it has everything and passed on one more piece that somebody wanted.
    Lingered,
    /// As soon as its uplink has sent so many bytes of payload.
    Sent(u64),
    /// At a random time within this time from its coming, done or not.
    Within(Duration),
}

/// What lies between nodes.
#[derive(Debug, Clone, PartialEq)]
pub struct Network {
    /// Delay of one way within a site.
    pub delay: Duration,
    /// Delay of one way between sites.
    pub far_delay: Duration,
    /// The delay of a connection differs from that by up to this share, once for all.
    pub spread: f64,
    /// Each message takes up to this share longer than the connection's delay. None overtakes another.
    pub jitter: f64,
    /// Rate of the link from one site to another, each way its own; none: no limit.
    pub site_link: Option<u64>,
}

impl Default for Network {
    fn default() -> Self {
        let delay = Duration::from_millis(25);
        Self {
            delay,
            far_delay: delay,
            spread: 0.2,
            jitter: 0.02,
            site_link: None,
        }
    }
}

/// The uplink of a usual node.
pub const UP: u64 = 2_500_000;
/// The downlink of a usual node.
pub const DOWN: u64 = 10_000_000;

impl Group {
    /// Honest nodes with nothing, there from the start and to stay, on usual links.
    pub fn new(class: impl Into<Cow<'static, str>>, count: usize) -> Self {
        Self {
            class: class.into(),
            count,
            up: UP,
            down: DOWN,
            site: 0,
            complete: false,
            conduct: Conduct::Honest,
            joins: Joins::At(Duration::ZERO),
            leaves: Leaves::Never,
            reach: Reach::Open,
            view: None,
            prefixes: None,
            legacy: false,
            counted: true,
        }
    }

    /// One honest node that has everything.
    pub fn origin() -> Self {
        Self::new("origin", 1).with_everything()
    }

    /// The same with other link rates.
    #[must_use]
    pub fn links(mut self, up: u64, down: u64) -> Self {
        (self.up, self.down) = (up, down);
        self
    }

    /// The same at another site.
    #[must_use]
    pub fn at_site(mut self, site: u8) -> Self {
        self.site = site;
        self
    }

    /// The same with every piece from the start.
    #[must_use]
    pub fn with_everything(mut self) -> Self {
        self.complete = true;
        self.counted = false;
        self
    }

    /// The same with another conduct. Whoever does not serve honestly, except free riders, is not waited for.
    #[must_use]
    pub fn conduct(mut self, conduct: Conduct) -> Self {
        self.conduct = conduct;
        self.counted &= matches!(conduct, Conduct::Honest | Conduct::FreeRider);
        self
    }

    /// The same, coming at another time.
    #[must_use]
    pub fn joins(mut self, joins: Joins) -> Self {
        self.joins = joins;
        self
    }

    /// The same, going some time.
    #[must_use]
    pub fn leaves(mut self, leaves: Leaves) -> Self {
        self.leaves = leaves;
        self
    }

    /// The same, making themselves known to so many.
    #[must_use]
    pub fn view(mut self, nodes: usize) -> Self {
        self.view = Some(nodes);
        self
    }

    /// The same with addresses of so many prefixes.
    #[must_use]
    pub fn prefixes(mut self, prefixes: u32) -> Self {
        self.prefixes = Some(prefixes);
        self
    }

    /// The same as usual clients.
    #[must_use]
    pub fn legacy(mut self) -> Self {
        self.legacy = true;
        self
    }

    /// The same behind a firewall.
    #[must_use]
    pub fn firewalled(mut self) -> Self {
        self.reach = Reach::Firewalled;
        self
    }

    /// The same behind a firewall that opens for whom they dial.
    #[must_use]
    pub fn punchable(mut self) -> Self {
        self.reach = Reach::Punchable;
        self
    }
}

impl Scenario {
    /// A torrent of `pieces` times 256 KiB, the usual network, and nobody.
    pub fn new(pieces: u32) -> Self {
        Self {
            pieces,
            piece_length: 256 << 10,
            groups: Vec::new(),
            network: Network::default(),
            degree: 40,
            config: SwarmConfig::default(),
            check: Duration::from_millis(2),
            leaves_known: true,
            send_queue: SendQueue::default(),
            limit: Duration::from_mins(20),
            mark: Duration::from_secs(3),
        }
    }

    /// One origin and `peers` that have nothing, all there from the start.
    pub fn flash_crowd(peers: usize, pieces: u32) -> Self {
        Self::new(pieces)
            .group(Group::origin())
            .group(Group::new("peer", peers))
    }

    /// The same with one more group.
    #[must_use]
    pub fn group(mut self, group: Group) -> Self {
        self.groups.push(group);
        self
    }

    /// The same on another network.
    #[must_use]
    pub fn network(mut self, network: Network) -> Self {
        self.network = network;
        self
    }

    /// The same with pieces of another length.
    #[must_use]
    pub fn piece_length(mut self, bytes: u32) -> Self {
        self.piece_length = bytes;
        self
    }

    /// The same in pieces of so many times fewer blocks and on links that are as much slower: each piece takes as long as
    /// before in fewer events. For crowds that are too large for every block. With four blocks to a piece the figures
    /// are up to 5 % worse than with sixteen; with fewer than four the scheduler's least windows, which are counted in
    /// blocks, are too large a part of a piece.
    #[must_use]
    pub fn coarser(mut self, times: u32) -> Self {
        let slower = |rate: u64| match rate {
            UNLIMITED => UNLIMITED,
            rate => (rate / u64::from(times)).max(1),
        };
        for group in &mut self.groups {
            (group.up, group.down) = (slower(group.up), slower(group.down));
        }
        self.network.site_link = self.network.site_link.map(slower);
        let queue = &mut self.send_queue;
        (queue.room, queue.socket) = (queue.room / times, queue.socket / times);
        self.piece_length /= times;
        self
    }

    /// The same with another way to share out the upload, everywhere but at usual clients.
    #[must_use]
    pub fn uploader(mut self, uploader: UploaderPolicy) -> Self {
        self.config.uploader = uploader;
        self
    }

    /// Bytes of the torrent.
    pub fn bytes(&self) -> u64 {
        u64::from(self.pieces) * u64::from(self.piece_length)
    }

    /// Nodes of all groups.
    pub fn nodes(&self) -> usize {
        self.groups.iter().map(|group| group.count).sum()
    }

    /// Upload rates of the counted nodes.
    pub fn counted_ups(&self) -> Vec<u64> {
        let counted = self.groups.iter().filter(|group| group.counted);
        counted
            .flat_map(|group| std::iter::repeat_n(group.effective_up(), group.count))
            .collect()
    }

    /// Upload rates of all that have everything from the start, summed.
    pub fn origin_up(&self) -> u64 {
        let origins = self.groups.iter().filter(|group| group.complete);
        origins
            .map(|group| group.effective_up().saturating_mul(group.count as u64))
            .sum()
    }

    /// The least downlink of the counted nodes.
    pub fn least_down(&self) -> u64 {
        let counted = self.groups.iter().filter(|group| group.counted);
        counted.map(|group| group.down).min().unwrap_or(UNLIMITED)
    }

    pub(crate) fn layout(&self) -> Layout {
        Layout::new(self.piece_length, [Span::File(self.bytes())])
            .expect("a scenario describes a torrent that can be")
    }
}

impl Group {
    /// What the swarm can have of each node's uplink.
    pub(crate) fn effective_up(&self) -> u64 {
        match self.conduct {
            Conduct::Honest | Conduct::StallsAfter(_) => self.up,
            Conduct::FreeRider
            | Conduct::SlowLoris
            | Conduct::HiddenLoris
            | Conduct::Liar
            | Conduct::FakeHave => 0,
        }
    }
}
