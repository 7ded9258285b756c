//! A runtime in a temporary folder, servers that are small programs, and bounded waits.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use lifeboat_core::ids::{DeploymentId, ServerId, WorldId};
use lifeboat_runtime::health::HealthRule;
use lifeboat_runtime::{
    Counter, LocalConfig, LocalRuntime, Runtime, RuntimeEvent, ServerObservation, ServerSpec,
    StartedServer,
};
use reqwest::{Client, Method, StatusCode};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::broadcast::Receiver;
use tokio::time::{Instant, sleep, timeout};

/// Longer than anything here takes on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);
const POLL_PERIOD: Duration = Duration::from_millis(10);

pub(crate) struct Fixture {
    pub(crate) dir: TempDir,
    pub(crate) config: LocalConfig,
    pub(crate) runtime: LocalRuntime,
}

impl Fixture {
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }

    pub(crate) fn with(adjust: impl FnOnce(&mut LocalConfig)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut config = LocalConfig::new(dir.path().join("servers"), "http://keys/".into());
        adjust(&mut config);
        let runtime = LocalRuntime::open(config.clone()).unwrap();
        Self { dir, config, runtime }
    }

    /// Patient for 300 ms only.
    pub(crate) fn impatient() -> Self {
        let health = HealthRule { period: Duration::from_millis(100), misses_max: 3 };
        Self::with(|config| config.health = health)
    }

    pub(crate) fn spec(&self, name: &str, command: &[&str]) -> ServerSpec {
        ServerSpec {
            server: ServerId::from_unique(name),
            world: WorldId::from_unique("w"),
            deployment: DeploymentId::from_unique("d"),
            world_name: "Main Stage".into(),
            command: command.iter().map(ToString::to_string).collect(),
            working_dir: self.dir.path().to_owned(),
            env: BTreeMap::from([("EXTRA".into(), "1".into()), ("PORT".into(), "1".into())]),
            map: "plaza".into(),
            seats: 3,
            game_host: "127.0.0.1".into(),
            labels: BTreeMap::new(),
            annotations: BTreeMap::new(),
            counters: BTreeMap::from([("rooms".into(), Counter { count: 1, capacity: 10 })]),
            lists: BTreeMap::new(),
        }
    }

    pub(crate) async fn start(&self, name: &str, command: &[&str]) -> StartedServer {
        self.runtime.start(self.spec(name, command)).await.unwrap()
    }

    /// A shell that runs a script.
    pub(crate) async fn script(&self, name: &str, script: &str) -> StartedServer {
        self.start(name, &["sh", "-c", script]).await
    }

    pub(crate) fn observe(&self, server: &ServerId) -> ServerObservation {
        self.runtime.observe().into_iter().find(|one| one.server() == server).unwrap()
    }

    pub(crate) async fn wait_until(
        &self,
        server: &ServerId,
        is_it: impl Fn(&ServerObservation) -> bool,
    ) -> ServerObservation {
        wait_for(|| Some(self.observe(server)).filter(|now| is_it(now))).await
    }

    /// Waits for a line of the server's output.
    pub(crate) async fn wait_for_line(&self, server: &ServerId, wanted: &str) {
        let until = Instant::now() + PATIENCE;
        while !self.runtime.tail(server, 100).await.unwrap().iter().any(|line| line == wanted) {
            assert!(Instant::now() < until, "no line `{wanted}`");
            sleep(POLL_PERIOD).await;
        }
    }
}

/// The servers of a test do not outlive it.
impl Drop for Fixture {
    fn drop(&mut self) {
        for one in self.runtime.observe().iter().filter(|one| one.is_alive()) {
            if let Some(group) = Pid::from_raw(one.started.pid as i32) {
                let _ = rustix::process::kill_process_group(group, Signal::KILL);
            }
        }
    }
}

/// Polls for a value, with a bound.
pub(crate) async fn wait_for<T>(mut look: impl FnMut() -> Option<T>) -> T {
    let until = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < until, "waited {PATIENCE:?} in vain");
        sleep(POLL_PERIOD).await;
    }
}

/// The first event that is the one.
pub(crate) async fn event(
    events: &mut Receiver<RuntimeEvent>,
    is_it: impl Fn(&RuntimeEvent) -> bool,
) -> RuntimeEvent {
    let found = async {
        loop {
            let event = events.recv().await.unwrap();
            if is_it(&event) {
                return event;
            }
        }
    };
    timeout(PATIENCE, found).await.expect("the event comes in time")
}

pub(crate) fn signal(record: &StartedServer, signal: Signal) {
    kill_process(Pid::from_raw(record.pid as i32).unwrap(), signal).unwrap();
}

/// Whether a process exists and runs.
pub(crate) fn runs(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat.rsplit_once(')').map_or("", |(_, rest)| rest.trim_start());
    !state.is_empty() && !state.starts_with(['Z', 'X'])
}

/// The example `minimal_server`, which Cargo builds beside the tests.
pub(crate) fn minimal_server() -> PathBuf {
    let tests = std::env::current_exe().unwrap();
    tests.parent().unwrap().parent().unwrap().join("examples/minimal_server")
}

/// The SDK as a game server uses it.
pub(crate) struct Sdk {
    client: Client,
    base: String,
}

impl Sdk {
    pub(crate) fn of(record: &StartedServer) -> Self {
        let base = format!("http://127.0.0.1:{}", record.sdk_http_port);
        Self { client: Client::new(), base }
    }

    pub(crate) async fn call(&self, method: &str, path: &str, body: &str) -> (StatusCode, Value) {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let request = self.client.request(method, format!("{}{path}", self.base));
        let answer = request.body(body.to_owned()).timeout(PATIENCE).send().await.unwrap();
        let status = answer.status();
        (status, serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap())
    }

    /// A call that succeeds.
    pub(crate) async fn ok(&self, method: &str, path: &str, body: &str) -> Value {
        let (status, answer) = self.call(method, path, body).await;
        assert_eq!(status, StatusCode::OK, "{method} {path} {body}: {answer}");
        answer
    }

    pub(crate) async fn watch(&self, path: &str) -> Lines {
        let answer = self.client.get(format!("{}{path}", self.base)).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        Lines { answer, rest: Vec::new() }
    }

    pub(crate) async fn status_of_watch(&self, path: &str) -> StatusCode {
        self.client.get(format!("{}{path}", self.base)).send().await.unwrap().status()
    }
}

/// A stream of lines of JSON.
pub(crate) struct Lines {
    answer: reqwest::Response,
    rest: Vec<u8>,
}

impl Lines {
    /// The next line's result; `None` at the end.
    pub(crate) async fn next(&mut self) -> Option<Value> {
        loop {
            if let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.rest.drain(..=end).collect();
                return Some(serde_json::from_slice::<Value>(&line).unwrap()["result"].take());
            }
            let chunk = timeout(PATIENCE, self.answer.chunk()).await.expect("a line in time");
            self.rest.extend_from_slice(&chunk.unwrap()?);
        }
    }

    /// The first line whose result is the one.
    pub(crate) async fn find(&mut self, is_it: impl Fn(&Value) -> bool) -> Value {
        loop {
            let value = self.next().await.expect("the stream goes on");
            if is_it(&value) {
                return value;
            }
        }
    }
}
