//! Answers that are a fault of ours, in the log. A 503 is none: it is how people are paced, and how
//! they learn that something is away, which is logged where it is noticed.

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use http::StatusCode;
use lifeboat_core::code::ErrorCode;

/// Logs a 500 with the request that it answers.
pub(crate) async fn log(request: Request, next: Next) -> Response {
    let (method, uri) = (request.method().clone(), request.uri().clone());
    let response = next.run(request).await;
    if response.status() == StatusCode::INTERNAL_SERVER_ERROR {
        let code = response.extensions().get::<ErrorCode>().map_or("none", |code| code.as_str());
        // The path alone: a query may hold what is not for the log.
        tracing::error!(
            http.method = %method, http.path = uri.path(), http.status = 500, problem.code = code,
            "a request failed by a fault of ours"
        );
    }
    response
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write};
    use std::sync::{Arc, Mutex};

    use axum::Router;
    use axum::body::Body;
    use axum::middleware::from_fn;
    use axum::routing::get;
    use lifeboat_protocol::problem::Problem;
    use tower::ServiceExt as _;
    use tracing_subscriber::fmt;

    use super::*;
    use crate::http::fixture::Plane;
    use crate::http::problem::ApiError;

    #[derive(Debug, Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Kept {
        fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn keep_log() -> (Kept, tracing::subscriber::DefaultGuard) {
        let kept = Kept::default();
        let writer = kept.clone();
        let log = fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
        (kept, tracing::subscriber::set_default(log))
    }

    #[tokio::test]
    async fn a_fault_of_ours_is_logged_with_method_and_path() {
        let (log, _guard) = keep_log();
        let fault = async || {
            let problem = Problem::new(ErrorCode::StoreUnavailable, "broken");
            ApiError::from(Problem { status: 500, ..problem })
        };
        let router: Router = Router::new().route("/api/x", get(fault)).layer(from_fn(super::log));
        let request = Request::get("/api/x?key=secret").body(Body::empty()).unwrap();
        assert_eq!(router.oneshot(request).await.unwrap().status(), 500);
        let text = log.text();
        for part in ["ERROR", "http.method=GET", "http.path=\"/api/x\"", "store_unavailable"] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert!(!text.contains("secret"), "{text}");
    }

    #[tokio::test]
    async fn a_refusal_that_is_meant_is_no_error_in_the_log() {
        let plane = Plane::start().await;
        let world = plane.world("Main").await;
        let (log, _guard) = keep_log();
        let line = format!("POST /api/worlds/{world}/join");
        let refused = plane.send(&line, &[], Some(serde_json::json!({}))).await;
        assert_eq!((refused.status.as_u16(), refused.code()), (503, "world_not_active"));
        assert_eq!(log.text(), "");
    }
}
