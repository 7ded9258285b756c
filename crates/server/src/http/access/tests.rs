use std::collections::BTreeSet;

use serde_json::json;

use super::*;
use crate::http::fixture::{OTHER_ORIGIN, PUBLIC_URL, Plane};
use crate::http::{openapi, router};

#[test]
fn every_route_has_its_row_and_every_row_its_route() {
    let (_, document) = router::api().split_for_parts();
    let document = openapi::complete(document);
    let mut routes = BTreeSet::from([("GET".to_owned(), "/api/openapi.json".to_owned())]);
    for (path, operations) in document["paths"].as_object().unwrap() {
        let methods = operations.as_object().unwrap().keys();
        let is_method =
            |word: &&String| ["get", "put", "post", "patch", "delete"].contains(&word.as_str());
        for method in methods.filter(is_method) {
            routes.insert((method.to_uppercase(), path.clone()));
        }
    }
    let rows: BTreeSet<_> =
        TABLE.iter().map(|row| (row.method.to_owned(), row.path.to_owned())).collect();
    let without_row: Vec<_> = routes.difference(&rows).collect();
    let without_route: Vec<_> = rows.difference(&routes).collect();
    assert!(without_row.is_empty(), "routes that nobody may call: {without_row:?}");
    assert!(without_route.is_empty(), "rows of no route: {without_route:?}");
    assert_eq!(rows.len(), TABLE.len(), "a route has two rows");
}

#[test]
fn every_write_of_an_operator_has_a_word_for_the_audit_log() {
    for row in TABLE.iter().filter(|row| row.method != "GET" && row.need != Need::Player) {
        assert!(!row.action.is_empty(), "{} {}", row.method, row.path);
    }
}

#[tokio::test]
async fn who_has_no_key_or_too_low_a_role_is_refused_and_noted() {
    let plane = Plane::start().await;
    let (_, viewer) = plane.key("viewer").await;
    let none = plane.send("GET /api/bans", &[], None).await;
    assert_eq!((none.status.as_u16(), none.code()), (401, "unauthorized"));
    let bad = plane.send("GET /api/bans", &[("authorization", "Bearer wrong")], None).await;
    assert_eq!(bad.status, 401);
    let header = format!("Bearer {viewer}");
    let may = plane.send("GET /api/bans", &[("authorization", &header)], None).await;
    assert_eq!(may.status, 200);
    let low = plane.send("POST /api/bans", &[("authorization", &header)], Some(json!({}))).await;
    assert_eq!((low.status.as_u16(), low.code()), (403, "role_required"));
    assert!(low.body["detail"].as_str().unwrap().contains("`operator`"));
    let noted = plane.ask("GET /api/audit?action=ban.create&outcome=role_required", None).await;
    assert_eq!(noted.body["items"][0]["who"], "a viewer");
    assert_eq!(noted.body["items"][0]["address"], "127.0.0.1");
    assert!(noted.body["items"][0]["revision"].as_u64().unwrap() > 0);
}

#[tokio::test]
async fn a_revoked_key_stops_at_once_and_the_last_admin_key_stays() {
    let plane = Plane::start().await;
    let (id, secret) = plane.key("operator").await;
    assert_eq!(plane.send("GET /api/me", &[("x-api-key", &secret)], None).await.status, 200);
    assert_eq!(plane.ask(&format!("DELETE /api/keys/{id}"), None).await.status, 204);
    assert_eq!(plane.send("GET /api/me", &[("x-api-key", &secret)], None).await.status, 401);
    assert_eq!(plane.ask(&format!("DELETE /api/keys/{id}"), None).await.code(), "not_found");
    let keys = plane.ask("GET /api/keys", None).await;
    assert!(!keys.text.contains("hash") && !keys.text.contains("secret"), "{}", keys.text);
    let own = keys.body["items"][0]["id"].as_str().unwrap();
    let last = plane.ask(&format!("DELETE /api/keys/{own}"), None).await;
    assert_eq!((last.status.as_u16(), last.code()), (409, "limit_reached"));
}

