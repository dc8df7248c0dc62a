//! Scripts for each policy: a few that make sense, and noise.

use crate::{Made, noise};

/// Step numbers of the script, as `src/uploader.rs` reads them.
const COME: u8 = 0;
const LEAVE: u8 = 4;
const GIVES: u8 = 5;
const SNUBS: u8 = 7;
const PASSES_ON: u8 = 8;
const WAIT: u8 = 9;
const SEEDING: u8 = 10;
const CHOOSE: u8 = 11;

const BASE_SHARE: u8 = 0;
const TIT_FOR_TAT: u8 = 1;
const ROUND_ROBIN: u8 = 2;
const FASTEST: u8 = 3;

pub fn files() -> Vec<Made> {
    let crowd: Vec<u8> = (0..12).flat_map(|number| [COME, number]).collect();
    let givers: Vec<u8> = (0..6)
        .flat_map(|number| [GIVES, number, 1, number])
        .collect();
    let prefix: Vec<u8> = (14..20).flat_map(|number| [COME, number]).collect();
    let rounds = [CHOOSE, 7, 9, 0].repeat(8);
    let usual = |kind: u8| [&[kind][..], &crowd, &givers, &rounds].concat();
    vec![
        ("good-base-share", usual(BASE_SHARE)),
        ("good-tit-for-tat", usual(TIT_FOR_TAT)),
        ("good-round-robin", usual(ROUND_ROBIN)),
        ("good-fastest", usual(FASTEST)),
        (
            "good-seeding",
            [
                &usual(BASE_SHARE)[..],
                &[SEEDING, 1, PASSES_ON, 3, 0],
                &rounds,
            ]
            .concat(),
        ),
        (
            "good-prefix",
            [&usual(BASE_SHARE)[..], &prefix, &rounds].concat(),
        ),
        (
            "good-snubs",
            [
                &usual(TIT_FOR_TAT)[..],
                &[SNUBS, 5, 1, SNUBS, 4, 1],
                &rounds,
            ]
            .concat(),
        ),
        (
            "good-leaves",
            [
                &usual(BASE_SHARE)[..],
                &[LEAVE, 1, LEAVE, 2, WAIT, 99, 0],
                &rounds,
                &[COME, 1],
            ]
            .concat(),
        ),
        ("good-nobody", [&[FASTEST][..], &rounds].concat()),
        ("good-noise-1", noise(&usual(BASE_SHARE), 41)),
        ("good-noise-2", noise(&usual(TIT_FOR_TAT), 42)),
        ("good-noise-3", noise(&usual(ROUND_ROBIN), 43)),
        ("bad-empty", Vec::new()),
    ]
}
