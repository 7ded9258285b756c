//! Turns a [`ServerSpec`] into a running process.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::process::Signal;

use crate::files::ServerFiles;
use crate::output;
use crate::process::{Process, ProcessStat};
use crate::runtime::{ServerSpec, StartError};
use crate::sdk::state::Sdk;

/// What of our environment a server gets. The rest may hold secrets of the control plane.
const INHERITED: [&str; 9] = [
    "HOME",
    "LANG",
    "LC_ALL",
    "LD_LIBRARY_PATH",
    "PATH",
    "TMPDIR",
    "TZ",
    "USER",
    "XDG_RUNTIME_DIR",
];

/// The ports that a server is told.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ports {
    /// For its players.
    pub(crate) game: u16,
    /// Its SDK over HTTP.
    pub(crate) sdk_http: u16,
    /// Its SDK over gRPC, where that is served.
    pub(crate) sdk_grpc: Option<u16>,
}

/// A process that runs. It is killed when this is dropped before somebody [keeps](Self::keep) it:
/// a start that was given up leaves nothing behind.
#[derive(Debug)]
pub(crate) struct Launched {
    process: Option<Process>,
    /// Its number.
    pub(crate) pid: u32,
    /// Its start, in clock ticks since boot.
    pub(crate) start_time_ticks: u64,
}

impl Launched {
    /// The process, watched by the caller from now on.
    pub(crate) fn keep(mut self) -> Process {
        self.process.take().expect("only this takes it, and only once")
    }
}

impl Drop for Launched {
    fn drop(&mut self) {
        if let Some(process) = &self.process {
            process.signal_group(Signal::KILL);
        }
    }
}

/// The SDK's state that a server begins with.
pub(crate) fn initial_sdk(spec: &ServerSpec) -> Sdk {
    let mut annotations = spec.annotations.clone();
    for (name, value) in [
        ("world-id", spec.world.as_str()),
        ("world-name", spec.world_name.as_str()),
        ("deployment-id", spec.deployment.as_str()),
        ("map", spec.map.as_str()),
        ("seats", spec.seats.to_string().as_str()),
    ] {
        annotations.insert(format!("lifeboat.dev/{name}"), value.to_owned());
    }
    let (labels, counters) = (spec.labels.clone(), spec.counters.clone());
    Sdk::new(spec.seats, labels, annotations, counters, spec.lists.clone())
}

/// Makes the server's folder, saves the first state of its SDK, and starts the process. Blocks.
pub(crate) fn launch(
    spec: &ServerSpec,
    files: &ServerFiles,
    ports: Ports,
    jwks_url: &str,
    sdk: &Sdk,
) -> Result<Launched, StartError> {
    let program = resolve(&spec.command, &spec.working_dir)?;
    let failed = |path: &Path, source| StartError::Files { path: path.to_owned(), source };
    let log_path = files.log();
    fs::create_dir_all(files.folder()).map_err(|error| failed(files.folder(), error))?;
    files.save(sdk).map_err(|error| failed(files.folder(), error))?;
    let log = output::open(&log_path).map_err(|error| failed(&log_path, error))?;
    let log_twin = log.try_clone().map_err(|error| failed(&log_path, error))?;

    let mut command = Command::new(&program);
    command
        .args(spec.command.iter().skip(1))
        .current_dir(&spec.working_dir)
        .env_clear()
        .envs(environment(spec, ports, jwks_url))
        .stdin(Stdio::null())
        .stdout(log)
        .stderr(log_twin)
        // Signals to our group, such as Ctrl-C at the terminal, are not meant for it.
        .process_group(0);
    let child = lifeboat_sched::as_usual(|| command.spawn());
    child.and_then(watch).map_err(|source| StartError::Spawn { program, source })
}

/// Takes the child under watch; a child that cannot be watched does not stay.
fn watch(mut child: Child) -> io::Result<Launched> {
    let pid = child.id();
    // Until it is reaped the number is the child's own, so what is read here is about it.
    let stat = ProcessStat::read(pid).ok_or_else(|| io::Error::other("its start is not known"));
    match stat.and_then(|stat| Ok((stat, Process::watch(pid)?))) {
        Ok((stat, process)) => {
            Ok(Launched { process: Some(process), pid, start_time_ticks: stat.start_time_ticks })
        }
        Err(error) => {
            let _ = child.kill();
            let _ = child.wait();
            Err(error)
        }
    }
}

fn environment(spec: &ServerSpec, ports: Ports, jwks_url: &str) -> BTreeMap<OsString, OsString> {
    let mut all: BTreeMap<OsString, OsString> = INHERITED
        .iter()
        .filter_map(|name| Some((OsString::from(name), std::env::var_os(name)?)))
        .collect();
    all.extend(spec.env.iter().map(|(name, value)| (name.into(), value.into())));
    let contract = [
        ("LIFEBOAT_WORLD_ID", spec.world.to_string()),
        ("LIFEBOAT_DEPLOYMENT_ID", spec.deployment.to_string()),
        ("LIFEBOAT_SERVER_ID", spec.server.to_string()),
        ("LIFEBOAT_JWKS_URL", jwks_url.to_owned()),
        ("PORT", ports.game.to_string()),
        ("AGONES_SDK_HTTP_PORT", ports.sdk_http.to_string()),
    ];
    all.extend(contract.map(|(name, value)| (name.into(), value.into())));
    if let Some(port) = ports.sdk_grpc {
        all.insert("AGONES_SDK_GRPC_PORT".into(), port.to_string().into());
    }
    all
}

/// Finds the program: as it stands if absolute, else in the mod's folder, else a bare name in
/// `PATH`.
fn resolve(command: &[String], working_dir: &Path) -> Result<PathBuf, StartError> {
    let program = command.first().map_or("", String::as_str);
    let own = working_dir.join(program);
    if !program.is_empty() && is_executable(&own) {
        // A relative path would be looked up from the working directory a second time.
        return std::path::absolute(&own)
            .map_err(|source| StartError::Spawn { program: own, source });
    }
    let is_bare = !program.is_empty() && !program.contains('/');
    let path = std::env::var_os("PATH").filter(|_| is_bare).unwrap_or_default();
    std::env::split_paths(&path)
        .map(|folder| folder.join(program))
        .find(|candidate| is_bare && is_executable(candidate))
        .ok_or_else(|| StartError::ProgramNotFound {
            program: program.to_owned(),
            working_dir: working_dir.to_owned(),
        })
}

fn is_executable(path: &Path) -> bool {
    fs::metadata(path)
        .is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}
