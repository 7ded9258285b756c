//! Many sends in one system call.
//!
//! A failover writes a frame to each of thousands of sockets at one moment. One `send(2)` a socket
//! enters the kernel thousands of times; `io_uring(7)` takes a list of sends and does them in one
//! go. What that is worth is in `docs/decisions/0005-io-uring.md`.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

use io_uring::{IoUring, Probe, opcode, squeue, types};
use libc::{MSG_DONTWAIT, MSG_NOSIGNAL};

/// Sends that are handed over in one call.
const SENDS_PER_CALL: u32 = 256;

/// What is for one socket.
#[derive(Debug, Clone, Copy)]
pub struct Send<'a> {
    /// Where it goes.
    pub socket: BorrowedFd<'a>,
    /// What.
    pub bytes: &'a [u8],
}

/// A queue of sends that this process shares with the kernel.
pub struct Ring {
    /// None once the kernel has refused a call that it has to take.
    ring: Option<IoUring>,
}

impl Ring {
    /// Sets a queue up.
    ///
    /// # Errors
    /// When the system is too old (before Linux 5.6) or does not allow it, as in many containers.
    pub fn new() -> io::Result<Self> {
        let ring = IoUring::new(SENDS_PER_CALL)?;
        let mut probe = Probe::new();
        ring.submitter().register_probe(&mut probe)?;
        if !probe.is_supported(opcode::Send::CODE) {
            return Err(io::ErrorKind::Unsupported.into());
        }
        Ok(Self { ring: Some(ring) })
    }

