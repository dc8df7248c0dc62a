//! What one Swarm fetches from outside while others at its site do the same.

use std::collections::BTreeSet;
use std::time::Duration;

use p2pcore_protocol::message::Message;
use p2pcore_protocol::site::parse_site_news;
use p2pcore_protocol::{Member, Says, SiteNews};

use super::alone::{Bench, P, Q, requests, sent};
use crate::{Input, Output, PeerKey, SwarmConfig};

pub(super) const PIECES: u32 = 64;
/// Somebody outside who has everything.
pub(super) const O: PeerKey = PeerKey(9);
const NEWS: u8 = 5;

/// As the benches name their peers.
fn member(number: u8) -> Member {
    Member(u64::from_be_bytes([number; 8]))
}

pub(super) fn here(number: u8, pieces: impl Into<Vec<u32>>) -> SiteNews {
    SiteNews {
        member: member(number),
        says: Says::Here(pieces.into()),
    }
}

pub(super) fn tell(bench: &mut Bench, peer: PeerKey, news: SiteNews) -> Vec<Output> {
    let news = vec![news];
    bench.put(Input::SiteNews { peer, news })
}

pub(super) fn place(bench: &mut Bench, peer: PeerKey, local: bool) -> Vec<Output> {
    let news = Some(NEWS);
    bench.put(Input::PeerSite { peer, local, news })
}

/// One that is `me` among the `others` at its site, all with nothing yet.
pub(super) fn at_site(me: u8, others: &[u8]) -> Bench {
    let config = SwarmConfig {
        me: member(me),
        locality: true,
        ..SwarmConfig::default()
    };
    let mut bench = Bench::with(config, PIECES, 1);
    for number in others {
        let peer = PeerKey(u64::from(*number));
        bench.connect(peer, true);
        place(&mut bench, peer, true);
        bench.say(peer, Message::HaveNone);
        tell(&mut bench, peer, here(*number, []));
    }
    bench
}

/// Somebody outside comes, with everything, and serves us.
fn open_outside(bench: &mut Bench) -> Vec<Output> {
    bench.connect(O, true);
    place(bench, O, false);
    bench.say(O, Message::HaveAll);
    bench.say(O, Message::Unchoke)
}

/// What we ask of somebody until there is nothing more, while no time passes; all is answered.
fn fetch(bench: &mut Bench, outputs: &[Output], from: PeerKey) -> BTreeSet<u32> {
    let pieces = |outputs: &[Output]| -> Vec<u32> {
        let asked = requests(outputs, from).into_iter();
        asked.map(|request| request.piece).collect()
    };
    let had = bench.swarm.have().clone();
    let first = pieces(outputs);
    while bench.answer(from) {}
    let got = bench
        .swarm
        .have()
        .iter()
        .filter(|piece| !had.contains(*piece));
    let all: BTreeSet<u32> = got.collect();
    assert!(first.iter().all(|piece| all.contains(piece)));
    all
}

/// Everything that the site is told: who, and which pieces.
pub(super) fn told(outputs: &[Output], to: PeerKey) -> Vec<SiteNews> {
    let news = sent(outputs, to)
        .into_iter()
        .filter_map(|message| match message {
            Message::Extended { id: NEWS, payload } => Some(parse_site_news(&payload).unwrap()),
            _ => None,
        });
    news.flatten().collect()
}

#[test]
fn each_of_three_fetches_its_own_part_at_once() {
    let mut parts = Vec::new();
    for (me, others) in [(1, [2, 3]), (2, [1, 3]), (3, [1, 2])] {
        let mut bench = at_site(me, &others);
        let outputs = open_outside(&mut bench);
        parts.push(fetch(&mut bench, &outputs, O));
    }
    assert!(
        parts.iter().all(|part| (10..35).contains(&part.len())),
        "{parts:?}"
    );
    let all: BTreeSet<u32> = parts.iter().flatten().copied().collect();
    assert_eq!(all.len(), PIECES as usize, "each piece is somebody's");
    let count: usize = parts.iter().map(BTreeSet::len).sum();
    assert_eq!(count, all.len(), "and nobody else's");
}

