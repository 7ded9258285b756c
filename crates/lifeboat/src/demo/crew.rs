//! The demo's clients: bots in a process of their own, that tell how they fare.

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, bail};
use lifeboat_client::report::FleetReport;
use lifeboat_core::ids::WorldId;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::ChildStdout;
use tokio::time::{Instant, timeout_at};

use super::child::Process;
use super::control_plane::ControlPlane;

/// What the bots report.
pub(super) struct Crew {
    lines: Lines<BufReader<ChildStdout>>,
    latest: Option<FleetReport>,
}

impl Crew {
    /// Sends so many bots into a world; their process is in the keeping of `plane`.
    ///
    /// # Errors
    /// When the process cannot be started.
    pub(super) fn send(
        plane: &mut ControlPlane,
        world: &str,
        count: u32,
        ramp: Duration,
    ) -> anyhow::Result<Self> {
        let mut process = Process::start("lifeboat bots", |command| {
            command
                .args(["bots", "--json", "--world", world, "--count", &count.to_string()])
                .args(["--ramp", &ramp.as_secs().to_string(), "--data"])
                .arg(plane.data())
                .stdout(Stdio::piped())
                .stderr(Stdio::inherit());
        })?;
        let stdout = process.take_stdout().context("the bots' output is not ours")?;
        plane.keep_crew(process);
        Ok(Self { lines: BufReader::new(stdout).lines(), latest: None })
    }

    /// Waits until `count` bots are in `world`, showing each report.
    ///
    /// # Errors
    /// When their process ends, or they are not there in time.
    pub(super) async fn until_in(
        &mut self,
        world: &WorldId,
        count: usize,
        within: Duration,
        mut show: impl FnMut(&FleetReport),
    ) -> anyhow::Result<()> {
        let until = Instant::now() + within;
        loop {
            if self.latest.as_ref().is_some_and(|report| report.counts.in_the(world) >= count) {
                return Ok(());
            }
            let Ok(line) = timeout_at(until, self.lines.next_line()).await else {
                let there = self.latest.as_ref().map_or(0, |report| report.counts.in_the(world));
                bail!("only {there} of {count} clients are in {world} after {within:?}");
            };
            let Some(line) = line? else { bail!("the bots' process ended too early") };
            let report: FleetReport =
                line.parse().with_context(|| format!("not a report of bots: {line}"))?;
            show(&report);
            self.latest = Some(report);
        }
    }

    /// Reads on, so that the bots never wait for us.
    pub(super) async fn listen(&mut self) {
        while let Ok(Some(line)) = self.lines.next_line().await {
            if let Ok(report) = line.parse() {
                self.latest = Some(report);
            }
        }
    }
}
