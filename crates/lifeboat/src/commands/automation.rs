//! `lifeboat automation`: which worlds fail over by themselves, and the switch that stops them all.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{Context, WorldRef};
use crate::api::Call;
use crate::args::Output;
use crate::exit::{Outcome, Usage};
use crate::ui;

/// What can be done with automatic failovers.
#[derive(Debug, Subcommand)]
pub(crate) enum AutomationCommand {
    /// Show which worlds fail over by themselves, and whether that was stopped.
    Show {
        /// One world, by id or name; else all that have it.
        world: Option<WorldRef>,
    },
    /// Have a world fail over by itself, or not; what is not named stays as it is.
    Set(SetArgs),
    /// Stop all automation at once; operators still can do everything.
    Stop {
        /// Why, for the audit log and for whoever wonders.
        #[arg(long)]
        reason: String,
    },
    /// Let automation go on after a stop.
    Resume {
        /// Why, for the audit log.
        #[arg(long, default_value = "")]
        reason: String,
    },
}

/// A policy, as far as it is changed.
#[derive(Debug, Args)]
pub(crate) struct SetArgs {
    /// The main world, by id or name.
    world: WorldRef,
    /// It fails over by itself.
    #[arg(long, conflicts_with = "off")]
    on: bool,
    /// It waits for an operator.
    #[arg(long)]
    off: bool,
    /// How long its servers have to be gone before, 1 to 3600.
    #[arg(long, value_name = "N")]
    grace_seconds: Option<u32>,
    /// How long after one automatic failover there is no other, 60 to 86400.
    #[arg(long, value_name = "N")]
    cool_down_seconds: Option<u32>,
}

/// Carries out a command about automatic failovers.
///
/// # Errors
/// When the API refuses or is out of reach.
pub(crate) async fn run(command: AutomationCommand, ctx: &Context) -> anyhow::Result<Outcome> {
    match command {
        AutomationCommand::Show { world: None } => show_all(ctx).await?,
        AutomationCommand::Show { world: Some(world) } => {
            let policy = ctx.api.get(path(&world.id(ctx).await?)).await?;
            ctx.show(&policy, |policy| ui::sheet(sheet(policy)))?;
        }
        AutomationCommand::Set(args) => {
            let path = path(&args.world.id(ctx).await?);
            let policy = args.over(&ctx.api.get(&path).await?)?;
            let policy = ctx.api.send(Call::put(path, policy)).await?;
            ctx.show(&policy, |policy| ui::sheet(sheet(policy)))?;
        }
        AutomationCommand::Stop { reason } => switch(ctx, true, &reason).await?,
        AutomationCommand::Resume { reason } => switch(ctx, false, &reason).await?,
    }
    Ok(Outcome::Done)
}

fn path(world: &str) -> String {
    format!("/api/worlds/{world}/automation")
}

impl SetArgs {
    /// The policy that the API is asked for: the one that stands, with what was typed. It replaces
    /// the whole of it, so what is left out would be the default again.
    fn over(&self, stands: &Value) -> Result<Value, Usage> {
        let mut policy = json!({});
        for field in ["enabled", "graceSeconds", "coolDownSeconds"] {
            policy[field] = stands[field].clone();
        }
        if self.on || self.off {
            policy["enabled"] = json!(self.on);
        }
        if let Some(seconds) = self.grace_seconds {
            policy["graceSeconds"] = json!(seconds);
        }
        if let Some(seconds) = self.cool_down_seconds {
            policy["coolDownSeconds"] = json!(seconds);
        }
        let names_nothing = !self.on
            && !self.off
            && self.grace_seconds.is_none()
            && self.cool_down_seconds.is_none();
        if names_nothing {
            let text = "nothing to change; give --on, --off, --grace-seconds or \
                        --cool-down-seconds";
            return Err(Usage(text.to_owned()));
        }
        Ok(policy)
    }
}

async fn switch(ctx: &Context, stopped: bool, reason: &str) -> anyhow::Result<()> {
    let body = json!({ "stopped": stopped, "reason": reason });
    let all = ctx.api.send(Call::put("/api/automation", body)).await?;
    print_all(ctx, &all)
}

async fn show_all(ctx: &Context) -> anyhow::Result<()> {
    let all = ctx.api.get("/api/automation").await?;
    print_all(ctx, &all)
}

fn print_all(ctx: &Context, all: &Value) -> anyhow::Result<()> {
    if ctx.output == Output::Json {
        return Ok(ui::json(all)?);
    }
    if all["stopped"] == true {
        let cell = |pointer| ui::cell(all, pointer);
        let (by, at, reason) = (cell("/by"), cell("/at"), cell("/reason"));
        ui::answer(format_args!("Automation is STOPPED by {by} since {at}: {reason}\n"))?;
    }
    let worlds = all["worlds"].as_array().map_or(&[][..], Vec::as_slice);
    if worlds.is_empty() {
        ui::answer("No world fails over by itself.")?;
        return Ok(());
    }
    let headings = ["WORLD", "NAME", "STANDING", "AT", "GRACE S", "COOL-DOWN S", "BLOCKED BY"];
    let mut table = ui::Table::new(headings);
    for world in worlds {
        table.row(
            [
                "/worldId",
                "/name",
                "/standing",
                "/at",
                "/graceSeconds",
                "/coolDownSeconds",
                "/blockedBy",
            ]
            .map(|pointer| ui::cell(world, pointer)),
        );
    }
    Ok(ui::answer(table)?)
}

fn sheet(policy: &Value) -> [(&'static str, String); 7] {
    let is_on = if policy["enabled"] == true { "yes" } else { "no" };
    [
        ("World", ui::cell(policy, "/worldId")),
        ("By itself", is_on.to_owned()),
        ("Standing", ui::cell(policy, "/standing")),
        ("At", ui::cell(policy, "/at")),
        ("Grace s", ui::cell(policy, "/graceSeconds")),
        ("Cool-down s", ui::cell(policy, "/coolDownSeconds")),
        ("Blocked by", ui::cell(policy, "/blockedBy")),
    ]
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Typed {
        #[command(flatten)]
        set: SetArgs,
    }

    fn over(words: &str) -> Result<Value, Usage> {
        let typed =
            Typed::try_parse_from(["t", "Main"].into_iter().chain(words.split_whitespace()));
        let stands = json!({
            "worldId": "wld_1", "enabled": true, "graceSeconds": 20, "coolDownSeconds": 900,
            "standing": "watching",
        });
        typed.unwrap().set.over(&stands)
    }

    #[test]
    fn what_is_not_named_stays_as_it_is() {
        let off = json!({ "enabled": false, "graceSeconds": 20, "coolDownSeconds": 900 });
        assert_eq!(over("--off"), Ok(off));
        let slower = json!({ "enabled": true, "graceSeconds": 60, "coolDownSeconds": 900 });
        assert_eq!(over("--grace-seconds 60"), Ok(slower));
    }

    #[test]
    fn a_change_of_nothing_and_a_contradiction_are_misuses() {
        assert!(over("").is_err());
        assert!(Typed::try_parse_from(["t", "Main", "--on", "--off"]).is_err());
    }
}