#[test]
fn what_nobody_begins_the_next_fetches_a_turn_later() {
    let mut bench = at_site(1, &[2, 3]);
    let outputs = open_outside(&mut bench);
    let first = fetch(&mut bench, &outputs, O);
    let mut later = BTreeSet::new();
    for _ in 0..200 {
        let outputs = bench.wait(1);
        later.extend(fetch(&mut bench, &outputs, O));
    }
    assert_eq!(first.len() + later.len(), PIECES as usize);
    assert!(bench.swarm.is_complete());
}

#[test]
fn what_another_fetches_or_has_is_left_to_it() {
    let mut bench = at_site(1, &[2, 3]);
    tell(
        &mut bench,
        PeerKey(2),
        here(3, (0..32).collect::<Vec<u32>>()),
    );
    for piece in 32..PIECES - 1 {
        bench.say(PeerKey(2), Message::Have(piece));
    }
    let outputs = open_outside(&mut bench);
    let mut fetched = fetch(&mut bench, &outputs, O);
    for _ in 0..3 {
        let outputs = bench.wait(1);
        fetched.extend(fetch(&mut bench, &outputs, O));
    }
    assert!(
        fetched.iter().all(|piece| *piece == PIECES - 1),
        "{fetched:?}"
    );
}

#[test]
fn what_is_claimed_and_never_comes_is_fetched_by_another() {
    let mut bench = at_site(1, &[2, 3]);
    tell(
        &mut bench,
        PeerKey(2),
        here(3, (0..PIECES).collect::<Vec<u32>>()),
    );
    let outputs = open_outside(&mut bench);
    assert_eq!(fetch(&mut bench, &outputs, O).len(), 0);
    let outputs = bench.wait(20);
    assert_eq!(fetch(&mut bench, &outputs, O).len(), 0);
    let outputs = bench.wait(7);
    assert!(
        !fetch(&mut bench, &outputs, O).is_empty(),
        "the claims lapsed"
    );
}

#[test]
fn what_somebody_who_left_claimed_is_fetched_soon() {
    let mut bench = at_site(1, &[2, 3, 4]);
    tell(
        &mut bench,
        PeerKey(2),
        here(3, (0..PIECES).collect::<Vec<u32>>()),
    );
    let outputs = open_outside(&mut bench);
    assert_eq!(fetch(&mut bench, &outputs, O).len(), 0);
    let peer = PeerKey(3);
    let outputs = bench.put(Input::PeerDisconnected { peer });
    let gone = SiteNews {
        member: member(3),
        says: Says::Gone,
    };
    assert_eq!(told(&outputs, P.max(Q)), [gone], "the others hear of it");
    let outputs = bench.wait(3);
    assert!(!fetch(&mut bench, &outputs, O).is_empty());
}

#[test]
fn news_are_passed_on_once() {
    let mut bench = at_site(1, &[2, 3]);
    let news = here(77, [4, 5]);
    let outputs = tell(&mut bench, PeerKey(2), news.clone());
    assert_eq!(told(&outputs, PeerKey(3)), std::slice::from_ref(&news));
    assert_eq!(told(&outputs, PeerKey(2)), [], "not back to who said it");
    let outputs = tell(&mut bench, PeerKey(3), news);
    assert_eq!(told(&outputs, PeerKey(2)), []);
    // That somebody is gone is believed only of those that we do not see.
    let gone = |number| SiteNews {
        member: member(number),
        says: Says::Gone,
    };
    let outputs = tell(&mut bench, PeerKey(3), gone(2));
    assert_eq!(told(&outputs, PeerKey(2)), []);
    let outputs = tell(&mut bench, PeerKey(3), gone(77));
    assert_eq!(told(&outputs, PeerKey(2)), [gone(77)]);
    // What comes late from others does not bring it back.
    let outputs = tell(&mut bench, PeerKey(3), here(77, [6]));
    assert_eq!(told(&outputs, PeerKey(2)), []);
}

