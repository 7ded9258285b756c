//! What happened, in the order in which it happened: as a hash for comparing two runs, and as
//! lines for reading one.

use std::fmt;

use lifeboat_core::time::Timestamp;

use crate::setup::START;

/// Whether lines are kept for reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// Only the hash.
    Hash,
    /// Every line.
    Lines,
}

/// The trace of one run.
#[derive(Debug)]
pub(crate) struct Trace {
    hash: u64,
    lines: Option<Vec<String>>,
    text: String,
}

impl Trace {
    pub(crate) fn new(keep: Keep) -> Self {
        Self {
            hash: 0xcbf2_9ce4_8422_2325,
            lines: (keep == Keep::Lines).then(Vec::new),
            text: String::new(),
        }
    }

    pub(crate) fn note(&mut self, now: Timestamp, what: fmt::Arguments<'_>) {
        use fmt::Write as _;
        self.text.clear();
        let passed_ms = now.as_ms() - START.as_ms();
        // Writing to a String cannot fail.
        let _ = write!(self.text, "{:>4}.{:03}  {what}", passed_ms / 1000, passed_ms % 1000);
        for byte in self.text.bytes() {
            self.hash = (self.hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        if let Some(lines) = &mut self.lines {
            lines.push(self.text.clone());
        }
    }

    pub(crate) const fn hash(&self) -> u64 {
        self.hash
    }

    pub(crate) fn into_lines(self) -> Vec<String> {
        self.lines.unwrap_or_default()
    }
}
