//! `lifeboat failover`: move everyone into the backup world, watch it and control it.

mod body;
mod control;
mod night;
mod report;
mod watch;

use clap::{Args, Subcommand};
use lifeboat_core::code::ErrorCode;
use serde_json::{Value, json};

use super::context::Found;
use super::{Context, WorldRef};
use crate::api::{ApiError, Call, FailoverView};
use crate::args::Output;
use crate::exit::Outcome;
use crate::ui::{self, Table};

pub(crate) use body::{MoveArgs, Way};
use control::ControlCommand;

/// What can be done with failovers.
#[derive(Debug, Subcommand)]
pub(crate) enum FailoverCommand {
    /// Print the night beforehand: who would move, at what rate, what would block, the way back.
    Plan(PlanArgs),
    /// Move everyone into the backup world, and watch them land.
    Run(RunArgs),
    /// List the failovers, the newest first.
    List {
        /// Only those of this world, by id or name.
        world: Option<WorldRef>,
    },
    #[command(flatten)]
    Control(ControlCommand),
}

/// A failover that is only asked about.
#[derive(Debug, Args)]
pub(crate) struct PlanArgs {
    /// The main world, by id or name.
    world: WorldRef,
    #[command(flatten)]
    target: TargetArgs,
    #[command(flatten)]
    moves: MoveArgs,
}

/// A failover.
#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// The main world, by id or name.
    world: WorldRef,
    #[command(flatten)]
    target: TargetArgs,
    #[command(flatten)]
    moves: MoveArgs,
    #[command(flatten)]
    manner: Manner,
}

/// Where people go.
#[derive(Debug, Args)]
pub(crate) struct TargetArgs {
    /// Where to, by id or name; else into the standby.
    #[arg(long, value_name = "WORLD")]
    to: Option<WorldRef>,
    /// Launch a backup that sleeps, and move people once it is Active.
    #[arg(long)]
    wait_for_target: bool,
}

/// How a move is begun and watched.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct Manner {
    /// Do not ask.
    #[arg(long, short)]
    yes: bool,
    /// Do not wait until everyone has landed.
    #[arg(long)]
    no_wait: bool,
}

/// Carries out a command about failovers.
///
/// # Errors
/// When the API refuses or is out of reach.
pub(crate) async fn run(command: FailoverCommand, ctx: &Context) -> anyhow::Result<Outcome> {
    match command {
        FailoverCommand::Plan(args) => {
            let found = args.world.find(ctx).await?;
            plan(ctx, &found, &args.target.way(ctx).await?, &args.moves).await
        }
        FailoverCommand::Run(args) => {
            let found = args.world.find(ctx).await?;
            begin(ctx, &found, &args.target.way(ctx).await?, &args.moves, args.manner).await
        }
        FailoverCommand::List { world } => list(world.as_ref(), ctx).await,
        FailoverCommand::Control(command) => control::run(command, ctx).await,
    }
}

impl TargetArgs {
    async fn way(&self, ctx: &Context) -> anyhow::Result<Way> {
        let target = match &self.to {
            Some(world) => Some(world.id(ctx).await?),
            None => None,
        };
        Ok(Way::There { target, wait_for_target: self.wait_for_target })
    }
}

/// Begins a failover or failback, after asking, and watches it.
///
/// # Errors
/// When the API refuses or is out of reach.
pub(crate) async fn begin(
    ctx: &Context,
    found: &Found,
    way: &Way,
    moves: &MoveArgs,
    manner: Manner,
) -> anyhow::Result<Outcome> {
    if !manner.yes && ui::is_attended() {
        match dry_run(ctx, found, way, moves).await {
            Ok(planned) => {
                let planned: FailoverView = ApiError::shape(planned)?;
                ui::note(night::page(found, &planned));
                // Nobody is asked for what would be refused.
                if is_blocked(&planned, moves) {
                    ui::note("error: this is blocked; nothing was changed");
                    return Ok(Outcome::Blocked);
                }
            }
            Err(error) => return blocked(ctx, error),
        }
    }
    ui::confirm(&way.question(&found.view), manner.yes.into())?;
    let call = Call::post(found.path(way.path()), moves.body(way));
    let record = match ctx.api.send(call).await {
        Ok(record) => record,
        Err(error) => return blocked(ctx, error),
    };
    let id = ui::cell(&record, "/id");
    if manner.no_wait || id.is_empty() {
        show(ctx, &record)?;
        return Ok(Outcome::Done);
    }
    watch::until_finished(ctx, &id).await
}

async fn dry_run(
    ctx: &Context,
    found: &Found,
    way: &Way,
    moves: &MoveArgs,
) -> Result<Value, ApiError> {
    let mut body = moves.body(way);
    body["dryRun"] = true.into();
    ctx.api.send(Call::post(found.path(way.path()), body)).await
}

