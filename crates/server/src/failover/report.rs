//! The report of a failover: what an organiser sends the client next morning, as JSON for
//! programs, as Markdown, and as a page that needs nothing but itself.

mod charts;
mod ending;
mod html;
mod json;
mod markdown;
#[cfg(test)]
mod tests;
mod timeline;
mod words;

use lifeboat_core::catalog::Catalog;
use lifeboat_core::code::ErrorCode;
use lifeboat_core::failover::{FailoverRecord, Ledger, Row, Stage};
use lifeboat_core::ids::{SessionId, User, WorldId};
use lifeboat_core::time::Timestamp;

use super::ledger_log::kept_ledger;
use crate::app::App;
use crate::http::problem::ApiResult;
use ending::Ending;
use timeline::{Course, Moment};

/// Everything that a report says, in whatever form.
pub(crate) struct Report {
    record: FailoverRecord,
    main: Named,
    target: Named,
    made_at: Timestamp,
    /// When each of them was told, placed and landed: milliseconds since it began, ascending.
    told_ms: Vec<u64>,
    placed_ms: Vec<u64>,
    landed_ms: Vec<u64>,
    /// How long each of the landed was without a world, ascending.
    dark_ms: Vec<u64>,
    refused: Vec<Person>,
    left: Vec<Person>,
    stragglers: Vec<Person>,
    /// How it ended, if it was cancelled.
    ending: Option<Ending>,
    timeline: Vec<Moment>,
}

/// A world by its id and the name that it has now; a world that was deleted has its id for one.
struct Named {
    id: WorldId,
    name: String,
}

/// Somebody who did not land.
struct Person {
    session: SessionId,
    user: User,
    told_at: Option<Timestamp>,
    placed_at: Option<Timestamp>,
    settled_at: Option<Timestamp>,
    code: Option<ErrorCode>,
    last_known: &'static str,
}

/// Gathers the report of a failover from its record, the kept rows of its ledger and the audit log.
///
/// # Errors
/// When the store is out of reach.
pub(crate) async fn report(app: &App, record: &FailoverRecord) -> ApiResult<Report> {
    let ledger = kept_ledger(app, &record.id).await?;
    let acts = timeline::acts(app, record).await?;
    Ok(Report::new(&app.catalog(), record, &ledger, acts, app.now()))
}

impl Report {
    fn new(
        catalog: &Catalog,
        record: &FailoverRecord,
        ledger: &Ledger,
        acts: Vec<Moment>,
        made_at: Timestamp,
    ) -> Self {
        // Counts and figures are made of the rows, so that every part of a report agrees with the
        // others, also while people still move.
        let mut record = record.clone();
        if !ledger.rows().is_empty() {
            record.counts = ledger.counts();
            record.refusals.clone_from(ledger.refusals());
            record.dark_ms = ledger.dark_ms();
            record.fanout_ms = ledger.fanout_ms(record.started_at);
        }
        let rows = ledger.rows();
        let began = record.started_at;
        let offsets = |of: fn(&Row) -> Option<Timestamp>| {
            let mut offsets: Vec<u64> =
                rows.iter().filter_map(of).map(|at| words::ms_between(began, at)).collect();
            offsets.sort_unstable();
            offsets
        };
        let landed_ms = offsets(|row| row.settled_at.filter(|_| row.stage == Stage::Landed));
        let told_ms = offsets(|row| row.told_at);
        let placed_ms = offsets(|row| row.placed_at);
        let mut dark_ms: Vec<u64> = rows.iter().filter_map(Row::dark_ms).collect();
        dark_ms.sort_unstable();
        let of_stage = |stage: Stage| {
            rows.iter().filter(|row| row.stage == stage).map(Person::of).collect::<Vec<_>>()
        };
        let (refused, left) = (of_stage(Stage::Refused), of_stage(Stage::Left));
        let stragglers = of_stage(Stage::Pending);
        let main = Named::of(catalog, &record.world_id);
        let target = Named::of(catalog, &record.target_world_id);
        let ending = Ending::of(catalog, &record, rows);
        let course = Course::new(&record, rows, &told_ms, &landed_ms, ending.as_ref());
        let timeline = timeline::of(&record, &main, &course, acts);
        Self {
            main,
            target,
            made_at,
            told_ms,
            placed_ms,
            landed_ms,
            dark_ms,
            refused,
            left,
            stragglers,
            ending,
            timeline,
            record,
        }
    }
}

impl Named {
    fn of(catalog: &Catalog, id: &WorldId) -> Self {
        let name = catalog.world(id).map_or_else(|| id.to_string(), |one| one.spec.name.clone());
        Self { id: id.clone(), name }
    }
}

impl Person {
    fn of(row: &Row) -> Self {
        Self {
            session: row.session.clone(),
            user: row.user.clone(),
            told_at: row.told_at,
            placed_at: row.placed_at,
            settled_at: row.settled_at,
            code: row.code,
            last_known: match (row.told_at, row.asked_at, row.placed_at) {
                (_, _, Some(_)) => "was placed and did not arrive",
                (_, Some(_), None) => "asked to join and was not placed",
                (Some(_), None, None) => "was told and did not ask to join",
                (None, None, None) => "could not be reached",
            },
        }
    }
}
