//! What happened when: the milestones of a failover, and what operators did meanwhile.

use lifeboat_core::failover::{FailoverRecord, Kind};
use lifeboat_core::limits::STRAGGLER_AFTER;
use lifeboat_core::time::Timestamp;
use lifeboat_store::Range;
use serde_json::Value;

use super::Named;
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
            if entry.target == record.id.as_str() && entry.outcome == "done" {
                acts.push(Moment { at: entry.at, text: act(&entry) });
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

/// The milestones and the acts, in the order of time.
pub(super) fn of(
    record: &FailoverRecord,
    main: &Named,
    told_ms: &[u64],
    landed_ms: &[u64],
    acts: Vec<Moment>,
) -> Vec<Moment> {
    let mut moments = acts;
    let mut add = |at: Timestamp, text: String| moments.push(Moment { at, text });
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
    let after = |ms: u64| record.started_at + std::time::Duration::from_millis(ms);
    if let Some(&last) = told_ms.last() {
        add(after(last), format!("{} had been told", people(told_ms.len())));
    }
    for (at, text) in landings(landed_ms) {
        add(after(at), text);
    }
    if let Some(finished) = record.finished_at {
        let text = match record.counts.pending {
            0 => "Everyone was accounted for".to_owned(),
            pending => format!("It ended; {} still to land", people(pending)),
        };
        add(finished, text);
    }
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
