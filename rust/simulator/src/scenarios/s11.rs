//! S11: what the origin has to send.

use super::{Trial, origin};
use crate::scenario::Scenario;

pub(super) const TRIALS: [Trial; 1] = [Trial::new(
    "s11",
    "origin cost, 300 peers",
    || Scenario::flash_crowd(300, 256),
    &[origin::FIRST_COPY, origin::IN_ALL],
)];
