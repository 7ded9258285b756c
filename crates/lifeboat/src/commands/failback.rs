//! `lifeboat failback`: bring everyone home.

use clap::Args;

use super::failover::{Manner, MoveArgs, Way, begin};
use super::{Context, WorldRef};
use crate::exit::Outcome;

/// The way home.
#[derive(Debug, Args)]
pub(crate) struct FailbackArgs {
    /// The main world, by id or name.
    world: WorldRef,
    #[command(flatten)]
    moves: MoveArgs,
    #[command(flatten)]
    manner: Manner,
}

/// Brings everyone home and watches them land.
///
/// # Errors
/// When the API refuses or is out of reach.
pub(crate) async fn run(args: FailbackArgs, ctx: &Context) -> anyhow::Result<Outcome> {
    let found = args.world.find(ctx).await?;
    begin(ctx, &found, &Way::Back, &args.moves, args.manner).await
}