/// Prints the night, without changing anything.
///
/// # Errors
/// When the API refuses or is out of reach.
async fn plan(
    ctx: &Context,
    found: &Found,
    way: &Way,
    moves: &MoveArgs,
) -> anyhow::Result<Outcome> {
    let planned = match dry_run(ctx, found, way, moves).await {
        Ok(planned) => planned,
        Err(error) => return blocked(ctx, error),
    };
    let view: FailoverView = ApiError::shape(planned.clone())?;
    ctx.show(&planned, |_| night::page(found, &view))?;
    Ok(if is_blocked(&view, moves) { Outcome::Blocked } else { Outcome::Done })
}

/// Whether rules stand in the way that are not overridden.
fn is_blocked(planned: &FailoverView, moves: &MoveArgs) -> bool {
    planned.plan.rules.iter().any(|rule| !(rule.may_force && moves.is_forced()))
}

/// Prints the rules that stand in the way; any other trouble goes on as what it is.
///
/// # Errors
/// That trouble.
pub(crate) fn blocked(ctx: &Context, error: ApiError) -> anyhow::Result<Outcome> {
    let is_by_rules =
        matches!(error.code(), Some(ErrorCode::FailoverBlocked | ErrorCode::DrillBlocked));
    let Some(rules) = error.rules().filter(|_| is_by_rules) else {
        return Err(error.into());
    };
    match ctx.output {
        Output::Json => ui::json(&json!({ "rules": rules }))?,
        Output::Table => ui::answer(ui::rules(&rules))?,
    }
    ui::note(format_args!("error: {error}"));
    Ok(Outcome::Blocked)
}

fn show(ctx: &Context, record: &Value) -> anyhow::Result<()> {
    let view: FailoverView = ApiError::shape(record.clone())?;
    ctx.show(record, |_| ui::figures(&view))
}

async fn list(world: Option<&WorldRef>, ctx: &Context) -> anyhow::Result<Outcome> {
    let mut items = ctx.api.list("/api/failovers").await?;
    if let Some(world) = world {
        let id = world.id(ctx).await?;
        items.retain(|record| record["worldId"] == id.as_str());
    }
    // Programs have the ids, and people the names.
    let worlds = match ctx.output {
        Output::Json => Vec::new(),
        Output::Table => ctx.api.list("/api/worlds").await?,
    };
    ctx.show(&json!({ "items": items, "nextCursor": null }), |_| table(&items, &worlds))?;
    Ok(Outcome::Done)
}

fn table(records: &[Value], worlds: &[Value]) -> Table {
    let mut table = Table::new(["ID", "KIND", "WORLD", "PHASE", "STARTED", "PRESENT", "LANDED"]);
    for record in records {
        let cell = |pointer: &str| ui::cell(record, pointer);
        table.row([
            cell("/id"),
            cell("/kind"),
            way(record, worlds),
            cell("/phase"),
            cell("/startedAt"),
            cell("/counts/present"),
            cell("/counts/landed"),
        ]);
    }
    table
}

/// From where to where people move, by name; a world that was deleted has its id for one.
fn way(record: &Value, worlds: &[Value]) -> String {
    let name = |pointer: &str| {
        let id = ui::cell(record, pointer);
        let world = worlds.iter().find(|world| world["id"] == id.as_str());
        world.map_or(id, |world| ui::cell(world, "/name"))
    };
    let main = name("/worldId");
    match record["kind"].as_str() {
        Some("failback") => format!("home to {main}"),
        Some("failover") => format!("{main} → {}", name("/targetWorldId")),
        _ => main,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_asked_for_what_would_be_refused() {
        #[derive(clap::Parser)]
        struct Typed {
            #[command(flatten)]
            moves: MoveArgs,
        }
        let planned = |may_force: bool| {
            ApiError::shape::<FailoverView>(json!({ "plan": { "rules": [
                { "code": "seats", "message": "m", "main": 2, "standby": 1, "remedy": "r",
                  "mayForce": may_force } ] } }))
            .unwrap()
        };
        let moves = |words: &[&str]| {
            <Typed as clap::Parser>::try_parse_from([&["t"], words].concat()).unwrap().moves
        };
        let forced = moves(&["--force", "--reason", "it is down"]);
        assert!(is_blocked(&planned(true), &moves(&[])));
        assert!(!is_blocked(&planned(true), &forced));
        assert!(is_blocked(&planned(false), &forced));
        assert!(!is_blocked(&FailoverView::default(), &moves(&[])));
    }

    #[test]
    fn a_list_says_by_name_from_where_to_where() {
        let worlds = [
            json!({ "id": "wld_1", "name": "Main Stage" }),
            json!({ "id": "wld_2", "name": "FAILOVER Main Stage" }),
        ];
        let record = |kind: &str, target: &str| json!({ "id": "fo_1", "kind": kind, "worldId": "wld_1", "targetWorldId": target });
        for (kind, target, said) in [
            ("failover", "wld_2", "Main Stage → FAILOVER Main Stage"),
            ("failover", "wld_9", "Main Stage → wld_9"),
            ("failback", "wld_1", "home to Main Stage"),
            ("rejoin", "wld_1", "Main Stage"),
        ] {
            let record = record(kind, target);
            assert_eq!(way(&record, &worlds), said);
            assert!(table(&[record], &worlds).to_string().contains(said));
        }
    }
}
