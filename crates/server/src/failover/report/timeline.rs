//! What happened when: the milestones of a failover, and what operators did meanwhile.

use std::time::Duration;

use lifeboat_core::failover::{FailoverRecord, Kind, MovePhase, Row};
use lifeboat_core::limits::STRAGGLER_AFTER;
use lifeboat_core::time::Timestamp;
use lifeboat_store::Range;
use serde_json::Value;

use super::Named;
use super::ending::{Ending, SAME_COMMIT};
use super::words::{number, people};
use crate::app::App;
use crate::http::problem::ApiResult;
use crate::keyspace;
use crate::writer::AuditEntry;

/// Entries of the audit log that are looked through for operators' acts.
const SCANNED_MAX: usize = 10_000;
/// Entries read at once.
const READ_PAGE: usize = 500;

/// Something that happened.
pub(super) struct Moment {
    pub(super) at: Timestamp,
    pub(super) text: String,
    /// Whether somebody ended the move with it.
    pub(super) ends: bool,
}

/// What operators did with a failover while it moved, from the audit log.
pub(super) async fn acts(app: &App, record: &FailoverRecord) -> ApiResult<Vec<Moment>> {
    let until = record.finished_at.unwrap_or_else(|| app.now()) + STRAGGLER_AFTER;
    let begin = keyspace::audit_since(record.started_at);
    let mut range = Range::prefix(keyspace::AUDIT).after(begin).limit(READ_PAGE);
    let (mut acts, mut scanned) = (Vec::new(), 0);
    loop {
        let page = app.store.list(range.clone(), None).await?;
        scanned += page.items.len();
        for item in &page.items {
            let Ok(entry) = serde_json::from_slice::<AuditEntry>(&item.value) else { continue };
            if entry.at > until {
                return Ok(acts);
            }
            if entry.outcome != "done" {
                continue;
            }
            if entry.target == record.id.as_str() {
                acts.push(Moment { at: entry.at, text: act(&entry), ends: false });
            } else if entry.target == record.world_id.as_str()
                && item.modified > record.revision
                && let Some(turn) = turn(&entry, record)
            {
                acts.push(turn);
            }
        }
        match page.next {
            Some(next) if scanned < SCANNED_MAX => range = range.after(next),
            _ => return Ok(acts),
        }
    }
}

fn act(entry: &AuditEntry) -> String {
    let who = &entry.who;
    match entry.action.as_str() {
        "failover.hold" => format!("{who} held it"),
        "failover.resume" => format!("{who} let it go on"),
        "failover.nudge" => format!("{who} had the pending told again"),
        _ => match entry.after.get("message").and_then(Value::as_str) {
            Some(message) if entry.before.get("message") != entry.after.get("message") => {
                format!("{who} told the players: {message}")
            }
            _ => format!("{who} changed the pace"),
        },
    }
}

/// An act on the world that turned a move round, or that another took its place by.
fn turn(entry: &AuditEntry, record: &FailoverRecord) -> Option<Moment> {
    let (who, at) = (&entry.who, entry.at);
    let ends = record.phase == MovePhase::Cancelled
        && record.finished_at.is_some_and(|end| at <= end + SAME_COMMIT && end <= at + SAME_COMMIT);
    let text = match entry.action.as_str() {
        "failover.undo" => format!("{who} undid it"),
        "failover.failback" => format!("{who} called everyone home"),
        "failover.run" => format!("{who} began the next failover"),
        "liveConfig.save" | "liveConfig.rollback" if ends => {
            format!("{who} ended it in the live config")
        }
        _ => return None,
    };
    Some(Moment { at, text, ends })
}

/// When people were told and when they arrived.
pub(super) struct Course<'a> {
    told_ms: &'a [u64],
    /// Those who arrived where they were to go.
    landed_ms: &'a [u64],
    /// Those who were back where they had been, after it was cancelled.
    back_ms: &'a [u64],
    /// How many were not accounted for when it ended.
    unsettled: usize,
    ending: Option<&'a Ending>,
}

