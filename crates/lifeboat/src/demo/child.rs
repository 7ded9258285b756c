//! A child process in a process group of its own, that does not outlive its owner.

use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use anyhow::Context as _;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

/// A running child. Dropping it kills its whole process group.
pub(super) struct Process {
    name: &'static str,
    child: Child,
    group: Option<Pid>,
}

impl Process {
    /// Starts this very program with other arguments.
    ///
    /// # Errors
    /// When it cannot be started.
    pub(super) fn start(
        name: &'static str,
        arrange: impl FnOnce(&mut Command),
    ) -> anyhow::Result<Self> {
        let program = std::env::current_exe().context("cannot find this program again")?;
        let mut command = Command::new(program);
        // In a group of its own, so that a Ctrl-C in the terminal is for us alone to answer.
        command.process_group(0).stdin(Stdio::null()).kill_on_drop(true);
        for name in ["LIFEBOAT_URL", "LIFEBOAT_DATA", "LIFEBOAT_API_KEY"] {
            command.env_remove(name);
        }
        arrange(&mut command);
        let child = command.spawn().with_context(|| format!("cannot start {name}"))?;
        let group = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        Ok(Self { name, child, group })
    }

    /// What the child writes, once.
    pub(super) fn take_stdout(&mut self) -> Option<ChildStdout> {
        self.child.stdout.take()
    }

    /// How the child ended, if it did.
    pub(super) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Asks the child to end, and kills its group if it does not within `grace`.
    pub(super) async fn stop(mut self, grace: Duration) {
        self.signal(Signal::TERM);
        if timeout(grace, self.child.wait()).await.is_err() {
            tracing::warn!(process = self.name, "did not end by itself and is killed");
        }
    }

    fn signal(&self, signal: Signal) {
        if let Some(group) = self.group {
            // An error says that nobody is left in the group, which is what is wanted.
            let _ = kill_process_group(group, signal);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}
