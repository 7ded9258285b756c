//! Plaza by itself, for whoever does not start it as `lifeboat plaza`.

use std::process::ExitCode;

use lifeboat_plaza::PlazaSettings;
use tokio::signal::unix::{SignalKind, signal};

#[tokio::main]
async fn main() -> ExitCode {
    // On a full disk a line is lost; to say so on that disk too would be a panic.
    tracing_subscriber::fmt().with_writer(std::io::stderr).log_internal_errors(false).init();
    match serve().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(error = &*error, "plaza cannot run");
            ExitCode::FAILURE
        }
    }
}

async fn serve() -> Result<(), Box<dyn std::error::Error>> {
    let settings = PlazaSettings::from_env(|name| std::env::var(name).ok())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let shutdown = async {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = tokio::signal::ctrl_c() => {}
        }
    };
    lifeboat_plaza::run(settings, shutdown).await?;
    Ok(())
}
