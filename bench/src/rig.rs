//! The load generator: any number of connections on one thread and one poll.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use mio::{Events, Interest, Poll, Token};
use rustls::ClientConfig;
use slab::Slab;

use crate::socket::Socket;
use crate::wire::{self, Piece};

/// Bytes read at once.
const READ_BYTES: usize = 64 * 1024;
/// Ready sockets taken from the poll at once.
const EVENTS_MAX: usize = 1_024;
/// Loopback addresses that connections come from.
const SOURCES: u8 = 40;

/// One connection of the generator.
struct Line {
    stream: Socket,
    /// What it is to the script that drives it.
    tag: u64,
    is_upgraded: bool,
    /// The beginning of a piece whose end has not come yet.
    partial: Vec<u8>,
}

/// What drives the generator: told of everything that is read.
pub(crate) trait Script {
    /// A piece was read from the connection `key` that was opened with `tag`.
    ///
    /// # Errors
    /// When the measurement cannot go on.
    fn read(&mut self, rig: &mut Rig, key: usize, tag: u64, piece: &Piece<'_>) -> Result<()>;

    /// Whether everything that was awaited has come.
    fn is_done(&self) -> bool;

    /// How far it is, for the message when it takes too long.
    fn progress(&self) -> String;

    /// A connection that the server closed; an error unless the script expects it.
    ///
    /// # Errors
    /// When nothing was to be closed.
    fn closed(&mut self, _rig: &mut Rig, tag: u64) -> Result<()> {
        bail!("the server closed connection {tag}")
    }
}

/// The load generator.
pub(crate) struct Rig {
    poll: Poll,
    lines: Slab<Line>,
    buffer: Vec<u8>,
    /// Connections opened so far, for the address of the next.
    opened: u8,
    /// An address that is spoken to over TLS.
    secured: Option<(SocketAddr, Arc<ClientConfig>)>,
}

impl Rig {
    pub(crate) fn new() -> Result<Self> {
        let (poll, buffer) = (Poll::new()?, vec![0; READ_BYTES]);
        Ok(Self { poll, lines: Slab::new(), buffer, opened: 0, secured: None })
    }

    /// From now on, connections to this address are opened over TLS.
    pub(crate) fn secure(&mut self, address: SocketAddr, config: Arc<ClientConfig>) {
        self.secured = Some((address, config));
    }

    /// Opens a connection and sends its first bytes.
    pub(crate) fn open(&mut self, to: SocketAddr, tag: u64, first: &[u8]) -> Result<usize> {
        let stream = self.connect(to).with_context(|| format!("connecting to {to}"))?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        let stream = mio::net::TcpStream::from_std(stream);
        let mut stream = match &self.secured {
            Some((address, config)) if *address == to => Socket::secured(stream, config)?,
            _ => Socket::plain(stream),
        };
        let entry = self.lines.vacant_entry();
        let key = entry.key();
        self.poll.registry().register(&mut stream, Token(key), Interest::READABLE)?;
        stream.write_all(first).context("a fresh socket takes a request")?;
        entry.insert(Line { stream, tag, is_upgraded: false, partial: Vec::new() });
        Ok(key)
    }

    /// Connects from one of many loopback addresses: with all from one, the kernel's search for a
    /// free port would take longer than everything that is measured.
    fn connect(&mut self, to: SocketAddr) -> Result<TcpStream> {
        self.opened = self.opened.wrapping_add(1);
        let from = SocketAddrV4::new(Ipv4Addr::new(127, 0, 0, 2 + self.opened % SOURCES), 0);
        let socket = rustix::net::socket_with(
            rustix::net::AddressFamily::INET,
            rustix::net::SocketType::STREAM,
            rustix::net::SocketFlags::CLOEXEC,
            None,
        )?;
        rustix::net::bind(&socket, &from)?;
        rustix::net::connect(&socket, &to)?;
        Ok(TcpStream::from(socket))
    }

