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
///
/// # Panics
/// When it was not built.
#[must_use]
pub fn lifeboat() -> PathBuf {
    let tests = std::env::current_exe().expect("a test has a path");
    let target = tests.parent().and_then(Path::parent).expect("tests are in target/<profile>/deps");
    let binary = target.join("lifeboat");
    assert!(binary.exists(), "build the binary first: cargo build --bin lifeboat");
    binary
}

/// How a control plane is started, where it is not the usual way.
#[derive(Debug, Default)]
pub struct Setup {
    /// Flags of `lifeboat serve`.
    pub flags: Vec<String>,
    /// Variables of its environment, such as a library to preload.
    pub env: Vec<(String, String)>,
    /// Where it listens; a free port otherwise.
    pub listen: Option<String>,
}

impl Setup {
    /// With these flags.
    #[must_use]
    pub fn with(flags: &[&str]) -> Self {
        Self { flags: flags.iter().map(|&flag| flag.to_owned()).collect(), ..Self::default() }
    }
}

/// A running control plane. Dropped, it and its game servers are killed.
pub struct Server {
    data: TempDir,
    setup: Setup,
    process: Child,
    /// With the first admin key.
    pub api: Api,
}

impl Server {
    /// On a free port and a fresh data directory.
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// The same with flags.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn start_with(flags: &[&str]) -> Self {
        let data = TempDir::new().expect("a folder for the test");
        Self::start_as(data, Setup::with(flags)).await
    }

    /// On a data directory of the test's choice.
    pub async fn start_as(data: TempDir, setup: Setup) -> Self {
        let listen = setup.listen.clone().unwrap_or_else(|| "127.0.0.1:0".to_owned());
        let process = spawn(data.path(), &listen, &setup);
        let api = reach(data.path()).await;
        Self { data, setup, process, api }
    }

    /// The data directory.
    #[must_use]
    pub fn data(&self) -> &Path {
        self.data.path()
    }

    /// The address that it listens on.
    #[must_use]
    pub fn address(&self) -> String {
        self.api.url.trim_start_matches("http://").to_owned()
    }

    /// The same flags, data directory and address for another start.
    #[must_use]
    pub fn spawn_again(&self) -> Child {
        spawn(self.data(), &self.address(), &self.setup)
    }

    /// The process of the control plane.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// What it wrote to its output so far.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.data().join("serve.log")).unwrap_or_default()
    }

    /// `kill -9` of the control plane alone.
    ///
    /// # Panics
    /// When it does not run.
    pub fn kill(&mut self) {
        self.process.kill().expect("it runs");
        self.process.wait().expect("it was ours");
    }

    /// A planned stop of the control plane alone.
    ///
    /// # Panics
    /// When it does not stop.
    pub async fn terminate(&mut self) {
        let pid = i32::try_from(self.process.id()).expect("a process id");
        signal_process(pid, Signal::TERM);
        let process = &mut self.process;
        wait_for("the control plane to stop", async || process.try_wait().expect("ours")).await;
    }

    /// Starts it again where it was.
    pub async fn restart(&mut self) {
        self.process = self.spawn_again();
        let api = &self.api;
        wait_for("the control plane to answer again", async || {
            api.try_get("/healthz").await.filter(|(status, _)| *status == 200)
        })
        .await;
    }

    /// The main world and its standby, both Active; the ids.
    pub async fn pair(&self) -> (String, String) {
        let main = self.active_world(json!({ "name": "Main Stage" })).await;
        let standby = self.standby_of(&main).await;
        (main, standby)
    }

    /// A world of plaza, Active.
    pub async fn active_world(&self, with: Value) -> String {
        let id = self.world(with).await;
        self.api.post(&format!("/api/worlds/{id}/launch"), json!({})).await.expect(202);
        self.await_phase(&id, "Active").await;
        id
    }

    /// A world of plaza.
    pub async fn world(&self, with: Value) -> String {
        let mut body = json!({ "build": { "mod": "plaza" } });
        merge(&mut body, with);
        let world = self.api.post("/api/worlds", body).await.expect(201);
        text(&world["id"])
    }

    /// A standby of `main`, Active.
    pub async fn standby_of(&self, main: &str) -> String {
        let body = json!({ "launch": true });
        let standby = self.api.post(&format!("/api/worlds/{main}/standby"), body).await.expect(201);
        let id = text(&standby["id"]);
        self.await_phase(&id, "Active").await;
        id
    }

    /// Waits until a world is in this phase.
    pub async fn await_phase(&self, world: &str, phase: &str) {
        wait_for(&format!("{world} to be {phase}"), async || {
            let world = self.api.get(&format!("/api/worlds/{world}")).await.expect(200);
            (world["status"]["phase"] == phase).then_some(())
        })
        .await;
    }

    /// The newest deployment of a world.
    pub async fn deployment(&self, world: &str) -> Value {
        let world = self.api.get(&format!("/api/worlds/{world}")).await.expect(200);
        let id = text(&world["status"]["deploymentId"]);
        self.api.get(&format!("/api/deployments/{id}")).await.expect(200)
    }

    /// The ports that a world's servers take players on.
    ///
    /// # Panics
    /// When the deployment has no list of servers.
    pub async fn game_ports(&self, world: &str) -> Vec<u16> {
        let deployment = self.deployment(world).await;
        let servers = deployment["servers"].as_array().expect("a list");
        let endpoints = servers.iter().filter_map(|server| server["endpoint"].as_str());
        endpoints
            .filter_map(|url| url.trim_end_matches('/').rsplit(':').next()?.parse().ok())
            .collect()
    }

    /// The processes of a world's servers.
    ///
    /// # Panics
    /// When the deployment has no list of servers.
    pub async fn pids(&self, world: &str) -> Vec<i32> {
        let deployment = self.deployment(world).await;
        let servers = deployment["servers"].as_array().expect("a list");
        servers.iter().filter_map(|server| server["pid"].as_i64()).map(|pid| pid as i32).collect()
    }

    /// Sends a signal to every server of a world.
    pub async fn signal_servers(&self, world: &str, signal: Signal) {
        for pid in self.pids(world).await {
            signal_process(pid, signal);
        }
    }
}

/// Sends a signal to a process.
///
/// # Panics
/// When it is not there.
pub fn signal_process(pid: i32, signal: Signal) {
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

fn spawn(data: &Path, listen: &str, setup: &Setup) -> Child {
    let log = fs::File::options()
        .create(true)
        .append(true)
        .open(data.join("serve.log"))
        .expect("a log file");
    Command::new(lifeboat())
        .args(["serve", "--listen", listen, "--data"])
        .arg(data)
        .args(&setup.flags)
        .envs(setup.env.iter().map(|(name, value)| (name, value)))
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
///
/// # Panics
/// When it is none.
#[must_use]
pub fn text(value: &Value) -> String {
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
