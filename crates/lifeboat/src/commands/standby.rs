//! `lifeboat standby`: give a world its backup, and check that it would do.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::world::WorldFields;
use super::{Context, WorldRef};
use crate::api::{ApiError, Call, Readiness};
use crate::args::Output;
use crate::exit::Outcome;
use crate::ui;

/// What can be done with standbys.
#[derive(Debug, Subcommand)]
pub(crate) enum StandbyCommand {
    /// Make the backup of a world: a copy named FAILOVER and the world's name.
    Create(CreateArgs),
    /// Take a world that exists as the backup, or let its live config follow the main world's.
    Adopt(AdoptArgs),
    /// Let a world have no backup any more; both worlds stay.
    Release {
        /// The main world, by id or name.
        world: WorldRef,
    },
    /// Check whether the backup would do, point by point; exits 3 when it would not.
    Check {
        /// The main world, by id or name.
        world: WorldRef,
    },
}

/// A new standby.
#[derive(Debug, Args)]
pub(crate) struct CreateArgs {
    /// The main world, by id or name.
    world: WorldRef,
    /// What it is to be called instead.
    #[arg(long)]
    name: Option<String>,
    #[command(flatten)]
    fields: Box<WorldFields>,
    /// Start it at once.
    #[arg(long)]
    launch: bool,
}

/// A world to be the standby.
#[derive(Debug, Args)]
pub(crate) struct AdoptArgs {
    /// The main world, by id or name.
    world: WorldRef,
    /// The world that is to be its backup, by id or name.
    standby: WorldRef,
    /// Let the backup's live config follow the main world's until a failover.
    #[arg(long, conflicts_with = "no_mirror")]
    mirror: bool,
    /// Let the backup keep a live config of its own.
    #[arg(long)]
    no_mirror: bool,
}

/// Carries out a command about standbys.
///
/// # Errors
/// When the API refuses or is out of reach.
pub(crate) async fn run(command: StandbyCommand, ctx: &Context) -> anyhow::Result<Outcome> {
    match command {
        StandbyCommand::Create(args) => {
            let mut body = args.fields.patch(args.name.as_deref(), None);
            if args.launch {
                body["launch"] = true.into();
            }
            let id = args.world.id(ctx).await?;
            let call = Call::post(format!("/api/worlds/{id}/standby"), body);
            show_pair(ctx, &ctx.api.send(call).await?)?;
        }
        StandbyCommand::Adopt(args) => {
            let (id, standby) = (args.world.id(ctx).await?, args.standby.id(ctx).await?);
            let mut body = json!({ "worldId": standby });
            if args.mirror || args.no_mirror {
                body["mirror"] = args.mirror.into();
            }
            put(ctx, &id, body).await?;
        }
        StandbyCommand::Release { world } => {
            let id = world.id(ctx).await?;
            put(ctx, &id, json!({ "worldId": null })).await?;
        }
        StandbyCommand::Check { world } => return check(&world, ctx).await,
    }
    Ok(Outcome::Done)
}

async fn put(ctx: &Context, id: &str, body: Value) -> anyhow::Result<()> {
    let answer = ctx.api.send(Call::put(format!("/api/worlds/{id}/standby"), body)).await?;
    show_pair(ctx, &answer)
}

fn show_pair(ctx: &Context, world: &Value) -> anyhow::Result<()> {
    ctx.show(world, |world| {
        ui::sheet(
            [
                ("Name", "/name"),
                ("World ID", "/id"),
                ("Deployment ID", "/status/deploymentId"),
                ("Phase", "/status/phase"),
                ("Standby", "/standby"),
                ("Standby for", "/standbyFor"),
            ]
            .map(|(name, pointer)| (name, ui::cell(world, pointer))),
        )
    })
}

async fn check(world: &WorldRef, ctx: &Context) -> anyhow::Result<Outcome> {
    let id = world.id(ctx).await?;
    let raw = ctx.api.get(format!("/api/worlds/{id}/readiness")).await?;
    let readiness: Readiness = ApiError::shape(raw.clone())?;
    match ctx.output {
        Output::Json => ui::json(&raw)?,
        Output::Table => ui::answer(page(&readiness))?,
    }
    Ok(if readiness.ready { Outcome::Done } else { Outcome::Blocked })
}

fn page(readiness: &Readiness) -> String {
    let verdict = if readiness.ready { "READY" } else { "NOT READY" };
    let when = readiness.checked_at.map(|at| format!(", checked {at}")).unwrap_or_default();
    let missing = readiness.checks.iter().filter(|check| !check.ok && check.severity == "block");
    let count = match missing.count() {
        0 => String::new(),
        1 => ": 1 point blocks".to_owned(),
        many => format!(": {many} points block"),
    };
    format!("{}\n\n{verdict}{count}{when}", ui::checklist(&readiness.checks))
}
