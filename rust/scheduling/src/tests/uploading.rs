//! Random sequences of what happens to each policy, beside the model of it.

use proptest::prelude::*;

use crate::models::uploading::{Model, Step};

fn step() -> impl Strategy<Value = Step> {
    let peer = prop_oneof![0..20_u8, 201..210_u8];
    prop_oneof![
        8 => peer.clone().prop_map(Step::Come),
        2 => peer.clone().prop_map(Step::Leave),
        3 => (peer.clone(), 0..2_000_u16).prop_map(|(peer, kib)| Step::Gives(peer, kib)),
        1 => (peer.clone(), any::<bool>()).prop_map(|(peer, snubs)| Step::Snubs(peer, snubs)),
        1 => (peer, any::<bool>()).prop_map(|(peer, on)| Step::PassesOn(peer, on)),
        2 => (0..20_000_u16).prop_map(Step::Wait),
        10 => (1..4_u8, 0..9_000_u16).prop_map(|(times, kib)| Step::Choose(times, kib)),
        1 => any::<bool>().prop_map(Step::Seeding),
    ]
}

proptest! {
    #[test]
    fn no_slot_stays_empty_and_no_identity_starves(
        kind in 0..4_u8,
        steps in prop::collection::vec(step(), 1..150),
    ) {
        let mut model = Model::new(kind);
        steps.into_iter().for_each(|step| model.step(step));
        model.finish();
    }
}
