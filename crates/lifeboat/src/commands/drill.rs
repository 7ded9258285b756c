//! `lifeboat drill`: rehearse a failover with bots on the real pair.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{Context, WorldRef};
use crate::api::Call;
use crate::exit::Outcome;
use crate::limits::POLL_EVERY;
use crate::ui;

/// What can be done with drills.
#[derive(Debug, Subcommand)]
pub(crate) enum DrillCommand {
    /// Move bots into the backup and back, and print how long it took.
    Run(RunArgs),
    /// List the drills of a world.
    List {
        /// The main world, by id or name.
        world: WorldRef,
    },
}

/// A drill.
#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// The main world, by id or name.
    world: WorldRef,
    /// How many bots.
    #[arg(long, default_value_t = 100, value_name = "N")]
    clients: u32,
    /// Rehearse although people are in one of the worlds.
    #[arg(long, requires = "reason")]
    force: bool,
    /// Why, for the audit log.
    #[arg(long)]
    reason: Option<String>,
    /// Do not ask, even if people are inside.
    #[arg(long, short)]
    yes: bool,
    /// Do not wait for the end.
    #[arg(long)]
    no_wait: bool,
}

/// Carries out a command about drills.
///
/// # Errors
/// When the API refuses or is out of reach.
pub(crate) async fn run(command: DrillCommand, ctx: &Context) -> anyhow::Result<Outcome> {
    match command {
        DrillCommand::Run(args) => rehearse(args, ctx).await?,
        DrillCommand::List { world } => {
            let id = world.id(ctx).await?;
            ctx.show_list(
                ctx.api.list(&format!("/api/worlds/{id}/drills")).await?,
                [
                    ("ID", "/id"),
                    ("CLIENTS", "/clients"),
                    ("STARTED", "/startedAt"),
                    ("FINISHED", "/finishedAt"),
                    ("FAILOVER", "/failoverId"),
                    ("FAILBACK", "/failbackId"),
                ],
            )?;
        }
    }
    Ok(Outcome::Done)
}

async fn rehearse(args: RunArgs, ctx: &Context) -> anyhow::Result<()> {
    let found = args.world.find(ctx).await?;
    let mut body = json!({ "clients": args.clients });
    if args.force {
        let question = format!("Rehearse on {} with people in the worlds?", found.view.name);
        ui::confirm(&question, args.yes.into())?;
        body["force"] = true.into();
    }
    if let Some(reason) = args.reason {
        body["reason"] = reason.into();
    }
    let path = found.path("/drills");
    let mut drill = ctx.api.send(Call::post(&path, body)).await?;
    if !args.no_wait {
        ui::note(format_args!("{} bots move into the backup and back …", args.clients));
        while drill["finishedAt"].is_null() {
            tokio::time::sleep(4 * POLL_EVERY).await;
            drill = again(&drill, ctx.api.list(&path).await?)?;
        }
    }
    ctx.show(&drill, |drill| format!("{drill:#}"))
}

/// The present record of the same drill.
fn again(drill: &Value, drills: Vec<Value>) -> anyhow::Result<Value> {
    let same = drills.into_iter().find(|other| other["id"] == drill["id"]);
    same.ok_or_else(|| anyhow::anyhow!("the drill {} is not on record any more", drill["id"]))
}