    /// Sends on an open connection.
    pub(crate) fn send(&mut self, key: usize, bytes: &[u8]) -> Result<()> {
        let Some(line) = self.lines.get_mut(key) else { return Ok(()) };
        line.stream.write_all(bytes).context("the server reads what is sent to it")
    }

    /// Closes a connection.
    pub(crate) fn close(&mut self, key: usize) {
        if let Some(mut line) = self.lines.try_remove(key) {
            // The descriptor is closed right after.
            let _ = self.poll.registry().deregister(&mut line.stream);
        }
    }

    /// Runs `script` until it has what it awaits. Meanwhile the generator stays awake: whoever
    /// writes to a process that sleeps pays for waking it, which on a virtual machine may cost as
    /// much as the rest of the write, and which no client on another machine asks for.
    ///
    /// # Errors
    /// When it takes longer than `limit`, or the script fails.
    pub(crate) fn run(&mut self, script: &mut dyn Script, limit: Duration) -> Result<()> {
        if !self.drive(script, limit, |_| Duration::ZERO)? {
            bail!("not done after {} s: {}", limit.as_secs(), script.progress());
        }
        Ok(())
    }

    /// Runs `script` for a time, asleep while nothing comes.
    pub(crate) fn run_for(&mut self, script: &mut dyn Script, time: Duration) -> Result<()> {
        self.drive(script, time, |left| left).map(|_| ())
    }

    /// Drives `script` for a time, or until it has what it awaits; says whether it has. `patience`
    /// says how long to sleep of the time that is left.
    fn drive(
        &mut self,
        script: &mut dyn Script,
        time: Duration,
        patience: fn(Duration) -> Duration,
    ) -> Result<bool> {
        let end = Instant::now() + time;
        let mut events = Events::with_capacity(EVENTS_MAX);
        while !script.is_done() {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(false);
            }
            match self.poll.poll(&mut events, Some(patience(left))) {
                Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error.into()),
                _ => {}
            }
            for event in &events {
                self.ready(event.token().0, script)?;
            }
        }
        Ok(true)
    }

    fn ready(&mut self, key: usize, script: &mut dyn Script) -> Result<()> {
        let mut buffer = std::mem::take(&mut self.buffer);
        let outcome = self.read_all(key, &mut buffer, script);
        self.buffer = buffer;
        outcome
    }

    fn read_all(&mut self, key: usize, buffer: &mut [u8], script: &mut dyn Script) -> Result<()> {
        while let Some(line) = self.lines.get_mut(key) {
            match line.stream.read(buffer) {
                Ok(0) => return self.ended(key, script),
                Ok(count) => {
                    self.take(key, &buffer[..count], script)?;
                    if count < buffer.len() && self.secured.is_none() {
                        return Ok(());
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return self.ended(key, script),
            }
        }
        Ok(())
    }

    fn ended(&mut self, key: usize, script: &mut dyn Script) -> Result<()> {
        let tag = self.lines[key].tag;
        self.close(key);
        script.closed(self, tag)
    }

    fn take(&mut self, key: usize, bytes: &[u8], script: &mut dyn Script) -> Result<()> {
        let line = &mut self.lines[key];
        let tag = line.tag;
        let mut partial = std::mem::take(&mut line.partial);
        let whole = if partial.is_empty() {
            bytes
        } else {
            partial.extend_from_slice(bytes);
            &partial
        };
        let mut rest = whole;
        while let Some((piece, length)) =
            self.lines.get(key).and_then(|line| wire::next(rest, line.is_upgraded))
        {
            rest = &rest[length..];
            if let Piece::Response(101, _) = piece {
                self.lines[key].is_upgraded = true;
            }
            script.read(self, key, tag, &piece)?;
        }
        if let Some(line) = self.lines.get_mut(key)
            && !rest.is_empty()
        {
            line.partial = rest.to_vec();
        }
        Ok(())
    }
}
