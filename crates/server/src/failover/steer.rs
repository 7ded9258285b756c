//! Steering a failover while it moves: hold, resume, nudge, another pace, a message.

use std::sync::Arc;

use lifeboat_core::catalog::Catalog;
use lifeboat_core::code::ErrorCode;
use lifeboat_core::failover::{FailoverRecord, MovePhase, Trigger};
use lifeboat_core::ids::FailoverId;
use lifeboat_core::limits::WRITE_RETRIES_MAX;
use lifeboat_store::{Precondition, Transaction};
use serde::{Deserialize, Deserializer};
use serde_json::json;

use super::fields;
use super::waiting::{is_awake, is_coming};
use crate::app::App;
use crate::http::problem::{ApiError, ApiResult};
use crate::keyspace;
use crate::writer::{About, Actor, WriteError, json as encode};

/// A failover of the catalog.
pub(crate) fn known(catalog: &Catalog, id: &FailoverId) -> ApiResult<Arc<FailoverRecord>> {
    catalog.failover(id).cloned().ok_or_else(|| {
        let detail = format!("there is no failover {id}; `GET /api/failovers` lists them");
        ApiError::new(ErrorCode::NotFound, detail)
    })
}

/// Stops the moves for a while.
pub(crate) async fn hold(app: &App, actor: &Actor, id: &FailoverId) -> ApiResult<FailoverRecord> {
    change(app, actor, id, "failover.hold", |record| match record.phase {
        MovePhase::Moving => Ok(FailoverRecord { phase: MovePhase::Held, ..record.clone() }),
        // It stays on hold also when its target is Active.
        MovePhase::Held => Ok(FailoverRecord { waits_for_target: false, ..record.clone() }),
        _ => Err(not_open(record)),
    })
    .await
}

/// Goes on with the moves. Where nobody was told to leave yet, since the target sleeps, it is the
/// wait that goes on.
pub(crate) async fn resume(app: &App, actor: &Actor, id: &FailoverId) -> ApiResult<FailoverRecord> {
    let catalog = app.catalog();
    change(app, actor, id, "failover.resume", |record| match record.phase {
        MovePhase::Held if record.nobody_told => waited_for(app, &catalog, record),
        MovePhase::Held => Ok(record.go_on(app.now())),
        MovePhase::Moving => Ok(record.clone()),
        _ => Err(not_open(record)),
    })
    .await
}

fn waited_for(app: &App, catalog: &Catalog, record: &FailoverRecord) -> ApiResult<FailoverRecord> {
    let target = &record.target_world_id;
    if is_awake(catalog, target) {
        return Ok(record.go_on(app.now()));
    }
    let phase = catalog.phase(target);
    if is_coming(phase) {
        return Ok(FailoverRecord { waits_for_target: true, ..record.clone() });
    }
    let detail = format!(
        "nobody is told to leave before {target} takes people, and it is {phase:?}: `lifeboat world \
         launch {target}`, or `lifeboat failover undo {}`",
        record.id
    );
    Err(ApiError::new(ErrorCode::FailoverState, detail))
}

/// Tells those who are pending again.
pub(crate) async fn nudge(app: &App, actor: &Actor, id: &FailoverId) -> ApiResult<FailoverRecord> {
    change(app, actor, id, "failover.nudge", |record| match record.phase {
        MovePhase::Moving => {
            Ok(FailoverRecord { nudges: record.nudges.saturating_add(1), ..record.clone() })
        }
        _ => Err(not_open(record)),
    })
    .await
}

/// What may be changed while people move.
/// A `null` takes back what was said before.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct Retune {
    #[serde(deserialize_with = "given")]
    max_rejoins_per_second: Option<Option<f64>>,
    #[serde(deserialize_with = "given")]
    message: Option<Option<String>>,
}

fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(value: D) -> Result<Option<T>, D::Error> {
    T::deserialize(value).map(Some)
}

