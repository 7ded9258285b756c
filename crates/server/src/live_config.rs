//! Saving live config: the rules of `core`, one commit, and the record of a failover where a save
//! raises a counter.

mod facts;
mod history;

use std::sync::Arc;

use lifeboat_core::catalog::{Catalog, LiveEntry};
use lifeboat_core::code::ErrorCode;
use lifeboat_core::failover::FailoverRecord;
use lifeboat_core::ids::WorldId;
use lifeboat_core::limits::WRITE_RETRIES_MAX;
use lifeboat_core::live_config::{
    ConfigRules, Force, LiveConfig, ProblemKind, SaveWarning, check_override,
};
use lifeboat_core::problem::FieldProblem;
use lifeboat_core::world::World;
use lifeboat_protocol::problem::Problem;
use lifeboat_store::Transaction;
use serde_json::Value;

pub(crate) use facts::Facts;
pub(crate) use history::{at_revision, key as history_key, list as list_history, prune};

use crate::app::{App, world_of};
use crate::failover::put_records;
use crate::http::problem::{ApiError, ApiResult};
use crate::http::tags::Tags;
use crate::keyspace;
use crate::writer::{About, Actor, WriteError, json, unchanged};

/// How a save is meant.
#[derive(Debug, Clone, Default)]
pub(crate) struct SaveOptions {
    /// The revisions that the editor may have started from.
    pub(crate) if_match: Option<Tags>,
    /// The reason for getting past what the state speaks against.
    pub(crate) force_reason: Option<String>,
    /// For the audit log.
    pub(crate) action: &'static str,
    /// Why, where no force is needed.
    pub(crate) reason: Option<String>,
}

/// What a save led to.
pub(crate) struct Saved {
    /// The live config now.
    pub(crate) entry: Arc<LiveEntry>,
    /// What the operator should know.
    pub(crate) warnings: Vec<SaveWarning>,
    /// The failovers that were written with it.
    pub(crate) records: Vec<FailoverRecord>,
}

/// What one look at the catalog makes of a save.
struct Draft {
    world: Arc<World>,
    before: Arc<LiveEntry>,
    next: LiveEntry,
    warnings: Vec<SaveWarning>,
    transaction: Transaction,
    records: Vec<FailoverRecord>,
}

/// What a save is about to do, for whoever decides which failovers it opens or closes.
pub(crate) struct Step<'a> {
    /// As of which catalog.
    pub(crate) catalog: &'a Catalog,
    /// The world.
    pub(crate) world: &'a World,
    /// Its live config before.
    pub(crate) before: &'a LiveEntry,
    /// Its live config after.
    pub(crate) after: &'a LiveEntry,
}

/// A change of a world's live config. `edit` and `records` decide by the same catalog.
pub(crate) struct Change<'a, Edit, Records> {
    /// Who changes it.
    pub(crate) actor: &'a Actor,
    /// The world.
    pub(crate) world: &'a WorldId,
    /// How it is meant.
    pub(crate) options: &'a SaveOptions,
    /// What the live config is to be.
    pub(crate) edit: Edit,
    /// Which failovers belong to that step, in the same commit.
    pub(crate) records: Records,
}

