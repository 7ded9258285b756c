//! `lifeboat serve`: the control plane.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::{ArgAction, Args, ValueEnum};

use crate::exit::Outcome;

/// How the control plane runs.
#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// Where to listen, else 127.0.0.1:7400; port 0 is the system's choice.
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// Where state is kept: `sqlite`, the default, in the data directory, or `etcd://host:2379,…`.
    #[arg(long, value_name = "STORE")]
    store: Option<String>,
    /// The folder of mods, besides the built-in one.
    #[arg(long, value_name = "DIR")]
    mods: Option<PathBuf>,
    /// The address under which clients reach this control plane.
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
    /// A site whose pages may join worlds; give it again for more.
    #[arg(long = "cors-origin", value_name = "URL", action = ArgAction::Append)]
    cors_origins: Vec<String>,
    /// Whether a lost server is replaced (the default), or its world goes into Error at once.
    #[arg(long, value_enum)]
    restart_policy: Option<RestartPolicy>,
    /// Stop the servers along with the control plane, instead of leaving them running.
    #[arg(long)]
    stop_servers: bool,
    /// Show the metrics without a key.
    #[arg(long)]
    open_metrics: bool,
    /// A file with settings; options given here come before it.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// What becomes of a lost server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum RestartPolicy {
    /// It is replaced.
    OnFailure,
    /// Its world goes into Error.
    Never,
}

/// Runs the control plane until it is asked to end.
///
/// # Errors
/// When it cannot run.
pub(crate) async fn run(args: ServeArgs, data: &Path) -> anyhow::Result<Outcome> {
    let _ = (args, data);
    anyhow::bail!("this build has no control plane in it")
}
