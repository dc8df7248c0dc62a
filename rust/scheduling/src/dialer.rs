//! Which address to dial, and when.
//!
//! An address that the user named is kept for ever and tried again with growing waits; any other is given up after a
//! few failures, until the local network tells of it again. Nothing is dialled that could not help: a complete torrent
//! dials only the user's addresses, and not those where neither side had anything to trade. What only other peers tell may
//! be anything: it is dialled while there are few peers, after all others, with half of the dials, and given up at its
//! first failure. Whoever is said to dial us just now is dialled at once, also by who needs nothing. The list is bounded, see [`Dialer::make_room`].

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use crate::identity::Identity;
use crate::input::{PeerKey, PeerSource};
use crate::output::CloseReason;
use crate::random::Random;
use crate::time::Time;

/// The addresses known for one torrent.
#[derive(Debug)]
pub(crate) struct Dialer {
    candidates: Vec<Candidate>,
    max: usize,
    random: Random,
    dialling: usize,
    /// Dials under way that were not asked about yet, in the order in which they began.
    unsure: VecDeque<Unsure>,
    /// No candidate is due before this.
    next: Option<Time>,
}

#[derive(Debug)]
struct Candidate {
    addr: SocketAddr,
    source: PeerSource,
    state: State,
    failures: u32,
    /// Who told us of it, where it may have to be told to dial us, too.
    by: Option<PeerKey>,
    /// When we were last told that it dials us, and whether it was dialled since.
    met: Option<Time>,
    began_since: bool,
    /// It was not reached without the help of others.
    helped: bool,
    /// It is ourselves.
    own: bool,
    /// Neither side had anything to trade while we were complete.
    idle: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Waiting(Time),
    Dialling,
    Connected(Time),
    Never,
}

impl Candidate {
    /// The user's never are; what a peer tells may be anything, and there is more.
    fn is_given_up(&self) -> bool {
        match self.source {
            PeerSource::User => false,
            PeerSource::Incoming | PeerSource::Local => self.failures >= TRIES,
            PeerSource::Exchange => self.failures > 0,
        }
    }

    /// Only a peer told of it.
    fn is_told(&self) -> bool {
        self.source == PeerSource::Exchange
    }

    /// Whoever is there dials us now.
    fn meets(&self, now: Time) -> bool {
        self.met.is_some_and(|at| now.since(at) < MEETING) && !self.began_since
    }
}

/// An address to dial.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Dial {
    pub(crate) addr: SocketAddr,
    /// Only a peer told of it.
    pub(crate) told: bool,
}

/// A dial that may come to nothing unless it is dialled from there, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Unsure {
    began: Time,
    addr: SocketAddr,
    /// Who can tell whoever is there.
    by: PeerKey,
}

/// What a dial depends on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Connected peers now.
    pub(crate) connected: usize,
    /// With so many connected peers nobody is dialled of whom only other peers told us.
    pub(crate) neighbours: usize,
    /// Connected peers at most.
    pub(crate) max_peers: usize,
    /// Dials under way at most.
    pub(crate) max_dials: usize,
    /// We need nothing.
    pub(crate) complete: bool,
}

const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_mins(1);
/// Failures after which an address that the user did not name is given up.
const TRIES: u32 = 3;
/// Who is said to dial us does so for no longer; nobody is dialled again for it within a minute.
pub(crate) const MEETING: Duration = Duration::from_secs(4);
const MEET_AGAIN: Duration = Duration::from_mins(1);
/// Who takes connections has answered by then; TCP tries again soon after.
const ANSWERED: Duration = Duration::from_millis(500);
/// A connection that lasted this long was a success: the next wait is short again.
const LASTED: Duration = Duration::from_secs(10);

impl Dialer {
    pub(crate) fn new(max: usize, seed: u64) -> Self {
        Self {
            candidates: Vec::new(),
            max,
            random: Random::new(seed),
            dialling: 0,
            unsure: VecDeque::new(),
            next: None,
        }
    }

    /// No address is known that the local network or a peer would not tell again.
    pub(crate) fn is_empty(&self) -> bool {
        let told = |one: &Candidate| one.source == PeerSource::Local || one.is_told();
        let idle = |state| matches!(state, State::Waiting(_) | State::Never);
        let mut known = self.candidates.iter();
        known.all(|one| told(one) && idle(one.state))
    }

