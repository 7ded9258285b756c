//! `lifeboat world`: set up worlds, start and stop them.

mod assign;
mod fields;
mod logs;
mod show;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::context::Found;
use super::{Context, WorldRef};
use crate::api::Call;
use crate::exit::Outcome;
use crate::limits::POLL_EVERY;
use crate::ui::{self, Consent, Minutes};

pub(crate) use fields::{WorldFields, json_or_text};
use logs::LogsArgs;
use show::world_sheet;

/// What can be done with worlds.
#[derive(Debug, Subcommand)]
pub(crate) enum WorldCommand {
    /// Set up a world.
    Create(CreateArgs),
    /// List the worlds, with their phases and how many people are in them.
    List,
    /// Show how a world is set up and how it is.
    Show {
        /// The world, by id or name.
        world: WorldRef,
    },
    /// Change how a world is set up.
    Set(Box<SetArgs>),
    /// Remove a world that does not run and takes part in no failover.
    Delete(MoveArgs),
    /// Start the servers of a world.
    Launch(LaunchArgs),
    /// Stop the servers of a world.
    Stop(StopArgs),
    /// Start a world anew, with a new deployment.
    Restart(RestartArgs),
    /// Let a running world run for longer.
    Extend {
        /// The world, by id or name.
        world: WorldRef,
        /// By how much: minutes, or 90m, 3h, 2h30m.
        by: Minutes,
    },
    /// Print what the servers of a world logged.
    Logs(LogsArgs),
}

/// A new world.
#[derive(Debug, Args)]
pub(crate) struct CreateArgs {
    /// What it is called.
    name: String,
    /// The mod that it runs.
    #[arg(long = "mod", value_name = "MOD")]
    mod_name: String,
    #[command(flatten)]
    fields: Box<WorldFields>,
    /// Start it at once.
    #[arg(long)]
    launch: bool,
}

/// Changes to a world.
#[derive(Debug, Args)]
pub(crate) struct SetArgs {
    /// The world, by id or name.
    world: WorldRef,
    /// What it is to be called.
    #[arg(long)]
    name: Option<String>,
    /// The mod that it is to run.
    #[arg(long = "mod", value_name = "MOD")]
    mod_name: Option<String>,
    #[command(flatten)]
    fields: WorldFields,
    /// A field by its name in the API, as remedies write it: build.map=garden.
    #[arg(value_name = "PATH=VALUE")]
    values: Vec<String>,
}

/// A world, and whether the people in it are asked about.
#[derive(Debug, Args)]
pub(crate) struct MoveArgs {
    /// The world, by id or name.
    world: WorldRef,
    /// Do not ask, even if people are inside.
    #[arg(long, short)]
    yes: bool,
}

/// How to start a world.
#[derive(Debug, Args)]
pub(crate) struct LaunchArgs {
    /// The world, by id or name.
    world: WorldRef,
    /// What becomes of overrides that are still set from a failover.
    #[arg(long, value_parser = ["keep", "clear"])]
    failover: Option<String>,
    /// Keep the mod's live config values instead of starting from the defaults.
    #[arg(long)]
    keep_live_config: bool,
    /// Make no launch context, which clients of base version 37 and older need.
    #[arg(long)]
    no_launch_context: bool,
    /// Wait until it is Active.
    #[arg(long)]
    wait: bool,
}

/// How to stop a world.
#[derive(Debug, Args)]
pub(crate) struct StopArgs {
    #[command(flatten)]
    which: MoveArgs,
    #[command(flatten)]
    insistence: Insistence,
    /// Wait until it has stopped.
    #[arg(long)]
    wait: bool,
}

/// How to start a world anew.
#[derive(Debug, Args)]
pub(crate) struct RestartArgs {
    #[command(flatten)]
    which: MoveArgs,
    #[command(flatten)]
    insistence: Insistence,
    /// Make no launch context, which clients of base version 37 and older need.
    #[arg(long)]
    no_launch_context: bool,
}

/// Whether a world ends also under people who were sent there.
#[derive(Debug, Args)]
struct Insistence {
    /// Do it although people were moved into it.
    #[arg(long, requires = "reason")]
    force: bool,
    /// Why, for the audit log.
    #[arg(long)]
    reason: Option<String>,
}

impl Insistence {
    fn body(self) -> Value {
        let mut body = json!({});
        if self.force {
            body["force"] = true.into();
        }
        if let Some(reason) = self.reason {
            body["reason"] = reason.into();
        }
        body
    }
}

/// Carries out a command about worlds.
///
/// # Errors
/// When the API refuses or is out of reach.
pub(crate) async fn run(command: WorldCommand, ctx: &Context) -> anyhow::Result<Outcome> {
    match command {
        WorldCommand::Create(args) => create(args, ctx).await?,
        WorldCommand::List => list(ctx).await?,
        WorldCommand::Show { world } => ctx.show(&world.find(ctx).await?.raw, world_sheet)?,
        WorldCommand::Set(args) => set(*args, ctx).await?,
        WorldCommand::Delete(args) => {
            let found = args.world.find(ctx).await?;
            confirm_with_people(&found, "Delete", args.yes.into())?;
            ctx.api.send(Call::delete(found.path(""))).await?;
            ui::note(format_args!("deleted {}", found.view.name));
        }
        WorldCommand::Launch(args) => return launch(args, ctx).await,
        WorldCommand::Stop(args) => return stop(args, ctx).await,
        WorldCommand::Restart(args) => restart(args, ctx).await?,
        WorldCommand::Extend { world, by } => extend(&world, by, ctx).await?,
        WorldCommand::Logs(args) => logs::run(args, ctx).await?,
    }
    Ok(Outcome::Done)
}

