//! `lifeboat ban`: keep a user out.

use clap::{Args, Subcommand};
use lifeboat_core::ids::BanId;
use serde_json::json;

use super::{Context, WorldRef};
use crate::api::Call;
use crate::exit::{Outcome, Usage};
use crate::ui;

/// `lifeboat ban USER`, or one of its commands.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct BanArgs {
    #[command(subcommand)]
    command: Option<BanCommand>,
    #[command(flatten)]
    ban: Option<NewBan>,
}

/// What can be done with bans.
#[derive(Debug, Subcommand)]
pub(crate) enum BanCommand {
    /// Ban a user.
    Add(NewBan),
    /// List the bans.
    List,
    /// Lift a ban.
    Remove {
        /// The ban.
        id: BanId,
    },
}

/// A ban.
#[derive(Debug, Args)]
pub(crate) struct NewBan {
    /// The user, as `lifeboat session list` shows it.
    user: String,
    /// Only from this world, by id or name; else from all.
    #[arg(long)]
    world: Option<WorldRef>,
    /// Why, for whoever wonders later.
    #[arg(long)]
    reason: String,
}

/// Carries out a command about bans.
///
/// # Errors
/// When the API refuses or is out of reach.
pub(crate) async fn run(args: BanArgs, ctx: &Context) -> anyhow::Result<Outcome> {
    match (args.command, args.ban) {
        (Some(BanCommand::Add(ban)), _) | (None, Some(ban)) => add(ban, ctx).await?,
        (Some(BanCommand::List), _) => ctx.show_list(
            ctx.api.list("/api/bans").await?,
            [("ID", "/id"), ("USER", "/user"), ("WORLD", "/worldId"), ("REASON", "/reason")],
        )?,
        (Some(BanCommand::Remove { id }), _) => {
            ctx.api.send(Call::delete(format!("/api/bans/{id}"))).await?;
            ui::note(format_args!("lifted {id}"));
        }
        (None, None) => {
            let text = "say whom: `lifeboat ban USER`, or `lifeboat ban list`";
            return Err(Usage(text.to_owned()).into());
        }
    }
    Ok(Outcome::Done)
}

async fn add(ban: NewBan, ctx: &Context) -> anyhow::Result<()> {
    let mut body = json!({ "user": ban.user, "reason": ban.reason });
    if let Some(world) = ban.world {
        body["worldId"] = world.id(ctx).await?.into();
    }
    let answer = ctx.api.send(Call::post("/api/bans", body)).await?;
    ctx.show(&answer, |answer| format!("banned {}: {}", ban.user, ui::cell(answer, "/id")))
}
