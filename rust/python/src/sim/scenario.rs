//! Scenarios as Python has them: nested dicts of plain values, with the fields of the dataclasses in `sim/_scenario.py`.
//! Python has checked each value; what several of them make together is checked by the simulator.

use std::time::Duration;

use p2pcore_scheduling::{Share, SwarmConfig, UploaderPolicy};
use p2pcore_simulator::{
    Conduct, Group, Joins, Leaves, Network, Reach, Scenario, SendQueue, UNLIMITED,
};
use pyo3::prelude::*;

/// A scenario; times are seconds.
#[derive(FromPyObject, IntoPyObject)]
#[pyo3(from_item_all)]
pub struct RawScenario {
    pieces: u32,
    piece_length: u32,
    groups: Vec<RawGroup>,
    network: RawNetwork,
    degree: usize,
    scheduler: RawScheduler,
    send_queue: RawSendQueue,
    check: f64,
    leaves_known: bool,
    limit: f64,
    mark: f64,
}

#[derive(FromPyObject, IntoPyObject)]
#[pyo3(from_item_all)]
struct RawGroup {
    name: String,
    count: usize,
    up: Option<u64>,
    down: Option<u64>,
    site: u8,
    complete: bool,
    /// A kind, and the bytes that belong to it.
    conduct: (String, u64),
    /// A kind, and the seconds or the rate that belong to it.
    joins: (String, f64),
    /// A kind, and the bytes or the seconds that belong to it.
    leaves: (String, u64, f64),
    reach: String,
    view: Option<usize>,
    prefixes: Option<u32>,
    legacy: bool,
    counted: bool,
}

#[derive(FromPyObject, IntoPyObject)]
#[pyo3(from_item_all)]
struct RawNetwork {
    delay: f64,
    far_delay: f64,
    spread: f64,
    jitter: f64,
    site_link: Option<u64>,
}

#[derive(FromPyObject, IntoPyObject)]
#[pyo3(from_item_all)]
struct RawSendQueue {
    room: u32,
    batch: usize,
    socket: u32,
}

/// What is not given is as in the engine.
#[derive(FromPyObject, IntoPyObject)]
#[pyo3(from_item_all)]
struct RawScheduler {
    max_peers: Option<usize>,
    max_dials: Option<usize>,
    max_candidates: Option<usize>,
    uploader: Option<String>,
    base_share: Option<f64>,
    unchoke_slots: Option<usize>,
    origin: Option<bool>,
    upload_queue: Option<u32>,
    max_outstanding: Option<u32>,
    max_partial_bytes: Option<u64>,
}

impl TryFrom<RawScenario> for Scenario {
    type Error = String;

    fn try_from(raw: RawScenario) -> Result<Self, String> {
        let groups: Result<_, String> = raw.groups.into_iter().map(Group::try_from).collect();
        let network = raw.network;
        Ok(Self {
            piece_length: raw.piece_length,
            groups: groups?,
            network: Network {
                delay: time("delay", network.delay)?,
                far_delay: time("far_delay", network.far_delay)?,
                spread: network.spread,
                jitter: network.jitter,
                site_link: network.site_link,
            },
            degree: raw.degree,
            config: raw.scheduler.try_into()?,
            check: time("check", raw.check)?,
            leaves_known: raw.leaves_known,
            send_queue: SendQueue {
                room: raw.send_queue.room,
                batch: raw.send_queue.batch,
                socket: raw.send_queue.socket,
            },
            limit: time("limit", raw.limit)?,
            mark: time("mark", raw.mark)?,
            ..Self::new(raw.pieces)
        })
    }
}

impl TryFrom<RawGroup> for Group {
    type Error = String;

    fn try_from(raw: RawGroup) -> Result<Self, String> {
        let (kind, bytes) = raw.conduct;
        let conduct = match kind.as_str() {
            "honest" => Conduct::Honest,
            "free-rider" => Conduct::FreeRider,
            "slow-loris" => Conduct::SlowLoris,
            "hidden-loris" => Conduct::HiddenLoris,
            "liar" => Conduct::Liar,
            "fake-have" => Conduct::FakeHave,
            "stalls" => Conduct::StallsAfter(bytes),
            other => return Err(format!("conduct is {other:?}")),
        };
        let reach = match raw.reach.as_str() {
            "open" => Reach::Open,
            "punchable" => Reach::Punchable,
            "firewalled" => Reach::Firewalled,
            other => return Err(format!("reach is {other:?}")),
        };
        let (kind, value) = raw.joins;
        let joins = match kind.as_str() {
            "at" => Joins::At(time("joins", value)?),
            "within" => Joins::Within(time("joins", value)?),
            "poisson" => Joins::Poisson(value),
            other => return Err(format!("joins is {other:?}")),
        };
        let (kind, bytes, seconds) = raw.leaves;
        let leaves = match kind.as_str() {
            "never" => Leaves::Never,
            "complete" => Leaves::Complete,
            "lingered" => Leaves::Lingered,
            "sent" => Leaves::Sent(bytes),
            "within" => Leaves::Within(time("leaves", seconds)?),
            other => return Err(format!("leaves is {other:?}")),
        };
        Ok(Self {
            up: raw.up.unwrap_or(UNLIMITED),
            down: raw.down.unwrap_or(UNLIMITED),
            site: raw.site,
            complete: raw.complete,
            conduct,
            joins,
            leaves,
            reach,
            view: raw.view,
            prefixes: raw.prefixes,
            legacy: raw.legacy,
            counted: raw.counted,
            ..Self::new(raw.name, raw.count)
        })
    }
}

