//! How the system schedules our threads.
//!
//! When thousands come at once, every packet wakes a thread, and the system lets a thread that
//! wakes interrupt one that is at work. Both lose: the one that worked its cache, the one that
//! woke the chance to take more than one packet. Threads that take turns wait until a core is free
//! or the other's time slice is over, and then find more to do at once. What that is worth is in
//! `docs/decisions/0004-scheduling.md`.

use std::io;

use libc::{SCHED_BATCH, SCHED_OTHER, c_int, sched_param};

/// From now on the calling thread does not interrupt others when it wakes (`SCHED_BATCH` of
/// sched(7)), and neither does what it starts, unless it is started by [`as_usual`]. Says whether
/// it is so: a thread for which somebody chose another policy than the usual one keeps that.
///
/// # Errors
/// When the system does not allow it. Everything works without it.
pub fn take_turns() -> io::Result<bool> {
    match policy()? {
        SCHED_OTHER => set_policy(SCHED_BATCH).map(|()| true),
        other => Ok(other == SCHED_BATCH),
    }
}

/// Does what starts a process that is not ours, such as a game server: whether it takes turns is
/// not for the thread that happens to start it to say.
pub fn as_usual<T>(start: impl FnOnce() -> T) -> T {
    let takes_turns = policy().is_ok_and(|policy| policy == SCHED_BATCH);
    if takes_turns && set_policy(SCHED_OTHER).is_ok() {
        let started = start();
        // What was allowed before is allowed again; without it the thread works all the same.
        let _ = set_policy(SCHED_BATCH);
        started
    } else {
        start()
    }
}

/// The policy of the calling thread.
#[expect(unsafe_code, reason = "no library has a safe call for this")]
fn policy() -> io::Result<c_int> {
    // SAFETY: it takes a number, and 0 is the calling thread.
    let policy = unsafe { libc::sched_getscheduler(0) };
    if policy < 0 { Err(io::Error::last_os_error()) } else { Ok(policy) }
}

#[expect(unsafe_code, reason = "no library has a safe call for this")]
fn set_policy(policy: c_int) -> io::Result<()> {
    let parameters = sched_param { sched_priority: 0 };
    // SAFETY: the pointer is to a value that lives until the call returns; the call only reads it.
    match unsafe { libc::sched_setscheduler(0, policy, &raw const parameters) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::thread;

    use super::*;

    /// The policy of a process that this thread starts: field 41 of its `stat` file. The first one
    /// after the name is field 3.
    fn policy_of_child() -> c_int {
        let child = Command::new("cat").arg("/proc/self/stat").output().unwrap();
        let stat = String::from_utf8(child.stdout).unwrap();
        let fields = &stat[stat.rfind(')').unwrap() + 1..];
        fields.split_whitespace().nth(41 - 3).unwrap().parse().unwrap()
    }

    #[test]
    fn a_thread_takes_turns_and_what_it_starts_as_usual_does_not() {
        thread::spawn(|| {
            assert!(take_turns().unwrap() && take_turns().unwrap());
            assert_eq!(policy_of_child(), SCHED_BATCH);
            assert_eq!(as_usual(policy_of_child), SCHED_OTHER);
            assert_eq!(policy().unwrap(), SCHED_BATCH);
        })
        .join()
        .unwrap();
        assert_eq!(policy().unwrap(), SCHED_OTHER);
    }

    #[test]
    fn a_policy_that_somebody_chose_is_kept() {
        thread::spawn(|| {
            set_policy(libc::SCHED_IDLE).unwrap();
            assert!(!take_turns().unwrap());
            assert_eq!(as_usual(policy_of_child), libc::SCHED_IDLE);
        })
        .join()
        .unwrap();
    }
}
