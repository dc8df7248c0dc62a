//! Random sequences of what happens to one peer's books, beside the model of them.

use proptest::prelude::*;

use crate::models::peer::{Model, Step};

fn step() -> impl Strategy<Value = Step> {
    let at = 0..12_usize;
    prop_oneof![
        8 => (0..20_u8).prop_map(Step::Ask),
        12 => (at.clone(), 1..9_u8).prop_map(|(at, parts)| Step::Arrive(at, parts)),
        2 => at.clone().prop_map(Step::Late),
        1 => Just(Step::Unasked),
        2 => at.clone().prop_map(Step::Refuse),
        2 => at.prop_map(Step::Withdraw),
        1 => Just(Step::Drop),
        6 => (0..40_000_u32).prop_map(Step::Wait),
        1 => any::<u32>().prop_map(Step::Limit),
        1 => (0..3_000_u16).prop_map(Step::Nonsense),
        4 => (0..20_u8).prop_map(Step::Wants),
        1 => (0..20_u8).prop_map(Step::Cancels),
        2 => (0..200_000_u32).prop_map(Step::Room),
        1 => Just(Step::Choke),
    ]
}

proptest! {
    #[test]
    fn requests_are_neither_lost_nor_made_up(steps in prop::collection::vec(step(), 1..200)) {
        let mut model = Model::new();
        steps.into_iter().for_each(|step| model.step(step));
    }
}
