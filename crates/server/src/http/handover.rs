//! How a connection becomes a session channel: its request is answered as any other, but the answer
//! is kept back and given to the gateway with the socket, which writes it together with its hello.
//! One write less for each client that comes in, and one packet less for it to wait for.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use lifeboat_core::ticket::Claims;
use lifeboat_gateway::tokens::TokenRefusal;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Lets a request say that its connection is a session channel from now on.
#[derive(Clone, Default)]
pub(crate) struct Handover(Arc<Mutex<Option<SessionToken>>>);

/// What the token of a session channel says.
pub(crate) type SessionToken = Result<Box<Claims>, TokenRefusal>;

impl Handover {
    /// Gives the connection to the gateway.
    pub(crate) fn give(&self, token: SessionToken) {
        *self.token() = Some(token);
    }

    /// The token, if the connection was given.
    pub(crate) fn taken(&self) -> Option<SessionToken> {
        self.token().take()
    }

    fn is_given(&self) -> bool {
        self.token().is_some()
    }

    fn token(&self) -> MutexGuard<'_, Option<SessionToken>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A socket that keeps back what is written once its connection was given away.
pub(crate) struct KeepsAnswer<S> {
    socket: S,
    handover: Handover,
    kept: Vec<u8>,
}

impl<S> KeepsAnswer<S> {
    pub(crate) fn new(socket: S, handover: Handover) -> Self {
        Self { socket, handover, kept: Vec::new() }
    }

    /// The socket, and what was kept back.
    pub(crate) fn into_parts(self) -> (S, Vec<u8>) {
        (self.socket, self.kept)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for KeepsAnswer<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for KeepsAnswer<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if !self.handover.is_given() {
            return Pin::new(&mut self.socket).poll_write_vectored(cx, parts);
        }
        parts.iter().for_each(|part| self.kept.extend_from_slice(part));
        Poll::Ready(Ok(parts.iter().map(|part| part.len()).sum()))
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    #[tokio::test]
    async fn what_is_written_before_goes_out_and_what_is_written_after_is_kept() {
        let (mut client, server) = tokio::io::duplex(64);
        let handover = Handover::default();
        let mut socket = KeepsAnswer::new(server, handover.clone());
        socket.write_all(b"first").await.unwrap();
        handover.give(Err(TokenRefusal::Expired));
        socket.write_all(b"answer").await.unwrap();
        socket.flush().await.unwrap();
        let (socket, kept) = socket.into_parts();
        drop(socket);
        let mut read = Vec::new();
        client.read_to_end(&mut read).await.unwrap();
        assert_eq!((read.as_slice(), kept.as_slice()), (&b"first"[..], &b"answer"[..]));
    }
}
