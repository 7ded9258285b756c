use http::StatusCode;
use lifeboat_core::limits::IDEMPOTENCY_KEYS_MAX;
use lifeboat_store::{KeyValue, Range, Transaction};
use serde_json::json;

use crate::app::wall_clock;
use crate::http::fixture::{Answer, Plane};

async fn ban(plane: &Plane, key: &str, user: &str) -> Answer {
    let headers = [("x-api-key", plane.admin.as_str()), ("idempotency-key", key)];
    let body = json!({ "user": user, "reason": "spam" });
    plane.send("POST /api/bans", &headers, Some(body)).await
}

#[tokio::test]
async fn the_same_request_again_gets_the_first_answer_also_after_a_restart() {
    let mut plane = Plane::start().await;
    let first = ban(&plane, "one", "mallory").await;
    assert_eq!(first.status, StatusCode::CREATED);
    let again = ban(&plane, "one", "mallory").await;
    assert_eq!((again.status, &again.body), (first.status, &first.body));
    assert_eq!(again.headers["content-type"], first.headers["content-type"]);
    plane.restart().await;
    assert_eq!(ban(&plane, "one", "mallory").await.body, first.body);
    let bans = plane.ask("GET /api/bans", None).await;
    assert_eq!(bans.body["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn another_request_with_the_key_is_refused_and_another_caller_is_not() {
    let plane = Plane::start().await;
    ban(&plane, "one", "mallory").await;
    let other = ban(&plane, "one", "eve").await;
    assert_eq!((other.status.as_u16(), other.code()), (422, "idempotency_mismatch"));
    let (_, operator) = plane.key("operator").await;
    let headers = [("x-api-key", operator.as_str()), ("idempotency-key", "one")];
    let body = json!({ "user": "eve", "reason": "spam" });
    assert_eq!(plane.send("POST /api/bans", &headers, Some(body)).await.status, 201);
}

#[tokio::test]
async fn requests_at_the_same_time_are_done_once() {
    let plane = Plane::start().await;
    let tries = (0..8).map(|_| ban(&plane, "one", "mallory"));
    let answers = futures::future::join_all(tries).await;
    assert!(answers.iter().all(|answer| answer.body == answers[0].body));
    let bans = plane.ask("GET /api/bans", None).await;
    assert_eq!(bans.body["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_refusal_is_remembered_and_a_key_has_its_limit() {
    let plane = Plane::start().await;
    let first = ban(&plane, "one", " ").await;
    let again = ban(&plane, "one", " ").await;
    assert_eq!((first.status.as_u16(), again.body), (422, first.body));
    let long = ban(&plane, &"k".repeat(256), "mallory").await;
    assert_eq!((long.status.as_u16(), long.code()), (400, "bad_request"));
}

#[tokio::test]
async fn the_secret_of_a_new_key_is_never_written_down() {
    let plane = Plane::start().await;
    let headers = [("x-api-key", plane.admin.as_str()), ("idempotency-key", "one")];
    let body = json!({ "name": "ci", "role": "viewer" });
    let first = plane.send("POST /api/keys", &headers, Some(body.clone())).await;
    let again = plane.send("POST /api/keys", &headers, Some(body)).await;
    assert_eq!(first.body, again.body);
    for kept in kept(&plane, None).await {
        let text = String::from_utf8(kept.value.to_vec()).unwrap();
        assert!(text.contains("key.create") && !text.contains("body"), "{text}");
    }
}

async fn kept(plane: &Plane, at: Option<u64>) -> Vec<KeyValue> {
    plane.store.list(Range::prefix("/idempotency/"), at).await.unwrap().items
}

/// Kills the control plane as after the commit of what each request changed.
async fn kill_before_the_answers(plane: &mut Plane) {
    for last in kept(plane, None).await {
        let then = kept(plane, Some(last.created)).await;
        let first = then.into_iter().find(|one| one.key == last.key).unwrap();
        let transaction = Transaction::new().put(first.key, first.value);
        let _ = plane.store.commit(transaction).await.unwrap();
    }
    plane.restart().await;
}

#[tokio::test]
async fn what_was_done_before_a_crash_is_not_done_again() {
    let mut plane = Plane::start().await;
    let (main, standby) = plane.pair().await;
    plane.enter(&main).await;
    let other = plane.world("Other").await;
    let counter = json!({ "path": "/game/ForceDisconnect/Redirected" });
    let (forced, none) = (json!({ "force": true, "reason": "test" }), json!({}));
    let requests = [
        ("/api/worlds".to_owned(), json!({ "name": "A", "build": { "mod": "plaza" } })),
        (format!("/api/worlds/{other}/standby"), none.clone()),
        (format!("/api/worlds/{other}/launch"), none.clone()),
        (format!("/api/worlds/{standby}/live-config/increment"), counter),
        ("/api/bans".to_owned(), json!({ "user": "mallory", "reason": "spam" })),
        ("/api/keys".to_owned(), json!({ "name": "ci", "role": "viewer" })),
        (format!("/api/worlds/{main}/failover"), forced.clone()),
        (format!("/api/worlds/{main}/failback"), forced),
    ];
    for (path, body) in &requests {
        let headers = [("x-api-key", plane.admin.as_str()), ("idempotency-key", path.as_str())];
        let first = plane.send(&format!("POST {path}"), &headers, Some(body.clone())).await;
        assert!(first.status.is_success(), "{path}: {}", first.text);
    }
    kill_before_the_answers(&mut plane).await;
    let before = plane.app.catalog().revision;
    for (path, body) in &requests {
        let headers = [("x-api-key", plane.admin.as_str()), ("idempotency-key", path.as_str())];
        let again = plane.send(&format!("POST {path}"), &headers, Some(body.clone())).await;
        assert_eq!((again.status.as_u16(), again.code()), (409, "idempotency_done"), "{path}");
        let other = json!({ "reason": "another request" });
        let other = plane.send(&format!("POST {path}"), &headers, Some(other)).await;
        assert_eq!(other.code(), "idempotency_mismatch", "{path}");
    }
    assert_eq!(plane.app.catalog().revision, before, "nothing is written");
    assert_eq!(plane.app.auth.keys().len(), 2);
}

#[tokio::test]
async fn the_oldest_answers_are_deleted_when_there_are_more_than_are_kept() {
    let plane = Plane::start().await;
    ban(&plane, "newest", "mallory").await;
    let prefix = Range::prefix("/idempotency/");
    let newest = plane.store.list(prefix.clone(), None).await.unwrap().items.remove(0);
    let mut older: serde_json::Value = serde_json::from_slice(&newest.value).unwrap();
    let keys: Vec<usize> = (0..IDEMPOTENCY_KEYS_MAX + 10).collect();
    for keys in keys.chunks(100) {
        let transaction = keys.iter().fold(Transaction::new(), |transaction, key| {
            let at = wall_clock() - std::time::Duration::from_secs(3_600 + *key as u64);
            older["at"] = json!(at);
            transaction.put(format!("/idempotency/{key}"), older.to_string())
        });
        let _ = plane.store.commit(transaction).await.unwrap();
    }
    super::prune(&plane.app).await.unwrap();
    let mut left = Vec::new();
    let mut range = prefix.limit(1_000);
    loop {
        let page = plane.store.list(range.clone(), None).await.unwrap();
        left.extend(page.items.into_iter().map(|item| item.key));
        let Some(next) = page.next else { break };
        range = range.after(next);
    }
    assert_eq!(left.len(), IDEMPOTENCY_KEYS_MAX);
    assert!(left.contains(&newest.key) && left.contains(&"/idempotency/0".to_owned()));
    assert!(!left.contains(&format!("/idempotency/{}", IDEMPOTENCY_KEYS_MAX + 9)));
}
