//! Watching over a WebSocket, at the same address as the stream of lines: a text message for each
//! line. The gateway of Agones offers both, and some of its SDKs take this one.

use std::time::Duration;

use axum::extract::Request;
use axum::http::header::{
    CONNECTION, HeaderName, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::{SinkExt, Stream, StreamExt};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use crate::limits::SDK_BODY_BYTES_MAX;

/// How long a watcher may take for one message before it is given up.
const PATIENCE: Duration = Duration::from_secs(30);

/// The key of a request that asks for a WebSocket.
fn key(headers: &HeaderMap) -> Option<&HeaderValue> {
    let has = |name: HeaderName, wanted: &str| {
        let lists = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
        lists.flat_map(|list| list.split(',')).any(|word| word.trim().eq_ignore_ascii_case(wanted))
    };
    headers.get(SEC_WEBSOCKET_KEY).filter(|_| {
        has(UPGRADE, "websocket") && has(CONNECTION, "upgrade") && has(SEC_WEBSOCKET_VERSION, "13")
    })
}

/// Answers a watch as the request wants it: the lines over a WebSocket, or as `otherwise` says.
pub(crate) fn answer<S>(
    request: Request,
    lines: S,
    otherwise: impl FnOnce(S) -> Response,
) -> Response
where
    S: Stream<Item = Bytes> + Send + 'static,
{
    let Some(key) = key(request.headers()) else { return otherwise(lines) };
    let Ok(accept) = HeaderValue::from_str(&derive_accept_key(key.as_bytes())) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    tokio::spawn(async move {
        // A watcher that went away before the first message has nothing to be told.
        if let Ok(upgraded) = hyper::upgrade::on(request).await {
            tell(upgraded, lines).await;
        }
    });
    let headers = [
        (UPGRADE, HeaderValue::from_static("websocket")),
        (CONNECTION, HeaderValue::from_static("upgrade")),
        (SEC_WEBSOCKET_ACCEPT, accept),
    ];
    (StatusCode::SWITCHING_PROTOCOLS, headers).into_response()
}

/// Sends each line until the lines end or the watcher goes. What it says is not listened to.
async fn tell(upgraded: Upgraded, lines: impl Stream<Item = Bytes> + Send) {
    let limits = WebSocketConfig::default().max_message_size(Some(SDK_BODY_BYTES_MAX));
    let stream = TokioIo::new(upgraded);
    let socket = WebSocketStream::from_raw_socket(stream, Role::Server, Some(limits)).await;
    let (mut out, mut heard) = socket.split();
    tokio::pin!(lines);
    loop {
        let message = tokio::select! {
            line = lines.next() => match line {
                Some(line) => text(&line),
                None => Message::Close(None),
            },
            frame = heard.next() => match frame {
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                Some(Ok(_)) => continue,
            },
        };
        let is_last = message.is_close();
        let sent = tokio::time::timeout(PATIENCE, out.send(message)).await;
        if is_last || !matches!(sent, Ok(Ok(()))) {
            return;
        }
    }
}

fn text(line: &[u8]) -> Message {
    Message::text(String::from_utf8_lossy(line).trim_end())
}
