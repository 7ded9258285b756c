//! `lifeboat plaza`: a server of the reference world, as Lifeboat starts it.

use lifeboat_plaza::PlazaSettings;
use tokio::signal::unix::{SignalKind, signal};

use crate::exit::Outcome;

/// Runs a plaza server until it is asked to end.
///
/// # Errors
/// When a setting is missing or the server cannot run.
pub(crate) async fn run() -> anyhow::Result<Outcome> {
    let settings = PlazaSettings::from_env(|name| std::env::var(name).ok())?;
    lifeboat_plaza::run(settings, asked_to_end()?).await?;
    Ok(Outcome::Done)
}

/// Completes when the process is asked to end, by a terminal's Ctrl-C or by whoever supervises it.
///
/// # Errors
/// When signals cannot be listened for.
pub(crate) fn asked_to_end() -> std::io::Result<impl Future<Output = ()> + Send + 'static> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
