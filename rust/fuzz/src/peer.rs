//! The books of one peer: whatever it sends, refuses and asks for, in any order. The bytes are a script.

use p2pcore_scheduling::models::peer::{Model, Step};

use crate::script::Script;

/// Feeds a script; accepted means that it had at least one whole step.
pub fn peer(data: &[u8]) -> bool {
    let mut script = Script(data);
    let mut model = Model::new();
    let mut steps = 0;
    while let Some(kind) = script.byte() {
        model.step(step(kind, &mut script));
        steps += 1;
    }
    steps > 0
}

fn step(kind: u8, script: &mut Script<'_>) -> Step {
    match kind % 20 {
        0..=2 => Step::Ask(script.small(20) as u8),
        3..=6 => Step::Arrive(script.small(20) as usize, script.small(8) as u8),
        7 => Step::Late(script.small(20) as usize),
        8 => Step::Unasked,
        9 => Step::Refuse(script.small(20) as usize),
        10 => Step::Withdraw(script.small(20) as usize),
        11 => Step::Drop,
        12 => Step::Wait(u32::from(script.wide())),
        13 => Step::Wait(script.small(250)),
        14 => Step::Limit(script.number()),
        15 => Step::Nonsense(script.wide() % 4_096),
        16 => Step::Wants(script.small(30) as u8),
        17 => Step::Cancels(script.small(30) as u8),
        18 => Step::Room(script.number()),
        _ => Step::Choke,
    }
}
