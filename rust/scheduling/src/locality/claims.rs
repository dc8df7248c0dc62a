//! Who fetches which piece from outside. A claim lives as long as it is renewed, which takes progress.

use std::collections::BTreeMap;
use std::time::Duration;

use p2pcore_protocol::Member;

use crate::draw::lot;
use crate::time::Time;

/// The pieces that are claimed.
#[derive(Debug, Default)]
pub(super) struct Claims(BTreeMap<u32, Claim>);

#[derive(Debug)]
struct Claim {
    by: Member,
    until: Time,
    /// Ours: blocks that were stored when it was renewed.
    stored: u32,
}

/// A claim that is not renewed lapses after so long.
const CLAIM: Duration = Duration::from_secs(25);
/// Ours are renewed when they have less left than this.
const RENEW: Duration = Duration::from_secs(15);
/// One that has more than this left need not be renewed.
const FRESH: Duration = Duration::from_secs(20);
/// What somebody who left had is here by then, or is fetched by another.
const PARTING: Duration = Duration::from_secs(2);
/// Claims kept at most: 4 MiB.
const MOST: usize = 65_536;

impl Claims {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Who fetches the piece.
    pub(super) fn owner(&self, now: Time, piece: u32) -> Option<Member> {
        let claim = self.0.get(&piece).filter(|claim| claim.until > now);
        claim.map(|claim| claim.by)
    }

    pub(super) fn is_of(&self, now: Time, piece: u32, member: Member) -> bool {
        self.owner(now, piece) == Some(member)
    }

    /// What each member fetches.
    pub(super) fn by_member(&self, now: Time) -> BTreeMap<Member, Vec<u32>> {
        let mut all: BTreeMap<Member, Vec<u32>> = BTreeMap::new();
        for (piece, claim) in self.0.iter().filter(|(_, claim)| claim.until > now) {
            all.entry(claim.by).or_default().push(*piece);
        }
        all
    }

    /// We begin a piece; whether nobody else has claimed it, and neither had we.
    pub(super) fn claim(&mut self, now: Time, piece: u32, me: Member) -> bool {
        self.owner(now, piece).is_none() && self.put(now, piece, me)
    }

    /// Another begins a piece or goes on with it; whether that is news. Of two that begin at once all believe the
    /// first of the draw.
    pub(super) fn hear(&mut self, now: Time, piece: u32, by: Member) -> bool {
        let known = self.0.get(&piece).filter(|claim| claim.until > now);
        let is_new = known.is_none_or(|claim| {
            let renewed = claim.by == by && claim.until < now + FRESH;
            renewed || lot(by, piece) > lot(claim.by, piece)
        });
        is_new && self.put(now, piece, by)
    }

    fn put(&mut self, now: Time, piece: u32, by: Member) -> bool {
        if self.0.len() >= MOST && !self.0.contains_key(&piece) {
            return false;
        }
        let until = now + CLAIM;
        let stored = 0;
        self.0.insert(piece, Claim { by, until, stored });
        true
    }

    /// Somebody left.
    pub(super) fn orphan(&mut self, now: Time, member: Member) {
        for claim in self.0.values_mut().filter(|claim| claim.by == member) {
            claim.until = claim.until.min(now + PARTING);
        }
    }

    pub(super) fn expire(&mut self, now: Time) {
        self.0.retain(|_, claim| claim.until > now);
    }

    /// Our own claims that go on and are due to be renewed. `stored`: blocks that we have of a piece that is begun.
    pub(super) fn renew(
        &mut self,
        now: Time,
        me: Member,
        stored: impl Fn(u32) -> Option<u32>,
    ) -> Vec<u32> {
        let mut renewed = Vec::new();
        let due = |claim: &Claim| claim.by == me && claim.until < now + RENEW;
        for (piece, claim) in self.0.iter_mut().filter(|(_, claim)| due(claim)) {
            if let Some(stored) = stored(*piece).filter(|stored| *stored > claim.stored) {
                *claim = Claim {
                    by: me,
                    until: now + CLAIM,
                    stored,
                };
                renewed.push(*piece);
            }
        }
        renewed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ME: Member = Member(5);
    const OTHER: Member = Member(7);

    fn after(seconds: u64) -> Time {
        Time::new(Duration::from_secs(seconds))
    }

    #[test]
    fn a_claim_holds_until_it_lapses() {
        let mut claims = Claims::default();
        assert!(claims.hear(after(0), 3, OTHER));
        assert!(!claims.hear(after(1), 3, OTHER), "that is no news");
        assert!(!claims.claim(after(24), 3, ME));
        assert!(claims.claim(after(25), 3, ME));
        assert!(claims.is_of(after(26), 3, ME));
    }

    #[test]
    fn of_two_at_once_all_believe_the_first_of_the_draw() {
        for order in [[ME, OTHER], [OTHER, ME]] {
            let mut claims = Claims::default();
            for by in order {
                claims.hear(after(0), 3, by);
            }
            let first = [ME, OTHER].into_iter().max_by_key(|by| lot(*by, 3));
            assert_eq!(claims.owner(after(1), 3), first);
        }
    }

    #[test]
    fn only_progress_renews() {
        let mut claims = Claims::default();
        claims.claim(after(0), 3, ME);
        assert!(
            claims.renew(after(9), ME, |_| Some(1)).is_empty(),
            "not yet"
        );
        assert!(
            claims.renew(after(11), ME, |_| None).is_empty(),
            "not begun"
        );
        assert_eq!(claims.renew(after(11), ME, |_| Some(1)), [3]);
        assert!(
            claims.renew(after(22), ME, |_| Some(1)).is_empty(),
            "no block more"
        );
        claims.expire(after(36));
        assert!(claims.is_empty());
    }

    #[test]
    fn what_somebody_who_left_claimed_is_soon_free() {
        let mut claims = Claims::default();
        claims.hear(after(0), 3, OTHER);
        claims.hear(after(0), 4, ME);
        claims.orphan(after(1), OTHER);
        assert_eq!(claims.owner(after(2), 3), Some(OTHER));
        assert_eq!(claims.owner(after(3), 3), None);
        assert_eq!(claims.owner(after(3), 4), Some(ME));
    }

    #[test]
    fn claims_are_bounded() {
        let mut claims = Claims::default();
        let heard = (0..MOST as u32 + 10).filter(|piece| claims.hear(after(0), *piece, OTHER));
        assert_eq!(heard.count(), MOST);
    }
}
