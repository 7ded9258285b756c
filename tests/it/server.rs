//! A control plane of a test's own: `lifeboat serve` on a free port and a fresh data directory.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::api::Api;
use crate::wait::wait_for;

/// The binary under test.
pub(crate) fn lifeboat() -> PathBuf {
    let tests = std::env::current_exe().expect("a test has a path");
    let target = tests.parent().and_then(Path::parent).expect("tests are in target/<profile>/deps");
    let binary = target.join("lifeboat");
    assert!(binary.exists(), "build the binary first: cargo build --bin lifeboat");
    binary
}

/// A running control plane. Dropped, it and its game servers are killed.
pub(crate) struct Server {
    data: TempDir,
    flags: Vec<String>,
    process: Child,
    /// With the first admin key.
    pub(crate) api: Api,
}

impl Server {
    pub(crate) async fn start() -> Self {
        Self::start_with(&[]).await
    }

    pub(crate) async fn start_with(flags: &[&str]) -> Self {
        let data = TempDir::new().expect("a folder for the test");
        let flags: Vec<String> = flags.iter().map(|&flag| flag.to_owned()).collect();
        let process = spawn(data.path(), "127.0.0.1:0", &flags);
        let api = reach(data.path()).await;
        Self { data, flags, process, api }
    }

    /// The data directory.
    pub(crate) fn data(&self) -> &Path {
        self.data.path()
    }

    /// The address that it listens on.
    pub(crate) fn address(&self) -> String {
        self.api.url.trim_start_matches("http://").to_owned()
    }

    /// The same flags, data directory and address for another start.
    pub(crate) fn spawn_again(&self) -> Child {
        spawn(self.data(), &self.address(), &self.flags)
    }

    /// `kill -9` of the control plane alone.
    pub(crate) fn kill(&mut self) {
        self.process.kill().expect("it runs");
        self.process.wait().expect("it was ours");
    }

    /// A planned stop of the control plane alone.
    pub(crate) async fn terminate(&mut self) {
        let pid = i32::try_from(self.process.id()).expect("a process id");
        signal_process(pid, Signal::TERM);
        let process = &mut self.process;
        wait_for("the control plane to stop", async || process.try_wait().expect("ours")).await;
    }

    /// Starts it again where it was.
    pub(crate) async fn restart(&mut self) {
        self.process = self.spawn_again();
        let api = &self.api;
        wait_for("the control plane to answer again", async || {
            api.try_get("/healthz").await.filter(|(status, _)| *status == 200)
        })
        .await;
    }

    /// The main world and its standby, both Active; the ids.
    pub(crate) async fn pair(&self) -> (String, String) {
        let main = self.active_world(json!({ "name": "Main Stage" })).await;
        let standby = self.standby_of(&main).await;
        (main, standby)
    }

    /// A world of plaza, Active.
    pub(crate) async fn active_world(&self, with: Value) -> String {
        let id = self.world(with).await;
        self.api.post(&format!("/api/worlds/{id}/launch"), json!({})).await.expect(202);
        self.await_phase(&id, "Active").await;
        id
    }

    /// A world of plaza.
    pub(crate) async fn world(&self, with: Value) -> String {
        let mut body = json!({ "build": { "mod": "plaza" } });
        merge(&mut body, with);
        let world = self.api.post("/api/worlds", body).await.expect(201);
        text(&world["id"])
    }

    pub(crate) async fn standby_of(&self, main: &str) -> String {
        let body = json!({ "launch": true });
        let standby = self.api.post(&format!("/api/worlds/{main}/standby"), body).await.expect(201);
        let id = text(&standby["id"]);
        self.await_phase(&id, "Active").await;
        id
    }

    pub(crate) async fn await_phase(&self, world: &str, phase: &str) {
        wait_for(&format!("{world} to be {phase}"), async || {
            let world = self.api.get(&format!("/api/worlds/{world}")).await.expect(200);
            (world["status"]["phase"] == phase).then_some(())
        })
        .await;
    }

    /// The newest deployment of a world.
    pub(crate) async fn deployment(&self, world: &str) -> Value {
        let world = self.api.get(&format!("/api/worlds/{world}")).await.expect(200);
        let id = text(&world["status"]["deploymentId"]);
        self.api.get(&format!("/api/deployments/{id}")).await.expect(200)
    }

    /// The processes of a world's servers.
    pub(crate) async fn pids(&self, world: &str) -> Vec<i32> {
        let deployment = self.deployment(world).await;
        let servers = deployment["servers"].as_array().expect("a list");
        servers.iter().filter_map(|server| server["pid"].as_i64()).map(|pid| pid as i32).collect()
    }

    /// Sends a signal to every server of a world.
    pub(crate) async fn signal_servers(&self, world: &str, signal: Signal) {
        for pid in self.pids(world).await {
            signal_process(pid, signal);
        }
    }
}

pub(crate) fn signal_process(pid: i32, signal: Signal) {
    let pid = Pid::from_raw(pid).expect("not 0");
    kill_process(pid, signal).expect("the process is there");
}

impl Drop for Server {
    fn drop(&mut self) {
        // Whatever state the test left it in: nothing of it may outlive the test.
        let _ = self.process.kill();
        let _ = self.process.wait();
        for record in process_folders(self.data.path()) {
            if let Some(pid) = Pid::from_raw(record) {
                let _ = rustix::process::kill_process_group(pid, Signal::KILL);
            }
        }
    }
}

/// The processes that were started for this data directory, found by their environment.
fn process_folders(data: &Path) -> Vec<i32> {
    let data = data.display().to_string();
    let Ok(processes) = fs::read_dir("/proc") else { return Vec::new() };
    processes
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok())
        .filter(|pid| {
            let log = fs::read_link(format!("/proc/{pid}/fd/1"));
            log.is_ok_and(|log| log.display().to_string().starts_with(&data))
        })
        .collect()
}

fn spawn(data: &Path, listen: &str, flags: &[String]) -> Child {
    let log = fs::File::options()
        .create(true)
        .append(true)
        .open(data.join("serve.log"))
        .expect("a log file");
    Command::new(lifeboat())
        .args(["serve", "--listen", listen, "--data"])
        .arg(data)
        .args(flags)
        .stdin(Stdio::null())
        .stdout(log.try_clone().expect("a second handle"))
        .stderr(log)
        .spawn()
        .expect("the binary starts")
}

async fn reach(data: &Path) -> Api {
    let (url, key) = wait_for("the control plane to say where it is", async || {
        let url = fs::read_to_string(data.join("url")).ok().filter(|url| !url.is_empty())?;
        let key = fs::read_to_string(data.join("admin.key")).ok()?;
        Some((url, key.trim().to_owned()))
    })
    .await;
    Api::new(&url, &key)
}

/// A value that has to be a text.
pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}

fn merge(into: &mut Value, from: Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                merge(into.entry(key).or_insert(Value::Null), value);
            }
        }
        (into, from) => *into = from,
    }
}
