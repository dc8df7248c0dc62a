//! What a session gave to and received from each identity, until its owner takes the amounts away to keep them.
//!
//! The network thread books, any thread takes; each byte is taken once. Nothing here is kept across runs: files with
//! a life of their own are Python's.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use p2pcore_scheduling::{Amounts, Identity};

/// The amounts of all torrents that were not taken yet.
#[derive(Debug, Default)]
pub(crate) struct Ledger(Mutex<BTreeMap<Identity, Amounts>>);

/// Some megabytes. An owner that takes them now and then never comes near; of one that does not, further identities
/// are left out.
const KEPT: usize = 100_000;

impl Ledger {
    pub fn book(&self, passed: BTreeMap<Identity, Amounts>) {
        if passed.is_empty() {
            return;
        }
        let mut booked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (identity, amounts) in passed {
            if booked.len() < KEPT || booked.contains_key(&identity) {
                booked.entry(identity).or_default().add(amounts);
            }
        }
    }

    pub fn take(&self) -> BTreeMap<Identity, Amounts> {
        let mut booked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut booked)
    }
}
