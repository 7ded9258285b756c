//! The mark that a request leaves in what it changes, so that it is not done twice when this
//! process ends before its answer is written down.

use std::sync::atomic::{AtomicBool, Ordering};

use super::record::Recorded;
use crate::writer::{AuditEntry, json};

/// A request that may come again.
#[derive(Debug)]
pub(crate) struct Mark {
    key: String,
    request: String,
    is_left: AtomicBool,
}

impl Mark {
    pub(super) fn new(key: String, request: String) -> Self {
        Self { key, request, is_left: AtomicBool::new(false) }
    }

    /// What the commit of `entry` has to write as well: a key and its value. None once the mark is
    /// left, so that what goes on behind the answer does not overwrite that.
    pub(crate) fn write(&self, entry: &AuditEntry) -> Option<(String, Vec<u8>)> {
        let is_left = self.is_left.load(Ordering::Relaxed);
        (!is_left).then(|| (self.key.clone(), json(&Recorded::done(&self.request, entry))))
    }

    /// The mark was committed, or the request is answered.
    pub(crate) fn leave(&self) {
        self.is_left.store(true, Ordering::Relaxed);
    }
}
