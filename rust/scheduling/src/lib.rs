//! The transfer scheduler: a Swarm is a pure state machine, `handle(now, Input)` then `poll_output()` until empty.
//!
//! This room decides; it has no clock, socket, file, thread or global random source, and iterates nothing in hash order,
//! so that a run can be simulated, replayed and fuzzed. The engine drives it with real sockets.

pub mod bitfield;
pub mod config;
pub mod input;
pub mod output;
pub mod rates;
pub mod snapshot;
pub mod swarm;
pub mod time;

pub use bitfield::Bitfield;
pub use config::SwarmConfig;
pub use input::{Input, PeerInfo, PeerKey, PeerSource, Ticket, Verdict};
pub use output::{CloseReason, Fact, Output};
pub use rates::{Grant, RateMeter, TokenBucket};
pub use snapshot::{Counters, PeerSnapshot};
pub use swarm::Swarm;
pub use time::Time;