#[test]
fn of_two_that_begin_at_once_one_yields() {
    let mut bench = at_site(1, &[2, 3]);
    let outputs = open_outside(&mut bench);
    let asked = requests(&outputs, O);
    assert!(!asked.is_empty());
    // Of a thousand that claim the same, one comes before us in the draw.
    let mut yielded = false;
    for number in 0..1_000 {
        let news = SiteNews {
            member: Member(1_000 + number),
            says: Says::Here(vec![asked[0].piece]),
        };
        let outputs = tell(&mut bench, PeerKey(2), news);
        yielded |= sent(&outputs, O).contains(&Message::Cancel(asked[0]));
    }
    assert!(yielded);
}

#[test]
fn two_alone_are_no_site() {
    let mut bench = at_site(1, &[2]);
    let outputs = open_outside(&mut bench);
    assert_eq!(fetch(&mut bench, &outputs, O).len(), PIECES as usize);
}

#[test]
fn without_locality_everything_is_fetched_from_anywhere() {
    let mut bench = Bench::new(PIECES, 1);
    for peer in [P, Q, PeerKey(3)] {
        bench.connect(peer, true);
        place(&mut bench, peer, true);
    }
    let outputs = open_outside(&mut bench);
    assert_eq!(fetch(&mut bench, &outputs, O).len(), PIECES as usize);
}

#[test]
fn a_site_that_has_it_and_does_not_give_it_is_not_waited_for() {
    let mut bench = at_site(1, &[2, 3]);
    bench.say(PeerKey(2), Message::HaveAll);
    let outputs = open_outside(&mut bench);
    assert_eq!(fetch(&mut bench, &outputs, O).len(), 0);
    let outputs = bench.wait(4);
    assert_eq!(fetch(&mut bench, &outputs, O).len(), 0);
    let outputs = bench.wait(3);
    assert!(!fetch(&mut bench, &outputs, O).is_empty());
}

#[test]
fn a_site_that_only_trickles_is_not_waited_for() {
    let mut bench = at_site(1, &[2, 3]);
    open_outside(&mut bench);
    // It is fast: what is ours to fetch comes at a block every ten milliseconds.
    for _ in 0..15 {
        bench.now = bench.now + Duration::from_millis(10);
        bench.answer(O);
    }
    let had = bench.swarm.have().count();
    assert!(had >= 10);
    bench.say(P.max(Q), Message::HaveAll);
    bench.say(P.max(Q), Message::Unchoke);
    let mut waited = 0;
    while !bench.swarm.is_complete() {
        bench.wait(2);
        bench.answer(P.max(Q));
        while bench.answer(O) {}
        waited += 2;
    }
    assert!((4..=16).contains(&waited), "waited for {waited} seconds");
}

#[test]
fn liars_that_claim_everything_again_and_again_delay_us_and_no_more() {
    let mut bench = at_site(1, &[2, 3]);
    let all: Vec<u32> = (0..PIECES).collect();
    let mut fetched = BTreeSet::new();
    let mut outputs = open_outside(&mut bench);
    let mut waited = 0;
    while fetched.len() < PIECES as usize {
        tell(&mut bench, PeerKey(2), here(3, all.clone()));
        fetched.extend(fetch(&mut bench, &outputs, O));
        outputs = bench.wait(6);
        waited += 6;
        assert!(waited < 180, "{fetched:?}");
    }
}

