//! Ends servers whose process was started and never written down: Lifeboat died in between. Their
//! id is in their environment, and no id is ever given twice.

use std::fs;
use std::io::Read as _;

use lifeboat_core::ids::ServerId;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

/// How much of a process's environment is looked at.
const ENVIRONMENT_BYTES_MAX: u64 = 256 * 1024;

/// Kills every process of this machine that carries the server's id.
pub(super) async fn end(server: &ServerId) {
    let owned = server.clone();
    let ended = tokio::task::spawn_blocking(move || end_now(&owned)).await.unwrap_or(0);
    if ended > 0 {
        tracing::warn!(
            server.id = server.as_str(),
            processes = ended,
            "a server that was started and never written down was ended"
        );
    }
}

fn end_now(server: &ServerId) -> usize {
    let mark = format!("LIFEBOAT_SERVER_ID={server}");
    let Ok(entries) = fs::read_dir("/proc") else { return 0 };
    let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter(|pid| carries(*pid, mark.as_bytes()) && kill(*pid, mark.as_bytes())).count()
}

fn kill(pid: i32, mark: &[u8]) -> bool {
    let Some(process) = Pid::from_raw(pid) else { return false };
    let Ok(held) = pidfd_open(process, PidfdFlags::empty()) else { return false };
    // Looked at again now that the descriptor holds this very process.
    carries(pid, mark) && pidfd_send_signal(&held, Signal::KILL).is_ok()
}

fn carries(pid: i32, mark: &[u8]) -> bool {
    let mut environment = Vec::new();
    let Ok(file) = fs::File::open(format!("/proc/{pid}/environ")) else { return false };
    let read = file.take(ENVIRONMENT_BYTES_MAX).read_to_end(&mut environment);
    read.is_ok() && environment.split(|byte| *byte == 0).any(|variable| variable == mark)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_process_that_carries_the_id_is_ended_and_no_other() {
        let server = ServerId::from_unique("leftover-of-a-test");
        let sleep = |id: &str| {
            let mut command = std::process::Command::new("sleep");
            command.arg("600").env("LIFEBOAT_SERVER_ID", id).spawn().unwrap()
        };
        let mut own = sleep(server.as_str());
        let mut other = sleep("srv_leftover-of-another-test");
        end(&server).await;
        assert!(!own.wait().unwrap().success());
        assert_eq!(other.try_wait().unwrap(), None, "the other one runs on");
        other.kill().unwrap();
        other.wait().unwrap();
    }
}
