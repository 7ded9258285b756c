//! What the system knows of a process.

use std::fs;

/// Open file descriptors of a process; 0 when it is gone.
#[must_use]
pub fn descriptors(pid: u32) -> usize {
    fs::read_dir(format!("/proc/{pid}/fd")).map_or(0, Iterator::count)
}

/// The queues of `io_uring(7)` that a process has.
#[must_use]
pub fn rings(pid: u32) -> usize {
    let open = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    let targets = open.filter_map(|fd| fs::read_link(fd.path()).ok());
    targets.filter(|target| target.to_string_lossy().contains("[io_uring]")).count()
}

/// Resident memory of a process in KiB; 0 when it is gone.
#[must_use]
pub fn resident_kib(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

/// Open TCP connections to a port of this machine, counted at the port's end.
#[must_use]
pub fn connections_to(port: u16) -> usize {
    const ESTABLISHED: &str = "01";
    let local = format!(":{port:04X}");
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"];
    let tables = tables.map(|table| fs::read_to_string(table).unwrap_or_default());
    let lines = tables.iter().flat_map(|table| table.lines().skip(1));
    lines
        .filter(|line| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            fields.get(1).is_some_and(|at| at.ends_with(&local))
                && fields.get(3) == Some(&ESTABLISHED)
        })
        .count()
}

/// The threads of a process by name, with the number of the policy by which each is scheduled.
#[must_use]
pub fn policies(pid: u32) -> Vec<(String, u32)> {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    threads
        .filter_map(|thread| {
            let stat = fs::read_to_string(thread.path().join("stat")).ok()?;
            let (before, fields) = stat.rsplit_once(')')?;
            // It is field 41 of the manual; the first one after the name is field 3.
            let policy = fields.split_whitespace().nth(41 - 3)?.parse().ok()?;
            Some((before.split_once('(')?.1.to_owned(), policy))
        })
        .collect()
}
