//! The audit log, the newest entry first; and the paging that lists share.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use lifeboat_core::limits::{PAGE_DEFAULT, PAGE_MAX};
use lifeboat_store::Range;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::http::body::Ask;
use crate::http::cursor;
use crate::http::problem::ApiResult;
use crate::keyspace;
use crate::writer::AuditEntry;

/// Entries that one request looks through when it filters.
const SCANNED_MAX: usize = 20_000;

pub(crate) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(list))
}

/// `?cursor=&limit=`
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct PageQuery {
    cursor: Option<String>,
    limit: Option<usize>,
}

impl PageQuery {
    fn limit(&self) -> usize {
        self.limit.unwrap_or(PAGE_DEFAULT).clamp(1, PAGE_MAX)
    }
}

/// Where the page after `cursor` begins, which is the id of the last item of the page before.
///
/// # Errors
/// When there is no such item: where its page would begin is not known.
pub(super) fn start_after<T>(
    all: &[T],
    cursor: Option<&str>,
    id: impl Fn(&T) -> &str,
) -> ApiResult<usize> {
    let Some(cursor) = cursor else { return Ok(0) };
    let found = all.iter().position(|one| id(one) == cursor);
    found.map(|at| at + 1).ok_or_else(|| cursor::refused(cursor))
}

/// A page of items that are in memory.
///
/// # Errors
/// As [`start_after`].
pub(super) fn page_by_id(items: Vec<(String, Value)>, page: &PageQuery) -> ApiResult<Json<Value>> {
    let start = start_after(&items, page.cursor.as_deref(), |(id, _)| id)?;
    let end = (start + page.limit()).min(items.len());
    let next = (end < items.len()).then(|| items[end - 1].0.clone());
    let shown: Vec<Value> = items.into_iter().take(end).skip(start).map(|(_, item)| item).collect();
    Ok(Json(json!({ "items": shown, "nextCursor": next })))
}

/// `?cursor=&limit=&action=&target=&who=&outcome=`
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct AuditQuery {
    cursor: Option<String>,
    limit: Option<usize>,
    action: Option<String>,
    target: Option<String>,
    who: Option<String>,
    outcome: Option<String>,
}

impl AuditQuery {
    fn takes(&self, entry: &AuditEntry) -> bool {
        let fits =
            |wanted: &Option<String>, is: &str| wanted.as_deref().is_none_or(|wanted| wanted == is);
        fits(&self.action, &entry.action)
            && fits(&self.target, &entry.target)
            && fits(&self.who, &entry.who)
            && fits(&self.outcome, &entry.outcome)
    }
}

/// Lists who did what, the newest first
///
/// Refused tries too. Internal values are masked, and nothing here is ever changed.
#[utoipa::path(
    get, path = "/api/audit", tag = "audit",
    params(("cursor" = Option<String>, Query, description = "Where the last page ended"),
           ("limit" = Option<usize>, Query, description = "Entries at the most"),
           ("action" = Option<String>, Query, description = "Only this action, such as `world.launch`"),
           ("target" = Option<String>, Query, description = "Only what was done to this id"),
           ("who" = Option<String>, Query, description = "Only what this one did"),
           ("outcome" = Option<String>, Query, description = "Only `done`, or a code")),
    responses((status = 200, description = "`items` of `at`, `who`, `role`, `address`, `what` (`action` and `target`), `action`, `target`, `before`, `after`, `reason`, `outcome`, `revision`, and `nextCursor`", body = Value))
)]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    Ask(query): Ask<AuditQuery>,
) -> ApiResult<Json<Value>> {
    let limit = query.limit.unwrap_or(PAGE_DEFAULT).clamp(1, PAGE_MAX);
    let mut range = Range::prefix(keyspace::AUDIT).descending().limit(PAGE_MAX);
    if let Some(cursor) = &query.cursor {
        if !cursor::is_moment(cursor) {
            return Err(cursor::refused(cursor));
        }
        range = range.after(format!("{}{cursor}", keyspace::AUDIT));
    }
    let (mut items, mut scanned) = (Vec::new(), 0);
    let short = |key: &str| key.strip_prefix(keyspace::AUDIT).unwrap_or_default().to_owned();
    loop {
        let page = app.store.list(range.clone(), None).await?;
        let last = page.items.len();
        for (index, item) in page.items.iter().enumerate() {
            // A damaged entry is no reason to hide the others.
            let Ok(entry) = serde_json::from_slice::<AuditEntry>(&item.value) else { continue };
            if query.takes(&entry) {
                let mut shown = json!(entry);
                shown["what"] = json!(format!("{} {}", entry.action, entry.target));
                shown["revision"] = json!(item.modified);
                shown["id"] = json!(short(&item.key));
                items.push(shown);
            }
            let has_more = index + 1 < last || page.next.is_some();
            if items.len() == limit {
                let next = has_more.then(|| short(&item.key));
                return Ok(Json(json!({ "items": items, "nextCursor": next })));
            }
        }
        scanned += page.items.len();
        let Some(next) = page.next else {
            return Ok(Json(json!({ "items": items, "nextCursor": null })));
        };
        if scanned >= SCANNED_MAX {
            return Ok(Json(json!({ "items": items, "nextCursor": short(&next) })));
        }
        range = range.after(next);
    }
}