impl<Edit, Records> Change<'_, Edit, Records>
where
    Edit: Fn(&Catalog, &ConfigRules, &LiveConfig) -> Result<LiveConfig, Vec<FieldProblem>>,
    Records: Fn(&Step<'_>) -> ApiResult<Vec<FailoverRecord>>,
{
    /// Saves it, whole or not at all. The commit holds only while the world and its live config are
    /// as they were looked at. Loses a race at most [`WRITE_RETRIES_MAX`] times and decides anew
    /// each time.
    pub(crate) async fn save(&self, app: &App) -> ApiResult<Saved> {
        let _turn = app.writer.turn(self.world).await;
        for _ in 0..WRITE_RETRIES_MAX {
            let catalog = app.catalog();
            let draft = self.draft(app, &catalog)?;
            if draft.next.config == draft.before.config {
                let (entry, warnings) = (draft.before, draft.warnings);
                return Ok(Saved { entry, warnings, records: Vec::new() });
            }
            let about = about(app, self.world, self.options, &draft);
            let committed = match guarded(app, &catalog, &draft).await {
                Ok(transaction) => app.writer.commit(transaction, self.actor, about).await,
                Err(failed) => Err(failed),
            };
            match committed {
                Ok(revision) => {
                    prune(app, self.world).await;
                    return Ok(draft.saved_at(revision));
                }
                Err(WriteError::Lost) => app.catch_up().await,
                Err(failed) => return Err(failed.into()),
            }
        }
        Err(WriteError::Lost.into())
    }

    /// Whether it would be a step of a failover by hand: another override, or a counter raised.
    pub(crate) fn moves_people(&self, app: &App) -> ApiResult<bool> {
        let draft = self.draft(app, &app.catalog())?;
        let (before, after) = (&draft.before.game, &draft.next.game);
        Ok(before.failover != after.failover || before.force_disconnect != after.force_disconnect)
    }

    fn draft(&self, app: &App, catalog: &Catalog) -> ApiResult<Draft> {
        let Self { actor, world, options, edit, records } = self;
        let known = world_of(catalog, world)?;
        let before = live_of(catalog, world)?;
        check_if_match(options.if_match.as_ref(), before.revision)?;
        let rules = rules_of(app, &known)?;
        let next = edit(catalog, rules, &before.config).map_err(refused_by_rules)?;
        let force = match options.force_reason {
            Some(_) => Force::WithReason,
            None => Force::No,
        };
        let facts = Facts { app, catalog };
        let check = check_override(world, &before.config, &next, &facts);
        let refusals: Vec<FieldProblem> = check.refusals(force).cloned().collect();
        if !refusals.is_empty() {
            return Err(refused_by_rules(refusals));
        }
        let now = app.now();
        let next = LiveEntry::new(0, now, actor.name.clone(), next);
        let mut transaction = Transaction::new()
            .require(unchanged(keyspace::live(world), before.revision))
            .put(keyspace::live(world), json(&next))
            .put(history::key(world, now), json(&next));
        for other in check.worlds_read.iter().filter(|other| other != world) {
            transaction = guard_followed(transaction, catalog, other);
        }
        let step = Step { catalog, world: &known, before: &before, after: &next };
        let records = records(&step)?;
        Ok(Draft { world: known, before, next, warnings: check.warnings, transaction, records })
    }
}

impl Draft {
    /// What was saved, also where this node does not serve it yet.
    fn saved_at(self, revision: u64) -> Saved {
        let entry = Arc::new(LiveEntry { revision, ..self.next });
        let at = |record: FailoverRecord| match record.revision {
            0 => FailoverRecord { revision, ..record },
            _ => record,
        };
        let records = self.records.into_iter().map(at).collect();
        Saved { entry, warnings: self.warnings, records }
    }
}

/// The transaction of a draft, on condition that what it was decided by is unchanged.
async fn guarded(app: &App, catalog: &Catalog, draft: &Draft) -> Result<Transaction, WriteError> {
    let key = keyspace::world(&draft.world.id);
    let kept = app.store.read(&key).await.map_err(WriteError::Failed)?.ok_or(WriteError::Lost)?;
    let is_same =
        serde_json::from_slice::<World>(&kept.value).is_ok_and(|kept| kept == *draft.world);
    if !is_same {
        return Err(WriteError::Lost);
    }
    let transaction = draft.transaction.clone().require(unchanged(key, kept.modified));
    put_records(app, catalog, transaction, &draft.records).await
}

/// The save holds only while the override of `other` is as it was read: two saves that would make
/// a cycle together cannot both pass.
pub(crate) fn guard_followed(
    transaction: Transaction,
    catalog: &Catalog,
    other: &WorldId,
) -> Transaction {
    let revision = catalog.live(other).map_or(0, |live| live.revision);
    transaction.require(unchanged(keyspace::live(other), revision))
}

/// The live config of a world.
pub(crate) fn live_of(catalog: &Catalog, world: &WorldId) -> ApiResult<Arc<LiveEntry>> {
    catalog.live(world).cloned().ok_or_else(|| {
        ApiError::new(ErrorCode::WorldNotFound, format!("world {world} has no live config"))
    })
}

/// The rules of a world's live config.
pub(crate) fn rules_of<'a>(app: &'a App, world: &World) -> ApiResult<&'a Arc<ConfigRules>> {
    let build = &world.spec.build;
    app.mods.rules(build).ok_or_else(|| {
        let detail = format!(
            "mod {} {} with map {} is not installed any more; put it back into the mods folder",
            build.mod_name, build.mod_version, build.map
        );
        ApiError::new(ErrorCode::NotFound, detail)
    })
}

/// What tells a revision of a live config from others.
pub(crate) fn etag(revision: u64) -> String {
    format!("\"{revision}\"")
}

fn check_if_match(wanted: Option<&Tags>, revision: u64) -> ApiResult<()> {
    let present = etag(revision);
    let Some(wanted) = wanted.filter(|wanted| !wanted.name(&present)) else { return Ok(()) };
    let detail = format!(
        "the live config is at {present}, not {wanted}: read it again, look at what changed, and \
         save anew"
    );
    Err(ApiError::new(ErrorCode::IfMatchFailed, detail))
}

/// A refusal of the rules: 409 where only the state speaks against it, else 422.
fn refused_by_rules(problems: Vec<FieldProblem>) -> ApiError {
    let only_state =
        problems.iter().all(|problem| ProblemKind::of(problem.code) == ProblemKind::State);
    let status = if only_state { 409 } else { 422 };
    let problem = Problem::with_fields(problems);
    Problem { status, ..problem }.into()
}

fn about(app: &App, world: &WorldId, options: &SaveOptions, draft: &Draft) -> About {
    let rules = app.world(world).ok();
    let rules = rules.and_then(|world| app.mods.rules(&world.spec.build).cloned());
    let masked = |config: &LiveConfig| match &rules {
        Some(rules) => {
            let view = rules.view(config, lifeboat_core::live_config::Audience::Operators);
            serde_json::to_value(view).unwrap_or(Value::Null)
        }
        None => Value::Null,
    };
    About {
        action: options.action,
        target: world.to_string(),
        before: masked(&draft.before.config),
        after: masked(&draft.next.config),
        reason: options.force_reason.clone().or_else(|| options.reason.clone()),
    }
}
