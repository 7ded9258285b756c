//! A process that leads its own group: told from a later process of the same number, watched
//! through a pidfd whether it is our child or not, ended with its whole group.

use std::fs;
use std::io::{self, Read};
use std::os::fd::OwnedFd;

use lifeboat_core::ids::ServerId;
use rustix::process::{
    Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, kill_process_group, pidfd_open,
    pidfd_send_signal, waitid,
};
use tokio::io::unix::AsyncFd;

use crate::event::Exit;

/// Bytes of `/proc/<pid>/environ` that are looked at.
const ENVIRON_BYTES_MAX: u64 = 256 * 1024;

/// The id of this boot of the machine: process numbers mean nothing in another.
pub(crate) fn boot_id() -> io::Result<String> {
    Ok(fs::read_to_string("/proc/sys/kernel/random/boot_id")?.trim().to_owned())
}

/// What `/proc/<pid>/stat` says of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ProcessStat {
    /// Whether it has ended and only waits to be reaped.
    pub(crate) is_dead: bool,
    /// Its process group.
    pub(crate) group: u32,
    /// Its start, in clock ticks since boot.
    pub(crate) start_time_ticks: u64,
}

impl ProcessStat {
    /// Reads it; `None` when there is no such process.
    pub(crate) fn read(pid: u32) -> Option<Self> {
        Self::parse(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
    }

    /// The program's name stands in parentheses and may contain anything, parentheses too; the
    /// fields are counted from behind it. The first there is field 3 of the manual.
    fn parse(text: &str) -> Option<Self> {
        let mut fields = text.get(text.rfind(')')? + 1..)?.split_ascii_whitespace();
        let is_dead = matches!(fields.next()?, "Z" | "X" | "x");
        let group = fields.nth(1)?.parse().ok()?;
        let start_time_ticks = fields.nth(16)?.parse().ok()?;
        Some(Self { is_dead, group, start_time_ticks })
    }
}

/// A process that is watched.
#[derive(Debug)]
pub(crate) struct Process {
    pid: Pid,
    pidfd: AsyncFd<OwnedFd>,
}

impl Process {
    /// Watches the process of this number. It may have ended: then [`Self::ended`] returns at
    /// once, if it was not reaped yet.
    #[expect(
        deprecated,
        reason = "the successor is unsafe for the sake of descriptors closed while registered; \
                  an OwnedFd is closed after its registration ends"
    )]
    pub(crate) fn watch(pid: u32) -> io::Result<Self> {
        let pid = to_pid(pid)?;
        Ok(Self { pid, pidfd: AsyncFd::new(pidfd_open(pid, PidfdFlags::empty())?)? })
    }

    /// Waits until the process has ended. Nothing is reaped: its number stays taken until
    /// [`Self::end_group`] if it is our child.
    pub(crate) async fn ended(&self) {
        if self.pidfd.readable().await.is_err() {
            // The IO driver is shutting down; whoever awaits this is about to be dropped.
            std::future::pending::<()>().await;
        }
    }

    /// Sends a signal to the group of a process that has not ended.
    pub(crate) fn signal_group(&self, signal: Signal) {
        // A failure means that the group is gone, which the pidfd tells.
        let _ = kill_process_group(self.pid, signal);
    }

    /// After the leader's end: kills what is left of its group and reaps the leader. Killed
    /// before it is reaped, since a child's number is ours only until then.
    pub(crate) fn end_group(&self) -> Exit {
        self.signal_group(Signal::KILL);
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG;
        match waitid(WaitId::PidFd(std::os::fd::AsFd::as_fd(&self.pidfd)), options) {
            Ok(Some(status)) => match (status.exit_status(), status.terminating_signal()) {
                (Some(code), _) => Exit::Code { code },
                (None, Some(signal)) => Exit::Signal { signal },
                (None, None) => Exit::Unknown,
            },
            Ok(None) | Err(_) => Exit::Unknown,
        }
    }
}

/// Kills the processes that outlived their leader while nobody watched: those of its group that
/// still carry the server's id in their environment. The group's number alone proves nothing, it
/// may have been given to others since.
pub(crate) fn kill_remnants(group: u32, server: &ServerId) {
    let mark = format!("LIFEBOAT_SERVER_ID={server}");
    let Ok(entries) = fs::read_dir("/proc") else { return };
    let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    for pid in pids.filter(|pid| is_member(*pid, group)) {
        let Some(pidfd) = to_pid(pid).and_then(|p| Ok(pidfd_open(p, PidfdFlags::empty())?)).ok()
        else {
            continue;
        };
        // Looked at again now that the descriptor holds this very process.
        if is_member(pid, group) && has_environment(pid, mark.as_bytes()) {
            let _ = pidfd_send_signal(&pidfd, Signal::KILL);
        }
    }
}

fn is_member(pid: u32, group: u32) -> bool {
    ProcessStat::read(pid).is_some_and(|stat| stat.group == group && !stat.is_dead)
}

fn has_environment(pid: u32, mark: &[u8]) -> bool {
    let mut environ = Vec::new();
    let Ok(file) = fs::File::open(format!("/proc/{pid}/environ")) else { return false };
    if file.take(ENVIRON_BYTES_MAX).read_to_end(&mut environ).is_err() {
        return false;
    }
    environ.split(|byte| *byte == 0).any(|variable| variable == mark)
}

fn to_pid(pid: u32) -> io::Result<Pid> {
    i32::try_from(pid)
        .ok()
        .and_then(Pid::from_raw)
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "not a process number"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_full_of_parentheses_does_not_shift_the_fields() {
        let text = "42 (a) Z 1 (b)) S 1 77 77 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 98765 1 1\n";
        let stat = ProcessStat::parse(text).unwrap();
        assert_eq!(stat, ProcessStat { is_dead: false, group: 77, start_time_ticks: 98_765 });
        assert_eq!(ProcessStat::parse("42 (cut"), None);
    }

    #[test]
    fn this_process_is_found() {
        let stat = ProcessStat::read(std::process::id()).unwrap();
        assert!(!stat.is_dead && stat.start_time_ticks > 0);
        assert_eq!(boot_id().unwrap().len(), 36);
    }
}
