//! Who fetches from outside for the site, as far as we heard.

use std::collections::BTreeMap;
use std::time::Duration;

use p2pcore_protocol::Member;

use crate::draw::lot;
use crate::time::Time;

/// The others.
#[derive(Debug, Default)]
pub(super) struct Members(BTreeMap<Member, Known>);

/// What is known of one: when it was last heard of, and whether that was that it left.
#[derive(Debug, Clone, Copy)]
struct Known {
    heard: Time,
    gone: bool,
}

/// Others known at most. In a larger site each knows some of it: claims still keep them apart.
const MOST: usize = 256;
/// That somebody is here is news again after so long.
const OLD: Duration = Duration::from_secs(30);
/// What others still say of somebody who left is old news for so long.
const LEFT: Duration = Duration::from_secs(30);
/// Who is not heard of for so long is not there.
const SILENCE: Duration = Duration::from_secs(150);

impl Members {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.iter().count()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Member> + '_ {
        let here = self.0.iter().filter(|(_, known)| !known.gone);
        here.map(|(member, _)| *member)
    }

    /// Somebody is here, it says itself or another says; whether that is news, and none if it is not to be believed or
    /// there is no room for it.
    pub(super) fn hear(&mut self, now: Time, member: Member, itself: bool) -> Option<bool> {
        let known = self.0.get(&member).copied();
        if known.is_none() && self.0.len() >= MOST
            || known.is_some_and(|known| known.gone) && !itself
        {
            return None;
        }
        let is_new = known.is_none_or(|known| known.gone || now.since(known.heard) >= OLD);
        if is_new {
            let (heard, gone) = (now, false);
            self.0.insert(member, Known { heard, gone });
        }
        Some(is_new)
    }

    /// Somebody left; whether that is news.
    pub(super) fn remove(&mut self, now: Time, member: Member) -> bool {
        let known = self.0.get_mut(&member).filter(|known| !known.gone);
        let is_new = known.is_some();
        if let Some(known) = known {
            (known.heard, known.gone) = (now, true);
        }
        is_new
    }

    pub(super) fn expire(&mut self, now: Time) {
        self.0.retain(|_, known| {
            let limit = if known.gone { LEFT } else { SILENCE };
            now.since(known.heard) < limit
        });
    }

    /// How many come before `me` in the draw for a piece.
    pub(super) fn rank(&self, me: Member, piece: u32) -> usize {
        let mine = lot(me, piece);
        self.iter()
            .filter(|member| lot(*member, piece) > mine)
            .count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(seconds: u64) -> Time {
        Time::new(Duration::from_secs(seconds))
    }

    #[test]
    fn all_agree_on_the_order_and_each_comes_first_about_as_often() {
        let all: Vec<Member> = (0..10).map(|number| Member(number * 77)).collect();
        let others = |me: Member| {
            let mut members = Members::default();
            for other in all.iter().filter(|other| **other != me) {
                members.hear(Time::ZERO, *other, false);
            }
            members
        };
        let views: Vec<Members> = all.iter().map(|me| others(*me)).collect();
        let mut firsts = [0; 10];
        for piece in 0..2_000 {
            let ranks = views.iter().zip(&all);
            let mut ranks: Vec<usize> = ranks.map(|(view, me)| view.rank(*me, piece)).collect();
            firsts[ranks.iter().position(|rank| *rank == 0).unwrap()] += 1;
            ranks.sort_unstable();
            assert!(ranks.into_iter().eq(0..10));
        }
        assert!(
            firsts.iter().all(|count| (140..260).contains(count)),
            "{firsts:?}"
        );
    }

    #[test]
    fn somebody_is_news_once_in_a_while_and_forgotten_in_silence() {
        let mut members = Members::default();
        assert_eq!(members.hear(after(0), Member(1), false), Some(true));
        assert_eq!(members.hear(after(29), Member(1), false), Some(false));
        assert_eq!(members.hear(after(30), Member(1), false), Some(true));
        members.expire(after(179));
        assert_eq!(members.len(), 1);
        members.expire(after(180));
        assert!(members.is_empty());
    }

    #[test]
    fn of_somebody_who_left_only_itself_says_that_it_is_back() {
        let mut members = Members::default();
        members.hear(after(0), Member(1), false);
        assert!(members.remove(after(1), Member(1)));
        assert!(!members.remove(after(1), Member(1)), "that is no news");
        assert_eq!(members.len(), 0);
        assert_eq!(members.hear(after(2), Member(1), false), None);
        assert_eq!(members.hear(after(2), Member(1), true), Some(true));
        members.remove(after(3), Member(1));
        members.expire(after(33));
        assert_eq!(members.hear(after(33), Member(1), false), Some(true));
    }

    #[test]
    fn only_so_many_are_known() {
        let mut members = Members::default();
        for number in 0..2 * MOST as u64 {
            members.hear(after(0), Member(number), true);
        }
        assert_eq!(members.len(), MOST);
        assert_eq!(members.hear(after(1), Member(0), true), Some(false));
        assert_eq!(members.hear(after(1), Member(MOST as u64), true), None);
    }
}