async fn create(args: CreateArgs, ctx: &Context) -> anyhow::Result<()> {
    let body = args.fields.patch(Some(&args.name), Some(&args.mod_name));
    let world = ctx.api.send(Call::post("/api/worlds", body)).await?;
    if !args.launch {
        return ctx.show(&world, world_sheet);
    }
    let path = format!("/api/worlds/{}", ui::cell(&world, "/id"));
    ctx.api.send(Call::post(format!("{path}/launch"), json!({}))).await?;
    ctx.show(&ctx.api.get(path).await?, world_sheet)
}

async fn list(ctx: &Context) -> anyhow::Result<()> {
    ctx.show_list(
        ctx.api.list("/api/worlds").await?,
        [
            ("NAME", "/name"),
            ("ID", "/id"),
            ("PHASE", "/status/phase"),
            ("PEOPLE", "/status/sessions"),
            ("SEATS", "/capacity"),
            ("FAILOVER", "/status/failover/phase"),
        ],
    )
}

async fn set(args: SetArgs, ctx: &Context) -> anyhow::Result<()> {
    let mut patch = args.fields.patch(args.name.as_deref(), args.mod_name.as_deref());
    assign::put_all(&mut patch, &args.values)?;
    if patch.as_object().is_some_and(serde_json::Map::is_empty) {
        let text = "nothing to change; see `lifeboat world set --help` for what can be".to_owned();
        return Err(crate::exit::Usage(text).into());
    }
    let id = args.world.id(ctx).await?;
    let world = ctx.api.send(Call::patch(format!("/api/worlds/{id}"), patch)).await?;
    ctx.show(&world, world_sheet)
}

async fn launch(args: LaunchArgs, ctx: &Context) -> anyhow::Result<Outcome> {
    let mut body = json!({});
    if let Some(failover) = args.failover {
        body["failover"] = failover.into();
    }
    if args.keep_live_config {
        body["keepLiveConfig"] = true.into();
    }
    if args.no_launch_context {
        body["launchContext"] = false.into();
    }
    let id = args.world.id(ctx).await?;
    let deployment = ctx.api.send(Call::post(format!("/api/worlds/{id}/launch"), body)).await?;
    if !args.wait {
        show_deployment(ctx, &deployment)?;
        return Ok(Outcome::Done);
    }
    let deployment = while_in("Starting", deployment, ctx).await?;
    show_deployment(ctx, &deployment)?;
    Ok(if deployment["phase"] == "Active" { Outcome::Done } else { Outcome::Failed })
}

/// The deployment once it is not in this phase any more.
async fn while_in(phase: &str, mut deployment: Value, ctx: &Context) -> anyhow::Result<Value> {
    let path = format!("/api/deployments/{}", ui::cell(&deployment, "/id"));
    while deployment["phase"] == phase {
        tokio::time::sleep(POLL_EVERY).await;
        deployment = ctx.api.get(&path).await?;
    }
    Ok(deployment)
}

async fn stop(args: StopArgs, ctx: &Context) -> anyhow::Result<Outcome> {
    let found = args.which.world.find(ctx).await?;
    confirm_with_people(&found, "Stop", args.which.yes.into())?;
    let stop = Call::post(found.path("/stop"), args.insistence.body());
    let mut deployment = ctx.api.send(stop).await?;
    if args.wait {
        deployment = while_in("Stopping", deployment, ctx).await?;
    }
    show_deployment(ctx, &deployment)?;
    Ok(Outcome::Done)
}

async fn restart(args: RestartArgs, ctx: &Context) -> anyhow::Result<()> {
    let found = args.which.world.find(ctx).await?;
    confirm_with_people(&found, "Restart", args.which.yes.into())?;
    let mut body = args.insistence.body();
    if args.no_launch_context {
        body["launchContext"] = false.into();
    }
    let deployment = ctx.api.send(Call::post(found.path("/restart"), body)).await?;
    show_deployment(ctx, &deployment)
}

async fn extend(world: &WorldRef, by: Minutes, ctx: &Context) -> anyhow::Result<()> {
    let found = world.find(ctx).await?;
    let Some(deployment) = &found.view.status.deployment_id else {
        anyhow::bail!("{} does not run, so there is nothing to extend", found.view.name);
    };
    let path = format!("/api/deployments/{deployment}/extend");
    let deployment = ctx.api.send(Call::post(path, json!({ "minutes": by.0 }))).await?;
    show_deployment(ctx, &deployment)
}

/// Asks before people lose the world that they are in.
fn confirm_with_people(found: &Found, verb: &str, consent: Consent) -> anyhow::Result<()> {
    let people = found.view.status.sessions;
    if people == 0 {
        return Ok(());
    }
    ui::confirm(&format!("{verb} {} with {people} people in it?", found.view.name), consent)
}

fn show_deployment(ctx: &Context, deployment: &Value) -> anyhow::Result<()> {
    ctx.show(deployment, |deployment| {
        ui::sheet(
            [
                ("Deployment", "/id"),
                ("World", "/worldId"),
                ("Phase", "/phase"),
                ("Ends", "/endsAt"),
                ("Launch context", "/launchContextId"),
            ]
            .map(|(name, pointer)| (name, ui::cell(deployment, pointer))),
        )
    })
}
