//! A WebSocket with small buffers, whose writing never waits.

use std::future::poll_fn;
use std::task::{Context, Poll};

use futures::{SinkExt as _, StreamExt as _};
use http::HeaderValue;
use http::header::SEC_WEBSOCKET_PROTOCOL;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use crate::limits::{CONNECT_TIMEOUT, FAREWELL_TIMEOUT, FRAME_BYTES_MAX, READ_BUFFER_BYTES};

/// An open WebSocket.
pub(crate) struct Socket {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
    /// Something was written that the kernel may not have taken yet.
    is_unflushed: bool,
}

/// Opens a WebSocket, within a bound of time.
///
/// # Errors
/// When the URL is none, nobody answers, or the answer is not an upgrade.
pub(crate) async fn open(url: &str, subprotocols: Option<&str>) -> Result<Socket, Error> {
    let mut request = url.into_client_request()?;
    if let Some(subprotocols) = subprotocols {
        let value = HeaderValue::from_str(subprotocols)?;
        request.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, value);
    }
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(0)
        .max_write_buffer_size(FRAME_BYTES_MAX)
        .max_message_size(Some(FRAME_BYTES_MAX))
        .max_frame_size(Some(FRAME_BYTES_MAX));
    #[cfg(not(feature = "tls"))]
    let connected = tokio_tungstenite::connect_async_with_config(request, Some(config), true);
    #[cfg(feature = "tls")]
    let connected = tokio_tungstenite::connect_async_tls_with_config(
        request,
        Some(config),
        true,
        Some(crate::tls::for_sockets()),
    );
    // A server that hangs takes the connection all the same: its kernel does.
    match timeout(CONNECT_TIMEOUT, Box::pin(connected)).await {
        Ok(Ok((stream, _))) => Ok(Socket { stream, is_unflushed: false }),
        Ok(Err(error)) => Err(error),
        Err(elapsed) => Err(Error::Io(elapsed.into())),
    }
}

impl Socket {
    /// Writes a message, or keeps it until the kernel takes it, which [`Socket::next`] sees to. A
    /// failure shows when the socket is read.
    pub(crate) fn send(&mut self, message: Message) {
        self.is_unflushed = true;
        if let Err(error) = self.stream.start_send_unpin(message) {
            tracing::debug!(error = &error as &dyn std::error::Error, "a frame was not written");
        }
    }

    /// The next message; none at the end. May be given up at any time without a loss.
    pub(crate) async fn next(&mut self) -> Option<Message> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    /// [`Socket::next`] for callers that poll several things.
    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Message>> {
        if self.is_unflushed && self.stream.poll_flush_unpin(cx).is_ready() {
            self.is_unflushed = false;
        }
        self.stream.poll_next_unpin(cx).map(|next| match next {
            Some(Ok(message)) => Some(message),
            Some(Err(error)) => {
                tracing::debug!(error = &error as &dyn std::error::Error, "a socket broke");
                None
            }
            None => None,
        })
    }

    /// Sends what waits and closes, and lets the other side read it: a socket that is dropped with
    /// unread input is reset, and a reset can overtake the last frame.
    pub(crate) async fn close(mut self) {
        let closed = async {
            if self.stream.close(None).await.is_ok() {
                while self.next().await.is_some() {}
            }
        };
        if timeout(FAREWELL_TIMEOUT, closed).await.is_err() {
            tracing::debug!("the server does not answer the close");
        }
    }
}