    /// Gives each socket as much as it takes without waiting, and says how many bytes that was:
    /// none where it takes nothing, is gone, or was not come to. The rest is for the caller to
    /// write, who learns from the socket itself what is wrong with it.
    ///
    /// No socket may be there twice: what is second could overtake the rest of what was first.
    pub fn send_all(&mut self, sends: &[Send<'_>]) -> Vec<usize> {
        let mut taken = vec![0; sends.len()];
        let per_call = SENDS_PER_CALL as usize;
        for (sends, taken) in sends.chunks(per_call).zip(taken.chunks_mut(per_call)) {
            let Some(ring) = &mut self.ring else { break };
            if let Err(error) = send_some(ring, sends, taken) {
                tracing::warn!(%error, "io_uring fails: from now on every frame is sent by itself");
                self.ring = None;
            }
        }
        taken
    }
}

/// Sends no more than the queue has room for.
fn send_some(ring: &mut IoUring, sends: &[Send<'_>], taken: &mut [usize]) -> io::Result<()> {
    for (place, send) in sends.iter().enumerate() {
        enqueue(ring, place, send)?;
    }
    let mut unanswered = sends.len();
    while unanswered > 0 {
        match ring.submit_and_wait(unanswered) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
            _ => {}
        }
        for answer in ring.completion() {
            unanswered -= 1;
            if let Some(taken) =
                usize::try_from(answer.user_data()).ok().and_then(|place| taken.get_mut(place))
            {
                *taken = usize::try_from(answer.result()).unwrap_or(0);
            }
        }
    }
    Ok(())
}

#[expect(unsafe_code, reason = "no library has a safe call for this")]
fn enqueue(ring: &mut IoUring, place: usize, send: &Send<'_>) -> io::Result<()> {
    let length = u32::try_from(send.bytes.len()).unwrap_or(u32::MAX);
    let entry: squeue::Entry =
        opcode::Send::new(types::Fd(send.socket.as_raw_fd()), send.bytes.as_ptr(), length)
            .flags(MSG_DONTWAIT | MSG_NOSIGNAL)
            .build()
            .user_data(place as u64);
    // SAFETY: the kernel reads the bytes while the call is made that hands the entry over: a send
    // that does not wait is done by then, and its answer is awaited before `send_some` returns.
    // Entries that were not handed over are dropped with the ring when it fails.
    unsafe { ring.submission().push(&entry) }.map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::os::fd::AsFd as _;
    use std::os::unix::net::UnixStream;

    use super::*;

    /// A ring; none where the system does not allow one, which the test says then.
    fn ring() -> Option<Ring> {
        Ring::new()
            .inspect_err(|error| eprintln!("SKIPPED: the system allows no io_uring: {error}"))
            .ok()
    }

    fn send<'a>(socket: &'a UnixStream, bytes: &'a [u8]) -> Send<'a> {
        Send { socket: socket.as_fd(), bytes }
    }

    #[test]
    fn more_than_one_call_takes_reach_every_socket() {
        let Some(mut ring) = ring() else { return };
        let pairs: Vec<_> = (0..600).map(|_| UnixStream::pair().unwrap()).collect();
        for round in 0..3 {
            let texts: Vec<_> = (0..600).map(|n| format!("frame {n} of round {round}")).collect();
            let sends: Vec<_> =
                pairs.iter().zip(&texts).map(|((to, _), text)| send(to, text.as_bytes())).collect();
            let taken = ring.send_all(&sends);
            for (((_, end), text), taken) in pairs.iter().zip(&texts).zip(taken) {
                assert_eq!(taken, text.len());
                let mut read = vec![0; taken];
                (&*end).read_exact(&mut read).unwrap();
                assert_eq!(read, text.as_bytes());
            }
        }
    }

    #[test]
    fn a_socket_that_is_full_or_gone_takes_nothing_and_holds_nobody_up() {
        let Some(mut ring) = ring() else { return };
        let (full, _end) = UnixStream::pair().unwrap();
        full.set_nonblocking(true).unwrap();
        while (&full).write(&[0; 65_536]).is_ok() {}
        full.set_nonblocking(false).unwrap();
        let (gone, end) = UnixStream::pair().unwrap();
        drop(end);
        let (fine, _end) = UnixStream::pair().unwrap();
        let taken = ring.send_all(&[send(&full, b"a"), send(&gone, b"b"), send(&fine, b"c")]);
        assert_eq!(taken, [0, 0, 1]);
    }

    #[test]
    fn a_socket_that_takes_a_part_says_how_much() {
        let Some(mut ring) = ring() else { return };
        let (socket, mut end) = UnixStream::pair().unwrap();
        let bytes: Vec<u8> = (0..4_000_000_u32).map(|n| n as u8).collect();
        let taken = ring.send_all(&[send(&socket, &bytes)])[0];
        assert!(0 < taken && taken < bytes.len(), "{taken}");
        drop(socket);
        let mut read = Vec::new();
        end.read_to_end(&mut read).unwrap();
        assert_eq!(read, bytes[..taken]);
    }

    #[test]
    #[expect(unsafe_code, reason = "nobody but the ring owns its descriptor")]
    fn from_the_call_on_that_the_system_refuses_nothing_is_taken() {
        let Some(mut ring) = ring() else { return };
        let (socket, mut end) = UnixStream::pair().unwrap();
        assert_eq!(ring.send_all(&[send(&socket, b"taken")]), [5]);
        let other = std::fs::File::open("/dev/null").unwrap();
        let own = ring.ring.as_ref().unwrap().as_raw_fd();
        // SAFETY: the ring's memory stays mapped; its descriptor is another file's from now on.
        assert_eq!(unsafe { libc::dup2(other.as_raw_fd(), own) }, own);
        for _ in 0..2 {
            assert_eq!(ring.send_all(&[send(&socket, b"refused"), send(&socket, b"too")]), [0, 0]);
        }
        assert!(ring.ring.is_none());
        drop(socket);
        let mut read = Vec::new();
        end.read_to_end(&mut read).unwrap();
        assert_eq!(read, b"taken");
    }

    #[test]
    fn without_a_ring_nothing_is_taken() {
        let (socket, _end) = UnixStream::pair().unwrap();
        assert_eq!(Ring { ring: None }.send_all(&[send(&socket, b"a")]), [0]);
    }
}
