//! Whole runs: that they repeat, that they agree with what can be computed, and that each conduct does what it says.

mod conduct;
mod golden;
mod invariants;
mod physics;
mod repeating;
mod rounds;
mod rows;
mod sharing;
pub(crate) mod watch;

use std::time::Duration;

use crate::scenario::{Network, Scenario};

/// A path that takes no time.
fn no_delay() -> Network {
    Network {
        delay: Duration::ZERO,
        far_delay: Duration::ZERO,
        spread: 0.0,
        jitter: 0.0,
        site_link: None,
    }
}

/// A swarm that is over in a blink.
fn small() -> Scenario {
    Scenario::flash_crowd(8, 32)
}
