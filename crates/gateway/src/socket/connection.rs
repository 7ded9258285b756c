//! One connection of a shard: what waits to be written, and how it ends.

use std::cell::Cell;
use std::io::{ErrorKind, Read, Write};
use std::os::fd::BorrowedFd;

use lifeboat_core::limits::CHANNEL_BACKLOG_BYTES_MAX;
use lifeboat_core::time::Timestamp;
use lifeboat_protocol::channel::Channel;

use super::stream::Stream;
use super::websocket::Decoder;

/// A connection. Idle, it holds no buffer at all.
pub(super) struct Connection {
    pub(super) stream: Stream,
    /// Tells this connection's channel from others in the same place.
    pub(super) serial: u32,
    /// The serial of its first channel, which tells the connection itself from others.
    pub(super) first_serial: u32,
    /// Its session's place at the desk; none before the welcome and after the goodbye.
    pub(super) key: Option<usize>,
    pub(super) channel: Channel,
    pub(super) decoder: Decoder,
    backlog: Vec<u8>,
    /// The last pass of writes that it was part of.
    pass: Cell<u32>,
    /// The backlog is the answer to the upgrade, which goes with whatever is written first.
    is_unanswered: bool,
    /// Set once nothing but the peer's end is awaited, with the time that it has for that.
    pub(super) closing_until: Option<Timestamp>,
}

/// What became of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Written {
    /// Everything is with the kernel.
    All,
    /// Some of it waits for the socket to be writable.
    Waits,
    /// Too much would wait: the client does not read.
    TooSlow,
    /// The connection is gone.
    Gone,
}

impl Connection {
    pub(super) fn new(stream: Stream, serial: u32, now: Timestamp, answer: Vec<u8>) -> Self {
        Self {
            stream,
            serial,
            first_serial: serial,
            key: None,
            channel: Channel::new(now),
            decoder: Decoder::default(),
            pass: Cell::new(0),
            is_unanswered: true,
            backlog: answer,
            closing_until: None,
        }
    }

    /// Its socket, if that can be given bytes as they are, with nothing before them: once a pass.
    pub(super) fn free(&self, pass: u32) -> Option<BorrowedFd<'_>> {
        let is_first = self.pass.replace(pass) != pass;
        let is_free = is_first && !self.is_unanswered && self.backlog.is_empty();
        self.stream.plain().filter(|_| is_free)
    }

    /// Writes as much as the socket takes and keeps the rest.
    pub(super) fn write(&mut self, bytes: &[u8]) -> Written {
        if std::mem::take(&mut self.is_unanswered) {
            self.backlog.extend_from_slice(bytes);
            return self.flush();
        }
        if !self.backlog.is_empty() {
            return self.keep(bytes);
        }
        let mut rest = bytes;
        while !rest.is_empty() {
            match self.stream.write(rest) {
                Ok(0) => return Written::Gone,
                Ok(written) => rest = &rest[written..],
                Err(error) if error.kind() == ErrorKind::WouldBlock => return self.keep(rest),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return Written::Gone,
            }
        }
        if self.stream.wants_write() { Written::Waits } else { Written::All }
    }

    fn keep(&mut self, bytes: &[u8]) -> Written {
        if self.backlog.len() + bytes.len() > CHANNEL_BACKLOG_BYTES_MAX {
            return Written::TooSlow;
        }
        self.backlog.extend_from_slice(bytes);
        Written::Waits
    }

    /// Writes what waits.
    pub(super) fn flush(&mut self) -> Written {
        match self.stream.flush() {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Written::Waits,
            Err(_) => return Written::Gone,
        }
        let backlog = std::mem::take(&mut self.backlog);
        self.write(&backlog)
    }

    /// Reads once into `buffer`: the bytes, or none when there are none now. An error is the end.
    pub(super) fn read<'a>(
        &mut self,
        buffer: &'a mut [u8],
    ) -> Result<Option<&'a mut [u8]>, std::io::Error> {
        loop {
            match self.stream.read(buffer) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(count) => return Ok(Some(&mut buffer[..count])),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Says that nothing more is sent; the peer sees the close frame and then the end.
    pub(super) fn end_writing(&mut self) {
        self.stream.end_writing();
    }

    pub(super) fn has_backlog(&self) -> bool {
        !self.backlog.is_empty() || self.stream.wants_write()
    }
}