    /// Takes an address in, to be dialled at once.
    pub(crate) fn add(&mut self, now: Time, addr: SocketAddr, source: PeerSource) {
        if addr.port() == 0 {
            return;
        }
        self.next = Some(now);
        if let Some(known) = self.find(addr) {
            if source == PeerSource::User {
                known.source = source;
                known.idle = false;
                known.failures = 0;
                if matches!(known.state, State::Waiting(_) | State::Never) {
                    known.state = State::Waiting(now);
                }
            }
            let hopeless = known.state == State::Never && known.is_given_up();
            if source == PeerSource::Local && hopeless {
                // It is there again.
                (known.failures, known.state) = (0, State::Waiting(now));
            }
            if source == PeerSource::Local && known.is_told() {
                known.source = source;
            }
            return;
        }
        if source == PeerSource::Exchange && !self.has_place_for(addr, 1) {
            return;
        }
        self.insert(now, addr, source);
    }

    fn insert(&mut self, now: Time, addr: SocketAddr, source: PeerSource) {
        let is_full = self.candidates.len() >= self.max;
        if is_full && !self.make_room(source) {
            return;
        }
        self.candidates.push(Candidate {
            addr,
            source,
            state: State::Waiting(now),
            failures: 0,
            by: None,
            met: None,
            began_since: false,
            helped: false,
            own: false,
            idle: false,
        });
    }

    /// A peer tells of an address. Nobody can say whether it can be dialled; `by` can tell whoever is there to dial us, too.
    pub(crate) fn add_told(&mut self, now: Time, addr: SocketAddr, by: Option<PeerKey>) {
        self.add(now, addr, PeerSource::Exchange);
        if let Some(known) = self.find(addr) {
            known.by = by.or(known.by);
        }
    }

    /// Whoever is at this address dials us just now, and is to be dialled at once, also where nobody else is: once a minute.
    pub(crate) fn meet(&mut self, now: Time, addr: SocketAddr) {
        if addr.port() != 0 && self.find(addr).is_none() && self.has_place_for(addr, 2) {
            self.insert(now, addr, PeerSource::Exchange);
        }
        let Some(known) = self.find(addr) else {
            return;
        };
        if known.own || known.met.is_some_and(|at| now.since(at) < MEET_AGAIN) {
            return;
        }
        (known.met, known.began_since) = (Some(now), false);
        if matches!(known.state, State::Waiting(_) | State::Never) {
            known.state = State::Waiting(now);
            known.helped = true;
        }
        self.next = Some(now);
    }

    /// Whether a peer at this address was reached with the help of others, which says nothing of who else can reach it.
    pub(crate) fn was_helped(&mut self, addr: SocketAddr) -> bool {
        self.find(addr).is_some_and(|known| known.helped)
    }

    /// The next address to dial; it counts as under way from now on. One that is banned, or connected by itself, waits until
    /// `not_before`.
    pub(crate) fn next(
        &mut self,
        now: Time,
        limits: Limits,
        not_before: impl Fn(SocketAddr) -> Option<Time>,
    ) -> Option<Dial> {
        if !self.has_room(limits) || self.next.is_none_or(|next| now < next) {
            return None;
        }
        let enough = limits.connected + self.dialling >= limits.neighbours;
        let busy = self.told_under_way() >= limits.max_dials.div_ceil(2);
        let mut soonest: Option<Time> = None;
        let mut first: Option<usize> = None;
        for (at, candidate) in self.candidates.iter_mut().enumerate() {
            let State::Waiting(mut due) = candidate.state else {
                continue;
            };
            let told = candidate.is_told();
            let met = candidate.meets(now);
            let asked = candidate.source == PeerSource::User && !candidate.idle || met;
            if limits.complete && !asked || told && (busy || enough && !met) {
                continue;
            }
            if due <= now
                && let Some(until) = not_before(candidate.addr)
            {
                due = until;
                candidate.state = State::Waiting(due);
            }
            if due <= now && (!told || met || first.is_none()) {
                first = Some(at);
                if !told || met {
                    break; // others are dialled first
                }
            }
            soonest = Some(soonest.map_or(due, |other| other.min(due)));
        }
        let Some(candidate) = first.map(|at| &mut self.candidates[at]) else {
            self.next = soonest;
            return None;
        };
        candidate.state = State::Dialling;
        self.dialling += 1;
        candidate.began_since = true;
        let (addr, told) = (candidate.addr, candidate.is_told());
        if let Some(by) = candidate.by {
            let began = now;
            self.unsure.push_back(Unsure { began, addr, by });
        }
        Some(Dial { addr, told })
    }