impl TryFrom<RawScheduler> for SwarmConfig {
    type Error = String;

    fn try_from(raw: RawScheduler) -> Result<Self, String> {
        let usual = Self::default();
        let uploader = raw.uploader.as_deref().map_or(Ok(usual.uploader), |name| {
            UploaderPolicy::named(name).ok_or_else(|| format!("uploader is {name:?}"))
        })?;
        Ok(Self {
            uploader,
            base_share: raw.base_share.map_or(usual.base_share, Share::part),
            max_peers: raw.max_peers.unwrap_or(usual.max_peers),
            max_dials: raw.max_dials.unwrap_or(usual.max_dials),
            max_candidates: raw.max_candidates.unwrap_or(usual.max_candidates),
            unchoke_slots: raw.unchoke_slots.unwrap_or(usual.unchoke_slots),
            origin: raw.origin.unwrap_or(usual.origin),
            upload_queue: raw.upload_queue.unwrap_or(usual.upload_queue),
            max_outstanding: raw.max_outstanding.unwrap_or(usual.max_outstanding),
            max_partial_bytes: raw.max_partial_bytes.unwrap_or(usual.max_partial_bytes),
            ..usual
        })
    }
}

impl From<Scenario> for RawScenario {
    fn from(scenario: Scenario) -> Self {
        let (network, queue) = (scenario.network, scenario.send_queue);
        Self {
            pieces: scenario.pieces,
            piece_length: scenario.piece_length,
            groups: scenario.groups.into_iter().map(Into::into).collect(),
            network: RawNetwork {
                delay: network.delay.as_secs_f64(),
                far_delay: network.far_delay.as_secs_f64(),
                spread: network.spread,
                jitter: network.jitter,
                site_link: network.site_link,
            },
            degree: scenario.degree,
            scheduler: scenario.config.into(),
            send_queue: RawSendQueue {
                room: queue.room,
                batch: queue.batch,
                socket: queue.socket,
            },
            check: scenario.check.as_secs_f64(),
            leaves_known: scenario.leaves_known,
            limit: scenario.limit.as_secs_f64(),
            mark: scenario.mark.as_secs_f64(),
        }
    }
}

impl From<Group> for RawGroup {
    fn from(group: Group) -> Self {
        let (conduct, conduct_bytes) = match group.conduct {
            Conduct::Honest => ("honest", 0),
            Conduct::FreeRider => ("free-rider", 0),
            Conduct::SlowLoris => ("slow-loris", 0),
            Conduct::HiddenLoris => ("hidden-loris", 0),
            Conduct::Liar => ("liar", 0),
            Conduct::FakeHave => ("fake-have", 0),
            Conduct::StallsAfter(bytes) => ("stalls", bytes),
        };
        let reach = match group.reach {
            Reach::Open => "open",
            Reach::Punchable => "punchable",
            Reach::Firewalled => "firewalled",
        };
        let (joins, value) = match group.joins {
            Joins::At(time) => ("at", time.as_secs_f64()),
            Joins::Within(time) => ("within", time.as_secs_f64()),
            Joins::Poisson(rate) => ("poisson", rate),
        };
        let (leaves, leaves_bytes, leaves_seconds) = match group.leaves {
            Leaves::Never => ("never", 0, 0.0),
            Leaves::Complete => ("complete", 0, 0.0),
            Leaves::Lingered => ("lingered", 0, 0.0),
            Leaves::Sent(bytes) => ("sent", bytes, 0.0),
            Leaves::Within(time) => ("within", 0, time.as_secs_f64()),
        };
        let limited = |rate| (rate != UNLIMITED).then_some(rate);
        Self {
            name: group.class.into_owned(),
            count: group.count,
            up: limited(group.up),
            down: limited(group.down),
            site: group.site,
            complete: group.complete,
            conduct: (conduct.to_owned(), conduct_bytes),
            joins: (joins.to_owned(), value),
            leaves: (leaves.to_owned(), leaves_bytes, leaves_seconds),
            reach: reach.to_owned(),
            view: group.view,
            prefixes: group.prefixes,
            legacy: group.legacy,
            counted: group.counted,
        }
    }
}

impl From<SwarmConfig> for RawScheduler {
    fn from(config: SwarmConfig) -> Self {
        Self {
            max_peers: Some(config.max_peers),
            max_dials: Some(config.max_dials),
            max_candidates: Some(config.max_candidates),
            uploader: Some(config.uploader.name().to_owned()),
            base_share: Some(config.base_share.as_part()),
            unchoke_slots: Some(config.unchoke_slots),
            origin: Some(config.origin),
            upload_queue: Some(config.upload_queue),
            max_outstanding: Some(config.max_outstanding),
            max_partial_bytes: Some(config.max_partial_bytes),
        }
    }
}

fn time(name: &str, seconds: f64) -> Result<Duration, String> {
    Duration::try_from_secs_f64(seconds).map_err(|error| format!("{name} is {seconds}: {error}"))
}
