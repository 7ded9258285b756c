//! Bots of the SDK in a process of their own: `lifeboat bots`.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;

use crate::server::lifeboat;
use crate::wait::wait_within;

/// Which bots, and how.
#[derive(Debug, Clone)]
pub struct Crew<'a> {
    /// The control plane's address.
    pub url: &'a str,
    /// The world that they ask for.
    pub world: &'a str,
    /// How many.
    pub count: usize,
    /// The seconds over which they come.
    pub ramp_seconds: u64,
    /// Decides their steps and waits.
    pub seed: u64,
    /// Further flags.
    pub flags: &'a [&'a str],
    /// Variables of their environment, such as a library to preload.
    pub env: &'a [(String, String)],
}

impl<'a> Crew<'a> {
    /// So many that stand, and come at a hundred in a second.
    #[must_use]
    pub fn of(url: &'a str, world: &'a str, count: usize) -> Self {
        let ramp_seconds = count as u64 / 100;
        Self { url, world, count, ramp_seconds, seed: 0, flags: &["--standing"], env: &[] }
    }

    /// Sends them.
    ///
    /// # Panics
    /// When the process does not start.
    #[must_use]
    pub fn send(&self) -> Bots {
        let mut process = Command::new(lifeboat())
            .args(["bots", "--json", "--world", self.world])
            .args(["--count", &self.count.to_string(), "--ramp", &self.ramp_seconds.to_string()])
            .args(["--seed", &self.seed.to_string()])
            .args(self.flags)
            .env("LIFEBOAT_URL", self.url)
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the binary starts");
        let latest = Arc::new(Mutex::new(Value::Null));
        let stdout = process.stdout.take().expect("it is piped");
        let heard = Arc::clone(&latest);
        std::thread::spawn(move || listen(stdout, &heard));
        Bots { process, latest }
    }
}

/// A process of bots. Dropped, it is killed.
#[derive(Debug)]
pub struct Bots {
    process: Child,
    latest: Arc<Mutex<Value>>,
}

impl Bots {
    /// The process.
    #[must_use]
    pub fn pid(&self) -> i32 {
        i32::try_from(self.process.id()).expect("a process id")
    }

    /// The newest report: a line of `lifeboat bots --json`.
    #[must_use]
    pub fn report(&self) -> Value {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How many are in a world.
    #[must_use]
    pub fn in_the(&self, world: &str) -> u64 {
        self.report()["counts"]["inWorld"][world].as_u64().unwrap_or(0)
    }

    /// Waits until so many are in a world.
    ///
    /// # Panics
    /// When they are not there in time.
    pub async fn await_in(&self, world: &str, count: usize, within: Duration) {
        let look = async || (self.in_the(world) == count as u64).then_some(());
        let what = format!("{count} bots in {world}, now {}", self.report()["counts"]);
        wait_within(within, &what, look).await;
    }
}

impl Drop for Bots {
    fn drop(&mut self) {
        // Also a process that was stopped with SIGSTOP ends so.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn listen(stdout: ChildStdout, latest: &Mutex<Value>) {
    for line in BufReader::new(stdout).lines().map_while(Result::ok) {
        if let Ok(report) = serde_json::from_str(&line) {
            *latest.lock().unwrap_or_else(PoisonError::into_inner) = report;
        }
    }
}
