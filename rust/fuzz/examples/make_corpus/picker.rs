//! Scripts for a picker: a few that make sense, and noise.

use crate::{Made, noise};

/// Step numbers of the script, as `src/picker.rs` reads them.
const COME: u8 = 0;
const LEAVE: u8 = 2;
const HAVE: u8 = 3;
const LACKS: u8 = 6;
const PICK: u8 = 7;
const STORE: u8 = 11;
const RELEASE: u8 = 15;
const AGAIN: u8 = 16;
const VERDICT: u8 = 17;
const GIVE_UP: u8 = 19;
const GUARD: u8 = 20;
const PRIORITIES: u8 = 21;
const SEQUENTIAL: u8 = 22;
const WAIT: u8 = 23;
const DEADLINE: u8 = 24;

/// A seed, and one that has every other piece.
const SEED: [u8; 4] = [COME, 1, 1, 255];
const HALF: [u8; 4] = [COME, 2, 1, 0x55];
const FETCH: [u8; 11] = [PICK, 1, 2, 0, STORE, 0, STORE, 0, STORE, 0, VERDICT];

pub fn files() -> Vec<Made> {
    let good = [&FETCH[..], &[1]].concat();
    let bad = [&FETCH[..], &[0]].concat();
    let both = [SEED, HALF].concat();
    let wish = [PRIORITIES, 0, 1, 2, 0, 1, 2, 0, 1, 2];
    vec![
        ("good-fetch-all", [&SEED[..], &good.repeat(9)].concat()),
        (
            "good-corrupt",
            [&both[..], &bad, &[GUARD, 0], &good.repeat(3)].concat(),
        ),
        (
            "good-priorities",
            [&SEED[..], &good, &wish, &good.repeat(6), &wish].concat(),
        ),
        (
            "good-sequential",
            [
                &[SEQUENTIAL, 1][..],
                &both,
                &good.repeat(4),
                &[SEQUENTIAL, 0],
            ]
            .concat(),
        ),
        (
            "good-leaves",
            [
                &both[..],
                &[PICK, 1, 6, 7, PICK, 2, 6, 0, LEAVE, 1],
                &good.repeat(2),
            ]
            .concat(),
        ),
        (
            "good-again",
            [
                &both[..],
                &[
                    PICK, 1, 6, 0, AGAIN, 0, 2, AGAIN, 1, 2, STORE, 0, RELEASE, 0,
                ],
            ]
            .concat(),
        ),
        (
            "good-gives-up",
            [
                &SEED[..],
                &[PICK, 1, 5, 0, STORE, 0, GIVE_UP, 0, GIVE_UP, 1],
                &good,
            ]
            .concat(),
        ),
        (
            "good-haves",
            [
                &HALF[..],
                &[
                    HAVE, 2, 1, HAVE, 2, 3, LACKS, 2, 1, WAIT, 1, 0, PICK, 2, 6, 0,
                ],
            ]
            .concat(),
        ),
        (
            "good-deadlines",
            [
                &both[..],
                &[DEADLINE, 7, 1, 1, 0, DEADLINE, 3, 1, 0, 9, DEADLINE, 7, 0],
                &good.repeat(4),
            ]
            .concat(),
        ),
        ("good-noise-1", noise(&both, 31)),
        ("good-noise-2", noise(&both, 32)),
        ("good-noise-3", noise(&both, 33)),
        ("bad-empty", Vec::new()),
    ]
}
