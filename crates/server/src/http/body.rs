//! Bodies and ids of requests: read with limits, refused with the field, the rule and the remedy.

use axum::body::Body as AxumBody;
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::http::request::Parts;
use bytes::{Bytes, BytesMut};
use http::header::CONTENT_TYPE;
use http_body_util::BodyExt as _;
use lifeboat_core::code::ErrorCode;
use lifeboat_core::limits::{
    BODY_BYTES_MAX, BODY_DISCARDED_BYTES_MAX, BODY_TIMEOUT, JSON_DEPTH_MAX,
};
use lifeboat_core::problem::FieldProblem;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_path_to_error::Segment;
use std::str::FromStr;
use tokio::time::timeout;

use super::json;
use super::problem::{ApiError, ApiResult};

/// A JSON body as it stands. An empty body is `null`.
pub(crate) struct JsonBody(pub(crate) Value);

impl<S: Send + Sync> FromRequest<S> for JsonBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> ApiResult<Self> {
        let media_type = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let media_type = media_type.map(|text| text.split(';').next().unwrap_or("").trim());
        let is_json = media_type.is_none_or(|text| {
            ["", "application/json", "application/merge-patch+json"]
                .iter()
                .any(|one| text.eq_ignore_ascii_case(one))
        });
        let bytes = whole(request.into_body()).await?;
        if bytes.is_empty() {
            return Ok(Self(Value::Null));
        }
        if !is_json {
            let detail = "send `application/json` or `application/merge-patch+json`";
            return Err(ApiError::new(ErrorCode::UnsupportedMediaType, detail));
        }
        parse(&bytes).map(Self)
    }
}

/// A body as it came, whatever it says that it is.
pub(crate) struct Whole(pub(crate) Bytes);

impl<S: Send + Sync> FromRequest<S> for Whole {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> ApiResult<Self> {
        whole(request.into_body()).await.map(Self)
    }
}

/// A body whole, within its limits.
///
/// # Errors
/// When it is too large, or does not arrive in time.
pub(crate) async fn whole(body: AxumBody) -> ApiResult<Bytes> {
    let late = || {
        let seconds = BODY_TIMEOUT.as_secs();
        let detail = format!("the body did not arrive whole within {seconds} s; send it again");
        Err(ApiError::new(ErrorCode::BadRequest, detail))
    };
    timeout(BODY_TIMEOUT, collect(body)).await.unwrap_or_else(|_| late())
}

/// What is over the limit is read on and thrown away, for a while: a connection that is closed
/// with unread input is reset, and the client would never see the refusal.
async fn collect(mut body: AxumBody) -> ApiResult<Bytes> {
    let mut kept = BytesMut::new();
    let mut length = 0_usize;
    while let Some(frame) = body.frame().await {
        let frame = frame
            .map_err(|_| ApiError::new(ErrorCode::BadRequest, "the body did not arrive whole"))?;
        let Ok(data) = frame.into_data() else { continue };
        length = length.saturating_add(data.len());
        if length <= BODY_BYTES_MAX {
            kept.extend_from_slice(&data);
        } else if length > BODY_BYTES_MAX + BODY_DISCARDED_BYTES_MAX {
            break;
        }
    }
    if length > BODY_BYTES_MAX {
        let detail = format!("a body has at most {BODY_BYTES_MAX} bytes; send less");
        return Err(ApiError::new(ErrorCode::BodyTooLarge, detail));
    }
    Ok(kept.freeze())
}

/// The JSON value of a body.
///
/// # Errors
/// When it is none, is nested too deep, or has a key twice.
pub(crate) fn parse(bytes: &[u8]) -> ApiResult<Value> {
    if depth(bytes) > JSON_DEPTH_MAX {
        let detail = format!("JSON is nested at most {JSON_DEPTH_MAX} levels deep; flatten it");
        return Err(ApiError::new(ErrorCode::BadRequest, detail));
    }
    json::read(bytes).map_err(|error| {
        let detail = format!("the body is no clear JSON: {error}; send one JSON value in UTF-8");
        ApiError::new(ErrorCode::BadRequest, detail)
    })
}

/// How deep the brackets of a JSON text go, those within strings left out.
fn depth(bytes: &[u8]) -> usize {
    let (mut depth, mut deepest) = (0usize, 0usize);
    let (mut in_string, mut escaped) = (false, false);
    for byte in bytes {
        match (byte, in_string) {
            (_, true) if escaped => escaped = false,
            (b'\\', true) => escaped = true,
            (b'"', _) => in_string = !in_string,
            (b'{' | b'[', false) => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            (b'}' | b']', false) => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// A JSON value as a typed one; what does not fit is named by its place.
pub(crate) fn typed<T: DeserializeOwned>(value: Value) -> ApiResult<T> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let mut path = pointer(error.path());
        let message = error.into_inner().to_string();
        if let Some(field) = missing(&message) {
            path = child(&path, field);
        }
        ApiError::fields(vec![FieldProblem::invalid(path, remedy(&message))])
    })
}

/// The field that a message says is missing.
fn missing(message: &str) -> Option<&str> {
    message.strip_prefix("missing field `")?.split('`').next()
}

/// The field that a message says is unknown.
fn unknown(message: &str) -> Option<&str> {
    message.strip_prefix("unknown field `")?.split('`').next()
}

fn remedy(message: &str) -> String {
    let message = ["expected u64", "expected u32", "invalid digit found in string"]
        .iter()
        .fold(message.to_owned(), |message, words| message.replace(words, WHOLE));
    if message.starts_with("missing field") {
        format!("{message}; it is required")
    } else if message.starts_with("unknown field") {
        format!("{message}; remove it")
    } else {
        format!("{message}; see /api/openapi.json for the shape")
    }
}

