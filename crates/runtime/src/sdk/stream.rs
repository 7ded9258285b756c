//! What watchers get: the value now, then each later one that they are quick enough to see. A slow
//! watcher holds one value, never a queue.

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::Stream;
use futures::StreamExt;
use futures::stream::unfold;
use serde::Serialize;
use tokio::sync::{OwnedSemaphorePermit, watch};

use super::error::SdkError;
use super::socket;
use super::view::GameServerView;
use crate::limits::SDK_WATCHERS_MAX;
use crate::live_server::LiveServer;

/// One watcher's place: given back when its stream is dropped.
fn place(server: &LiveServer) -> Result<OwnedSemaphorePermit, SdkError> {
    Arc::clone(&server.watchers).try_acquire_owned().map_err(|_| {
        SdkError::exhausted(format!("{SDK_WATCHERS_MAX} watchers are connected already"))
    })
}

/// The values of `receiver` as `render` shows them, the present one first, until the server's
/// endpoints are closed.
pub(crate) fn values<T, R>(
    server: Arc<LiveServer>,
    receiver: watch::Receiver<T>,
    render: impl Fn(&LiveServer, &T) -> R + Send + 'static,
) -> Result<impl Stream<Item = R> + Send + 'static, SdkError>
where
    T: Clone + Send + Sync + 'static,
    R: Send + 'static,
{
    let place = place(&server)?;
    let mut receiver = receiver;
    receiver.mark_changed();
    Ok(unfold((server, receiver, render, place), async |(server, mut receiver, render, place)| {
        tokio::select! {
            changed = receiver.changed() => changed.ok()?,
            () = server.closed() => return None,
        }
        let value = receiver.borrow_and_update().clone();
        let rendered = render(&server, &value);
        Some((rendered, (server, receiver, render, place)))
    }))
}

/// Watches the game server object: a line of JSON for each change.
pub(crate) fn game_server_lines(
    server: Arc<LiveServer>,
    request: Request,
) -> Result<Response, SdkError> {
    let versions = server.versions();
    let lines = values(server, versions, |server, _version| {
        let rule = server.rule();
        server.read(|sdk| line(&GameServerView::new(server.record(), rule, sdk)))
    })?;
    Ok(socket::answer(request, lines, answer))
}

/// Watches the live config: a line of JSON for each change.
pub(crate) fn live_config_lines(
    server: Arc<LiveServer>,
    request: Request,
) -> Result<Response, SdkError> {
    let configs = server.live_configs();
    let lines = values(server, configs, |_server, config| line(config))?;
    Ok(socket::answer(request, lines, answer))
}

fn line<T: Serialize>(result: &T) -> Bytes {
    #[derive(Serialize)]
    struct Line<'a, T> {
        result: &'a T,
    }
    // Maps with other keys than strings do not occur here, so this does not fail.
    let mut text = serde_json::to_vec(&Line { result }).unwrap_or_default();
    text.push(b'\n');
    text.into()
}

fn answer(lines: impl Stream<Item = Bytes> + Send + 'static) -> Response {
    let body = Body::from_stream(lines.map(Ok::<_, Infallible>));
    ([(header::CONTENT_TYPE, "application/json")], body).into_response()
}