    /// An address that does not answer, and who can tell whoever is there to dial us; once for each dial.
    pub(crate) fn next_unanswered(&mut self, now: Time) -> Option<(SocketAddr, PeerKey)> {
        let due = |dial: &mut Unsure| now >= dial.began + ANSWERED;
        let dial = self.unsure.pop_front_if(due)?;
        if let Some(known) = self.find(dial.addr) {
            known.helped = true;
        }
        Some((dial.addr, dial.by))
    }

    /// A dial is over.
    fn end_dial(&mut self, addr: SocketAddr) {
        self.dialling -= 1;
        self.unsure.retain(|dial| dial.addr != addr);
    }

    /// Dials of whom only peers told.
    fn told_under_way(&self) -> usize {
        let under_way = |one: &&Candidate| one.is_told() && one.state == State::Dialling;
        self.candidates.iter().filter(under_way).count()
    }

    /// When a candidate may be due, as far as the limits allow, or a dial goes unanswered.
    pub(crate) fn next_due(&self, limits: Limits) -> Option<Time> {
        let next = self.next.filter(|_| self.has_room(limits));
        let unsure = self.unsure.front().map(|dial| dial.began + ANSWERED);
        next.into_iter().chain(unsure).min()
    }

    /// What may be dialled has changed (room, or something to fetch): look again.
    pub(crate) fn wake(&mut self, now: Time) {
        self.next = Some(self.next.map_or(now, |next| next.min(now)));
    }

    /// A dial ended without a peer.
    pub(crate) fn on_failed(&mut self, now: Time, addr: SocketAddr, for_good: bool) {
        let jitter = self.random.below(250);
        let Some(candidate) = self.find(addr) else {
            return;
        };
        let was_dialling = candidate.state == State::Dialling;
        candidate.failures += 1;
        candidate.own |= for_good;
        candidate.state = if for_good || candidate.is_given_up() {
            State::Never
        } else {
            State::Waiting(now + wait(candidate.failures, jitter))
        };
        if was_dialling {
            self.end_dial(addr);
        }
        self.wake(now);
    }

    /// A dial became a peer.
    pub(crate) fn on_connected(&mut self, now: Time, addr: SocketAddr) {
        let Some(candidate) = self.find(addr) else {
            return;
        };
        let was_dialling = candidate.state == State::Dialling;
        candidate.state = State::Connected(now);
        if was_dialling {
            self.end_dial(addr);
        }
        self.wake(now);
    }

    /// A peer that we had dialled is gone.
    pub(crate) fn on_gone(
        &mut self,
        now: Time,
        addr: SocketAddr,
        reason: CloseReason,
        complete: bool,
    ) {
        let jitter = self.random.below(250);
        let Some(candidate) = self.find(addr) else {
            return;
        };
        let State::Connected(since) = candidate.state else {
            return;
        };
        candidate.state = match reason {
            CloseReason::OwnSelf => {
                candidate.own = true;
                State::Never
            }
            CloseReason::Stopped => State::Waiting(now),
            CloseReason::NothingToTrade => {
                candidate.idle = complete;
                State::Waiting(now + LONGEST_WAIT)
            }
            CloseReason::ProtocolError
            | CloseReason::Flooded
            | CloseReason::Duplicate
            | CloseReason::CorruptData
            | CloseReason::Banned => State::Waiting(now + LONGEST_WAIT),
            CloseReason::TimedOut | CloseReason::TooManyPeers | CloseReason::Closed => {
                let lasted = now.since(since) >= LASTED;
                candidate.failures = if lasted { 0 } else { candidate.failures };
                candidate.failures += 1;
                if candidate.is_given_up() && !lasted {
                    State::Never
                } else {
                    State::Waiting(now + wait(candidate.failures, jitter))
                }
            }
        };
        self.wake(now);
    }

