//! `lifeboat drill`: rehearse a failover with bots on the real pair.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{Context, WorldRef, failover};
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
    /// Move so many in a second, to find out what the backup takes; else as many as it is said to.
    #[arg(long, value_name = "PER SECOND")]
    rate: Option<f64>,
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
        DrillCommand::Run(args) => return rehearse(args, ctx).await,
        DrillCommand::List { world } => {
            let id = world.id(ctx).await?;
            ctx.show_list(
                ctx.api.list(&format!("/api/worlds/{id}/drills")).await?,
                [
                    ("ID", "/id"),
                    ("PHASE", "/phase"),
                    ("BOTS", "/clients"),
                    ("STARTED", "/startedAt"),
                    ("OUT MS", "/out/durationMs"),
                    ("HOME MS", "/home/durationMs"),
                    ("JOINS/S", "/joinsPerSecond"),
                ],
            )?;
        }
    }
    Ok(Outcome::Done)
}

async fn rehearse(args: RunArgs, ctx: &Context) -> anyhow::Result<Outcome> {
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
    if let Some(rate) = args.rate {
        body["maxRejoinsPerSecond"] = rate.into();
    }
    let path = found.path("/drills");
    let mut drill = match ctx.api.send(Call::post(&path, body)).await {
        Ok(drill) => drill,
        Err(error) => return failover::blocked(ctx, error),
    };
    if args.no_wait {
        ctx.show(&drill, page)?;
        return Ok(Outcome::Done);
    }
    let mut told = String::new();
    while drill["finishedAt"].is_null() {
        let now = stage(&drill);
        if now != told {
            ui::note(&now);
            told = now;
        }
        tokio::time::sleep(POLL_EVERY).await;
        drill = again(&drill, ctx.api.list(&path).await?)?;
    }
    ctx.show(&drill, page)?;
    Ok(if drill["phase"] == "complete" { Outcome::Done } else { Outcome::Failed })
}

/// The present record of the same drill.
fn again(drill: &Value, drills: Vec<Value>) -> anyhow::Result<Value> {
    let same = drills.into_iter().find(|other| other["id"] == drill["id"]);
    same.ok_or_else(|| anyhow::anyhow!("the drill {} is not on record any more", drill["id"]))
}

/// What a drill is doing, in a line.
fn stage(drill: &Value) -> String {
    let bots = &drill["clients"];
    match drill["phase"].as_str().unwrap_or_default() {
        "gathering" => format!("{bots} bots come into the main world …"),
        "moving-out" => format!("{bots} bots move into the backup …"),
        "moving-home" => format!("{bots} bots move home …"),
        other => other.to_owned(),
    }
}

/// A drill for people.
fn page(drill: &Value) -> String {
    let text = |pointer: &str| ui::cell(drill, pointer);
    let mut lines = vec![
        format!("Drill      {}, {} with {} bots", text("/id"), text("/phase"), text("/clients")),
        format!("Worlds     {} and {}", text("/worldId"), text("/targetWorldId")),
    ];
    lines.extend(drill["message"].as_str().map(|why| format!("Why        {why}")));
    lines.extend([("Out", "/out"), ("Home", "/home")].into_iter().filter_map(|(name, at)| {
        drill.pointer(at).filter(|way| !way.is_null()).map(|way| way_line(name, way))
    }));
    if let Some(command) = drill.pointer("/offer/command").and_then(Value::as_str) {
        let rate = drill["joinsPerSecond"].as_f64().unwrap_or_default();
        lines.push(format!("It takes   {rate} joins per second"));
        lines.push(format!("Set it by  {command}"));
    } else if drill["phase"] == "complete" {
        lines.push("It takes   unknown: bots for two seconds of the rate would tell".into());
    }
    lines.push(format!(
        "On         {} × {}, {} MiB, {}",
        text("/machine/cores"),
        text("/machine/processor"),
        text("/machine/memoryMib"),
        text("/machine/kernel")
    ));
    lines.push(format!(
        "Build      {} {}, content {}, base {}, map {}; Lifeboat {}",
        text("/build/mod"),
        text("/build/modVersion"),
        text("/build/contentVersion"),
        text("/build/baseVersion"),
        text("/build/map"),
        text("/lifeboat")
    ));
    lines.join("\n")
}

fn way_line(name: &str, way: &Value) -> String {
    let number = |pointer: &str| way.pointer(pointer).and_then(Value::as_u64).unwrap_or_default();
    format!(
        "{name:<10} {} of {} landed within {}; dark half within {}, 99 % within {}; told within {}",
        number("/counts/landed"),
        number("/counts/present"),
        ui::millis(number("/durationMs")),
        ui::millis(number("/darkMs/p50")),
        ui::millis(number("/darkMs/p99")),
        ui::millis(number("/fanoutMs/max")),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drill_says_what_it_proved_and_on_what() {
        let way = json!({
            "durationMs": 2_950, "counts": { "present": 300, "landed": 300 },
            "darkMs": { "n": 300, "p50": 1_480, "p99": 2_930, "max": 2_950 },
            "fanoutMs": { "n": 300, "p50": 3, "p99": 5, "max": 6 },
        });
        let drill = json!({
            "id": "drl_1", "phase": "complete", "clients": 300, "worldId": "wld_1",
            "targetWorldId": "wld_2", "message": null, "out": way, "home": way,
            "joinsPerSecond": 100.0,
            "offer": { "command": "lifeboat config set wld_2 game.Admission.JoinsPerSecond=100" },
            "machine": { "cores": 2, "processor": "Example", "memoryMib": 8_000, "kernel": "Linux 6" },
            "build": { "mod": "plaza", "modVersion": "1.0.0", "contentVersion": "2026.11.1",
                       "baseVersion": 38, "map": "plaza" },
            "lifeboat": "0.1.0",
        });
        insta::assert_snapshot!(page(&drill));
    }
}
