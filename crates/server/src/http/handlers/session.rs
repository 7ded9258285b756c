//! `GET /session`: the WebSocket handshake of the session channel. Once it is done, the bare socket
//! is the gateway's and the HTTP connection's memory is given back.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{
    AUTHORIZATION, CONNECTION, HeaderMap, HeaderName, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY,
    SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use http::{HeaderValue, StatusCode};
use lifeboat_core::code::ErrorCode;
use lifeboat_gateway::tokens::TokenRefusal;
use lifeboat_protocol::frame::{SUBPROTOCOL, TOKEN_SUBPROTOCOL_PREFIX};
use sha1::{Digest, Sha1};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::http::handover::Handover;
use crate::http::problem::{ApiError, ApiResult};

/// What RFC 6455 has the key hashed with.
const HANDSHAKE_GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

pub(crate) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(open))
}

/// Opens the session channel
///
/// A WebSocket with the subprotocols `lifeboat.v1` and `token.<sessionToken>`. The upgrade always
/// succeeds; what is wrong with the token is a frame and a close code.
#[utoipa::path(
    get,
    path = "/session",
    tag = "players",
    responses(
        (status = 101, description = "The session channel"),
        (status = 400, description = "Not a WebSocket handshake"),
    )
)]
pub(crate) async fn open(State(app): State<Arc<App>>, request: Request) -> ApiResult<Response> {
    let headers = request.headers();
    let accept = handshake(headers)?;
    let offers_protocol = protocols(headers).any(|word| word == SUBPROTOCOL);
    let token = match token(headers) {
        Some(token) => app.gateway.keys().check_session(token, app.now()).map(Box::new),
        None => Err(TokenRefusal::Invalid),
    };
    let handover = request.extensions().get::<Handover>().cloned().unwrap_or_default();
    handover.give(token);
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let mut set = |name: HeaderName, value: HeaderValue| {
        response.headers_mut().insert(name, value);
    };
    set(CONNECTION, HeaderValue::from_static("upgrade"));
    set(UPGRADE, HeaderValue::from_static("websocket"));
    set(SEC_WEBSOCKET_ACCEPT, accept);
    if offers_protocol {
        set(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
    }
    Ok(response)
}

/// The answer to the key of a valid handshake.
fn handshake(headers: &HeaderMap) -> ApiResult<HeaderValue> {
    let has = |name: HeaderName, word: &str| {
        let value = headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("");
        value.split(',').any(|part| part.trim().eq_ignore_ascii_case(word))
    };
    let key = headers.get(SEC_WEBSOCKET_KEY).filter(|_| {
        has(UPGRADE, "websocket") && has(CONNECTION, "upgrade") && has(SEC_WEBSOCKET_VERSION, "13")
    });
    let not_a_handshake = || {
        ApiError::new(
            ErrorCode::BadRequest,
            "open a WebSocket here (version 13), with its token as a subprotocol",
        )
    };
    let key = key.ok_or_else(not_a_handshake)?;
    let digest = Sha1::new().chain_update(key).chain_update(HANDSHAKE_GUID).finalize();
    HeaderValue::from_str(&STANDARD.encode(digest)).map_err(|_| not_a_handshake())
}

fn protocols(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let lists = headers.get_all(SEC_WEBSOCKET_PROTOCOL).iter();
    lists.filter_map(|list| list.to_str().ok()).flat_map(|list| list.split(',')).map(str::trim)
}

fn token(headers: &HeaderMap) -> Option<&str> {
    protocols(headers).find_map(|word| word.strip_prefix(TOKEN_SUBPROTOCOL_PREFIX)).or_else(|| {
        headers.get(AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ").map(str::trim)
    })
}
