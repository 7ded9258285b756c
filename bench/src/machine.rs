//! What the operating system tells of a process, and on which core what runs.

use std::fs;
use std::process::Child;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use rustix::thread::{CpuSet, sched_setaffinity};

/// Where the servers run: Lifeboat, its game servers and the bare server.
pub(crate) const SERVERS: usize = 0;
/// Where the load generator runs.
pub(crate) const GENERATOR: usize = 1;

/// Moves this thread, and what it starts from now on, to one core. A machine with one core has
/// no choice.
pub(crate) fn stay_on(core: usize) -> Result<()> {
    if cores() < 2 {
        return Ok(());
    }
    let mut set = CpuSet::new();
    set.set(core);
    sched_setaffinity(None, &set).context("a core of its own for the generator")
}

/// CPU time that all threads of a process have had.
pub(crate) fn cpu(pid: u32) -> Result<Duration> {
    let mut total = Duration::ZERO;
    for task in fs::read_dir(format!("/proc/{pid}/task"))? {
        let path = task?.path().join("schedstat");
        // A thread that has ended meanwhile has nothing more to say.
        let Ok(text) = fs::read_to_string(path) else { continue };
        let ran = text.split_whitespace().next().and_then(|ns| ns.parse().ok());
        total += Duration::from_nanos(ran.unwrap_or(0));
    }
    Ok(total)
}

/// Resident memory of a process in bytes.
pub(crate) fn resident(pid: u32) -> Result<f64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
    Ok(kib.context("VmRSS")? * 1024.0)
}

/// The share of all cores that others than ourselves have used since start-up of the benchmark
/// is noise; the load average tells whether the machine was quiet.
pub(crate) fn load() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace().take(3).collect::<Vec<_>>().join(" ")
}

/// All cores, whatever this process may use of them.
fn cores() -> usize {
    let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    cpuinfo.lines().filter(|line| line.starts_with("processor")).count()
}

/// What the machine is, in one line.
pub(crate) fn describe() -> String {
    let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpuinfo
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
        .map_or("unknown processor", |(_, model)| model);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!("{} cores, {model}, Linux {}", cores(), kernel.trim())
}

/// Between two looks at another process, whose state sends no notice.
#[expect(clippy::disallowed_methods, reason = "the caller looks for a value, with a bound")]
pub(crate) fn pause(time: Duration) {
    std::thread::sleep(time);
}

/// Asks a process to end, and ends it when it does not within `patience`.
pub(crate) fn end_kindly(process: &mut Child, patience: Duration) {
    let pid = i32::try_from(process.id()).ok().and_then(rustix::process::Pid::from_raw);
    if let Some(pid) = pid {
        // It may have ended by itself.
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
    }
    let end_at = Instant::now() + patience;
    while Instant::now() < end_at {
        if matches!(process.try_wait(), Ok(Some(_))) {
            return;
        }
        pause(Duration::from_millis(20));
    }
    end(process);
}

/// Ends a process.
pub(crate) fn end(process: &mut Child) {
    // It may have ended by itself.
    let _ = process.kill();
    let _ = process.wait();
}
