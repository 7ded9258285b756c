use std::time::Duration;

use lifeboat_core::limits::{
    WEBHOOK_BACKOFF_MAX, WEBHOOK_DELIVERIES_KEPT_MAX, WEBHOOK_PENDING_MAX, WEBHOOK_TRIES_MAX,
};

use super::delivery::{Outcome, wait_after};
use super::*;
use crate::http::fixture::Plane;

fn line(format: Format, url: &str) -> Line {
    let webhook = Webhook {
        id: "wh_1".parse().unwrap(),
        url: url.to_owned(),
        events: vec![EventKind::Alert],
        format,
        secret: "whsec_c2VjcmV0".to_owned(),
        by: "ada".to_owned(),
        created_at: Timestamp::from_ms(0),
    };
    Line { webhook, deliveries: VecDeque::new(), is_busy: false }
}

fn delivery(at_ms: i64) -> Delivery {
    Delivery::new("alert", "{}".to_owned(), Timestamp::from_ms(at_ms))
}

#[test]
fn the_signature_is_that_of_the_scheme_s_own_example() {
    let signature = send::signature(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "1614265330",
        "{\"test\": 2432232314}",
    );
    assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

#[test]
fn tries_grow_apart_are_spread_and_end() {
    let waits: Vec<u64> = (1..=12).map(|tries| wait_after(tries, 0.0).as_secs()).collect();
    assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 600, 600]);
    assert_eq!(wait_after(3, 1.0), Duration::from_secs(2));
    assert_eq!(wait_after(u32::MAX, 0.0), WEBHOOK_BACKOFF_MAX);
    let mut one = delivery(0);
    for _ in 0..WEBHOOK_TRIES_MAX {
        assert!(one.is_pending());
        one.note(&Outcome::Refused(500), Timestamp::from_ms(1), 0.5);
    }
    assert_eq!((&one.view()["state"], &one.view()["nextTryAt"]), (&json!("failed"), &Value::Null));
}

#[test]
fn an_answer_of_2xx_ends_it_and_a_redirect_does_not() {
    let mut one = delivery(0);
    one.note(&Outcome::Refused(302), Timestamp::from_ms(1), 0.5);
    assert_eq!(one.view()["error"], "redirects are not followed");
    assert!(one.is_pending());
    one.note(&Outcome::Taken(204), Timestamp::from_ms(2), 0.5);
    assert_eq!((&one.view()["state"], &one.view()["status"]), (&json!("delivered"), &json!(204)));
}

#[test]
fn what_waits_and_what_is_kept_is_bounded() {
    let mut line = line(Format::Json, "http://a/");
    for at in 0..3 * i64::try_from(WEBHOOK_DELIVERIES_KEPT_MAX).unwrap() {
        let changed = line.take(delivery(at));
        assert!(changed.kept.len() <= 2 && changed.forgotten.len() <= 1);
    }
    assert_eq!(line.pending(), WEBHOOK_PENDING_MAX);
    assert_eq!(line.deliveries.len(), WEBHOOK_DELIVERIES_KEPT_MAX);
    let newest = line.deliveries.back().unwrap();
    assert!(newest.is_pending(), "the newest is the one that is wanted most");
}

#[test]
fn a_failed_delivery_lets_others_go_first() {
    let mut line = line(Format::Json, "http://a/");
    line.take(delivery(0));
    line.take(delivery(1));
    let now = Timestamp::from_ms(10);
    let first = line.due(now).unwrap().id().to_owned();
    line.deliveries[0].note(&Outcome::Refused(500), now, 0.0);
    assert_ne!(line.due(now).unwrap().id(), first);
    line.is_busy = true;
    assert!(line.due(now).is_none() && line.due_at().is_none(), "one try at a time");
}

#[test]
fn a_chat_is_called_by_nobody_s_name() {
    let webhook = line(Format::Slack, "https://hooks.example/T1/secret").webhook;
    let text = "<!channel> & <https://evil|x>";
    let body = message::body(&webhook, "alert", Timestamp::from_ms(0), text, json!({}));
    assert_eq!(body, r#"{"text":"&lt;!channel&gt; &amp; &lt;https://evil|x&gt;"}"#);
    assert_eq!(webhook.masked()["url"], "https://hooks.example/•••");
    assert!(!webhook.view().to_string().contains("whsec"));
}

#[tokio::test]
async fn only_addresses_that_can_be_called_are_taken() {
    let plane = Plane::start().await;
    for url in
        ["ftp://a/", "http://", "a.example", "http://u:p@a/", "http://a:99999/", "http://a/\n", ""]
    {
        let made = plane.ask("POST /api/webhooks", Some(json!({ "url": url }))).await;
        assert_eq!((made.status.as_u16(), &made.body["errors"][0]["path"]), (422, &json!("/url")));
    }
    let none = json!({ "url": "https://a.example/", "events": [] });
    let none = plane.ask("POST /api/webhooks", Some(none)).await;
    assert_eq!(none.body["errors"][0]["path"], "/events");
    let unknown = json!({ "url": "https://a.example/", "events": ["nothing"] });
    assert_eq!(plane.ask("POST /api/webhooks", Some(unknown)).await.status, 422);
    let (_, operator) = plane.key("operator").await;
    let low = plane.send("GET /api/webhooks", &[("x-api-key", &operator)], None).await;
    assert_eq!((low.status.as_u16(), low.code()), (403, "role_required"));
}

#[tokio::test]
async fn a_secret_is_told_once_and_the_audit_log_has_neither_it_nor_the_path() {
    let plane = Plane::start().await;
    let body = json!({
        "url": "https://hooks.example/of-the-team/secret-path", "format": "slack",
        "events": ["alert", "readiness", "alert", "failover", "alert"],
    });
    let made = plane.ask("POST /api/webhooks", Some(body)).await;
    assert_eq!(made.status, 201, "{}", made.text);
    assert!(made.body["secret"].as_str().unwrap().starts_with("whsec_"));
    let list = plane.ask("GET /api/webhooks", None).await;
    assert_eq!(list.body["items"][0]["events"], json!(["alert", "readiness", "failover"]));
    let audit = plane.ask("GET /api/audit", None).await;
    for text in [&list.text, &audit.text] {
        assert!(!text.contains("whsec_"), "{text}");
    }
    assert!(audit.text.contains("webhook.create") && !audit.text.contains("secret-path"));
    let id = made.body["id"].as_str().unwrap();
    let removed = plane.ask(&format!("DELETE /api/webhooks/{id}"), None).await;
    assert_eq!(removed.status, 204);
    let again = plane.ask(&format!("DELETE /api/webhooks/{id}"), None).await;
    assert_eq!((again.status.as_u16(), again.code()), (404, "not_found"));
    let gone = plane.ask(&format!("GET /api/webhooks/{id}/deliveries"), None).await;
    assert_eq!(gone.status, 404);
}