    /// Something is needed again: addresses where there was nothing to trade are worth another try.
    pub(crate) fn on_incomplete(&mut self, now: Time) {
        for candidate in &mut self.candidates {
            if std::mem::take(&mut candidate.idle) && matches!(candidate.state, State::Waiting(_)) {
                candidate.state = State::Waiting(now);
            }
        }
        self.wake(now);
    }

    fn has_room(&self, limits: Limits) -> bool {
        self.dialling < limits.max_dials && limits.connected + self.dialling < limits.max_peers
    }

    fn find(&mut self, addr: SocketAddr) -> Option<&mut Candidate> {
        self.candidates
            .iter_mut()
            .find(|candidate| candidate.addr == addr)
    }

    /// A peer tells of an address: there are at most so many for each host of the Internet, so that nobody is sent against
    /// a host's ports, and half of the list. It is one; where two are to meet another, as behind NAT the port may differ.
    fn has_place_for(&self, addr: SocketAddr, most: usize) -> bool {
        let told = |one: &&Candidate| one.is_told();
        let same = |one: &&Candidate| one.addr.ip() == addr.ip();
        let several = Identity::of(addr.ip()).is_host();
        (several || self.candidates.iter().filter(same).count() < most)
            && self.candidates.iter().filter(told).count() < self.max / 2
    }

    /// For an address from the user others make room; those that are given up do for any that is told, and those that only peers
    /// told of for one of the local network.
    fn make_room(&mut self, source: PeerSource) -> bool {
        let goes = |candidate: &Candidate| {
            let given_up = candidate.state == State::Never;
            let idle = given_up || matches!(candidate.state, State::Waiting(_));
            let may_go = match source {
                PeerSource::User => idle,
                PeerSource::Local => given_up || idle && candidate.is_told(),
                PeerSource::Exchange => given_up,
                PeerSource::Incoming => false,
            };
            may_go && candidate.source != PeerSource::User
        };
        let at = self.candidates.iter().position(goes);
        at.map(|at| self.candidates.swap_remove(at)).is_some()
    }
}