/// What the types of counts are called outside of the program.
const WHOLE: &str = "expected a whole number from 0";

/// The path to a value as a JSON Pointer.
fn pointer(path: &serde_path_to_error::Path) -> String {
    path.iter().fold(String::new(), |pointer, segment| match segment {
        Segment::Seq { index } => format!("{pointer}/{index}"),
        Segment::Map { key } => child(&pointer, key),
        Segment::Enum { .. } | Segment::Unknown => pointer,
    })
}

/// The pointer to `key` below `parent`.
fn child(parent: &str, key: &str) -> String {
    format!("{parent}/{}", key.replace('~', "~0").replace('/', "~1"))
}

/// A typed body. An empty body, or `null`, is read as `{}`.
pub(crate) struct Body<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> ApiResult<Self> {
        let JsonBody(value) = JsonBody::from_request(request, state).await?;
        let value = if value.is_null() { Value::Object(serde_json::Map::new()) } else { value };
        if !value.is_object() {
            let message = "the body is a JSON object; send one".to_owned();
            return Err(ApiError::fields(vec![FieldProblem::invalid("", message)]));
        }
        typed(value).map(Self)
    }
}

/// The one id in an address. An id of the wrong kind cannot exist, so it is not found.
pub(crate) struct Id<T>(pub(crate) T);

impl<S, T> FromRequestParts<S> for Id<T>
where
    S: Send + Sync,
    T: FromStr<Err = lifeboat_core::ids::IdInvalid>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> ApiResult<Self> {
        let not_found = |detail: String| ApiError::new(ErrorCode::NotFound, detail);
        let Path(text) = Path::<String>::from_request_parts(parts, state)
            .await
            .map_err(|_| not_found("the address has an id that is not UTF-8".to_owned()))?;
        text.parse().map(Self).map_err(|invalid| not_found(invalid.to_string()))
    }
}

/// The query of an address. What does not fit is named by a `?` and its parameter.
pub(crate) struct Ask<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Ask<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> ApiResult<Self> {
        asked(parts.uri.query().unwrap_or_default()).map(Self)
    }
}

fn asked<T: DeserializeOwned>(query: &str) -> ApiResult<T> {
    let pairs = serde_urlencoded::Deserializer::new(form_urlencoded::parse(query.as_bytes()));
    serde_path_to_error::deserialize(pairs).map_err(|error| {
        let path = error.path().to_string();
        let message = error.into_inner().to_string();
        let parameter = missing(&message).or_else(|| unknown(&message)).unwrap_or(&path);
        ApiError::fields(vec![FieldProblem::invalid(format!("?{parameter}"), remedy(&message))])
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn brackets_within_strings_are_not_levels() {
        assert_eq!(depth(br#"{"a":["[[[[\"{{{"]}"#), 2);
        assert_eq!(depth("[".repeat(1_000).as_bytes()), 1_000);
    }

    #[derive(Debug, serde::Deserialize)]
    #[expect(dead_code, reason = "only read")]
    struct Sent {
        labels: std::collections::BTreeMap<String, String>,
        groups: Vec<String>,
        minutes: u32,
    }

    fn path_of(value: Value) -> String {
        let problem = typed::<Sent>(value).unwrap_err().0;
        assert!(problem.detail.starts_with(&problem.errors[0].path), "{problem:?}");
        problem.errors[0].path.clone()
    }

    #[test]
    fn what_does_not_fit_is_named_by_its_place_and_so_is_what_is_missing() {
        let sent = |labels: Value, groups: Value| json!({ "labels": labels, "groups": groups });
        assert_eq!(path_of(sent(json!({}), json!(["a", 5]))), "/groups/1");
        assert_eq!(path_of(sent(json!({ "a.b/c[0]": 5 }), json!([]))), "/labels/a.b~1c[0]");
        assert_eq!(path_of(sent(json!({}), json!([]))), "/minutes");
        let negative = json!({ "minutes": -1 });
        let problem = typed::<Sent>(negative).unwrap_err().0;
        assert!(problem.detail.contains("expected a whole number from 0"), "{}", problem.detail);
    }

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only read")]
    struct Asked {
        limit: Option<u32>,
        world: String,
    }

    #[test]
    fn what_does_not_fit_in_a_query_is_named_by_its_parameter() {
        let path = |query: &str| asked::<Asked>(query).unwrap_err().0.errors[0].path.clone();
        assert_eq!(path("limit=many&world=a"), "?limit");
        let problem = asked::<Asked>("limit=many&world=a").unwrap_err().0;
        assert!(problem.detail.contains("expected a whole number from 0"), "{}", problem.detail);
        assert_eq!(path("limit=5"), "?world");
        assert_eq!(path("world=a&wrold=b"), "?wrold");
        assert_eq!(asked::<Asked>("world=a%20b&limit=5").unwrap().world, "a b");
    }

    #[tokio::test]
    async fn a_media_type_is_read_without_regard_to_capitals() {
        let sent = |media_type: &str| {
            let request = Request::builder().header(CONTENT_TYPE, media_type);
            JsonBody::from_request(request.body(AxumBody::from("{}")).unwrap(), &())
        };
        for fits in ["Application/JSON; Charset=UTF-8", "APPLICATION/MERGE-PATCH+JSON"] {
            assert!(sent(fits).await.is_ok(), "{fits}");
        }
        assert!(sent("text/json").await.is_err());
    }
}
