//! The SDK over HTTP, on a loopback port that only this one server was told.

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Path, Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{get, post, put};
use serde_json::Value;
use tokio::net::TcpListener;

use super::error::SdkError;
use super::request::{
    Beats, Body, CounterPatch, Empty, KeyValue, ListPatch, ListValue, Seconds, json_answer,
};
use super::state::{CounterUpdate, ListUpdate};
use super::view::{CounterView, GameServerView, Int64, ListView};
use super::{players, stream};
use crate::health::Moment;
use crate::limits::SDK_BODY_BYTES_MAX;
use crate::live_server::LiveServer;

type Server = State<Arc<LiveServer>>;
type Answer = Result<Response, SdkError>;

/// Serves the SDK of one server until its endpoints are closed.
pub(crate) async fn serve(listener: TcpListener, server: Arc<LiveServer>) {
    let closed = Arc::clone(&server);
    let service = axum::serve(listener, router(server));
    // Accepting is retried inside; this ends when it is told to.
    let _ = service.with_graceful_shutdown(async move { closed.closed().await }).await;
}

fn router(server: Arc<LiveServer>) -> Router {
    Router::new()
        .route("/ready", post(ready))
        .route("/health", post(health))
        .route("/reserve", post(reserve))
        .route("/allocate", post(allocate))
        .route("/shutdown", post(shutdown))
        .route("/gameserver", get(game_server))
        .route("/watch/gameserver", get(watch_game_server))
        .route("/metadata/label", put(set_label))
        .route("/metadata/annotation", put(set_annotation))
        .route("/v1beta1/counters/{name}", get(counter).patch(update_counter))
        .route("/v1beta1/lists/{name}", get(list).patch(update_list).post(call_list))
        .route("/live-config", get(live_config))
        .route("/watch/live-config", get(watch_live_config))
        .merge(players::routes())
        .fallback(no_such_path)
        .method_not_allowed_fallback(no_such_method)
        .layer(DefaultBodyLimit::max(SDK_BODY_BYTES_MAX))
        .with_state(server)
}

fn done() -> Response {
    json_answer(StatusCode::OK, &Empty {})
}

async fn no_such_path() -> SdkError {
    SdkError::not_found("Not Found".into())
}

async fn no_such_method() -> SdkError {
    SdkError::unimplemented("Method Not Allowed".into())
}

async fn ready(State(server): Server, Body(Empty {}): Body<Empty>) -> Response {
    let now = Moment::now();
    server.change(now, |sdk| sdk.ready(now.at));
    done()
}

async fn health(State(server): Server, _beats: Beats) -> Response {
    server.beat(Moment::now());
    done()
}

async fn reserve(State(server): Server, Body(body): Body<Seconds>) -> Answer {
    let now = Moment::now();
    server.change(now, |sdk| sdk.reserve(body.seconds.0, now.at))?;
    Ok(done())
}

async fn allocate(State(server): Server, Body(Empty {}): Body<Empty>) -> Response {
    let now = Moment::now();
    server.change(now, |sdk| sdk.allocate(now.at));
    done()
}

async fn shutdown(State(server): Server, Body(Empty {}): Body<Empty>) -> Response {
    server.change(Moment::now(), |sdk| sdk.shutdown());
    done()
}

async fn game_server(State(server): Server) -> Response {
    let rule = server.rule();
    server.read(|sdk| json_answer(StatusCode::OK, &GameServerView::new(server.record(), rule, sdk)))
}

async fn watch_game_server(State(server): Server, request: Request) -> Answer {
    stream::game_server_lines(server, request)
}

async fn set_label(State(server): Server, Body(pair): Body<KeyValue>) -> Answer {
    server.change(Moment::now(), |sdk| sdk.set_label(&pair.key, &pair.value))?;
    Ok(done())
}

async fn set_annotation(State(server): Server, Body(pair): Body<KeyValue>) -> Answer {
    server.change(Moment::now(), |sdk| sdk.set_own_annotation(&pair.key, &pair.value))?;
    Ok(done())
}

async fn counter(State(server): Server, Path(name): Path<String>) -> Answer {
    let counter = server.read(|sdk| sdk.counter(&name))?;
    Ok(json_answer(StatusCode::OK, &CounterView::new(&name, counter)))
}

async fn update_counter(
    State(server): Server,
    Path(name): Path<String>,
    Body(patch): Body<CounterPatch>,
) -> Answer {
    let update = CounterUpdate {
        capacity: patch.capacity.map(|Int64(capacity)| capacity),
        count: patch.count.map(|Int64(count)| count),
        difference: patch.difference.0,
    };
    let counter = server.change(Moment::now(), |sdk| sdk.update_counter(&name, update))?;
    Ok(json_answer(StatusCode::OK, &CounterView::new(&name, counter)))
}

async fn list(State(server): Server, Path(name): Path<String>) -> Answer {
    server.read(|sdk| {
        let list = sdk.list(&name)?;
        Ok(json_answer(StatusCode::OK, &ListView::new(&name, list)))
    })
}

async fn update_list(
    State(server): Server,
    Path(name): Path<String>,
    Body(patch): Body<ListPatch>,
) -> Answer {
    let update = ListUpdate {
        capacity: patch.capacity.map(|Int64(capacity)| capacity),
        values: patch.values,
    };
    server.change(Moment::now(), |sdk| {
        let list = sdk.update_list(&name, update)?;
        Ok(json_answer(StatusCode::OK, &ListView::new(&name, list)))
    })
}

/// `POST …/lists/{name}:addValue` and `:removeValue`: the verb is part of the last segment.
async fn call_list(
    State(server): Server,
    Path(segment): Path<String>,
    Body(body): Body<ListValue>,
) -> Answer {
    let Some((name, verb)) = segment.rsplit_once(':') else {
        return Err(no_such_method().await);
    };
    server.change(Moment::now(), |sdk| {
        let list = match verb {
            "addValue" => sdk.add_to_list(name, &body.value)?,
            "removeValue" => sdk.remove_from_list(name, &body.value)?,
            _ => return Err(SdkError::not_found("Not Found".into())),
        };
        Ok(json_answer(StatusCode::OK, &ListView::new(name, list)))
    })
}

async fn live_config(State(server): Server) -> Response {
    let config: Arc<Value> = Arc::clone(&server.live_configs().borrow());
    json_answer(StatusCode::OK, &config)
}

async fn watch_live_config(State(server): Server, request: Request) -> Answer {
    stream::live_config_lines(server, request)
}
