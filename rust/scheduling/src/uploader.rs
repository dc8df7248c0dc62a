//! Whom to serve: the policies, what they are told, and what they answer. Each is a file of its own; to add one, write
//! its file and name it in [`UploaderPolicy`].
//!
//! A policy chooses among the peers that want something and need a slot, some times a minute; how many slots there are
//! is for `slots` to say. A slot that nobody uses is given to whoever waits, without asking a policy.

mod base_share;
mod fastest;
mod round_robin;
mod slots;
mod tit_for_tat;

use std::fmt;
use std::time::Duration;

pub(crate) use self::slots::Slots;
use crate::identity::Account;
use crate::input::PeerKey;
use crate::time::Time;

/// How the upload of a torrent is shared out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum UploaderPolicy {
    /// A guaranteed part for everybody in turn, the rest to those who gave more than they got.
    #[default]
    BaseShare,
    /// Four peers that send us most, and one in turn (BEP 3).
    TitForTat,
    /// Everybody in turn.
    RoundRobin,
    /// Those that take fastest, and one in turn.
    Fastest,
}

impl UploaderPolicy {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::BaseShare,
        Self::TitForTat,
        Self::RoundRobin,
        Self::Fastest,
    ];

    /// What people call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::BaseShare => "base-share",
            Self::TitForTat => "tit-for-tat",
            Self::RoundRobin => "round-robin",
            Self::Fastest => "fastest",
        }
    }

    /// The one of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|policy| policy.name() == name)
    }

    pub(crate) fn start(self, base_share: Share) -> Box<dyn Policy> {
        match self {
            Self::BaseShare => Box::new(base_share::BaseShare::new(base_share)),
            Self::TitForTat => Box::new(tit_for_tat::TitForTat::default()),
            Self::RoundRobin => Box::new(round_robin::RoundRobin),
            Self::Fastest => Box::new(fastest::Fastest),
        }
    }
}

/// A part of the whole, kept in thousandths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share(u16);

impl Share {
    /// From 0 to 1; less counts as nothing, more as all.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "0 to 1000"
    )]
    pub fn part(part: f64) -> Self {
        Self((part * 1_000.0).clamp(0.0, 1_000.0).round() as u16)
    }

    /// From 0 to 1.
    pub fn as_part(self) -> f64 {
        f64::from(self.0) / 1_000.0
    }

    pub(crate) fn of(self, whole: u64) -> u64 {
        let part = u128::from(whole) * u128::from(self.0) / 1_000;
        u64::try_from(part).unwrap_or(u64::MAX)
    }
}

impl Default for Share {
    /// A fifth: about what the optimistic slot of a 4 + 1 client gives away.
    fn default() -> Self {
        Self(200)
    }
}

/// Why a peer is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Served {
    /// It is its turn: everybody gets one.
    Turn,
    /// It gave us more than others did.
    Gave,
    /// It gave us something, or passes on what it gets.
    PassesOn,
    /// It takes faster than others do.
    Fast,
    /// There was room.
    Room,
}

impl Served {
    /// What it takes is not owed to it: it has its turn, or there was room and it gave us nothing.
    pub(crate) fn is_gift(self, given: u64) -> bool {
        match self {
            Self::Turn | Self::PassesOn => true,
            Self::Room => given == 0,
            Self::Gave | Self::Fast => false,
        }
    }
}

impl fmt::Display for Served {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Turn => "its turn",
            Self::Gave => "it gave",
            Self::PassesOn => "it passes on",
            Self::Fast => "it is fast",
            Self::Room => "there is room",
        })
    }
}

/// A peer that wants something and may have a slot.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Candidate {
    pub(crate) key: PeerKey,
    pub(crate) account: Account,
    /// Peers of that account that came with it, if none of them had a slot yet and it did not wait for long.
    pub(crate) company: u32,
    /// Payload bytes per second that it sends us.
    pub(crate) gives: u64,
    /// Payload bytes per second that we send it.
    pub(crate) takes: u64,
    /// Payload bytes that it sent us.
    pub(crate) given: u64,
    /// Payload bytes that we sent it.
    pub(crate) taken: u64,
    /// Those of them that were not owed to it: it had its turn, or there was room.
    pub(crate) gifts: u64,
    /// Payload bytes that we sent to all of its account, also to those that left, if we are a seed.
    pub(crate) account_taken: u64,
    /// Bytes of the pieces that it says it has, to within a piece.
    pub(crate) holds: u64,
    /// Why it has a slot, if it has one.
    pub(crate) served: Option<Served>,
    /// When it got or lost its slot.
    pub(crate) since: Time,
    /// When it, or another of its account, got or lost a slot.
    pub(crate) account_since: Time,
    /// It passes on what it gets, as far as we know.
    pub(crate) passes_on: bool,
    /// It owes us blocks and does not deliver.
    pub(crate) snubs: bool,
}

impl Candidate {
    /// The order of those that wait: by account, as all of one account wait for one turn, and within it.
    pub(crate) fn waits_since(&self) -> (Time, Time) {
        (self.account_since, self.since)
    }
}

/// What the choice depends on besides the peers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terms {
    /// Peers served at once.
    pub(crate) slots: usize,
    /// We need nothing.
    pub(crate) seeding: bool,
    /// What one turn is good for.
    pub(crate) quantum: u64,
}

/// Who is served now, and why.
pub(crate) type Choice = Vec<(PeerKey, Served)>;

/// A way to choose.
pub(crate) trait Policy: fmt::Debug + Send {
    /// How often the choice is made anew.
    fn every(&self) -> Duration {
        Duration::from_secs(1)
    }

    /// The number of slots, if the policy has an opinion on it.
    fn slots(&self) -> Option<usize> {
        None
    }

    /// Chooses at most `terms.slots` of the candidates, which come in the order of their keys.
    fn choose(&mut self, now: Time, candidates: &[Candidate], terms: Terms) -> Choice;
}

/// Those whose turn it is: who has a slot keeps it until it took a quantum or had it for too long, then who waits
/// longest follows.
pub(crate) fn in_turn(candidate: &Candidate, now: Time, quantum: u64) -> (u8, Time, PeerKey) {
    let turn = now.since(candidate.since);
    let had = u128::from(candidate.takes) * turn.as_nanos() / 1_000_000_000;
    let over = turn >= LONGEST_TURN || had >= u128::from(quantum);
    match candidate.served {
        Some(_) if !over => (0, Time::ZERO, candidate.key),
        None => (1, candidate.since, candidate.key),
        Some(_) => (2, candidate.since, candidate.key),
    }
}

/// A turn ends after this even if nothing was taken.
const LONGEST_TURN: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests;
