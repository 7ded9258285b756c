//! `lifeboat demo`: the whole story with real processes and sockets. A control plane is started, a
//! main world and its standby, and bots in a process of their own; the main world's servers are
//! killed for real, and everyone lands in the standby.

mod arrivals;
mod child;
mod control_plane;
mod crew;
mod pair;
mod story;

use clap::Args;

use crate::commands::plaza::asked_to_end;
use crate::exit::Outcome;
use crate::ui;

use control_plane::ControlPlane;

/// How the story goes.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct DemoArgs {
    /// How many clients are in the world when it fails.
    #[arg(long, default_value_t = 500, value_name = "N")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=50_000))]
    clients: u32,
    /// Let the servers hang (SIGSTOP) instead of dying (SIGKILL).
    #[arg(long)]
    hang: bool,
    /// Print the figures as one line of JSON.
    #[arg(long)]
    json: bool,
    /// Stay up afterwards, with a fresh pair of worlds to fail over in the browser.
    #[arg(long)]
    keep: bool,
}

/// Tells the story; whatever happens, no process of it is left behind.
///
/// # Errors
/// Says what was awaited, and shows the end of the control plane's log.
pub(crate) async fn run(args: DemoArgs) -> anyhow::Result<Outcome> {
    let end = asked_to_end()?;
    let mut plane = ControlPlane::start()?;
    let told = tokio::select! {
        told = story::tell(args, &mut plane) => told,
        () = end => Err(anyhow::anyhow!("interrupted")),
    };
    if told.is_err() {
        for line in plane.log_tail() {
            ui::note(format_args!("  | {line}"));
        }
    }
    plane.stop().await;
    told
}
