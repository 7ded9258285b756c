//! Records of failovers, with what a simulation has no use for left empty.

use std::collections::BTreeMap;

use lifeboat_core::failover::{
    Counts, FailoverRecord, Figures, Kind, Mode, MovePhase, PlanSummary, Trigger,
};
use lifeboat_core::ids::{FailoverId, WorldId};
use lifeboat_core::time::Timestamp;

/// What a new record is made of.
pub(crate) struct NewRecord {
    pub(crate) kind: Kind,
    pub(crate) world: WorldId,
    pub(crate) target: WorldId,
    pub(crate) counter: u64,
    pub(crate) mode: Mode,
    pub(crate) rate_per_second: f64,
}

/// A record that ends before everyone is accounted for.
pub(crate) fn cancelled(record: &FailoverRecord, now: Timestamp) -> FailoverRecord {
    FailoverRecord { phase: MovePhase::Cancelled, finished_at: Some(now), ..record.clone() }
}

/// A record that begins now.
pub(crate) fn record(id: FailoverId, new: NewRecord, now: Timestamp) -> FailoverRecord {
    FailoverRecord {
        id,
        kind: new.kind,
        trigger: Trigger::Api,
        world_id: new.world,
        target_deployment_id: None,
        target_world_id: new.target,
        phase: MovePhase::Moving,
        mode: new.mode,
        reason: "simulated".to_owned(),
        message: None,
        by: "operator".to_owned(),
        started_at: now,
        finished_at: None,
        revision: 0,
        counter: new.counter,
        plan: PlanSummary {
            sessions: 0,
            window_ms: 0,
            rate_per_second: new.rate_per_second,
            rules: Vec::new(),
        },
        counts: Counts::default(),
        refusals: BTreeMap::new(),
        dark_ms: Figures::default(),
        fanout_ms: Figures::default(),
        outage_ms: None,
        last_healthy_at: None,
        present_fixed: false,
        nudges: 0,
        waits_for_target: false,
        nobody_told: false,
        counter_before: 0,
        waited_until: None,
    }
}
