//! One file per group of commands. A command asks the API and prints the answer; what it decides by
//! itself is in functions without IO.

pub(crate) mod alarms;
pub(crate) mod audit;
pub(crate) mod automation;
pub(crate) mod ban;
pub(crate) mod bots;
pub(crate) mod completions;
pub(crate) mod config;
mod context;
pub(crate) mod drill;
pub(crate) mod failback;
pub(crate) mod failover;
pub(crate) mod key;
pub(crate) mod plaza;
pub(crate) mod runbook;
pub(crate) mod serve;
pub(crate) mod session;
pub(crate) mod standby;
pub(crate) mod token;
pub(crate) mod webhook;
pub(crate) mod world;

use crate::args::{Cli, Command};
use crate::demo;
use crate::exit::Outcome;

pub(crate) use context::{Context, WorldRef};

/// Carries out what was typed.
///
/// # Errors
/// Whatever the command could not do; see [`crate::exit::report`].
pub(crate) async fn run(cli: Cli) -> anyhow::Result<Outcome> {
    let ctx = |global| Context::new(global);
    let global = &cli.global;
    match cli.command {
        Command::Serve(args) => serve::run(args, cli.global.data.as_deref()).await,
        Command::Plaza => plaza::run().await,
        Command::Completions(args) => completions::run(&args),
        Command::Demo(args) => demo::run(args).await,
        Command::World(command) => world::run(command, &ctx(global)?).await,
        Command::Config(command) => config::run(command, &ctx(global)?).await,
        Command::Standby(command) => standby::run(command, &ctx(global)?).await,
        Command::Failover(command) => failover::run(command, &ctx(global)?).await,
        Command::Failback(args) => failback::run(args, &ctx(global)?).await,
        Command::Automation(command) => automation::run(command, &ctx(global)?).await,
        Command::Drill(command) => drill::run(command, &ctx(global)?).await,
        Command::Bots(args) => bots::run(args, &ctx(global)?).await,
        Command::Session(command) => session::run(command, &ctx(global)?).await,
        Command::Ban(args) => ban::run(args, &ctx(global)?).await,
        Command::Token(args) => token::run(args, &ctx(global)?).await,
        Command::Key(command) => key::run(command, &ctx(global)?).await,
        Command::Webhook(command) => webhook::run(command, &ctx(global)?).await,
        Command::Alarms => alarms::run(&ctx(global)?).await,
        Command::Audit(args) => audit::run(&args, &ctx(global)?).await,
        Command::Runbook(args) => runbook::run(args, &ctx(global)?).await,
    }
}
