//! The simulator: whole swarms of real [`Swarm`](p2pcore_scheduling::Swarm)s in virtual time and without payload.
//!
//! A run is a pure function of its scenario and its seed. The simulator takes the engine's place: it carries out what
//! the Swarms say on links with a rate and a delay, decides nothing about peers or pieces, and measures.
//!
//! What it leaves out: packets, loss and the slow start of TCP. Messages take the delay alone and no room on a link.

#![forbid(unsafe_code)]

pub mod bounds;
mod event;
mod node;
mod random;
mod report;
mod scenario;
pub mod scenarios;
mod statistics;
mod validity;
mod wire;
mod world;

#[cfg(test)]
mod tests;

pub use report::{Class, Figure, Link, NodeRow, Report};
pub use scenario::{
    Conduct, DOWN, Group, Joins, Leaves, Network, Reach, Scenario, SendQueue, UNLIMITED, UP,
};
pub use scenarios::{Outcome, Trial};
pub use validity::ScenarioError;
pub use world::{Stopped, run, run_while};
