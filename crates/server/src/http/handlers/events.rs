//! `GET /api/events`: what happens, as server-sent events.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::sse::{Event as Frame, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use futures::StreamExt as _;
use futures::stream::{self, Stream};
use http::HeaderMap;
use http::header::{CACHE_CONTROL, HeaderName, HeaderValue};
use lifeboat_core::code::ErrorCode;
use lifeboat_protocol::problem::Problem;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::auth::Caller;
use crate::events::{Event, EventKind};
use crate::http::problem::ApiResult;

/// Silence after which a comment keeps the stream alive.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// Event streams that may be open at the same time.
const READERS_MAX: usize = 500;
/// When to ask again if there are too many.
const BUSY_RETRY_MS: u64 = 5_000;

pub(crate) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(follow))
}

/// Follows what happens, as server-sent events
///
/// `event` is one of `world`, `deployment`, `liveConfig`, `failover`, `ban`, `readiness`, `alert`,
/// `audit`; `data` is small: the id, the revision and what a list shows. `Last-Event-ID` goes on
/// where a stream broke off; where that is not possible the first event is `reset`: read everything
/// anew.
#[utoipa::path(
    get, path = "/api/events", tag = "events",
    params(("Last-Event-ID" = Option<String>, Header, description = "The id of the last event that was seen")),
    responses((status = 200, description = "The stream", body = String, content_type = "text/event-stream"),
              (status = 429, description = "rate_limited: too many streams are open"))
)]
pub(crate) async fn follow(
    State(app): State<Arc<App>>,
    caller: Caller,
    headers: HeaderMap,
) -> ApiResult<Response> {
    if app.events.readers() >= READERS_MAX {
        let detail = "too many event streams are open; close one, or try again later";
        return Err(Problem::new(ErrorCode::RateLimited, detail)
            .retry_after_ms(BUSY_RETRY_MS)
            .into());
    }
    let last = headers.get("last-event-id").and_then(|value| value.to_str().ok());
    let reader = app.events.read(last);
    let mut first = Vec::new();
    if reader.reset {
        first.push(Frame::default().id(reader.position).event("reset").data("{}"));
    }
    first.extend(reader.missed.iter().map(|event| frame(&app, event)));
    let coming = coming(Arc::clone(&app), reader.coming);
    let ending = Arc::clone(&app);
    let frames = stream::iter(first)
        .chain(coming)
        .take_until(async move { ending.auth.ended(&caller).await })
        .map(Ok::<_, Infallible>);
    let heartbeat = KeepAlive::new().interval(HEARTBEAT);
    let buffering = (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    let caching = (CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(([buffering, caching], Sse::new(frames).keep_alive(heartbeat)).into_response())
}

/// The events to come; ends for a reader that is too slow, which comes back by itself.
fn coming(app: Arc<App>, receiver: Receiver<Arc<Event>>) -> impl Stream<Item = Frame> {
    stream::unfold((app, receiver), |(app, mut receiver)| async move {
        match receiver.recv().await {
            Ok(event) => {
                let frame = frame(&app, &event);
                Some((frame, (app, receiver)))
            }
            Err(RecvError::Lagged(_)) => {
                app.metrics.reader_dropped();
                None
            }
            Err(RecvError::Closed) => None,
        }
    })
}

fn frame(app: &App, event: &Event) -> Frame {
    let kind: EventKind = event.kind;
    Frame::default().id(app.events.id(event.number)).event(kind.as_str()).data(&event.data)
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use http::Request;
    use http_body_util::BodyExt as _;
    use serde_json::json;

    use super::*;
    use crate::http::fixture::Plane;

    async fn next(body: &mut Body) -> Option<String> {
        let frame = tokio::time::timeout(Duration::from_secs(5), body.frame()).await.unwrap();
        let data = frame?.unwrap().into_data().unwrap();
        Some(String::from_utf8(data.to_vec()).unwrap())
    }

    async fn open(plane: &Plane, key: &str, last: &str) -> Body {
        let request = Request::get("/api/events").header("x-api-key", key);
        let request = request.header("last-event-id", last).body(Body::empty()).unwrap();
        plane.open(request).await.into_body()
    }

    #[tokio::test]
    async fn a_stream_resumes_where_it_broke_off_and_ends_with_its_key() {
        let plane = Plane::start().await;
        let (id, viewer) = plane.key("viewer").await;
        let mut body = open(&plane, &viewer, "").await;
        let reset = next(&mut body).await.unwrap();
        assert!(reset.contains("event: reset"), "{reset}");
        plane.app.events.publish(EventKind::Alert, &json!({ "id": "first" }));
        let first = next(&mut body).await.unwrap();
        assert!(first.contains("event: alert") && first.contains("first"), "{first}");
        plane.app.events.publish(EventKind::Alert, &json!({ "id": "second" }));
        let seen = first.lines().find_map(|line| line.strip_prefix("id: ")).unwrap();
        let mut back = open(&plane, &viewer, seen).await;
        assert!(next(&mut back).await.unwrap().contains("second"));
        assert_eq!(plane.ask(&format!("DELETE /api/keys/{id}"), None).await.status, 204);
        assert_eq!(next(&mut back).await, None);
    }
}
