//! API keys: made, listed, revoked. Secrets are told once and never kept.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use lifeboat_core::code::ErrorCode;
use lifeboat_core::ids::KeyId;
use lifeboat_core::limits::{KEYS_MAX, NAME_CHARS_MAX, WRITE_RETRIES_MAX};
use lifeboat_core::problem::FieldProblem;
use lifeboat_store::Transaction;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::auth::{ApiKey, Caller, Role};
use crate::http::body::{Ask, Body, Id};
use crate::http::handlers::audit::{PageQuery, page_by_id};
use crate::http::problem::{ApiError, ApiResult};
use crate::keyspace;
use crate::writer::{About, WriteError, json as record, unchanged};

/// Counts changes of the set of keys, so that two cannot revoke the last two admin keys at once.
const KEYS_CHANGED: &str = "/api-keys-changed";

pub(crate) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(revoke))
}

/// A key as it is shown: without its hash.
fn shown(key: &ApiKey) -> Value {
    json!({
        "id": key.id, "name": key.name, "role": key.role,
        "createdAt": key.created_at, "lastUsedAt": key.last_used_at,
    })
}

/// Lists the API keys, without their secrets
#[utoipa::path(
    get, path = "/api/keys", tag = "keys",
    params(("cursor" = Option<String>, Query, description = "Where the last page ended"),
           ("limit" = Option<usize>, Query, description = "Entries at the most")),
    responses((status = 200, description = "`items` of `id`, `name`, `role`, `createdAt`, `lastUsedAt`, and `nextCursor`", body = Value))
)]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    Ask(page): Ask<PageQuery>,
) -> ApiResult<Json<Value>> {
    let keys = app.auth.keys();
    page_by_id(keys.iter().map(|key| (key.id.to_string(), shown(key))).collect(), &page)
}

/// The body of a new key.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewKey {
    name: String,
    role: Role,
}

/// Makes an API key
#[utoipa::path(
    post, path = "/api/keys", tag = "keys",
    request_body(content = Value, description = "`name`, and `role`: viewer, operator, support or admin"),
    responses((status = 201, description = "`id`, `name`, `role` and the `secret`, this once", body = Value),
              (status = 409, description = "limit_reached"),
              (status = 422, description = "The fields that break a rule"))
)]
pub(crate) async fn create(
    State(app): State<Arc<App>>,
    caller: Caller,
    Body(new): Body<NewKey>,
) -> ApiResult<(StatusCode, Json<Value>)> {
    check_name(&new.name)?;
    let (key, secret) = ApiKey::new(new.name, new.role, app.now());
    let has = |keys: &Vec<Arc<ApiKey>>, id: &str| keys.iter().any(|key| key.id.as_str() == id);
    let keys = || app.auth.keys();
    let place = app.places.keys.take(key.id.as_str(), KEYS_MAX, keys, Vec::len, has);
    let _place = place.ok_or_else(|| {
        let detail = format!("there are {KEYS_MAX} keys already; revoke one that is not used");
        ApiError::new(ErrorCode::LimitReached, detail)
    })?;
    let store_key = keyspace::api_key(&key.id);
    let transaction = Transaction::new()
        .require(unchanged(store_key.clone(), 0))
        .put(store_key, record(&key))
        .put(KEYS_CHANGED, record(&key.id));
    let about = About {
        action: "key.create",
        target: key.id.to_string(),
        after: shown(&key),
        ..About::default()
    };
    let revision = app.writer.commit(transaction, &caller.actor, about).await?;
    app.auth.reaches(revision).await;
    let answer = json!({ "id": key.id, "name": key.name, "role": key.role, "secret": secret });
    Ok((StatusCode::CREATED, Json(answer)))
}

/// Whether a text may be a name; also of who logs in.
pub(super) fn check_name(name: &str) -> ApiResult<()> {
    let fits = !name.trim().is_empty()
        && name.chars().count() <= NAME_CHARS_MAX
        && !name.chars().any(char::is_control);
    if fits {
        return Ok(());
    }
    let rule = format!(
        "a name has 1 to {NAME_CHARS_MAX} characters, is not blank and has no control characters"
    );
    Err(ApiError::fields(vec![FieldProblem::invalid("/name", rule)]))
}

/// Revokes an API key
///
/// It stops at once, also on event streams and dashboard logins that are open. The last admin key
/// cannot be revoked.
#[utoipa::path(
    delete, path = "/api/keys/{id}", tag = "keys",
    params(("id" = String, Path, description = "The key")),
    responses((status = 204, description = "Revoked"), (status = 404, description = "not_found"),
              (status = 409, description = "limit_reached: it is the last admin key"))
)]
pub(crate) async fn revoke(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(id): Id<KeyId>,
) -> ApiResult<StatusCode> {
    for _ in 0..WRITE_RETRIES_MAX {
        let changed = app.store.read(KEYS_CHANGED).await?.map_or(0, |kept| kept.modified);
        app.auth.reaches(changed).await;
        let keys = app.auth.keys();
        let key = keys.iter().find(|key| key.id == id).ok_or_else(|| {
            let detail = format!("there is no API key {id}; `GET /api/keys` lists them");
            ApiError::new(ErrorCode::NotFound, detail)
        })?;
        let admins = keys.iter().filter(|key| key.role == Role::Admin).count();
        if key.role == Role::Admin && admins == 1 {
            let detail = "this is the last admin key; make another one before you revoke it";
            return Err(ApiError::new(ErrorCode::LimitReached, detail));
        }
        let transaction = Transaction::new()
            .require(unchanged(KEYS_CHANGED.to_owned(), changed))
            .delete(keyspace::api_key(&id))
            .put(KEYS_CHANGED, record(&id));
        let about = About {
            action: "key.revoke",
            target: id.to_string(),
            before: shown(key),
            ..About::default()
        };
        match app.writer.commit(transaction, &caller.actor, about).await {
            Ok(revision) => {
                app.auth.reaches(revision).await;
                return Ok(StatusCode::NO_CONTENT);
            }
            Err(WriteError::Lost) => {}
            Err(failed) => return Err(failed.into()),
        }
    }
    Err(WriteError::Lost.into())
}
