//! A socket, with or without TLS. Nothing here waits: what the socket does not take now is
//! `WouldBlock`, or waits encrypted until it is writable.

use std::io::{self, ErrorKind, Read, Write};
use std::net::Shutdown;
use std::os::fd::{AsFd as _, BorrowedFd};

use mio::event::Source;
use mio::net::TcpStream;
use mio::{Interest, Registry, Token};
use rustls::ServerConnection;

/// What stands between a socket and its bytes.
pub enum Secrecy {
    /// Nothing: the bytes are as they are.
    Plain,
    /// A TLS session whose handshake is done.
    Tls(Box<ServerConnection>),
}

/// A socket that does not block.
pub(super) struct Stream {
    tcp: TcpStream,
    secrecy: Secrecy,
}

impl Stream {
    pub(super) fn new(tcp: std::net::TcpStream, secrecy: Secrecy) -> Self {
        Self { tcp: TcpStream::from_std(tcp), secrecy }
    }

    /// The socket, if bytes go over it as they are.
    pub(super) fn plain(&self) -> Option<BorrowedFd<'_>> {
        matches!(self.secrecy, Secrecy::Plain).then(|| self.tcp.as_fd())
    }

    /// Whether bytes that were taken wait for the socket to be writable.
    pub(super) fn wants_write(&self) -> bool {
        match &self.secrecy {
            Secrecy::Plain => false,
            Secrecy::Tls(tls) => tls.wants_write(),
        }
    }

    /// Says that nothing more is sent.
    pub(super) fn end_writing(&mut self) {
        if let Secrecy::Tls(tls) = &mut self.secrecy {
            tls.send_close_notify();
            // The end of the connection says it too.
            let _ = encrypt(tls, &mut self.tcp);
        }
        // A connection that is gone already needs no end.
        let _ = self.tcp.shutdown(Shutdown::Write);
    }
}

/// Gives the socket what waits encrypted.
fn encrypt(tls: &mut ServerConnection, tcp: &mut TcpStream) -> io::Result<()> {
    while tls.wants_write() {
        match tls.write_tls(tcp) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn decrypt(
    tls: &mut ServerConnection,
    tcp: &mut TcpStream,
    buffer: &mut [u8],
) -> io::Result<usize> {
    loop {
        match tls.reader().read(buffer) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            // An end without the close of TLS before it is an end all the same.
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(0),
            read => return read,
        }
        if tls.read_tls(tcp)? == 0 {
            return Ok(0);
        }
        tls.process_new_packets().map_err(|error| io::Error::new(ErrorKind::InvalidData, error))?;
        match encrypt(tls, tcp) {
            Err(error) if error.kind() != ErrorKind::WouldBlock => return Err(error),
            _ => {}
        }
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.secrecy {
            Secrecy::Plain => self.tcp.read(buffer),
            Secrecy::Tls(tls) => decrypt(tls, &mut self.tcp, buffer),
        }
    }
}

impl Write for Stream {
    /// Takes bytes once the socket has taken all before them.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Secrecy::Tls(tls) = &mut self.secrecy else { return self.tcp.write(bytes) };
        encrypt(tls, &mut self.tcp)?;
        let taken = tls.writer().write(bytes)?;
        match encrypt(tls, &mut self.tcp) {
            Err(error) if error.kind() != ErrorKind::WouldBlock => Err(error),
            _ => Ok(taken),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.secrecy {
            Secrecy::Plain => Ok(()),
            Secrecy::Tls(tls) => encrypt(tls, &mut self.tcp),
        }
    }
}

impl Source for Stream {
    fn register(&mut self, registry: &Registry, token: Token, to: Interest) -> io::Result<()> {
        self.tcp.register(registry, token, to)
    }

    fn reregister(&mut self, registry: &Registry, token: Token, to: Interest) -> io::Result<()> {
        self.tcp.reregister(registry, token, to)
    }

    fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        self.tcp.deregister(registry)
    }
}
