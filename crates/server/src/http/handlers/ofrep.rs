//! The OpenFeature Remote Evaluation Protocol for the live config of a world, as its players see
//! it. No `eventStreams` yet: what changes is pushed over the session channel, and providers poll.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use http::header::{CACHE_CONTROL, ETAG, IF_NONE_MATCH};
use http::{HeaderMap, HeaderValue, StatusCode, Uri};
use lifeboat_core::access::{IdentityKind, may_enter};
use lifeboat_core::catalog::Catalog;
use lifeboat_core::code::ErrorCode;
use lifeboat_core::ids::WorldId;
use lifeboat_core::live_config::Audience;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::{App, world_of};
use crate::auth::{brings_key, no_key};
use crate::http::body::{Id, Whole, parse};
use crate::http::problem::{ApiError, ApiResult};
use crate::http::tags::Tags;
use crate::keyspace::hex;

pub(crate) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(all))
        .routes(routes!(one))
        // Providers differ in the slash at the end.
        .route("/api/worlds/{id}/ofrep/v1/evaluate/flags/", post(all))
        .route("/api/worlds/{id}/ofrep/v1/evaluate/flags/{key}/", post(one))
}

/// A request that the protocol answers in its own words.
struct Refused {
    code: &'static str,
    details: String,
}

/// Evaluates all flags of a world (OFREP)
///
/// Keys are the paths of live config values, such as `game.ForceDisconnect.AllClients` and
/// `project.Stage.DoorsOpen`: those that players see, if they may enter the world; with an API key,
/// those that its role sees.
#[utoipa::path(
    post, path = "/api/worlds/{id}/ofrep/v1/evaluate/flags", tag = "ofrep",
    params(("id" = String, Path, description = "The world"),
           ("If-None-Match" = Option<String>, Header, description = "The `ETag` of an earlier answer")),
    request_body(content = Value, description = "`context`, with any members; may be empty"),
    responses((status = 200, description = "`flags` and `metadata`, and `ETag`", body = Value),
              (status = 304, description = "Nothing changed"),
              (status = 400, description = "`errorCode`, `errorDetails`", body = Value))
)]
pub(crate) async fn all(
    State(app): State<Arc<App>>,
    world: ApiResult<Id<WorldId>>,
    headers: HeaderMap,
    body: ApiResult<Whole>,
) -> Response {
    let answer = evaluate_all(&app, world, &headers, body);
    answer.unwrap_or_else(|error| in_its_words(error, None))
}

fn evaluate_all(
    app: &App,
    world: ApiResult<Id<WorldId>>,
    headers: &HeaderMap,
    body: ApiResult<Whole>,
) -> ApiResult<Response> {
    let (Id(world), Whole(body)) = (world?, body?);
    let flags = flags(app, &world, headers)?;
    if let Err(refused) = context(&body) {
        let answer = json!({ "errorCode": refused.code, "errorDetails": refused.details });
        return Ok((StatusCode::BAD_REQUEST, Json(answer)).into_response());
    }
    let evaluated: Vec<Value> = flags.iter().map(|(key, value)| evaluation(key, value)).collect();
    let revision = app.catalog().revision;
    // Of what was evaluated and nothing else: a new revision with the same values is no change.
    let digest = Sha256::digest(json!(evaluated).to_string());
    let etag = format!("\"{}\"", hex(&digest[..16]));
    let known = Tags::of(headers, IF_NONE_MATCH);
    let mut response = if known.is_some_and(|known| known.name(&etag)) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let metadata = json!({ "worldId": world, "revision": revision });
        Json(json!({ "flags": evaluated, "metadata": metadata })).into_response()
    };
    let own = response.headers_mut();
    own.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    if let Ok(etag) = HeaderValue::from_str(&etag) {
        own.insert(ETAG, etag);
    }
    Ok(response)
}

