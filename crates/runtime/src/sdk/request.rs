//! Bodies of the SDK over HTTP, and refusals as its callers expect them.

use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, Request};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::error::SdkError;
use super::view::Int64;

/// A JSON object read as `T`; no body at all is the empty object. The content type is not looked
/// at and unknown members are ignored, as the gateway does.
#[derive(Debug)]
pub(crate) struct Body<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = SdkError;

    async fn from_request(request: Request, state: &S) -> Result<Self, SdkError> {
        let bytes = Bytes::from_request(request, state).await.map_err(too_large)?;
        let text = bytes.trim_ascii();
        read_object(if text.is_empty() { b"{}" } else { text }).map(Self)
    }
}

/// The body of a health call: a stream of objects, at least one.
#[derive(Debug)]
pub(crate) struct Beats;

impl<S: Send + Sync> FromRequest<S> for Beats {
    type Rejection = SdkError;

    async fn from_request(request: Request, state: &S) -> Result<Self, SdkError> {
        let bytes = Bytes::from_request(request, state).await.map_err(too_large)?;
        let mut beats = 0;
        let stream = serde_json::Deserializer::from_slice(&bytes);
        for beat in stream.into_iter::<serde_json::Map<String, Value>>() {
            beat.map_err(|error| SdkError::invalid(error.to_string()))?;
            beats += 1;
        }
        if beats == 0 {
            return Err(SdkError::invalid("a health call needs a body: `{}`".into()));
        }
        Ok(Self)
    }
}

fn too_large(rejection: BytesRejection) -> SdkError {
    match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => SdkError::exhausted("the body is too large".into()),
        _ => SdkError::invalid("the body cannot be read".into()),
    }
}

fn read_object<T: DeserializeOwned>(text: &[u8]) -> Result<T, SdkError> {
    // Serde would also read a struct from an array.
    if text.first() != Some(&b'{') {
        return Err(SdkError::invalid("the body has to be a JSON object".into()));
    }
    serde_json::from_slice(text).map_err(|error| SdkError::invalid(error.to_string()))
}

/// Takes `null` for the default, as the JSON of protobuf does.
fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// No members.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Empty {}

/// A key and its value.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct KeyValue {
    #[serde(deserialize_with = "or_default")]
    pub(crate) key: String,
    #[serde(deserialize_with = "or_default")]
    pub(crate) value: String,
}

/// For how long to reserve.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Seconds {
    #[serde(deserialize_with = "or_default")]
    pub(crate) seconds: Int64,
}

/// A change of a counter.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct CounterPatch {
    pub(crate) count: Option<Int64>,
    pub(crate) capacity: Option<Int64>,
    #[serde(rename = "countDiff", alias = "count_diff", deserialize_with = "or_default")]
    pub(crate) difference: Int64,
}

/// A change of a list: the members that are there are overwritten.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ListPatch {
    pub(crate) capacity: Option<Int64>,
    pub(crate) values: Option<Vec<String>>,
}

/// One value of a list.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ListValue {
    #[serde(deserialize_with = "or_default")]
    pub(crate) value: String,
}

/// A player.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Player {
    #[serde(rename = "playerID", alias = "player_id", deserialize_with = "or_default")]
    pub(crate) player: String,
}

/// A number of players.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Count {
    #[serde(deserialize_with = "or_default")]
    pub(crate) count: Int64,
}

/// An answer in JSON.
pub(crate) fn json_answer<T: Serialize>(status: StatusCode, value: &T) -> Response {
    match serde_json::to_vec(value) {
        Ok(body) => (status, [(header::CONTENT_TYPE, "application/json")], body).into_response(),
        // None of our answers has keys that are no strings, so this does not happen.
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

impl IntoResponse for SdkError {
    fn into_response(self) -> Response {
        #[derive(Serialize)]
        struct Refusal {
            code: i32,
            message: String,
            details: [(); 0],
        }
        let status = StatusCode::from_u16(self.kind.http_status())
            .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let code = self.kind.grpc_code();
        json_answer(status, &Refusal { code, message: self.message, details: [] })
    }
}
