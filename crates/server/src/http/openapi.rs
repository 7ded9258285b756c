//! The OpenAPI document: gathered from the handlers, completed by the table of roles and the list
//! of error codes.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use axum::Router;
use axum::response::IntoResponse as _;
use axum::routing::get;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use lifeboat_core::code::ErrorCode;
use serde_json::{Value, json};
use utoipa::OpenApi;

use crate::app::App;
use crate::http::access::{Need, Row, TABLE};

/// What the document begins with.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Lifeboat",
        version = "1",
        description = "The failover control plane for live events: worlds, live config, joins, failovers."
    ),
    tags(
        (name = "worlds", description = "What an organiser sets up, starts and stops"),
        (name = "live config", description = "Values that change while a world runs"),
        (name = "failover", description = "Moving everyone into a backup world, and home"),
        (name = "players", description = "What clients call"),
        (name = "sessions", description = "Who is in, and who is kept out"),
        (name = "ofrep", description = "Live config by the OpenFeature protocol"),
        (name = "keys", description = "Who may do what"),
        (name = "login", description = "The dashboard's login"),
        (name = "audit", description = "Who did what"),
        (name = "events", description = "What happens, as it happens"),
        (name = "webhooks", description = "Telling other services what happens"),
        (name = "standing", description = "Health, readiness, metrics"),
    )
)]
pub(crate) struct Document;

/// Serves the document.
pub(crate) fn route(document: utoipa::openapi::OpenApi) -> Router<Arc<App>> {
    let text: Arc<str> = complete(document).to_string().into();
    let serve = move || {
        let text = Arc::clone(&text);
        async move {
            let headers = [(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "no-cache")];
            (headers, text.to_string()).into_response()
        }
    };
    Router::new().route("/api/openapi.json", get(serve))
}

/// The document with what every handler has in common.
pub(crate) fn complete(document: utoipa::openapi::OpenApi) -> Value {
    let mut document = serde_json::to_value(document).unwrap_or_else(|error| {
        tracing::error!(%error, "the OpenAPI document has no JSON form");
        json!({})
    });
    document["components"]["schemas"]["ErrorCode"] = error_codes();
    document["components"]["schemas"]["Problem"] = problem();
    document["components"]["securitySchemes"] = json!({
        "key": { "type": "http", "scheme": "bearer", "description": "An API key's secret" },
        "keyHeader": { "type": "apiKey", "in": "header", "name": "x-api-key" },
        "dashboard": { "type": "apiKey", "in": "cookie", "name": crate::auth::COOKIE_NAME,
                       "description": "Writes also need `X-Lifeboat: 1` and the dashboard's `Origin`" },
        "player": { "type": "http", "scheme": "bearer", "bearerFormat": "JWT",
                    "description": "A player's token; none for a guest" },
    });
    for row in TABLE {
        let operation = document
            .get_mut("paths")
            .and_then(|paths| paths.get_mut(row.path))
            .and_then(|path| path.get_mut(row.method.to_ascii_lowercase()));
        if let Some(operation) = operation {
            complete_operation(operation, row);
        }
    }
    name_operations(&mut document);
    document
}

/// Names each operation after its method and path: handlers' names are not unique, and generators
/// make one function or type of each.
fn name_operations(document: &mut Value) {
    let Some(paths) = document.get_mut("paths").and_then(Value::as_object_mut) else { return };
    for (path, operations) in paths {
        for (method, operation) in operations.as_object_mut().into_iter().flatten() {
            operation["operationId"] = json!(operation_id(method, path));
        }
    }
}

/// `get` and `/api/worlds/{id}/live-config` are `getWorldsIdLiveConfig`.
fn operation_id(method: &str, path: &str) -> String {
    let words = path.split(|sign: char| !sign.is_ascii_alphanumeric());
    words.filter(|word| *word != "api").fold(method.to_owned(), |mut id, word| {
        let mut rest = word.chars();
        id.extend(rest.next().map(|first| first.to_ascii_uppercase()));
        id.extend(rest);
        id
    })
}

fn complete_operation(operation: &mut Value, row: &Row) {
    let (security, role) = match row.need {
        Need::Public => (json!([]), None),
        Need::Player => (json!([{}, { "player": [] }]), None),
        Need::Metrics => (json!([{}, { "key": [] }]), Some("viewer")),
        Need::Role(role) => {
            (json!([{ "key": [] }, { "keyHeader": [] }, { "dashboard": [] }]), Some(role.as_str()))
        }
    };
    operation["security"] = security;
    if let Some(role) = role {
        operation["x-lifeboat-role"] = json!(role);
    }
    operation["responses"]["default"] = json!({
        "description": "What went wrong, and what to do about it",
        "content": { "application/problem+json": {
            "schema": { "$ref": "#/components/schemas/Problem" } } },
    });
    if let (Need::Role(_), "POST") = (row.need, row.method) {
        let header = json!({
            "name": "Idempotency-Key", "in": "header", "required": false,
            "schema": { "type": "string", "maxLength": 255 },
            "description": "The same key with the same request gets the first answer again",
        });
        match operation.get_mut("parameters").and_then(Value::as_array_mut) {
            Some(parameters) => parameters.push(header),
            None => operation["parameters"] = json!([header]),
        }
    }
}

fn error_codes() -> Value {
    let codes: Vec<&str> = ErrorCode::ALL.iter().map(|code| code.as_str()).collect();
    json!({ "type": "string", "enum": codes, "description": "The closed list of error codes" })
}

fn problem() -> Value {
    let code = json!({ "$ref": "#/components/schemas/ErrorCode" });
    json!({
        "type": "object",
        "description": "A problem document (RFC 9457)",
        "required": ["type", "title", "status", "detail", "code"],
        "properties": {
            "type": { "type": "string", "format": "uri" },
            "title": { "type": "string" },
            "status": { "type": "integer" },
            "detail": { "type": "string" },
            "code": code,
            "retryAfterMs": { "type": "integer",
                              "description": "When asking again may help; to be followed exactly" },
            "errors": { "type": "array", "items": {
                "type": "object", "required": ["path", "code", "message"],
                "properties": { "path": { "type": "string" }, "code": code,
                                "message": { "type": "string" } } } },
            "rules": { "type": "array", "items": { "type": "object" } },
        },
    })
}
