//! The pages: the dashboard, the browser client and the guides, all within the program.

mod answers;
mod docs;
mod markdown;
mod words;

use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse as _, Redirect, Response};
use http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, HeaderName};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use lifeboat_core::code::ErrorCode;
use rust_embed::RustEmbed;

use crate::http::problem::ApiError;

#[derive(RustEmbed)]
#[folder = "../../web/dist"]
#[allow_missing = true]
struct Dashboard;

/// The page that every address of the dashboard begins with.
const DASHBOARD_PAGE: &str = "index.html";
/// The page of the browser client.
const PLAY_PAGE: &str = "play.html";
/// Files whose names change with what is in them.
const HASHED_FOLDER: &str = "assets/";
/// Stands in where the program was built without the dashboard.
const NOT_BUILT: &str = "<!doctype html><title>Lifeboat</title><h1>Lifeboat is running</h1>\
    <p>This program was built without the dashboard. To have it, run <code>npm ci</code> and \
    <code>npm run build</code> in the folder <code>web</code>, then build the program again.</p>\
    <p>The API is described at <a href=\"/api/openapi.json\">/api/openapi.json</a>, the guides are \
    at <a href=\"/docs/\">/docs/</a>.</p>";

/// What pages may load and from where, and who may show them in a frame.
const SECURITY_HEADERS: [(&str, &str); 4] = [
    (
        "content-security-policy",
        "default-src 'self'; connect-src 'self' ws: wss:; img-src 'self' data:; \
         style-src 'self' 'unsafe-inline'; object-src 'none'; base-uri 'self'; \
         form-action 'self'; frame-ancestors 'self'",
    ),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "same-origin"),
    ("x-frame-options", "SAMEORIGIN"),
];

/// Answers whatever no route answers.
pub(crate) async fn serve(request: Request) -> Response {
    let path = request.uri().path();
    if !matches!(*request.method(), Method::GET | Method::HEAD) || is_api(path) {
        let detail = format!(
            "there is nothing at {} {}; see /api/openapi.json",
            request.method(),
            path.chars().take(200).collect::<String>()
        );
        return ApiError::new(ErrorCode::NotFound, detail).into_response();
    }
    let mut response = page(path, request.uri().query(), request.headers());
    for (name, value) in SECURITY_HEADERS {
        let (name, value) = (HeaderName::from_static(name), HeaderValue::from_static(value));
        response.headers_mut().entry(name).or_insert(value);
    }
    response
}

fn is_api(path: &str) -> bool {
    let first = path.split('/').nth(1);
    matches!(first, Some("api" | ".well-known"))
}

fn page(path: &str, query: Option<&str>, headers: &HeaderMap) -> Response {
    if path == "/docs" {
        return Redirect::permanent("/docs/").into_response();
    }
    if let Some(page) = path.strip_prefix("/docs/") {
        return docs::serve(page, query);
    }
    let name = path.trim_start_matches('/');
    if let Some(file) = Dashboard::get(name).filter(|_| !name.is_empty()) {
        return embedded(name, file.data.into_owned());
    }
    let wants_page = headers.get(ACCEPT).is_none_or(|accept| {
        let accept = accept.to_str().unwrap_or("");
        accept.contains("text/html") || accept.contains("*/*")
    });
    // A file that is asked for by its name and is not there must not be answered with a page.
    let is_file = name.rsplit('/').next().is_some_and(|last| last.contains('.'));
    if is_file || !wants_page {
        return ApiError::new(ErrorCode::NotFound, "there is no such page").into_response();
    }
    let name = if name == "play" || name.starts_with("play/") { PLAY_PAGE } else { DASHBOARD_PAGE };
    match Dashboard::get(name) {
        Some(file) => embedded(name, file.data.into_owned()),
        None => html(StatusCode::OK, NOT_BUILT.to_owned()),
    }
}

fn embedded(name: &str, bytes: Vec<u8>) -> Response {
    let caching = if name.starts_with(HASHED_FOLDER) {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    ([(CONTENT_TYPE, media_type(name)), (CACHE_CONTROL, caching)], Body::from(bytes))
        .into_response()
}

fn html(status: StatusCode, text: String) -> Response {
    let headers = [(CONTENT_TYPE, media_type(".html")), (CACHE_CONTROL, "no-cache")];
    (status, headers, text).into_response()
}

fn media_type(name: &str) -> &'static str {
    match name.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "webp" => "image/webp",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "wasm" => "application/wasm",
        "md" => "text/markdown; charset=utf-8",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;

    async fn get(address: &str, accept: &str) -> (StatusCode, String, String) {
        let request = Request::get(address).header(ACCEPT, accept).body(Body::empty()).unwrap();
        let response = serve(request).await;
        let (parts, body) = response.into_parts();
        let media_type = parts.headers[CONTENT_TYPE].to_str().unwrap().to_owned();
        let bytes = body.collect().await.unwrap().to_bytes();
        (parts.status, media_type, String::from_utf8_lossy(&bytes).into_owned())
    }

    #[tokio::test]
    async fn every_address_of_the_dashboard_is_a_page_and_those_of_the_api_are_not() {
        for page in ["/", "/worlds/wld_1", "/play/wld_1"] {
            let (status, media_type, _) = get(page, "text/html,*/*").await;
            assert_eq!((status, media_type.as_str()), (StatusCode::OK, "text/html; charset=utf-8"));
        }
        for missing in ["/api/nothing", "/.well-known/nothing", "/nothing.js"] {
            let (status, media_type, _) = get(missing, "*/*").await;
            assert_eq!(status, StatusCode::NOT_FOUND, "{missing}");
            assert_eq!(media_type, "application/problem+json");
        }
    }

    #[tokio::test]
    async fn a_page_says_what_it_may_load() {
        let response = serve(Request::get("/").body(Body::empty()).unwrap()).await;
        let headers = response.headers();
        let policy = headers["content-security-policy"].to_str().unwrap();
        assert!(policy.contains("default-src 'self'"));
        assert!(policy.contains("frame-ancestors 'self'"));
        assert_eq!(headers["x-content-type-options"], "nosniff");
    }
}
