//! The demo's control plane: a child process on a free port, with a fresh data directory.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::bail;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::time::Instant;

use super::child::Process;
use crate::api::Api;
use crate::limits::{CHILD_GRACE, DEMO_SERVE_WITHIN, LOG_TAIL_LINES, POLL_EVERY};

/// A control plane of our own, with all that it started.
pub(super) struct ControlPlane {
    data: TempDir,
    serve: Process,
    crew: Option<Process>,
    /// Game servers by pid and deployment; those that hang have to be killed in the end.
    servers: BTreeSet<(i32, String)>,
}

impl ControlPlane {
    /// Starts one.
    ///
    /// # Errors
    /// When there is no place for its data, or the process cannot be started.
    pub(super) fn start() -> anyhow::Result<Self> {
        let data = tempfile::Builder::new().prefix("lifeboat-demo-").tempdir()?;
        let log = File::create(data.path().join("serve.log"))?;
        let serve = Process::start("lifeboat serve", |command| {
            command
                .args(["serve", "--listen", "127.0.0.1:0", "--restart-policy", "never"])
                .args(["--stop-servers", "--data"])
                .arg(data.path())
                .stdout(Stdio::null())
                .stderr(log);
        })?;
        Ok(Self { data, serve, crew: None, servers: BTreeSet::new() })
    }

    /// Its data directory.
    pub(super) fn data(&self) -> &Path {
        self.data.path()
    }

    /// Its API, once it listens.
    ///
    /// # Errors
    /// When it ends, or does not listen in time.
    pub(super) async fn api(&mut self) -> anyhow::Result<Api> {
        let since = Instant::now();
        loop {
            if let Some(status) = self.serve.ended() {
                bail!("the control plane ended with {status} before it listened");
            }
            let is_there = |name: &str| {
                std::fs::metadata(self.data().join(name)).is_ok_and(|file| file.len() > 0)
            };
            if is_there("url") && is_there("admin.key") {
                let api = Api::find(None, self.data(), None)?;
                if api.get("/readyz").await.is_ok() {
                    return Ok(api);
                }
            }
            if since.elapsed() > DEMO_SERVE_WITHIN {
                bail!("the control plane does not listen after {DEMO_SERVE_WITHIN:?}");
            }
            tokio::time::sleep(POLL_EVERY / 5).await;
        }
    }

    /// Takes the bots' process into its keeping: it ends with the demo.
    pub(super) fn keep_crew(&mut self, crew: Process) {
        self.crew = Some(crew);
    }

    /// Lets the bots go home.
    pub(super) async fn dismiss_crew(&mut self) {
        if let Some(crew) = self.crew.take() {
            crew.stop(CHILD_GRACE + Duration::from_secs(2)).await;
        }
    }

    /// Remembers a game server, to be ended with the demo.
    pub(super) fn keep_server(&mut self, pid: i32, deployment: &str) {
        self.servers.insert((pid, deployment.to_owned()));
    }

    /// The last lines of its log.
    pub(super) fn log_tail(&self) -> Vec<String> {
        let text = std::fs::read(self.data().join("serve.log")).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(LOG_TAIL_LINES)..]
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    /// Ends everything: the bots, then the control plane with its servers, then what hangs.
    pub(super) async fn stop(mut self) {
        if let Some(crew) = self.crew.take() {
            crew.stop(Duration::from_secs(2)).await;
        }
        for (pid, deployment) in &self.servers {
            if is_server_of(*pid, deployment) && is_stopped(*pid) {
                signal(*pid, Signal::KILL);
            }
        }
        self.serve.stop(CHILD_GRACE).await;
        for (pid, deployment) in &self.servers {
            if is_server_of(*pid, deployment) {
                signal(*pid, Signal::KILL);
            }
        }
    }
}

impl std::fmt::Debug for ControlPlane {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ControlPlane").field("data", &self.data).finish_non_exhaustive()
    }
}

/// Sends a signal to a process; one that is gone needs none.
pub(super) fn signal(pid: i32, signal: Signal) {
    if let Some(pid) = Pid::from_raw(pid) {
        let _ = kill_process(pid, signal);
    }
}

/// Whether the pid is still a server of this deployment, and not of somebody else by now.
fn is_server_of(pid: i32, deployment: &str) -> bool {
    let wanted = format!("LIFEBOAT_DEPLOYMENT_ID={deployment}");
    std::fs::read(format!("/proc/{pid}/environ")).is_ok_and(|environ| {
        environ.split(|byte| *byte == 0).any(|entry| entry == wanted.as_bytes())
    })
}

/// Whether the process was stopped by a signal, so that it cannot answer one.
fn is_stopped(pid: i32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|stat| stat.rsplit(')').next().is_some_and(|rest| rest.trim().starts_with('T')))
}
