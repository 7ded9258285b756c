//! Player tracking, alpha in Agones, kept in the list `players`.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};

use super::error::{SdkError, SdkErrorKind};
use super::request::{Body, Count, Empty, Player, json_answer};
use super::state::{ListUpdate, PLAYERS};
use super::view::Int64;
use crate::health::Moment;
use crate::live_server::LiveServer;

type Server = State<Arc<LiveServer>>;

/// The routes of player tracking.
pub(crate) fn routes() -> Router<Arc<LiveServer>> {
    Router::new()
        .route("/alpha/player/connect", post(connect))
        .route("/alpha/player/disconnect", post(disconnect))
        .route("/alpha/player/connected", get(connected))
        .route("/alpha/player/connected/{id}", get(is_connected))
        .route("/alpha/player/count", get(count))
        .route("/alpha/player/capacity", get(capacity).put(set_capacity))
}

/// True when the player is new; a full house is an error.
async fn connect(
    State(server): Server,
    Body(player): Body<Player>,
) -> Result<Json<Value>, SdkError> {
    let added =
        server.change(Moment::now(), |sdk| sdk.add_to_list(PLAYERS, &player.player).map(|_| true));
    truth(added, SdkErrorKind::AlreadyExists)
}

/// True when the player was there.
async fn disconnect(
    State(server): Server,
    Body(player): Body<Player>,
) -> Result<Json<Value>, SdkError> {
    let removed = server
        .change(Moment::now(), |sdk| sdk.remove_from_list(PLAYERS, &player.player).map(|_| true));
    truth(removed, SdkErrorKind::NotFound)
}

/// A refusal of the kind that here is an answer is false.
fn truth(result: Result<bool, SdkError>, no: SdkErrorKind) -> Result<Json<Value>, SdkError> {
    match result {
        Err(refusal) if refusal.kind == no => Ok(Json(json!({ "bool": false }))),
        other => other.map(|yes| Json(json!({ "bool": yes }))),
    }
}

async fn connected(State(server): Server) -> Json<Value> {
    let players = server.read(|sdk| sdk.players());
    Json(json!({ "list": *players }))
}

async fn is_connected(State(server): Server, Path(id): Path<String>) -> Json<Value> {
    let is_there = server.read(|sdk| sdk.players().contains(&id));
    Json(json!({ "bool": is_there }))
}

async fn count(State(server): Server) -> Response {
    let count = server.read(|sdk| sdk.players().len());
    let count = Int64(i64::try_from(count).unwrap_or(i64::MAX));
    json_answer(StatusCode::OK, &Count { count })
}

async fn capacity(State(server): Server) -> Result<Response, SdkError> {
    let capacity = server.read(|sdk| sdk.list(PLAYERS).map(|list| list.capacity))?;
    Ok(json_answer(StatusCode::OK, &Count { count: Int64(capacity) }))
}

async fn set_capacity(
    State(server): Server,
    Body(count): Body<Count>,
) -> Result<Response, SdkError> {
    let update = ListUpdate { capacity: Some(count.count.0), values: None };
    server.change(Moment::now(), |sdk| sdk.update_list(PLAYERS, update).map(|_| ()))?;
    Ok(json_answer(StatusCode::OK, &Empty {}))
}
