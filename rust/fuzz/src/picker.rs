//! The picker: whatever peers have, send and refuse, and whatever is wanted, in any order. The bytes are a script.

use p2pcore_scheduling::models::picking::{Model, PIECES, Step};

use crate::script::Script;

/// Feeds a script; accepted means that it had at least one whole step.
pub fn picker(data: &[u8]) -> bool {
    let mut script = Script(data);
    let mut model = Model::new();
    let mut steps = 0;
    while let Some(kind) = script.byte() {
        model.step(step(kind, &mut script));
        steps += 1;
    }
    model.finish();
    steps > 0
}

fn step(kind: u8, script: &mut Script<'_>) -> Step {
    let piece = |script: &mut Script<'_>| script.small(PIECES);
    let peer = |script: &mut Script<'_>| u64::from(script.small(6));
    match kind % 25 {
        0 | 1 => Step::Come(peer(script), script.wide() & ((1 << PIECES) - 1)),
        2 => Step::Leave(peer(script)),
        3..=5 => Step::Have(peer(script), piece(script)),
        6 => Step::Lacks(peer(script), piece(script)),
        7..=10 => Step::Pick(peer(script), 1 + script.small(7), script.small(8) == 7),
        11..=14 => Step::Store(script.small(20) as usize),
        15 => Step::Release(script.small(20) as usize),
        16 => Step::Again(script.small(20) as usize, peer(script)),
        17 | 18 => Step::Verdict(script.small(4) > 0),
        19 => Step::GiveUp(piece(script)),
        20 => Step::Guard(piece(script)),
        21 => Step::Priorities([(); PIECES as usize].map(|()| script.small(3) as u8)),
        22 => Step::Sequential(script.yes()),
        23 => Step::Wait(script.wide()),
        _ => Step::Deadline(piece(script), script.yes().then(|| script.wide())),
    }
}