impl<'a> Course<'a> {
    pub(super) fn new(
        record: &FailoverRecord,
        rows: &[Row],
        told_ms: &'a [u64],
        landed_ms: &'a [u64],
        ending: Option<&'a Ending>,
    ) -> Self {
        let (landed_ms, back_ms) =
            landed_ms.split_at(ending.map_or(landed_ms.len(), |one| one.moved));
        // Whoever lands later than it ended was still to land then.
        let open = |row: &&Row| match (row.settled_at, record.finished_at) {
            (Some(settled), Some(finished)) => settled > finished,
            (None, _) => true,
            (Some(_), None) => false,
        };
        let unsettled = rows.iter().filter(open).count();
        let unsettled = if rows.is_empty() { record.counts.pending } else { unsettled };
        Self { told_ms, landed_ms, back_ms, unsettled, ending }
    }
}

/// The milestones and the acts, in the order of time.
pub(super) fn of(
    record: &FailoverRecord,
    main: &Named,
    course: &Course<'_>,
    acts: Vec<Moment>,
) -> Vec<Moment> {
    let mut moments = Vec::new();
    let mut add = |at: Timestamp, text: String| moments.push(Moment { at, text, ends: false });
    if let Some(healthy) = record.last_healthy_at {
        add(healthy, format!("{} was last healthy", main.name));
    }
    let what = match record.kind {
        Kind::Failover => "failover",
        Kind::Failback => "failback",
        Kind::Rejoin => "rejoin",
    };
    let reason = if record.reason.is_empty() {
        "no reason was given".to_owned()
    } else {
        record.reason.clone()
    };
    add(record.started_at, format!("{} began the {what}: {reason}", record.by));
    let after = |ms: u64| record.started_at + Duration::from_millis(ms);
    if let Some(&last) = course.told_ms.last() {
        add(after(last), format!("{} had been told", people(course.told_ms.len())));
    }
    for (at, text) in landings(course.landed_ms) {
        add(after(at), text);
    }
    match (course.ending, record.finished_at) {
        (Some(ending), _) => {
            // Who did it says more than that it was done.
            if !acts.iter().any(|act| act.ends) {
                add(ending.at, ending.moment());
            }
            if let Some(&last) = course.back_ms.last() {
                let back = people(course.back_ms.len());
                let text = match record.kind {
                    Kind::Failover => format!("The last of {back} was back in {}", main.name),
                    Kind::Failback | Kind::Rejoin => format!("The last of {back} landed since"),
                };
                add(after(last), text);
            }
        }
        (None, Some(finished)) => {
            let text = match course.unsettled {
                0 => "Everyone was accounted for".to_owned(),
                missing => format!("It ended; {} still to land", people(missing)),
            };
            add(finished, text);
        }
        (None, None) => {}
    }
    moments.extend(acts);
    moments.sort_by_key(|moment| moment.at);
    moments
}

/// The first, the middle, the ninety-ninth of a hundred and the last landing, as far as there are
/// enough to tell them apart.
fn landings(landed_ms: &[u64]) -> Vec<(u64, String)> {
    let n = landed_ms.len();
    let (Some(&first), Some(&last)) = (landed_ms.first(), landed_ms.last()) else {
        return Vec::new();
    };
    if n == 1 {
        return vec![(first, "The one who landed arrived".to_owned())];
    }
    let half = n.div_ceil(2);
    let mut marks = vec![(first, "The first one landed".to_owned())];
    if n > 2 {
        marks.push((landed_ms[half - 1], format!("Half of them, {}, had landed", number(half))));
    }
    if n >= 100 {
        let rank = (n * 99).div_ceil(100);
        marks.push((landed_ms[rank - 1], "99 of 100 had landed".to_owned()));
    }
    marks.push((last, format!("The last of {} landed", people(n))));
    marks
}
