//! How many connections of a session ended, by why.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::sync::{Mutex, PoisonError};

/// Counts by reason, in words; of strangers who were turned away as much as of peers.
#[derive(Debug, Default)]
pub(crate) struct Ends(Mutex<BTreeMap<String, u64>>);

impl Ends {
    pub fn count(&self, why: &impl Display) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.entry(why.to_string()).or_default() += 1;
    }

    pub fn all(&self) -> BTreeMap<String, u64> {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts.clone()
    }
}
