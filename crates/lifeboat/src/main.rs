//! The one binary of Lifeboat: the control plane, and everything that an operator does with it.

mod api;
mod args;
mod commands;
mod demo;
mod exit;
mod limits;
mod ui;

use std::io::{self, IsTerminal as _};
use std::process::ExitCode;

use clap::Parser as _;
use tokio::runtime::{Builder, Runtime};
use tracing_subscriber::EnvFilter;

use args::{Cli, Command};

fn main() -> ExitCode {
    let cli = Cli::parse();
    log_to_stderr(&cli.command);
    // Whatever speaks HTTP in this process, TLS or not, wants to know whose cryptography it uses.
    #[cfg(feature = "tls")]
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let done = match runtime(&cli.command) {
        Ok(runtime) => runtime.block_on(Box::pin(commands::run(cli))),
        Err(error) => Err(error.into()),
    };
    match done {
        Ok(outcome) => outcome.into(),
        Err(error) => exit::report(&error),
    }
}

/// What runs the command. The control plane's threads take turns: it is the one that thousands
/// come to at once.
fn runtime(command: &Command) -> io::Result<Runtime> {
    let mut builder = Builder::new_multi_thread();
    builder.enable_all();
    if matches!(command, Command::Serve(_)) {
        builder.on_thread_start(|| {
            if let Err(error) = lifeboat_sched::take_turns() {
                tracing::debug!(%error, "a thread is scheduled as usual");
            }
        });
    }
    builder.build()
}

/// What runs for long says what it does; an operator's command speaks of trouble only.
fn log_to_stderr(command: &Command) {
    let level = match command {
        Command::Serve(_) | Command::Plaza => "info",
        _ => "error",
    };
    let filter = EnvFilter::try_from_env("LIFEBOAT_LOG").unwrap_or_else(|_| EnvFilter::new(level));
    let is_terminal = std::io::stderr().is_terminal();
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(is_terminal)
        // On a full disk a line is lost; to say so on that disk too would be a panic.
        .log_internal_errors(false)
        .init();
}