/// Changes the pace, up to what the target takes, or the message.
pub(crate) async fn retune(
    app: &App,
    actor: &Actor,
    id: &FailoverId,
    retune: &Retune,
) -> ApiResult<FailoverRecord> {
    check(retune)?;
    let catalog = app.catalog();
    change(app, actor, id, "failover.retune", |record| {
        if !record.phase.is_open() {
            return Err(not_open(record));
        }
        let mut next = record.clone();
        if let Some(rate) = retune.max_rejoins_per_second {
            let taken = catalog.joins_per_second(&record.target_world_id);
            next = next.at_pace(rate.unwrap_or(taken));
            // A drill may try more than the target is said to take.
            if record.trigger != Trigger::Drill {
                next = next.at_pace_of_target(taken);
            }
        }
        if let Some(message) = &retune.message {
            next.message.clone_from(message);
        }
        Ok(next)
    })
    .await
}

fn check(retune: &Retune) -> ApiResult<()> {
    let found = [
        fields::rate(retune.max_rejoins_per_second.flatten(), "`hold` stops the moves"),
        fields::message(retune.message.as_ref().and_then(|message| message.as_deref())),
    ];
    let problems: Vec<_> = found.into_iter().flatten().collect();
    if problems.is_empty() { Ok(()) } else { Err(ApiError::fields(problems)) }
}

fn not_open(record: &FailoverRecord) -> ApiError {
    let detail = match record.phase {
        MovePhase::Held => {
            format!("the failover is on hold: `lifeboat failover resume {}` comes first", record.id)
        }
        MovePhase::CompleteWithStragglers => "the failover is over but for its stragglers, who \
            are taken in whenever they come: nothing is left to steer"
            .to_owned(),
        phase => {
            let phase = serde_json::to_value(phase).unwrap_or_default();
            let phase = phase.as_str().unwrap_or("over");
            format!("the failover is {phase}, so there is nobody to steer")
        }
    };
    ApiError::new(ErrorCode::FailoverState, detail)
}

async fn change(
    app: &App,
    actor: &Actor,
    id: &FailoverId,
    action: &'static str,
    edit: impl Fn(&FailoverRecord) -> ApiResult<FailoverRecord>,
) -> ApiResult<FailoverRecord> {
    known(&app.catalog(), id)?;
    let key = keyspace::failover(id);
    for _ in 0..WRITE_RETRIES_MAX {
        let kept = app.store.read(&key).await?;
        let parsed =
            kept.and_then(|kept| Some((kept.modified, serde_json::from_slice(&kept.value).ok()?)));
        let Some((modified, record)): Option<(u64, FailoverRecord)> = parsed else {
            return Err(ApiError::new(ErrorCode::NotFound, "the failover's record is gone"));
        };
        let next = edit(&record)?;
        if next == record {
            return Ok(record);
        }
        let shown = |one: &FailoverRecord| {
            json!({ "phase": one.phase, "ratePerSecond": one.plan.rate_per_second,
                    "message": one.message, "nudges": one.nudges,
                    "waitsForTarget": one.waits_for_target })
        };
        let about = About {
            action,
            target: id.to_string(),
            before: shown(&record),
            after: shown(&next),
            reason: None,
        };
        let transaction = Transaction::new()
            .require(Precondition::at(key.clone(), modified))
            .put(key.clone(), encode(&next));
        match app.writer.commit(transaction, actor, about).await {
            Ok(_) => return Ok(known(&app.catalog(), id).map_or(next, |kept| (*kept).clone())),
            Err(WriteError::Lost) => {}
            Err(failed) => return Err(failed.into()),
        }
    }
    Err(WriteError::Lost.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::fixture::Plane;

    #[tokio::test]
    async fn people_are_moved_no_faster_than_the_target_takes_them_however_it_is_asked_for() {
        let plane = Plane::start().await;
        let (main, standby) = plane.pair().await;
        plane.enter(&main).await;
        let begun = plane.ask(&format!("POST /api/worlds/{main}/failover"), None).await;
        let line = format!("PATCH /api/failovers/{}", begun.body["id"].as_str().unwrap());
        let pace = async |asked: serde_json::Value| {
            let body = json!({ "maxRejoinsPerSecond": asked });
            let answer = plane.ask(&line, Some(body)).await;
            answer.body["plan"]["ratePerSecond"].as_f64().expect(&answer.text)
        };
        let taken = plane.app.catalog().joins_per_second(&standby);
        for (asked, given) in [
            (json!(2.5), 2.5),
            (json!(taken + 1.0), taken),
            (json!(1e9), taken),
            (json!(3), 3.0),
            (json!(null), taken),
        ] {
            assert!((pace(asked.clone()).await - given).abs() < f64::EPSILON, "{asked}");
        }
    }
}
