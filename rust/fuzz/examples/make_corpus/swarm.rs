//! Scripts for a Swarm: a few that make sense, and noise.

use crate::Made;

/// Step numbers of the script, as `src/swarm.rs` reads them.
const CONNECT: u8 = 0;
const DISCONNECT: u8 = 2;
const MESSAGE: u8 = 3;
const ANSWER: u8 = 8;
const UNASKED: u8 = 12;
const VERDICT: u8 = 13;
const TIME: u8 = 15;
const ADDRESSES: u8 = 16;
const STEER: u8 = 17;
const ABOUT: u8 = 18;
const DIAL_ENDS: u8 = 19;

/// A connection that speaks everything: address, then flags, then peer id.
const FAST_PEER: [u8; 4] = [CONNECT, 1, 7, 1];
const HAVE_ALL: [u8; 3] = [MESSAGE, 0, 16];
const UNCHOKE: [u8; 3] = [MESSAGE, 0, 1];
const INTERESTED: [u8; 3] = [MESSAGE, 0, 5];
const GOOD: [u8; 2] = [VERDICT, 5];
const BAD: [u8; 3] = [VERDICT, 1, 0];

pub fn files() -> Vec<Made> {
    let seed = [&FAST_PEER[..], &HAVE_ALL, &UNCHOKE].concat();
    let answers = |count: usize| [ANSWER, 0].repeat(count);
    let fetch = [answers(3), GOOD.to_vec()].concat();
    // Seven pieces of 17 blocks in all.
    let all = [seed.clone(), answers(17), GOOD.repeat(7)].concat();
    vec![
        ("good-fetch-all", all.clone()),
        (
            "good-then-serve",
            [
                &all[..],
                &[CONNECT, 2, 7, 2],
                &INTERESTED,
                &[
                    ABOUT, 0, 4, 255, TIME, 200, 1, MESSAGE, 0, 12, 1, 0, 0, ABOUT, 0, 4, 255,
                ],
            ]
            .concat(),
        ),
        (
            "good-corrupt",
            [seed.clone(), answers(3), BAD.to_vec(), fetch.repeat(8)].concat(),
        ),
        (
            "good-endgame",
            [
                seed.clone(),
                vec![CONNECT, 9, 7, 9, MESSAGE, 1, 16, MESSAGE, 1, 1],
                answers(30),
            ]
            .concat(),
        ),
        (
            "good-choked",
            [
                seed.clone(),
                vec![MESSAGE, 0, 0, TIME, 100, 0, TIME, 249, 1],
                answers(3),
            ]
            .concat(),
        ),
        (
            "good-unasked",
            [&seed[..], &[UNASKED, 0, 0, 0, 0, 0].repeat(60)].concat(),
        ),
        (
            "good-silent",
            [seed.clone(), [TIME, 200, 1].repeat(40)].concat(),
        ),
        (
            "good-leaves",
            [
                &seed[..],
                &[DISCONNECT, 0],
                &FAST_PEER,
                &HAVE_ALL,
                &UNCHOKE,
                &answers(4),
            ]
            .concat(),
        ),
        (
            "good-pauses",
            [
                &seed[..],
                &[STEER, 2],
                &answers(2),
                &[STEER, 3],
                &seed,
                &fetch,
            ]
            .concat(),
        ),
        (
            "good-dials",
            [
                ADDRESSES, 0, 4, 1, 2, 3, 4, DIAL_ENDS, 0, CONNECT, 7, 1, TIME, 249, 1,
            ]
            .to_vec(),
        ),
        (
            "good-loses-pieces",
            [
                &seed[..],
                &[ABOUT, 0, 3, 2],
                &[VERDICT, 0],
                &fetch.repeat(3),
            ]
            .concat(),
        ),
        ("good-noise-1", noise(1)),
        ("good-noise-2", noise(2)),
        ("good-noise-3", noise(3)),
        ("good-noise-4", noise(4)),
        ("bad-empty", Vec::new()),
    ]
}

fn noise(seed: u64) -> Vec<u8> {
    let start = [CONNECT, 1, 7, 1, CONNECT, 2, 7, 2, CONNECT, 3, 0, 3];
    crate::noise(&start, seed)
}
