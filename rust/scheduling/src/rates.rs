//! Rates: limits that hold them down, and a meter that measures them. All is pure: time is an argument.

mod bucket;
mod meter;
mod tree;

pub use meter::RateMeter;
pub use tree::{Claim, Place, RateTree, Scope};
