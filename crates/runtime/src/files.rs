//! The folder of one server: its output and the saved state of its SDK.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use lifeboat_core::ids::ServerId;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use crate::limits::{SAVE_PERIOD, SDK_FILE_BYTES_MAX};
use crate::live_server::LiveServer;
use crate::output;
use crate::sdk::state::Sdk;

/// Where a server's files are.
#[derive(Debug, Clone)]
pub(crate) struct ServerFiles {
    folder: PathBuf,
}

impl ServerFiles {
    /// The files of a server below the runtime's folder. An id is of an alphabet that is safe in
    /// a path.
    pub(crate) fn of(dir: &Path, server: &ServerId) -> Self {
        Self { folder: dir.join(server.as_str()) }
    }

    /// The folder of all of them.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The server's output.
    pub(crate) fn log(&self) -> PathBuf {
        self.folder.join("server.log")
    }

    fn sdk(&self) -> PathBuf {
        self.folder.join("sdk.json")
    }

    /// Replaces the saved state as a whole. It is not forced to the disk: what it describes does
    /// not outlive the machine either.
    pub(crate) fn save(&self, sdk: &Sdk) -> io::Result<()> {
        let draft = self.folder.join("sdk.json.draft");
        fs::write(&draft, serde_json::to_vec(sdk)?)?;
        fs::rename(&draft, self.sdk())
    }

    /// Reads the saved state.
    pub(crate) fn load(&self) -> io::Result<Sdk> {
        let mut text = Vec::new();
        fs::File::open(self.sdk())?.take(SDK_FILE_BYTES_MAX).read_to_end(&mut text)?;
        Ok(serde_json::from_slice(&text)?)
    }
}

/// How a server's output is kept in bounds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LogRule {
    /// Bytes over which it is rotated.
    pub(crate) bytes_max: u64,
    /// Time between two looks.
    pub(crate) period: Duration,
}

/// Keeps the files of a server until its endpoints are closed: saves the SDK's state at its first
/// change and then at most once in a period, and rotates the log. Apart from the supervisor, so
/// that a slow disk does not delay the news of a death.
pub(crate) async fn keep(server: Arc<LiveServer>, files: ServerFiles, rule: LogRule) {
    let mut versions = server.versions();
    let mut save_from = Instant::now();
    let mut log_check = interval(rule.period);
    log_check.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let changed = async {
            sleep_until(save_from).await;
            // Last, so that a look at the log in between does not swallow a change. The sender is
            // in `server`: an error cannot come while that is held here.
            let _ = versions.changed().await;
        };
        tokio::select! {
            () = changed => {
                save(&server, &files).await;
                save_from = Instant::now() + SAVE_PERIOD;
            }
            _ = log_check.tick() => rotate(&server, &files, rule).await,
            () = server.closed() => break,
        }
    }
    save(&server, &files).await;
}

async fn save(server: &LiveServer, files: &ServerFiles) {
    let sdk = server.read(Sdk::clone);
    let target = files.clone();
    let saved = tokio::task::spawn_blocking(move || target.save(&sdk)).await;
    if let Ok(Err(error)) = saved {
        let server_id = server.record().server.as_str();
        tracing::warn!(server.id = server_id, %error, "the state of the SDK was not saved");
    }
}

async fn rotate(server: &LiveServer, files: &ServerFiles, rule: LogRule) {
    let log = files.log();
    let rotated = tokio::task::spawn_blocking(move || output::rotate(&log, rule.bytes_max)).await;
    if let Ok(Err(error)) = rotated {
        let server_id = server.record().server.as_str();
        tracing::warn!(server.id = server_id, %error, "the log was not rotated");
    }
}