/// One second, doubled with each failure up to a minute, less up to a quarter so that peers do not march in step.
fn wait(failures: u32, jitter_per_mille: u32) -> Duration {
    let doubled = FIRST_WAIT * (1 << failures.saturating_sub(1).min(6));
    let whole = doubled.min(LONGEST_WAIT);
    whole.saturating_sub(whole * jitter_per_mille / 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits {
        connected: 0,
        neighbours: 10,
        max_peers: 10,
        max_dials: 2,
        complete: false,
    };

    fn addr(port: u16) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], port))
    }

    fn at(seconds: u64) -> Time {
        Time::new(Duration::from_secs(seconds))
    }

    fn nobody(_: SocketAddr) -> Option<Time> {
        None
    }

    fn next(
        dialer: &mut Dialer,
        now: Time,
        limits: Limits,
        not_before: impl Fn(SocketAddr) -> Option<Time>,
    ) -> Option<SocketAddr> {
        dialer.next(now, limits, not_before).map(|dial| dial.addr)
    }

    #[test]
    fn a_banned_address_waits_until_the_ban_ends() {
        let mut dialer = Dialer::new(100, 1);
        dialer.add(at(0), addr(1), PeerSource::User);
        let until_nine = |_| Some(at(9));
        assert_eq!(next(&mut dialer, at(1), LIMITS, until_nine), None);
        assert_eq!(dialer.next_due(LIMITS), Some(at(9)));
        assert_eq!(next(&mut dialer, at(8), LIMITS, nobody), None);
        assert_eq!(next(&mut dialer, at(9), LIMITS, nobody), Some(addr(1)));
    }

    #[test]
    fn dials_are_bounded_and_failures_wait_longer_and_longer() {
        let mut dialer = Dialer::new(100, 1);
        for port in 1..=3 {
            dialer.add(at(0), addr(port), PeerSource::User);
        }
        assert_eq!(next(&mut dialer, at(0), LIMITS, nobody), Some(addr(1)));
        assert_eq!(next(&mut dialer, at(0), LIMITS, nobody), Some(addr(2)));
        assert_eq!(next(&mut dialer, at(0), LIMITS, nobody), None);
        dialer.on_connected(at(0), addr(2));
        dialer.on_failed(at(0), addr(1), false);
        assert_eq!(next(&mut dialer, at(0), LIMITS, nobody), Some(addr(3)));
        assert_eq!(next(&mut dialer, at(0), LIMITS, nobody), None);
        let mut now = dialer.next_due(LIMITS).unwrap();
        let mut waits = Vec::new();
        for _ in 0..10 {
            assert_eq!(next(&mut dialer, now, LIMITS, nobody), Some(addr(1)));
            dialer.on_failed(now, addr(1), false);
            assert_eq!(next(&mut dialer, now, LIMITS, nobody), None);
            let due = dialer.next_due(LIMITS).unwrap();
            waits.push(due.since(now));
            now = due;
        }
        assert!(waits[0] >= Duration::from_millis(1500) && waits[0] <= Duration::from_secs(2));
        assert!(waits.iter().all(|wait| *wait <= LONGEST_WAIT));
        assert!(waits[9] >= Duration::from_secs(45));
    }

    #[test]
    fn a_complete_torrent_dials_only_what_the_user_named() {
        let mut dialer = Dialer::new(100, 1);
        dialer.add(at(0), addr(1), PeerSource::Incoming);
        dialer.add(at(0), addr(2), PeerSource::User);
        let complete = Limits {
            complete: true,
            ..LIMITS
        };
        assert_eq!(next(&mut dialer, at(0), complete, nobody), Some(addr(2)));
        dialer.on_connected(at(0), addr(2));
        dialer.on_gone(at(1), addr(2), CloseReason::NothingToTrade, true);
        assert_eq!(next(&mut dialer, at(1_000), complete, nobody), None);
        dialer.on_incomplete(at(1_000));
        assert_eq!(next(&mut dialer, at(1_000), LIMITS, nobody), Some(addr(1)));
        assert_eq!(next(&mut dialer, at(1_000), LIMITS, nobody), Some(addr(2)));
    }

    #[test]
    fn the_list_is_bounded_and_the_users_addresses_win() {
        let mut dialer = Dialer::new(5, 1);
        for port in 1..=9 {
            dialer.add(at(0), addr(port), PeerSource::Incoming);
        }
        dialer.add(at(0), addr(100), PeerSource::User);
        dialer.add(at(0), addr(101), PeerSource::Local);
        assert_eq!(dialer.candidates.len(), 5);
        assert!(dialer.find(addr(100)).is_some() && dialer.find(addr(101)).is_none());
        let dialled = next(&mut dialer, at(0), LIMITS, nobody).unwrap();
        dialer.on_failed(at(0), dialled, true);
        dialer.add(at(0), addr(101), PeerSource::Local);
        assert_eq!(dialer.candidates.len(), 5);
        assert!(dialer.find(addr(101)).is_some() && dialer.find(dialled).is_none());
    }

    #[test]
    fn a_hopeless_address_is_not_dialled_again_until_the_user_insists() {
        let mut dialer = Dialer::new(5, 1);
        dialer.add(at(0), addr(1), PeerSource::User);
        assert_eq!(next(&mut dialer, at(0), LIMITS, nobody), Some(addr(1)));
        dialer.on_failed(at(0), addr(1), true);
        assert_eq!(next(&mut dialer, at(9_999), LIMITS, nobody), None);
        dialer.add(at(10_000), addr(1), PeerSource::User);
        assert_eq!(next(&mut dialer, at(10_000), LIMITS, nobody), Some(addr(1)));
    }

    #[test]
    fn of_whom_peers_tell_is_dialled_while_there_are_few_and_given_up_at_once() {
        let mut dialer = Dialer::new(6, 1);
        for port in 1..=4 {
            dialer.add(at(0), addr(port), PeerSource::Exchange);
        }
        assert_eq!(dialer.candidates.len(), 3, "half of the list");
        let few = |connected| Limits {
            connected,
            neighbours: 5,
            max_dials: 3,
            ..LIMITS
        };
        assert_eq!(next(&mut dialer, at(0), few(5), nobody), None);
        dialer.wake(at(1)); // one is gone
        assert_eq!(next(&mut dialer, at(1), few(4), nobody), Some(addr(1)));
        assert_eq!(
            next(&mut dialer, at(1), few(4), nobody),
            None,
            "one is under way"
        );
        // Others come first, and are dialled however many there are.
        dialer.add(at(1), addr(9), PeerSource::User);
        assert_eq!(next(&mut dialer, at(1), few(3), nobody), Some(addr(9)));
        assert_eq!(next(&mut dialer, at(1), few(0), nobody), Some(addr(2)));
        dialer.on_failed(at(2), addr(1), false);
        assert_eq!(next(&mut dialer, at(2), few(0), nobody), Some(addr(3)));
        assert_eq!(next(&mut dialer, at(9_999), few(0), nobody), None);
    }

    #[test]
    fn of_whom_peers_tell_takes_half_of_the_dials() {
        let mut dialer = Dialer::new(6, 1);
        for port in 1..=2 {
            dialer.add(at(0), addr(port), PeerSource::Exchange);
        }
        assert_eq!(next(&mut dialer, at(0), LIMITS, nobody), Some(addr(1)));
        assert_eq!(next(&mut dialer, at(0), LIMITS, nobody), None);
        dialer.on_connected(at(1), addr(1));
        assert_eq!(next(&mut dialer, at(1), LIMITS, nobody), Some(addr(2)));
    }

    #[test]
    fn who_closes_at_once_is_not_dialled_again_if_only_peers_told_of_it() {
        let mut dialer = Dialer::new(6, 1);
        for lasts in [60, 1] {
            dialer.add(at(100), addr(lasts), PeerSource::Exchange);
            assert_eq!(
                next(&mut dialer, at(100), LIMITS, nobody),
                Some(addr(lasts))
            );
            dialer.on_connected(at(100), addr(lasts));
            let gone = at(100 + u64::from(lasts));
            dialer.on_gone(gone, addr(lasts), CloseReason::Closed, false);
        }
        let again: Vec<_> =
            std::iter::from_fn(|| next(&mut dialer, at(999), LIMITS, nobody)).collect();
        assert_eq!(again, [addr(60)]);
    }

    #[test]
    fn nobody_is_sent_against_the_ports_of_a_host() {
        let mut dialer = Dialer::new(100, 1);
        let told = |ip: [u8; 4], port| SocketAddr::from((ip, port));
        for port in 1..=9 {
            dialer.add(at(0), told([9, 9, 9, 9], port), PeerSource::Exchange);
            dialer.add(at(0), told([10, 0, 0, 1], port), PeerSource::Exchange);
        }
        assert_eq!(dialer.candidates.len(), 1 + 9);
    }

    #[test]
    fn the_local_network_is_believed_before_peers() {
        let mut dialer = Dialer::new(4, 1);
        dialer.add(at(0), addr(1), PeerSource::Exchange);
        dialer.add(at(0), addr(2), PeerSource::Exchange);
        for port in 3..=5 {
            dialer.add(at(0), addr(port), PeerSource::Local);
        }
        assert!(dialer.find(addr(1)).is_none() && dialer.find(addr(5)).is_some());
        dialer.add(at(0), addr(2), PeerSource::Local);
        assert_eq!(dialer.find(addr(2)).unwrap().source, PeerSource::Local);
    }

    #[test]
    fn whoever_is_heard_again_is_tried_again_but_not_ourselves() {
        let mut dialer = Dialer::new(5, 1);
        let mut now = at(0);
        for port in [1, 2] {
            dialer.add(now, addr(port), PeerSource::Local);
        }
        assert_eq!(next(&mut dialer, now, LIMITS, nobody), Some(addr(1)));
        dialer.on_failed(now, addr(1), true);
        for _ in 0..TRIES {
            assert_eq!(next(&mut dialer, now, LIMITS, nobody), Some(addr(2)));
            dialer.on_failed(now, addr(2), false);
            now = now + LONGEST_WAIT;
        }
        assert_eq!(next(&mut dialer, now, LIMITS, nobody), None);
        for port in [1, 2] {
            dialer.add(now, addr(port), PeerSource::Local);
        }
        assert_eq!(next(&mut dialer, now, LIMITS, nobody), Some(addr(2)));
        assert_eq!(next(&mut dialer, now, LIMITS, nobody), None);
    }

    #[test]
    fn who_dials_us_is_dialled_also_by_a_seed_and_once() {
        let mut dialer = Dialer::new(100, 1);
        let seed = Limits {
            complete: true,
            neighbours: 0,
            ..LIMITS
        };
        dialer.add_told(at(0), addr(1), Some(PeerKey(7)));
        assert_eq!(dialer.next(at(0), seed, nobody), None);
        dialer.meet(at(1), addr(1));
        let dial = Dial {
            addr: addr(1),
            told: true,
        };
        assert_eq!(dialer.next(at(1), seed, nobody), Some(dial));
        dialer.meet(at(1), addr(1));
        assert_eq!(dialer.next(at(1), seed, nobody), None, "it is under way");
        dialer.on_failed(at(2), addr(1), false);
        dialer.meet(at(60), addr(1));
        assert_eq!(dialer.next(at(60), LIMITS, nobody), None, "once a minute");
        dialer.meet(at(61), addr(1));
        assert_eq!(dialer.next(at(61), seed, nobody), Some(dial));
        dialer.on_connected(at(61), addr(1));
        assert!(dialer.was_helped(addr(1)));
        dialer.on_gone(at(99), addr(1), CloseReason::NothingToTrade, true);
        assert_eq!(dialer.next(at(9_999), seed, nobody), None, "not for ever");
    }

    #[test]
    fn who_is_not_dialled_in_time_is_not_met() {
        let mut dialer = Dialer::new(100, 1);
        let seed = Limits {
            complete: true,
            ..LIMITS
        };
        dialer.meet(at(0), addr(1));
        assert_eq!(dialer.next(at(4), seed, nobody), None);
        dialer.on_failed(at(4), addr(2), true);
        dialer.add(at(100), addr(3), PeerSource::Exchange);
        dialer.add(at(100), addr(4), PeerSource::Exchange);
        dialer.meet(at(100), addr(4));
        let next = next(&mut dialer, at(100), LIMITS, nobody);
        assert_eq!(next, Some(addr(4)), "before others that were told");
    }

    #[test]
    fn we_do_not_meet_ourselves() {
        let mut dialer = Dialer::new(100, 1);
        dialer.meet(at(0), addr(1));
        let dialled = next(&mut dialer, at(0), LIMITS, nobody);
        dialer.on_failed(at(0), dialled.unwrap(), true);
        dialer.meet(at(1_000), addr(1));
        assert_eq!(next(&mut dialer, at(1_000), LIMITS, nobody), None);
    }

    #[test]
    fn who_does_not_answer_is_told_of_us_by_who_told_us_of_it() {
        let mut dialer = Dialer::new(100, 1);
        let many = Limits {
            max_dials: 10,
            ..LIMITS
        };
        dialer.add_told(at(0), addr(1), None);
        for by in [7, 8] {
            dialer.add_told(at(0), addr(1), Some(PeerKey(by)));
            dialer.add_told(at(0), addr(2), Some(PeerKey(by)));
        }
        dialer.add_told(at(0), addr(3), None);
        while dialer.next(at(0), many, nobody).is_some() {}
        assert_eq!(dialer.next_due(LIMITS), Some(at(0) + ANSWERED));
        assert_eq!(dialer.next_unanswered(at(0)), None);
        dialer.on_connected(at(0), addr(1));
        assert_eq!(dialer.next_unanswered(at(1)), Some((addr(2), PeerKey(8))));
        assert!(dialer.was_helped(addr(2)) && !dialer.was_helped(addr(1)));
        assert_eq!(dialer.next_unanswered(at(1)), None);
        assert_eq!(dialer.next_due(LIMITS), None);
    }

    #[test]
    fn a_host_is_met_at_two_ports_at_most() {
        let mut dialer = Dialer::new(100, 1);
        let host = |port| SocketAddr::from(([9, 9, 9, 9], port));
        dialer.add(at(0), host(1), PeerSource::Exchange);
        dialer.meet(at(0), host(0));
        assert_eq!(dialer.candidates.len(), 1);
        for port in 2..=9 {
            dialer.meet(at(0), host(port));
        }
        assert_eq!(dialer.candidates.len(), 2);
    }
}
