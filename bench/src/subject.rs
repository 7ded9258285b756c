//! What is measured: a fresh Lifeboat with a world, or a bare server; both on the servers' core.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::machine;
use crate::operator::Operator;

/// A mod whose servers take whole crowds: the worlds of the benchmark have one server each.
const MANIFEST: &str = r#"
name = "crowd"
version = "1.0.0"
command = ["lifeboat", "plaza"]
base_versions = [38]
content_versions = ["1"]
maps = ["plaza"]
seats_per_server = 50000
joins_per_second_per_server = 1000000
protocol = "ws"
path = "/"
"#;
const SCHEMA: &str = r#"{"type":"object","properties":{"Stage":{"type":"object","properties":{
"DoorsOpen":{"type":"boolean","default":true,"description":"Whether the doors are open"},
"SnapshotRateHz":{"type":"integer","default":1,"minimum":1,"maximum":20,"description":"Rate"},
"Title":{"type":"string","default":"Plaza","description":"What the stage shows"}}}}}"#;

/// A server process that ends with its value.
pub(crate) struct Bare {
    process: Child,
    pub(crate) address: SocketAddr,
}

impl Bare {
    pub(crate) fn start() -> Result<Self> {
        let mut process = on_the_servers_core(
            ending_with_us(&std::env::current_exe()?).arg("bare").stdout(Stdio::piped()),
        )?;
        let stdout = process.stdout.take().context("its output")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        Ok(Self { process, address: line.trim().parse().context("the bare server's address")? })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        machine::end(&mut self.process);
    }
}

/// A fresh control plane.
pub(crate) struct Lifeboat {
    process: Child,
    pub(crate) address: SocketAddr,
    pub(crate) operator: Operator,
    _data: TempDir,
}

impl Lifeboat {
    pub(crate) fn start(program: &Path) -> Result<Self> {
        Self::start_with(program, &[])
    }

    pub(crate) fn start_with(program: &Path, flags: &[&str]) -> Result<Self> {
        let folder = TempDir::new()?;
        let (data, mods) = (folder.path().join("data"), folder.path().join("mods"));
        let crowd = mods.join("crowd").join("1.0.0");
        fs::create_dir_all(&crowd)?;
        fs::write(crowd.join("mod.toml"), MANIFEST)?;
        fs::write(crowd.join("project.schema.json"), SCHEMA)?;
        let process = on_the_servers_core(
            ending_with_us(program)
                .args(["serve", "--listen", "127.0.0.1:0", "--stop-servers", "--data"])
                .arg(&data)
                .arg("--mods")
                .arg(&mods)
                .args(flags)
                .stdout(Stdio::null())
                .stderr(fs::File::create(folder.path().join("log"))?),
        )?;
        let url = wait_for(&data.join("url"))?;
        let key = wait_for(&data.join("admin.key"))?;
        let address = url.trim().trim_start_matches("http://").trim_end_matches('/').parse()?;
        let operator = Operator::new(address, key.trim().to_owned());
        Ok(Self { process, address, operator, _data: folder })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Makes a world, launches it, and awaits that it takes people. Its id.
    pub(crate) fn world(&self, name: &str) -> Result<String> {
        let spec = json!({
            "name": name,
            "build": { "mod": "crowd" },
            "scale": { "profile": "Capacity50000" },
        });
        let world = self.operator.call("POST", "/api/worlds", &spec)?;
        let id = world["id"].as_str().context("a world's id")?.to_owned();
        self.operator.call("POST", &format!("/api/worlds/{id}/launch"), &json!({}))?;
        self.await_active(&id)?;
        let rate = json!({ "game": { "Admission": { "JoinsPerSecond": 1_000_000 } } });
        self.operator.call("PATCH", &format!("/api/worlds/{id}/live-config"), &rate)?;
        Ok(id)
    }

    pub(crate) fn await_active(&self, world: &str) -> Result<Value> {
        let path = format!("/api/worlds/{world}");
        self.operator.until(&path, |world| world["status"]["phase"] == "Active")
    }
}

impl Drop for Lifeboat {
    fn drop(&mut self) {
        // Asked kindly, so that it ends its game servers too.
        machine::end_kindly(&mut self.process, Duration::from_secs(15));
    }
}

/// A program that is told to end when the benchmark is gone, however that was killed.
fn ending_with_us(program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "TERM"]).arg(program);
    command
}

fn on_the_servers_core(command: &mut Command) -> Result<Child> {
    machine::stay_on(machine::SERVERS)?;
    let child = command.stdin(Stdio::null()).spawn();
    machine::stay_on(machine::GENERATOR)?;
    child.with_context(|| format!("starting {:?}", command.get_program()))
}

fn wait_for(file: &Path) -> Result<String> {
    let end = Instant::now() + Duration::from_secs(30);
    loop {
        match fs::read_to_string(file) {
            Ok(text) if !text.is_empty() => return Ok(text),
            _ if Instant::now() > end => bail!("{} does not appear", file.display()),
            _ => machine::pause(Duration::from_millis(10)),
        }
    }
}
