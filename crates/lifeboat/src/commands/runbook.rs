//! `lifeboat runbook`: a page to print, for the night on which the dashboard is down.

mod page;

use std::time::{SystemTime, UNIX_EPOCH};

use clap::Args;
use lifeboat_core::time::Timestamp;
use serde_json::{Value, json};

use super::{Context, WorldRef};
use crate::api::DeploymentView;
use crate::args::Output;
use crate::exit::Outcome;
use crate::ui;

use page::{Facts, Side};

/// For which world.
#[derive(Debug, Args)]
pub(crate) struct RunbookArgs {
    /// The main world, by id or name.
    world: WorldRef,
}

/// Prints the runbook of a world.
///
/// # Errors
/// When the API refuses or is out of reach, or the world has no standby.
pub(crate) async fn run(args: RunbookArgs, ctx: &Context) -> anyhow::Result<Outcome> {
    let main = args.world.find(ctx).await?.view;
    let Some(standby) = &main.standby else {
        anyhow::bail!(
            "{} has no standby, so there is nothing to fail over to: \
             `lifeboat standby create {} --launch` makes one",
            main.name,
            page::shell_word(&main.name)
        );
    };
    let raw: Value = ctx.api.get(format!("/api/worlds/{standby}")).await?;
    let deployment_id = raw["status"]["deploymentId"].as_str();
    let deployment: Option<DeploymentView> = match deployment_id {
        Some(id) => Some(ctx.api.read(format!("/api/deployments/{id}")).await?),
        None => None,
    };
    let facts = Facts {
        printed_at: now(),
        base: ctx.api.base().to_owned(),
        main: Side { id: main.id, name: main.name, deployment: main.status.deployment_id },
        standby: Side {
            id: ui::cell(&raw, "/id"),
            name: ui::cell(&raw, "/name"),
            deployment: deployment.as_ref().map(|deployment| deployment.id.clone()),
        },
        launch_context: deployment.and_then(|deployment| deployment.launch_context_id),
    };
    match ctx.output {
        Output::Table => ui::answer(page::markdown(&facts))?,
        Output::Json => ui::json(&json!({ "markdown": page::markdown(&facts) }))?,
    }
    Ok(Outcome::Done)
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_ms(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