async fn log_in(plane: &Plane, key: &str) -> String {
    let body = json!({ "key": key, "name": "Ada" });
    let answer = plane.send("POST /api/login", &[], Some(body)).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let cookie = answer.headers["set-cookie"].to_str().unwrap();
    for part in ["HttpOnly", "SameSite=Strict", "Secure", "Path=/", "Max-Age=43200"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    cookie.split(';').next().unwrap().to_owned()
}

#[tokio::test]
async fn a_cookie_writes_only_from_the_dashboard_and_dies_with_its_key() {
    let plane = Plane::start().await;
    let (id, secret) = plane.key("operator").await;
    let cookie = log_in(&plane, &secret).await;
    let ban = json!({ "user": "mallory", "reason": "spam" });
    let me = plane.send("GET /api/me", &[("cookie", &cookie)], None).await;
    assert_eq!(me.body, json!({ "name": "Ada", "role": "operator" }));
    let foreign = [("x-lifeboat", "1"), ("origin", "https://evil.example"), ("cookie", &cookie)];
    let unmarked = [("origin", PUBLIC_URL), ("cookie", &cookie)];
    for headers in [&foreign[..], &unmarked[..], &[("cookie", &cookie), ("x-lifeboat", "1")]] {
        let refused = plane.send("POST /api/bans", headers, Some(ban.clone())).await;
        assert_eq!((refused.status.as_u16(), refused.code()), (403, "csrf_refused"));
    }
    let own = [("x-lifeboat", "1"), ("origin", PUBLIC_URL), ("cookie", &cookie)];
    let made = plane.send("POST /api/bans", &own, Some(ban)).await;
    assert_eq!((made.status.as_u16(), &made.body["by"]), (201, &json!("Ada")), "{}", made.text);
    assert_eq!(plane.ask(&format!("DELETE /api/keys/{id}"), None).await.status, 204);
    assert_eq!(plane.send("GET /api/me", &[("cookie", &cookie)], None).await.status, 401);
}

#[tokio::test]
async fn a_logout_ends_the_login_and_a_restart_does_not() {
    let mut plane = Plane::start().await;
    let cookie = log_in(&plane, &plane.admin).await;
    plane.restart().await;
    let own = [("x-lifeboat", "1"), ("origin", PUBLIC_URL), ("cookie", &cookie)];
    assert_eq!(plane.send("GET /api/me", &own, None).await.status, 200);
    assert_eq!(plane.send("POST /api/logout", &own, None).await.status, 204);
    assert_eq!(plane.send("GET /api/me", &own, None).await.status, 401);
    plane.restart().await;
    assert_eq!(plane.send("GET /api/me", &own, None).await.status, 401, "it is void for good");
}

#[tokio::test]
async fn the_eleventh_wrong_login_of_a_minute_waits() {
    let plane = Plane::start().await;
    let wrong = json!({ "key": "wrong", "name": "Ada" });
    for _ in 0..10 {
        assert_eq!(plane.send("POST /api/login", &[], Some(wrong.clone())).await.status, 401);
    }
    let body = json!({ "key": plane.admin, "name": "Ada" });
    let limited = plane.send("POST /api/login", &[], Some(body)).await;
    assert_eq!((limited.status.as_u16(), limited.code()), (429, "rate_limited"));
    assert!(limited.body["retryAfterMs"].as_u64().unwrap() > 0);
    assert!(limited.headers.contains_key("retry-after"));
}

#[tokio::test]
async fn other_origins_may_join_and_nothing_else() {
    let plane = Plane::start().await;
    let preflight = [("origin", OTHER_ORIGIN), ("access-control-request-method", "POST")];
    let allowed = |answer: &crate::http::fixture::Answer| {
        answer
            .headers
            .get("access-control-allow-origin")
            .map(|value| value.to_str().unwrap().to_owned())
    };
    let flags = "OPTIONS /api/worlds/wld_1/ofrep/v1/evaluate/flags";
    let flags = plane.send(flags, &preflight, None).await;
    assert!(flags.status.is_success());
    assert_eq!(allowed(&flags).as_deref(), Some(OTHER_ORIGIN));
    assert!(is_for_players("/api/worlds/wld_1/join") && is_for_players("/session"));
    assert!(!is_for_players("/api/worlds/wld_1") && !is_for_players("/api/worlds/wld_1/failover"));
    let keys = plane.send("GET /.well-known/jwks.json", &preflight[..1], None).await;
    assert_eq!(allowed(&keys).as_deref(), Some(OTHER_ORIGIN));
    let exposed = keys.headers["access-control-expose-headers"].to_str().unwrap();
    assert!(exposed.contains("retry-after") && exposed.contains("etag"), "{exposed}");
    let worlds = plane.send("OPTIONS /api/bans", &preflight, None).await;
    assert_eq!(allowed(&worlds), None);
    let evil = [("origin", "https://evil.example")];
    assert_eq!(allowed(&plane.send("GET /.well-known/jwks.json", &evil, None).await), None);
}

#[tokio::test]
async fn what_is_not_there_is_said_in_a_problem_document() {
    let plane = Plane::start().await;
    let method = plane.ask("DELETE /api/bans", None).await;
    assert_eq!((method.status.as_u16(), method.code()), (405, "method_not_allowed"));
    let address = plane.ask("GET /api/nothing", None).await;
    assert_eq!((address.status.as_u16(), address.code()), (404, "not_found"));
}

#[tokio::test]
async fn health_is_for_all_and_metrics_are_for_viewers() {
    let plane = Plane::start().await;
    assert_eq!(plane.send("GET /healthz", &[], None).await.status, 200);
    let ready = plane.send("GET /readyz", &[], None).await;
    assert_eq!((ready.status.as_u16(), &ready.body["ready"]), (200, &json!(true)));
    assert_eq!(plane.send("GET /metrics", &[], None).await.status, 401);
    let (_, viewer) = plane.key("viewer").await;
    let metrics = plane.send("GET /metrics", &[("x-api-key", &viewer)], None).await;
    assert_eq!(metrics.status, 200);
    let names = metrics.text.lines().filter(|line| !line.starts_with('#'));
    for line in names {
        assert!(line.starts_with("lifeboat_"), "{line}");
    }
    for name in ["lifeboat_store_up 1", "lifeboat_catalog_revision", "lifeboat_http_requests_total"]
    {
        assert!(metrics.text.contains(name), "{name} is missing");
    }
}