/// Evaluates one flag of a world (OFREP)
#[utoipa::path(
    post, path = "/api/worlds/{id}/ofrep/v1/evaluate/flags/{key}", tag = "ofrep",
    params(("id" = String, Path, description = "The world"),
           ("key" = String, Path, description = "The flag, such as `project.Stage.DoorsOpen`")),
    request_body(content = Value, description = "`context`, with any members; may be empty"),
    responses((status = 200, description = "`key`, `value`, `reason`, `metadata`", body = Value),
              (status = 400, description = "`key`, `errorCode`, `errorDetails`", body = Value),
              (status = 404, description = "`key`, `errorCode`: FLAG_NOT_FOUND", body = Value))
)]
pub(crate) async fn one(
    State(app): State<Arc<App>>,
    path: Result<Path<(String, String)>, PathRejection>,
    uri: Uri,
    headers: HeaderMap,
    body: ApiResult<Whole>,
) -> Response {
    let Ok(Path((world, key))) = path else {
        let error = ApiError::new(ErrorCode::BadRequest, "the address is not UTF-8; mend it");
        return in_its_words(error, uri.path().trim_end_matches('/').rsplit('/').next());
    };
    let answer = evaluate_one(&app, &world, &key, &headers, body);
    answer.unwrap_or_else(|error| in_its_words(error, Some(&key)))
}

fn evaluate_one(
    app: &App,
    world: &str,
    key: &str,
    headers: &HeaderMap,
    body: ApiResult<Whole>,
) -> ApiResult<Response> {
    let Whole(body) = body?;
    let world: WorldId = world.parse().map_err(|invalid: lifeboat_core::ids::IdInvalid| {
        ApiError::new(ErrorCode::NotFound, invalid.to_string())
    })?;
    let flags = flags(app, &world, headers)?;
    let refuse = |status: StatusCode, refused: Refused| {
        let answer =
            json!({ "key": key, "errorCode": refused.code, "errorDetails": refused.details });
        Ok((status, Json(answer)).into_response())
    };
    if let Err(refused) = context(&body) {
        return refuse(StatusCode::BAD_REQUEST, refused);
    }
    match flags.get(key) {
        Some(value) => Ok(Json(evaluation(key, value)).into_response()),
        None => {
            let details = "no value that you may see has this key; ask for all of them".to_owned();
            refuse(StatusCode::NOT_FOUND, Refused { code: "FLAG_NOT_FOUND", details })
        }
    }
}

/// A refusal as a problem document with the protocol's members in it: providers look for them.
fn in_its_words(error: ApiError, key: Option<&str>) -> Response {
    let mut answer = json!(&*error.0);
    answer["errorDetails"] = answer["detail"].clone();
    answer["errorCode"] = json!("GENERAL");
    if let Some(key) = key {
        answer["key"] = json!(key);
        if error.0.status == 404 {
            answer["errorCode"] = json!("FLAG_NOT_FOUND");
        }
    }
    error.into_response().map(|_| Body::from(answer.to_string()))
}

/// The values of a world that whoever asks may see.
fn flags(app: &App, world: &WorldId, headers: &HeaderMap) -> ApiResult<BTreeMap<String, Value>> {
    if !brings_key(headers) {
        return flags_for_player(app, world, headers);
    }
    let caller = app.auth.caller(headers, None)?.ok_or_else(no_key)?;
    let catalog = app.catalog();
    world_of(&catalog, world)?;
    Ok(values(app, &catalog, world, caller.role.audience()))
}

/// The values of a world that its players see, if whoever asks may enter it.
fn flags_for_player(
    app: &App,
    world: &WorldId,
    headers: &HeaderMap,
) -> ApiResult<BTreeMap<String, Value>> {
    let identity = app.auth.player(headers, None)?;
    let catalog = app.catalog();
    let access = &world_of(&catalog, world)?.spec.access;
    let entered = match &identity {
        Some(identity) => {
            if catalog.is_banned(&identity.user, world) {
                Err(ErrorCode::Banned)
            } else {
                may_enter(access, identity)
            }
        }
        None if !access.guests => Err(ErrorCode::GuestNotAllowed),
        None if !access.public => Err(ErrorCode::AccessDenied),
        None => Ok(()),
    };
    debug_assert!(identity.is_none_or(|identity| identity.kind == IdentityKind::Known));
    entered.map_err(|code| {
        ApiError::new(code, "whoever may not enter a world does not read its values either")
    })?;
    Ok(values(app, &catalog, world, Audience::Players))
}

fn values(
    app: &App,
    catalog: &Catalog,
    world: &WorldId,
    audience: Audience,
) -> BTreeMap<String, Value> {
    let view = app.mods.view(catalog, world, audience);
    let mut flags = BTreeMap::new();
    flatten("game", &view.game, &mut flags);
    flatten("project", &view.project, &mut flags);
    flags
}

