//! Mirrors: the live config of a standby follows that of its main world until a failover.

use std::sync::Arc;
use std::time::Duration;

use lifeboat_core::catalog::{Catalog, LiveEntry};
use lifeboat_core::ids::WorldId;
use lifeboat_core::live_config::{Audience, ConfigRules, LiveConfig, SaveStep};
use lifeboat_core::world::World;
use lifeboat_store::{Precondition, Transaction};
use serde_json::Value;
use tokio::sync::watch;

use crate::app::App;
use crate::keyspace;
use crate::live_config::{history_key, prune};
use crate::writer::{About, Actor, WriteError, json, unchanged};

/// Wait before what could not be mirrored is tried again.
const RETRY_DELAY: Duration = Duration::from_millis(500);

/// Keeps the live config of mirrored standbys like that of their main worlds, until `shutdown`
/// turns true. A level: whatever differs is brought in line, also what was missed while the store
/// was away, and what somebody edited at the standby itself.
pub(crate) async fn mirror(app: Arc<App>, mut shutdown: watch::Receiver<bool>) {
    let mut served = app.feed.follow();
    while !*shutdown.borrow_and_update() {
        served.mark_unchanged();
        let is_done = mirror_all(&app).await;
        tokio::select! {
            over = shutdown.changed() => if over.is_err() { return },
            changed = served.changed() => if changed.is_err() { return },
            () = tokio::time::sleep(RETRY_DELAY), if !is_done => {}
        }
    }
}

/// Says whether everything is in line.
async fn mirror_all(app: &App) -> bool {
    let catalog = app.catalog();
    let mut is_done = true;
    for main in catalog.worlds().filter(|world| world.mirror) {
        let Some(step) = step(app, &catalog, main) else { continue };
        match step.save(app).await {
            Ok(()) => {}
            Err(WriteError::Lost) => is_done = false,
            Err(WriteError::Failed(error)) => {
                tracing::warn!(world.id = main.id.as_str(), %error, "a mirror falls behind");
                is_done = false;
            }
        }
    }
    is_done
}

/// What one standby lacks.
struct Step<'a> {
    main: &'a World,
    main_live: &'a LiveEntry,
    standby: &'a World,
    before: &'a LiveEntry,
    next: LiveConfig,
    rules: &'a ConfigRules,
}

/// What a standby mirrors now, by which rules.
fn source<'a>(
    app: &'a App,
    catalog: &'a Catalog,
    main: &World,
    standby: &World,
) -> Option<(&'a LiveEntry, &'a ConfigRules)> {
    let live = catalog.live(&main.id)?;
    let is_mirrored = main.mirror && !live.game.failover.is_set();
    let rules = app.mods.rules(&standby.spec.build)?;
    is_mirrored.then_some((&**live, &**rules))
}

/// The main world whose mirror overwrites at once what a save changes at its standby.
pub(crate) fn overwritten_by(
    app: &App,
    catalog: &Catalog,
    standby: &WorldId,
    SaveStep { before, after }: SaveStep<'_>,
) -> Option<WorldId> {
    let standby = catalog.world(standby)?;
    let main = catalog.world(standby.standby_for.as_ref()?)?;
    let (main_live, rules) = source(app, catalog, main, standby)?;
    let differs_from = |config| rules.mirror(config, after) != *after;
    // Where main itself was changed a moment ago, it is not this save that is overwritten.
    (differs_from(before) && differs_from(&main_live.config)).then(|| main.id.clone())
}

fn step<'a>(app: &'a App, catalog: &'a Catalog, main: &'a World) -> Option<Step<'a>> {
    let standby = catalog.world(main.standby.as_ref()?)?;
    let (main_live, rules) = source(app, catalog, main, standby)?;
    let before = catalog.live(&standby.id)?;
    let next = rules.mirror(&main_live.config, &before.config);
    (next != before.config).then_some(Step { main, main_live, standby, before, next, rules })
}

impl Step<'_> {
    async fn save(&self, app: &App) -> Result<(), WriteError> {
        let now = app.now();
        let actor = Actor::system();
        let entry = LiveEntry::new(0, now, actor.name.clone(), self.next.clone());
        let id = &self.standby.id;
        let key = keyspace::live(id);
        let transaction = Transaction::new()
            .require(unchanged(keyspace::live(&self.main.id), self.main_live.revision))
            .require(unchanged(key.clone(), self.before.revision))
            .require(Precondition::exists(keyspace::world(id)))
            .put(key, json(&entry))
            .put(history_key(id, now), json(&entry));
        let shown = |config: &LiveConfig| {
            let view = self.rules.view(config, Audience::Operators);
            serde_json::to_value(view).unwrap_or(Value::Null)
        };
        let about = About {
            action: "standby.mirror",
            target: id.to_string(),
            before: shown(&self.before.config),
            after: shown(&self.next),
            reason: Some(format!("mirrors world {}", self.main.id)),
        };
        app.writer.commit(transaction, &actor, about).await?;
        prune(app, id).await;
        Ok(())
    }
}
