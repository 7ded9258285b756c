//! How a move ended that was cancelled: what it had done by then, and what that means for those
//! whom it was to move. Its ledger goes on, so whoever is back where they were counts as landed.

use std::time::Duration;

use lifeboat_core::catalog::Catalog;
use lifeboat_core::failover::{FailoverRecord, Kind, Mode, MovePhase, Row, Stage};
use lifeboat_core::time::Timestamp;

use super::words::{ms_between, number, people, span};

/// What cancels a move begins in the same commit; the two read the clock within this time.
pub(super) const SAME_COMMIT: Duration = Duration::from_millis(500);

/// The end of a move that was cancelled.
pub(super) struct Ending {
    pub(super) at: Timestamp,
    pub(super) after_ms: u64,
    pub(super) cause: Cause,
    /// In the other world by then.
    pub(super) moved: usize,
    /// Out of their world by then and not in the other one.
    turned_back: usize,
    /// Still where they were.
    not_left: usize,
    /// Refused, or gone of their own accord.
    settled: usize,
}

/// What cancelled a move.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// The failover was undone, or a failback began: whoever had moved is called home.
    Undone { all_home: bool },
    /// Another move began.
    Overtaken(&'static str),
    /// The override was cleared in the live config.
    Cleared,
}

impl Ending {
    /// The end of `record`, if it was cancelled.
    pub(super) fn of(catalog: &Catalog, record: &FailoverRecord, rows: &[Row]) -> Option<Self> {
        let at = record.finished_at.filter(|_| record.phase == MovePhase::Cancelled)?;
        let mut ending = Self {
            at,
            after_ms: ms_between(record.started_at, at),
            cause: Cause::Cleared,
            moved: 0,
            turned_back: 0,
            not_left: 0,
            settled: 0,
        };
        let by_then = |moment: Option<Timestamp>| moment.is_some_and(|moment| moment <= at);
        for row in rows {
            // Of a graceful move the time to leave is a plan, which a hold changes; whoever has
            // asked to join has gone.
            let has_left = match record.mode {
                Mode::Emergency => by_then(row.leave_at),
                Mode::Graceful => by_then(row.asked_at),
            };
            let count = match row.stage {
                Stage::Landed if by_then(row.settled_at) => &mut ending.moved,
                Stage::Refused | Stage::Left if by_then(row.settled_at) => &mut ending.settled,
                _ if has_left || by_then(row.game_lost_at) => &mut ending.turned_back,
                _ => &mut ending.not_left,
            };
            *count += 1;
        }
        ending.cause = cause(catalog, record, at, ending.moved);
        Some(ending)
    }

    /// `Undone after 2.8 s: 6 people had moved and came home, 20 had not left yet`.
    pub(super) fn headline(&self) -> String {
        let how = match self.cause {
            Cause::Undone { .. } => format!("Undone after {}", span(self.after_ms)),
            Cause::Overtaken(by) => format!("Cut short after {} by a {by}", span(self.after_ms)),
            Cause::Cleared => format!("Cancelled by hand after {}", span(self.after_ms)),
        };
        let moved = match self.cause {
            Cause::Undone { all_home: true } => "had moved and came home",
            Cause::Undone { all_home: false } => "had moved and were called home",
            Cause::Overtaken(_) | Cause::Cleared => "had moved",
        };
        let turned_back = if self.turned_back == 1 { "was" } else { "were" };
        let groups = [
            (self.moved, moved.to_owned()),
            (self.turned_back, format!("{turned_back} turned back on the way")),
            (self.not_left, "had not left yet".to_owned()),
            (self.settled, "had left for good or been refused".to_owned()),
        ];
        let mut said = Vec::new();
        for (count, what) in groups.into_iter().filter(|(count, _)| *count > 0) {
            let who = if said.is_empty() { people(count) } else { number(count) };
            said.push(format!("{who} {what}"));
        }
        if said.is_empty() { how } else { format!("{how}: {}", said.join(", ")) }
    }

    /// What happened at its end, for the timeline, where nobody is known who did it.
    pub(super) fn moment(&self) -> String {
        match self.cause {
            Cause::Undone { .. } => "It was undone".to_owned(),
            Cause::Overtaken(by) => format!("A {by} began in its place"),
            Cause::Cleared => "Its override was cleared by hand".to_owned(),
        }
    }
}

fn cause(catalog: &Catalog, record: &FailoverRecord, at: Timestamp, moved: usize) -> Cause {
    let next = catalog
        .failovers()
        .filter(|one| one.world_id == record.world_id && one.revision > record.revision)
        .min_by_key(|one| one.revision)
        .filter(|next| next.started_at <= at + SAME_COMMIT && at <= next.started_at + SAME_COMMIT);
    match next.map(|next| (next.kind, next)) {
        None => Cause::Cleared,
        Some((Kind::Failback, home)) if record.kind == Kind::Failover => {
            let counts = &home.counts;
            let all_home = home.phase == MovePhase::Complete
                && counts.landed == counts.present
                && counts.present >= moved;
            Cause::Undone { all_home }
        }
        Some((Kind::Failover, _)) => Cause::Overtaken("failover"),
        Some((Kind::Failback, _)) => Cause::Overtaken("failback"),
        Some((Kind::Rejoin, _)) => Cause::Overtaken("rejoin"),
    }
}
