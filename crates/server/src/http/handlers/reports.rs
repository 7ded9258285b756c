//! The report of a failover, in the form that is wanted.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE, VARY};
use http::{HeaderMap, HeaderName};
use lifeboat_core::ids::FailoverId;
use serde::Deserialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::failover;
use crate::http::body::{Ask, Id};
use crate::http::negotiate::preferred;
use crate::http::problem::ApiResult;

/// What the page may load: nothing. Its style is within it.
const PAGE_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; \
                           form-action 'none'; frame-ancestors 'self'";

pub(crate) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(report))
}

/// The form of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Format {
    Json,
    Markdown,
    Html,
}

/// `?format=`
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ReportQuery {
    format: Option<Format>,
}

/// Reads the report of a failover
///
/// As JSON, as Markdown, or as a page that needs nothing but itself: with arrival curve, time
/// without a world, timeline, refusals by reason and stragglers by name. `format` decides, else
/// `Accept`, else it is JSON.
#[utoipa::path(
    get, path = "/api/failovers/{id}/report", tag = "failover",
    params(("id" = String, Path, description = "The failover"),
           ("format" = Option<String>, Query, description = "json, markdown or html")),
    responses((status = 200, description = "The report", content(
                  (serde_json::Value = "application/json"),
                  (String = "text/markdown"),
                  (String = "text/html"))),
              (status = 404, description = "not_found"))
)]
pub(crate) async fn report(
    State(app): State<Arc<App>>,
    Id(id): Id<FailoverId>,
    Ask(query): Ask<ReportQuery>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let record = failover::known(&app.catalog(), &id)?;
    let report = failover::report(&app, &record).await?;
    let format = query.format.unwrap_or_else(|| {
        let offered = ["application/json", "text/markdown", "text/html"];
        [Format::Json, Format::Markdown, Format::Html][preferred(&headers, &offered)]
    });
    let caching = [(CACHE_CONTROL, "no-store"), (VARY, "Accept")];
    let (media_type, ending, text) = match format {
        Format::Json => return Ok((caching, Json(report.json())).into_response()),
        Format::Markdown => ("text/markdown; charset=utf-8", "md", report.markdown()),
        Format::Html => ("text/html; charset=utf-8", "html", report.html()),
    };
    let named = format!("inline; filename=\"{id}.{ending}\"");
    let policy = (HeaderName::from_static("content-security-policy"), PAGE_POLICY);
    let sniffing = (HeaderName::from_static("x-content-type-options"), "nosniff");
    let headers = [(CONTENT_TYPE, media_type), policy, sniffing];
    Ok((caching, headers, [(CONTENT_DISPOSITION, named)], text).into_response())
}
