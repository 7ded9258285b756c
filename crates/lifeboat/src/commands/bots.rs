//! `lifeboat bots`: send bots into a world, and see where they are.

mod stdin;

use std::io::IsTerminal as _;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use futures::FutureExt as _;
use futures::future::select;
use indicatif::{ProgressBar, ProgressStyle};
use lifeboat_client::report::Reporter;
use lifeboat_client::{BaseUrl, Fleet, FleetCounts, FleetSettings};
use lifeboat_core::ids::WorldId;
use lifeboat_core::version::BaseVersion;
use tokio::time::Instant;

use super::plaza::asked_to_end;
use super::{Context, WorldRef};
use crate::exit::Outcome;
use crate::limits::{BOTS_PER_SECOND, FAREWELL, LINE_EVERY};
use crate::ui;

/// Which bots.
#[derive(Debug, Args)]
pub(crate) struct BotsArgs {
    /// The world that they ask for, by id or name.
    #[arg(long)]
    world: WorldRef,
    /// How many.
    #[arg(long, value_name = "N")]
    count: usize,
    /// The seconds over which they come; else 100 come in a second.
    #[arg(long, value_name = "SECONDS")]
    ramp: Option<u64>,
    /// Let them stand instead of walking about.
    #[arg(long)]
    standing: bool,
    /// Let them ask for each placement, as clients that know only the guide's two steps do.
    #[arg(long)]
    rude: bool,
    /// The base version that they say they are of.
    #[arg(long, value_name = "NUMBER")]
    base_version: Option<u32>,
    /// Decides all their steps and waits.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Read the players' tokens that they join with from standard input, one a line, and let
    /// everyone leave when it ends.
    #[arg(long)]
    tokens_from_stdin: bool,
    /// Print a line of JSON for each change, for programs.
    #[arg(long)]
    json: bool,
}

/// Runs bots until Ctrl-C, when all of them leave.
///
/// # Errors
/// When the world is not found, or the process may not have so many sockets.
pub(crate) async fn run(args: BotsArgs, ctx: &Context) -> anyhow::Result<Outcome> {
    let end = asked_to_end()?;
    let base: BaseUrl = ctx.api.base().parse()?;
    let world: WorldId = args.world.id(ctx).await?.parse().context("the world's id")?;
    let mut settings = FleetSettings::new(base, world, args.count);
    settings.ramp = ramp(args.ramp, args.count);
    settings.name_prefix = "bot".to_owned();
    settings.walking = !args.standing;
    settings.accepts_placement = !args.rude;
    settings.base_version = args.base_version.map(BaseVersion::new);
    settings.seed = args.seed;
    let mut end = end.boxed();
    if args.tokens_from_stdin {
        let (tokens, closed) = stdin::read(args.count).await?;
        settings.tokens = Some(tokens);
        end = select(end, closed.boxed()).map(|_| ()).boxed();
    }
    let fleet = Fleet::start(settings)?;
    let counts = if args.json { report(fleet, end).await? } else { watch(fleet, end).await };
    Ok(if counts.lost() == 0 { Outcome::Done } else { Outcome::Failed })
}

fn ramp(seconds: Option<u64>, count: usize) -> Duration {
    match seconds {
        Some(seconds) => Duration::from_secs(seconds),
        None => Duration::from_secs_f64(count as f64 / BOTS_PER_SECOND as f64),
    }
}

/// A line of JSON for each change; the last one when all have left.
async fn report(fleet: Fleet, end: impl Future<Output = ()>) -> anyhow::Result<FleetCounts> {
    let mut reporter = Reporter::new(&fleet);
    let mut end = std::pin::pin!(end);
    loop {
        tokio::select! {
            report = reporter.next() => ui::answer(report.to_line())?,
            () = &mut end => break,
        }
    }
    let counts = fleet.stop(FAREWELL).await;
    ui::answer(reporter.last(counts.clone()).to_line())?;
    Ok(counts)
}

/// A bar with the counts on a terminal, else a line now and then.
async fn watch(fleet: Fleet, end: impl Future<Output = ()>) -> FleetCounts {
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} in a world\n{msg}")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    let mut counts = fleet.watch_counts();
    let bar = ProgressBar::new(counts.borrow().count as u64).with_style(style);
    let mut end = std::pin::pin!(end);
    let mut said_at: Option<Instant> = None;
    loop {
        let now = counts.borrow_and_update().clone();
        bar.set_position(now.in_worlds() as u64);
        bar.set_message(line(&now));
        if !std::io::stderr().is_terminal() && said_at.is_none_or(|at| at.elapsed() >= LINE_EVERY) {
            ui::note(line(&now));
            said_at = Some(Instant::now());
        }
        tokio::select! {
            changed = counts.changed() => if changed.is_err() { break },
            () = &mut end => break,
        }
    }
    bar.abandon_with_message("everyone leaves …");
    let counts = fleet.stop(FAREWELL).await;
    ui::note(line(&counts));
    counts
}

/// Where the bots are, in a line.
fn line(counts: &FleetCounts) -> String {
    let mut parts: Vec<String> =
        counts.in_world.iter().map(|(world, count)| format!("{count} in {world}")).collect();
    let refused = counts.refused.iter().map(|(code, count)| format!("{count} refused ({code})"));
    let others = [
        (counts.planned, "to come"),
        (counts.joining, "joining"),
        (counts.waiting, "waiting"),
        (counts.connecting, "connecting"),
        (counts.left, "left"),
        (counts.kicked, "kicked"),
        (counts.replaced, "replaced"),
    ];
    parts.extend(refused);
    let others = others.into_iter().filter(|(count, _)| *count > 0);
    parts.extend(others.map(|(count, word)| format!("{count} {word}")));
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_says_where_everyone_is() {
        let counts = FleetCounts {
            count: 10,
            planned: 3,
            waiting: 1,
            in_world: [("wld_1".parse().unwrap(), 6)].into(),
            ..FleetCounts::default()
        };
        assert_eq!(line(&counts), "6 in wld_1, 3 to come, 1 waiting");
    }

    #[test]
    fn bots_come_a_hundred_in_a_second_unless_told_otherwise() {
        assert_eq!(ramp(None, 500), Duration::from_secs(5));
        assert_eq!(ramp(Some(0), 500), Duration::ZERO);
    }
}
