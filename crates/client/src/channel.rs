//! The session channel as a client holds it: closed, being opened, or open.

use std::task::{Context, Poll};

use futures::FutureExt as _;
use futures::future::BoxFuture;
use lifeboat_protocol::frame::{ClientFrame, SUBPROTOCOL, ServerFrame, TOKEN_SUBPROTOCOL_PREFIX};
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::socket::{self, Socket};

/// One client's session channel.
#[derive(Default)]
pub(crate) enum Channel {
    #[default]
    Closed,
    Opening(BoxFuture<'static, Result<Socket, Error>>),
    Open(Box<Socket>),
}

/// What happens on a channel.
#[derive(Debug, PartialEq)]
pub(crate) enum Heard {
    /// A frame came.
    Frame(ServerFrame),
    /// It was closed, or could not be opened; with the code of the close frame, if there was one.
    Closed(Option<u16>),
}

impl Channel {
    /// Begins to open a channel.
    pub(crate) fn open(url: String, token: &str) -> Self {
        let subprotocols = format!("{SUBPROTOCOL}, {TOKEN_SUBPROTOCOL_PREFIX}{token}");
        Self::Opening(async move { socket::open(&url, Some(&subprotocols)).await }.boxed())
    }

    pub(crate) fn send(&mut self, frame: &ClientFrame) {
        if let Self::Open(socket) = self {
            socket.send(Message::text(frame.to_text()));
        }
    }

    /// What happens next; a closed channel stays silent.
    pub(crate) fn poll_heard(&mut self, cx: &mut Context<'_>) -> Poll<Heard> {
        loop {
            match self {
                Self::Closed => return Poll::Pending,
                Self::Opening(opening) => match std::task::ready!(opening.poll_unpin(cx)) {
                    Ok(socket) => *self = Self::Open(Box::new(socket)),
                    Err(error) => {
                        let error = &error as &dyn std::error::Error;
                        tracing::debug!(error, "the session channel could not be opened");
                        return Poll::Ready(self.closed(None));
                    }
                },
                Self::Open(socket) => match std::task::ready!(socket.poll_next(cx)) {
                    Some(Message::Text(text)) => match serde_json::from_str(&text) {
                        Ok(frame) => return Poll::Ready(Heard::Frame(frame)),
                        Err(error) => {
                            let error = &error as &dyn std::error::Error;
                            tracing::debug!(error, "a frame that is none was ignored");
                        }
                    },
                    Some(Message::Close(frame)) => {
                        let code = frame.map(|frame| u16::from(frame.code));
                        return Poll::Ready(self.closed(code));
                    }
                    Some(_) => {}
                    None => return Poll::Ready(self.closed(None)),
                },
            }
        }
    }

    fn closed(&mut self, code: Option<u16>) -> Heard {
        *self = Self::Closed;
        Heard::Closed(code)
    }
}
