//! How a failover stands, and what of that is to be kept.

use std::collections::BTreeMap;

use lifeboat_core::code::ErrorCode;
use lifeboat_core::failover::{Counts, FailoverRecord, Figures, MovePhase, Row};
use lifeboat_core::ids::FailoverId;
use lifeboat_core::time::Timestamp;

/// How a failover stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Progress {
    /// How many sessions are where.
    pub counts: Counts,
    /// Refusals by code.
    pub refusals: BTreeMap<ErrorCode, usize>,
    /// Time that clients were without a world.
    pub dark_ms: Figures,
    /// From the commit to the order written to a session's socket.
    pub fanout_ms: Figures,
    /// When the last session landed.
    pub last_landed_at: Option<Timestamp>,
    /// When the last slot is over.
    pub window_end: Timestamp,
    /// Whether it is settled who was present.
    pub present_fixed: bool,
}

/// What is to be kept of a failover since the last time.
#[derive(Debug, Clone, PartialEq)]
pub struct MoveNews {
    /// Which.
    pub failover: FailoverId,
    /// The phase that it has come to, where that is another than the catalog's.
    pub phase: Option<MovePhase>,
    /// How it stands.
    pub progress: Progress,
    /// The rows that changed, each as it is now.
    pub rows: Vec<Row>,
}

impl MoveNews {
    /// The record with what is new. One that was ended otherwise meanwhile stays ended.
    #[must_use]
    pub fn noted_in(&self, record: &FailoverRecord, now: Timestamp) -> FailoverRecord {
        let progress = &self.progress;
        let goes_on = record.phase.is_open() || record.phase == MovePhase::CompleteWithStragglers;
        let phase = self.phase.filter(|_| goes_on);
        let outage = |healthy| progress.last_landed_at.map(|landed| landed.since(healthy));
        let outage = record.last_healthy_at.and_then(outage);
        FailoverRecord {
            phase: phase.unwrap_or(record.phase),
            finished_at: record.finished_at.or_else(|| phase.map(|_| now)),
            counts: progress.counts,
            refusals: progress.refusals.clone(),
            dark_ms: progress.dark_ms,
            fanout_ms: progress.fanout_ms,
            outage_ms: outage.map(|span| u64::try_from(span.as_millis()).unwrap_or(u64::MAX)),
            present_fixed: progress.present_fixed,
            ..record.clone()
        }
    }
}
