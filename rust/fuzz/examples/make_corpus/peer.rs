//! Scripts for one peer's books: a few that make sense, and noise.

use crate::{Made, noise};

/// Step numbers of the script, as `src/peer.rs` reads them.
const ASK: u8 = 0;
const ARRIVE: u8 = 3;
const LATE: u8 = 7;
const UNASKED: u8 = 8;
const REFUSE: u8 = 9;
const WITHDRAW: u8 = 10;
const DROP: u8 = 11;
const WAIT: u8 = 12;
const PAUSE: u8 = 13;
const LIMIT: u8 = 14;
const NONSENSE: u8 = 15;
const WANTS: u8 = 16;
const CANCELS: u8 = 17;
const ROOM: u8 = 18;
const CHOKE: u8 = 19;

const BLOCKS: [u8; 4] = [ARRIVE, 0, 4, PAUSE];
const SILENCE: [u8; 3] = [WAIT, 9, 0];

pub fn files() -> Vec<Made> {
    let steady = [
        &[LIMIT, 140][..],
        &[ASK, 8, ARRIVE, 0, 2, PAUSE, 30].repeat(40),
    ]
    .concat();
    let stalls = [&[ASK, 9][..], &SILENCE, &BLOCKS, &[10, LATE, 0, LATE, 0]].concat();
    vec![
        ("good-steady", steady),
        ("good-stalls", stalls.repeat(9)),
        (
            "good-refuses",
            [
                &[ASK, 12][..],
                &[REFUSE, 0].repeat(12),
                &[ASK, 3],
                &BLOCKS,
                &[9],
            ]
            .concat(),
        ),
        (
            "good-chokes",
            [
                &[ASK, 12, WITHDRAW, 3, DROP, LATE, 0, ASK, 2][..],
                &BLOCKS,
                &[1],
            ]
            .concat(),
        ),
        ("good-unasked", [UNASKED].repeat(90)),
        ("good-floods", [NONSENSE, 15, 0, WAIT, 3, 0].repeat(6)),
        (
            "good-asks-us",
            [
                &[ROOM, 0][..],
                &(0..20)
                    .flat_map(|number| [WANTS, number])
                    .collect::<Vec<u8>>(),
                &[CANCELS, 3, ROOM, 131, CHOKE, WANTS, 1, ROOM, 255],
            ]
            .concat(),
        ),
        (
            "good-one-at-a-time",
            [
                &[LIMIT, 1][..],
                &[ASK, 1, ARRIVE, 0, 1, PAUSE, 99].repeat(30),
            ]
            .concat(),
        ),
        ("good-noise-1", noise(&[ASK, 19], 21)),
        ("good-noise-2", noise(&[ASK, 19], 22)),
        ("good-noise-3", noise(&[ASK, 19], 23)),
        ("bad-empty", Vec::new()),
    ]
}