/// Leaves by their dotted path. Lists are wrapped in an object, since flags cannot be lists.
fn flatten(prefix: &str, values: &Map<String, Value>, flags: &mut BTreeMap<String, Value>) {
    for (name, value) in values {
        let key = format!("{prefix}.{name}");
        match value {
            Value::Object(below) => flatten(&key, below, flags),
            Value::Array(items) => {
                flags.insert(key, json!({ "items": items }));
            }
            leaf => {
                flags.insert(key, leaf.clone());
            }
        }
    }
}

fn evaluation(key: &str, value: &Value) -> Value {
    json!({ "key": key, "value": value, "reason": "STATIC", "variant": "live", "metadata": {} })
}

/// Checks the context, which no value depends on.
fn context(body: &[u8]) -> Result<(), Refused> {
    if body.is_empty() {
        return Ok(());
    }
    let body =
        parse(body).map_err(|error| Refused { code: "PARSE_ERROR", details: error.0.detail })?;
    let is_context = |value: &Value| value.is_object() || value.is_null();
    let fits = is_context(&body) && body.get("context").is_none_or(is_context);
    let wrong =
        || Refused { code: "INVALID_CONTEXT", details: "`context` is an object".to_owned() };
    fits.then_some(()).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use lifeboat_core::catalog::LiveEntry;
    use lifeboat_store::Transaction;

    use super::*;
    use crate::http::fixture::Plane;

    #[test]
    fn keys_are_dotted_paths_and_lists_are_wrapped() {
        let values = json!({ "Stage": { "DoorsOpen": true, "Acts": ["a"] }, "Name": "x" });
        let mut flags = BTreeMap::new();
        flatten("project", values.as_object().unwrap(), &mut flags);
        let expected = [
            ("project.Name", json!("x")),
            ("project.Stage.Acts", json!({ "items": ["a"] })),
            ("project.Stage.DoorsOpen", json!(true)),
        ];
        assert_eq!(flags, expected.map(|(key, value)| (key.to_owned(), value)).into());
    }

    #[test]
    fn a_context_is_an_object_or_missing() {
        for fine in ["", "{}", r#"{"context":{"targetingKey":"a"}}"#, r#"{"other":1}"#] {
            assert!(context(fine.as_bytes()).is_ok(), "{fine}");
        }
        let code = |body: &str| context(body.as_bytes()).err().map(|refused| refused.code);
        assert_eq!(code("{"), Some("PARSE_ERROR"));
        assert_eq!(code(r#"{"context":1}"#), Some("INVALID_CONTEXT"));
        let nested = |levels: usize| {
            let inside = format!("{}{}", "[".repeat(levels), "]".repeat(levels));
            code(&format!(r#"{{"context":{{"a":{inside}}}}}"#))
        };
        assert_eq!((nested(30), nested(31)), (None, Some("PARSE_ERROR")));
    }

    /// A world as it stands in the store, with its live config.
    async fn world(plane: &Plane, public: bool, doors_open: bool) {
        let build = json!({ "mod": "plaza", "modVersion": "1.0.0", "contentVersion": "2026.11.1",
                            "baseVersion": 38, "map": "plaza" });
        let world = json!({
            "id": "wld_main", "standbyFor": null, "standby": null, "deployment": null,
            "createdAt": "2026-11-18T11:06:40.123Z",
            "spec": {
                "name": "Main", "description": "", "labels": {}, "build": build,
                "scale": { "profile": "Capacity500" }, "durationMinutes": 180,
                "access": { "public": public, "guests": true, "groups": [] },
                "streaming": { "launchMode": "same-tab" }, "settings": {}
            }
        });
        let build = serde_json::from_value(build).unwrap();
        let mut config = plane.app.mods.rules(&build).unwrap().defaults().clone();
        config.project["Stage"]["DoorsOpen"] = json!(doors_open);
        let live = LiveEntry::new(0, plane.app.now(), "test".to_owned(), config);
        let transaction = Transaction::new()
            .put("/state/worlds/wld_main", json!(world).to_string())
            .put("/state/live-config/wld_main", json!(live).to_string());
        plane.app.writer.commit_unaudited(transaction).await.unwrap();
    }

    #[tokio::test]
    async fn players_read_their_values_until_something_changes() {
        let plane = Plane::start().await;
        world(&plane, true, true).await;
        let line = "POST /api/worlds/wld_main/ofrep/v1/evaluate/flags";
        let first = plane.send(line, &[], Some(json!({ "context": {} }))).await;
        assert_eq!(first.status, 200, "{}", first.text);
        let flags = first.body["flags"].as_array().unwrap();
        let value = |key: &str| {
            flags.iter().find(|flag| flag["key"] == key).map(|flag| flag["value"].clone())
        };
        assert_eq!(value("project.Stage.DoorsOpen"), Some(json!(true)));
        assert_eq!(value("game.ForceDisconnect.AllClients"), Some(json!(0)));
        assert_eq!(value("game.Failover.OverrideWorldId"), None, "players never see it");
        let etag = first.headers["etag"].to_str().unwrap();
        let weak = format!("W/{etag}");
        let same = plane.send(line, &[("if-none-match", &weak)], None).await;
        assert_eq!((same.status.as_u16(), same.text.as_str()), (304, ""));
        world(&plane, true, false).await;
        let changed = plane.send(&format!("{line}/"), &[("if-none-match", etag)], None).await;
        assert_eq!(changed.status, 200);
        let one = plane.send(&format!("{line}/project.Stage.DoorsOpen"), &[], None).await;
        assert_eq!((one.status.as_u16(), &one.body["value"]), (200, &json!(false)));
        let none = plane.send(&format!("{line}/project.Nothing"), &[], None).await;
        assert_eq!(
            (none.status.as_u16(), &none.body["errorCode"]),
            (404, &json!("FLAG_NOT_FOUND"))
        );
        assert_eq!(none.body["key"], "project.Nothing");
    }

    #[tokio::test]
    async fn what_is_refused_is_said_in_the_protocol_s_words_too() {
        let plane = Plane::start().await;
        world(&plane, true, true).await;
        let main = "/api/worlds/wld_main/ofrep/v1/evaluate/flags";
        let other = "/api/worlds/wld_other/ofrep/v1/evaluate/flags";
        for (path, status, code, key) in [
            (format!("{main}/a%ff"), 400, "GENERAL", json!("a%ff")),
            (format!("{main}/a%ff/"), 400, "GENERAL", json!("a%ff")),
            (format!("{other}/a.b"), 404, "FLAG_NOT_FOUND", json!("a.b")),
            (other.to_owned(), 404, "GENERAL", Value::Null),
            (other.replace("wld_other", "%ff"), 404, "GENERAL", Value::Null),
        ] {
            let refused = plane.send(&format!("POST {path}"), &[], None).await;
            assert_eq!(refused.status.as_u16(), status, "{path}: {}", refused.text);
            assert_eq!(refused.headers["content-type"], "application/problem+json");
            assert_eq!((&refused.body["errorCode"], &refused.body["key"]), (&json!(code), &key));
            assert_eq!(refused.body["errorDetails"], refused.body["detail"], "{path}");
        }
    }

    #[tokio::test]
    async fn who_may_not_enter_a_world_does_not_read_its_values() {
        let plane = Plane::start().await;
        world(&plane, false, true).await;
        let line = "POST /api/worlds/wld_main/ofrep/v1/evaluate/flags";
        assert_eq!(plane.send(line, &[], None).await.code(), "access_denied");
        let forged = [("authorization", "Bearer a.b.c")];
        assert_eq!(plane.send(line, &forged, None).await.status, 401);
        let key = plane.key("viewer").await.1;
        for header in [("x-api-key", key.clone()), ("authorization", format!("Bearer {key}"))] {
            let one = format!("{line}/game.Failover.OverrideWorldId");
            let seen = plane.send(&one, &[(header.0, &header.1)], None).await;
            assert_eq!(
                (seen.status.as_u16(), &seen.body["value"]),
                (200, &json!("")),
                "{header:?}"
            );
        }
        assert_eq!(plane.send(line, &[("x-api-key", "lbk_revoked")], None).await.status, 401);
        let large = json!({ "context": { "more": "x".repeat(3_000_000) } });
        assert_eq!(plane.ask(line, Some(large)).await.code(), "body_too_large");
        let missing = "POST /api/worlds/wld_other/ofrep/v1/evaluate/flags";
        assert_eq!(plane.send(missing, &[], None).await.code(), "world_not_found");
    }
}
