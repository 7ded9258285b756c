//! `lifeboat config`: read and change the live config of a world.

mod assign;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{Context, WorldRef};
use crate::api::Call;
use crate::exit::Outcome;
use crate::ui::{self, Table};

use assign::{Assignment, Pointer};

/// What can be done with live config.
#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Show every value of a world's live config.
    Show {
        /// The world, by id or name.
        world: WorldRef,
    },
    /// Save values, all of them or none: the guide's "Save Changes".
    Set(SetArgs),
    /// Raise a counter by one, such as game.ForceDisconnect.AllClients.
    Increment(IncrementArgs),
    /// List the earlier revisions of a world's live config.
    History {
        /// The world, by id or name.
        world: WorldRef,
    },
    /// Save the values of an earlier revision again, all but those that move people.
    Rollback(RollbackArgs),
}

/// Values to save.
#[derive(Debug, Args)]
pub(crate) struct SetArgs {
    /// The world, by id or name.
    world: WorldRef,
    /// A value, as PATH=VALUE: game.Failover.OverrideWorldId=wld_1; `null` is the default again.
    #[arg(required = true, value_name = "PATH=VALUE")]
    values: Vec<String>,
    /// Save only if nobody saved since this revision.
    #[arg(long, value_name = "REVISION")]
    if_match: Option<u64>,
    /// Save although the target's state speaks against it.
    #[arg(long, requires = "reason")]
    force: bool,
    /// Why, for the audit log.
    #[arg(long)]
    reason: Option<String>,
    /// Do not ask, even if it moves people.
    #[arg(long, short)]
    yes: bool,
}

/// A counter to raise.
#[derive(Debug, Args)]
pub(crate) struct IncrementArgs {
    /// The world, by id or name.
    world: WorldRef,
    /// The counter, as game.ForceDisconnect.AllClients or /game/ForceDisconnect/AllClients.
    path: Pointer,
    /// Do not ask, even if it moves people.
    #[arg(long, short)]
    yes: bool,
}

/// What to go back to.
#[derive(Debug, Args)]
pub(crate) struct RollbackArgs {
    /// The world, by id or name.
    world: WorldRef,
    /// The revision whose values are wanted.
    revision: u64,
    /// Bring back the values that move people, too.
    #[arg(long, requires = "reason")]
    include_failover: bool,
    /// Why, for the audit log.
    #[arg(long)]
    reason: Option<String>,
    /// Do not ask, even if it moves people.
    #[arg(long, short)]
    yes: bool,
}

/// Carries out a command about live config.
///
/// # Errors
/// When the API refuses or is out of reach.
pub(crate) async fn run(command: ConfigCommand, ctx: &Context) -> anyhow::Result<Outcome> {
    match command {
        ConfigCommand::Show { world } => {
            let id = world.id(ctx).await?;
            let config = ctx.api.get(format!("/api/worlds/{id}/live-config")).await?;
            ctx.show(&config, values)?;
        }
        ConfigCommand::Set(args) => set(args, ctx).await?,
        ConfigCommand::Increment(args) => increment(args, ctx).await?,
        ConfigCommand::History { world } => {
            let id = world.id(ctx).await?;
            ctx.show_list(
                ctx.api.list(&format!("/api/worlds/{id}/live-config/history")).await?,
                [("REVISION", "/revision"), ("WHEN", "/updatedAt"), ("BY", "/updatedBy")],
            )?;
        }
        ConfigCommand::Rollback(args) => rollback(args, ctx).await?,
    }
    Ok(Outcome::Done)
}

async fn set(args: SetArgs, ctx: &Context) -> anyhow::Result<()> {
    let assignments = Assignment::read(&args.values)?;
    let found = args.world.find(ctx).await?;
    if let Some(first) = assignments.iter().find(|one| one.pointer.moves_people()) {
        let question =
            format!("Save {} of {}, which moves people?", first.pointer, found.view.name);
        confirm_if_attended(&question, args.yes)?;
    }
    let mut call = Call::patch(found.path("/live-config"), Assignment::patch(&assignments));
    if let Some(revision) = args.if_match {
        call = call.header("if-match", format_args!("\"{revision}\""));
    }
    if args.force {
        call = call.query("force", true);
    }
    if let Some(reason) = &args.reason {
        call = call.query("reason", reason);
    }
    saved(ctx, &ctx.api.send(call).await?)
}

async fn increment(args: IncrementArgs, ctx: &Context) -> anyhow::Result<()> {
    let found = args.world.find(ctx).await?;
    let people = found.view.status.sessions;
    if args.path.moves_people() && people > 0 {
        let question = format!("Make the {people} people in {} rejoin?", found.view.name);
        confirm_if_attended(&question, args.yes)?;
    }
    let body = json!({ "path": args.path.to_string() });
    saved(ctx, &ctx.api.send(Call::post(found.path("/live-config/increment"), body)).await?)
}

async fn rollback(args: RollbackArgs, ctx: &Context) -> anyhow::Result<()> {
    let found = args.world.find(ctx).await?;
    if args.include_failover {
        let question = format!("Bring back the overrides of {}, too?", found.view.name);
        confirm_if_attended(&question, args.yes)?;
    }
    let mut body = json!({ "revision": args.revision });
    if args.include_failover {
        body["includeFailover"] = true.into();
    }
    if let Some(reason) = args.reason {
        body["reason"] = reason.into();
    }
    saved(ctx, &ctx.api.send(Call::post(found.path("/live-config/rollback"), body)).await?)
}

/// The guide's two steps are for scripts as much as for people: only people are asked.
fn confirm_if_attended(question: &str, yes: bool) -> anyhow::Result<()> {
    ui::confirm(question, (yes || !ui::is_attended()).into())
}

/// Shows what was saved, and what the operator should know about it.
fn saved(ctx: &Context, config: &Value) -> anyhow::Result<()> {
    for warning in config["warnings"].as_array().into_iter().flatten() {
        let (code, message) = (ui::cell(warning, "/code"), ui::cell(warning, "/message"));
        ui::note(format_args!("warning: {message} ({code})"));
    }
    ctx.show(config, |config| format!("saved as revision {}", ui::cell(config, "/revision")))
}

/// Every value with its path.
fn values(config: &Value) -> Table {
    let mut table = Table::new(["PATH", "VALUE"]);
    for part in ["game", "project"] {
        for (path, value) in leaves(part, &config[part]) {
            table.row([path, value]);
        }
    }
    table.row(["revision".to_owned(), ui::cell(config, "/revision")]);
    table
}

fn leaves(path: &str, value: &Value) -> Vec<(String, String)> {
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            fields.iter().flat_map(|(key, value)| leaves(&format!("{path}.{key}"), value)).collect()
        }
        Value::Null => Vec::new(),
        leaf => vec![(path.to_owned(), leaf.to_string())],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_leaf_is_shown_with_its_path() {
        let config = json!({
            "revision": 812, "project": { "Stage": { "DoorsOpen": false } },
            "game": { "Failover": { "OverrideWorldId": "" },
                      "ForceDisconnect": { "AllClients": 4 } }
        });
        insta::assert_snapshot!(values(&config), @r#"
        PATH                             VALUE
        game.Failover.OverrideWorldId    ""
        game.ForceDisconnect.AllClients  4
        project.Stage.DoorsOpen          false
        revision                         812
        "#);
    }
}
