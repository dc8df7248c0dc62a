//! The transfer scheduler: a Swarm is a pure state machine, `handle(now, Input)` then `poll_output()` until empty.
//!
//! This room decides; it has no clock, socket, file, thread or global random source, and iterates nothing in hash order,
//! so that a run can be simulated, replayed and fuzzed. The engine drives it with real sockets.

#![forbid(unsafe_code)]

mod bans;
mod belief;
mod bitfield;
mod blame;
mod buckets;
mod config;
mod dialer;
mod draw;
mod endgame;
mod exchange;
mod explain;
mod forwarding;
mod hedge;
mod holdings;
mod identity;
pub mod input;
mod linger;
mod locality;
#[cfg(any(test, feature = "fuzzing"))]
pub mod models;
mod need;
mod offers;
mod origin;
pub mod output;
mod patience;
mod peers;
mod picker;
mod random;
pub mod rates;
mod requests;
mod sharing;
mod snapshot;
mod stall;
mod swarm;
mod tally;
pub mod time;
mod uploader;
mod uploads;
mod window;

#[cfg(test)]
mod tests;

pub use bans::{Ban, BanReason, BanScope};
pub use bitfield::Bitfield;
pub use config::SwarmConfig;
pub use explain::{Choked, PathModel, Sharing, SizedBy, Standing, Trust, Why};
pub use identity::Identity;
pub use input::{Extensions, Input, PeerInfo, PeerKey, PeerSource, Print, Ticket, Verdict};
pub use locality::site::Site;
pub use output::{CloseReason, Fact, Output};
pub use rates::{Claim, Place, RateMeter, RateTree, Scope};
pub use snapshot::{Counters, PeerSnapshot};
pub use swarm::Swarm;
pub use tally::Amounts;
pub use time::Time;
pub use uploader::{Served, Share, UploaderPolicy};