#[test]
fn liars_that_claim_everything_delay_a_slow_link_no_more() {
    let mut bench = at_site(1, &[2, 3]);
    let all: Vec<u32> = (0..PIECES).collect();
    tell(&mut bench, PeerKey(2), here(3, all.clone()));
    open_outside(&mut bench);
    let mut waited = 0;
    while !bench.swarm.is_complete() {
        tell(&mut bench, PeerKey(2), here(3, all.clone()));
        bench.say(PeerKey(3), Message::KeepAlive);
        bench.wait(1);
        bench.answer(O);
        waited += 1;
        assert!(waited < 200, "has {:?}", bench.swarm.have());
    }
}

#[test]
fn a_slow_link_is_no_reason_to_fetch_what_others_fetch() {
    let mut bench = at_site(1, &[2, 3]);
    let others: Vec<u32> = (PIECES / 2..PIECES).collect();
    tell(&mut bench, PeerKey(2), here(3, others.clone()));
    open_outside(&mut bench);
    // A block every five seconds: for more than two minutes the site has nothing to give.
    for _ in 0..32 {
        bench.answer(O);
        tell(&mut bench, PeerKey(2), here(3, others.clone()));
        bench.say(PeerKey(3), Message::KeepAlive);
        bench.wait(5);
    }
    let had: Vec<u32> = bench.swarm.have().iter().collect();
    assert!(had.len() >= 30, "it goes on: {had:?}");
    assert!(had.iter().all(|piece| *piece < PIECES / 2), "{had:?}");
}

#[test]
fn a_piece_with_a_deadline_is_fetched_by_anybody() {
    let mut bench = at_site(1, &[2, 3]);
    let outputs = open_outside(&mut bench);
    fetch(&mut bench, &outputs, O);
    let piece = (0..PIECES)
        .find(|piece| !bench.swarm.have().contains(*piece))
        .unwrap();
    let within = Some(Duration::from_secs(1));
    let outputs = bench.put(Input::Deadline { piece, within });
    let outputs = [outputs, bench.wait(1)].concat();
    assert!(fetch(&mut bench, &outputs, O).contains(&piece));
}

#[test]
fn what_an_origin_elsewhere_shows_only_us_we_fetch() {
    let mut bench = at_site(1, &[2, 3]);
    bench.connect(O, true);
    place(&mut bench, O, false);
    bench.say(O, Message::HaveNone);
    bench.say(O, Message::Unchoke);
    for piece in 0..PIECES {
        bench.say(O, Message::Have(piece));
        let outputs = bench.say(O, Message::Suggest(piece));
        fetch(&mut bench, &outputs, O);
    }
    assert!(bench.swarm.is_complete());
}

#[test]
fn an_origin_shows_its_site_what_it_has_and_others_what_they_are_to_fetch() {
    let config = SwarmConfig {
        me: member(1),
        locality: true,
        ..SwarmConfig::default()
    };
    let shown = |bench: &mut Bench, peer: PeerKey, local: bool| {
        let mut outputs = bench.connect(peer, true);
        outputs.extend(place(bench, peer, local));
        outputs.extend(bench.say(peer, Message::HaveNone));
        outputs.extend(bench.say(peer, Message::Interested));
        outputs
    };
    let is_shown = |outputs: &[Output], to| {
        let said = sent(outputs, to);
        let have = said.iter().any(|said| matches!(said, Message::Have(_)));
        (
            have,
            said.iter().any(|said| matches!(said, Message::Suggest(_))),
        )
    };
    let mut bench = Bench::with(config, PIECES, 1).complete(PIECES);
    // The first one is alone and sees everything.
    shown(&mut bench, PeerKey(100), false);
    let outputs = shown(&mut bench, O, false);
    assert_eq!(is_shown(&outputs, O), (true, true));
    for number in 1..=3 {
        shown(&mut bench, PeerKey(number), true);
    }
    let outputs = shown(&mut bench, PeerKey(50), false);
    assert_eq!(is_shown(&outputs, PeerKey(50)), (false, false));
    let outputs = shown(&mut bench, PeerKey(4), true);
    assert!(
        !is_shown(&outputs, PeerKey(4)).1,
        "nobody at our site has to fetch anything"
    );
}
