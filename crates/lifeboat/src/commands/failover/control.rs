//! What is done with a failover that is on record: look, hold, go on, tell again, undo, report.

use std::convert::Infallible;
use std::str::FromStr;

use clap::{Args, Subcommand};
use lifeboat_core::ids::FailoverId;
use serde_json::{Value, json};

use super::report::{self, ReportArgs};
use super::{show, watch};
use crate::api::{Call, FailoverView};
use crate::commands::{Context, WorldRef};
use crate::exit::{Outcome, Usage};
use crate::ui;

/// What can be done with a failover that is on record.
#[derive(Debug, Subcommand)]
pub(crate) enum ControlCommand {
    /// Show where a failover is.
    Status {
        #[command(flatten)]
        which: Which,
        /// Go on showing until it is finished.
        #[arg(long, short)]
        watch: bool,
    },
    /// Stop moving people for a while; who is on the way arrives.
    Hold(Which),
    /// Go on after a hold.
    Resume(Which),
    /// Tell those who are still pending again.
    Nudge(Which),
    /// Take a failover back: those who moved come home, the rest stay.
    Undo {
        #[command(flatten)]
        which: Which,
        /// Do not ask.
        #[arg(long, short)]
        yes: bool,
    },
    /// Change the rate, or the message to players, of a failover that moves.
    Set {
        #[command(flatten)]
        which: Which,
        /// How many are let in per second at the most.
        #[arg(long, value_name = "N")]
        max_rejoins_per_second: Option<f64>,
        /// What the players are told, up to 500 characters.
        #[arg(long)]
        message: Option<String>,
    },
    /// Print what became of everyone: figures, timeline, arrivals, and who did not land.
    Report(ReportArgs),
}

/// A failover: by its id, or by its world, of which the newest is meant.
#[derive(Debug, Args)]
pub(crate) struct Which {
    /// The failover's id, or its main world by id or name.
    #[arg(value_name = "FAILOVER|WORLD")]
    failover: FailoverRef,
}

#[derive(Debug, Clone)]
enum FailoverRef {
    Id(FailoverId),
    NewestOf(WorldRef),
}

impl FromStr for FailoverRef {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        match text.parse() {
            Ok(id) => Ok(Self::Id(id)),
            Err(_) => text.parse().map(Self::NewestOf),
        }
    }
}

impl Which {
    /// Its address.
    pub(super) async fn path(&self, ctx: &Context) -> anyhow::Result<String> {
        Ok(format!("/api/failovers/{}", self.id(ctx).await?))
    }

    async fn id(&self, ctx: &Context) -> anyhow::Result<String> {
        let world = match &self.failover {
            FailoverRef::Id(id) => return Ok(id.to_string()),
            FailoverRef::NewestOf(world) => world.find(ctx).await?.view,
        };
        if let Some(id) = world.status.failover.and_then(|failover| failover.failover_id) {
            return Ok(id);
        }
        let records = ctx.api.list("/api/failovers").await?;
        newest(&records, &world.id)
            .ok_or_else(|| anyhow::anyhow!("{} was never failed over", world.name))
    }
}

fn newest(records: &[Value], world: &str) -> Option<String> {
    let of_world = records.iter().filter(|record| record["worldId"] == world);
    let newest = of_world.max_by_key(|record| ui::cell(record, "/startedAt"))?;
    newest["id"].as_str().map(str::to_owned)
}

/// Carries out a command about a failover that is on record.
///
/// # Errors
/// When the API refuses or is out of reach.
pub(super) async fn run(command: ControlCommand, ctx: &Context) -> anyhow::Result<Outcome> {
    let record = match command {
        ControlCommand::Status { which, watch: true } => {
            return watch::until_finished(ctx, &which.id(ctx).await?).await;
        }
        ControlCommand::Status { which, watch: false } => {
            ctx.api.get(which.path(ctx).await?).await?
        }
        ControlCommand::Hold(which) => act(ctx, &which, "hold").await?,
        ControlCommand::Resume(which) => act(ctx, &which, "resume").await?,
        ControlCommand::Nudge(which) => act(ctx, &which, "nudge").await?,
        ControlCommand::Undo { which, yes } => {
            let path = which.path(ctx).await?;
            let view: FailoverView = ctx.api.read(&path).await?;
            let question = format!("Bring the {} who landed home again?", view.counts.landed);
            ui::confirm(&question, yes.into())?;
            ctx.api.send(Call::post(format!("{path}/undo"), json!({}))).await?
        }
        ControlCommand::Set { which, max_rejoins_per_second, message } => {
            let patch = change(max_rejoins_per_second, message)?;
            ctx.api.send(Call::patch(which.path(ctx).await?, patch)).await?
        }
        ControlCommand::Report(args) => return report::run(&args, ctx).await,
    };
    show(ctx, &record)?;
    Ok(Outcome::Done)
}

async fn act(ctx: &Context, which: &Which, verb: &str) -> anyhow::Result<Value> {
    let path = which.path(ctx).await?;
    Ok(ctx.api.send(Call::post(format!("{path}/{verb}"), json!({}))).await?)
}

fn change(rate: Option<f64>, message: Option<String>) -> Result<Value, Usage> {
    let mut patch = json!({});
    if let Some(rate) = rate {
        patch["maxRejoinsPerSecond"] = json!(rate);
    }
    if let Some(message) = message {
        patch["message"] = json!(message);
    }
    if patch == json!({}) {
        let text = "nothing to change; give --max-rejoins-per-second or --message";
        return Err(Usage(text.to_owned()));
    }
    Ok(patch)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_failover_of_a_world_is_meant() {
        let records = [
            json!({ "id": "fo_1", "worldId": "wld_1", "startedAt": "2026-11-22T20:00:00.000Z" }),
            json!({ "id": "fo_2", "worldId": "wld_1", "startedAt": "2026-11-22T21:00:00.000Z" }),
            json!({ "id": "fo_3", "worldId": "wld_2", "startedAt": "2026-11-22T22:00:00.000Z" }),
        ];
        assert_eq!(newest(&records, "wld_1").as_deref(), Some("fo_2"));
        assert_eq!(newest(&records, "wld_9"), None);
    }

    #[test]
    fn a_change_of_nothing_is_a_misuse() {
        assert!(change(None, None).is_err());
        assert_eq!(change(Some(5.0), None), Ok(json!({ "maxRejoinsPerSecond": 5.0 })));
    }
}
