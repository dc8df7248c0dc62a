//! The policies that choose whom to serve: whoever comes, gives and takes, in any order. The first byte names the policy,
//! the others are a script.

use p2pcore_scheduling::models::uploading::{Model, Step};

use crate::script::Script;

/// Feeds a script; accepted means that it had at least one whole step.
pub fn uploader(data: &[u8]) -> bool {
    let mut script = Script(data);
    let Some(kind) = script.byte() else {
        return false;
    };
    let mut model = Model::new(kind);
    let mut steps = 0;
    while let Some(kind) = script.byte() {
        model.step(step(kind, &mut script));
        steps += 1;
    }
    model.finish();
    steps > 0
}

fn step(kind: u8, script: &mut Script<'_>) -> Step {
    // A few private hosts, and a few behind one prefix.
    let peer = |script: &mut Script<'_>| match script.small(20) as u8 {
        number @ 0..14 => number,
        number => 200 + number,
    };
    match kind % 16 {
        0..=3 => Step::Come(peer(script)),
        4 => Step::Leave(peer(script)),
        5 | 6 => Step::Gives(peer(script), script.wide() % 4_096),
        7 => Step::Snubs(peer(script), script.yes()),
        8 => Step::PassesOn(peer(script), script.yes()),
        9 => Step::Wait(script.wide()),
        10 => Step::Seeding(script.yes()),
        _ => Step::Choose(1 + script.small(3) as u8, script.wide() % 8_192),
    }
}
