//! The report of a failover over HTTP: three forms, by `format` or by `Accept`, the same after a
//! `kill -9`, and with a guest whose name is an attack.

use reqwest::Method;
use serde_json::{Value, json};

use crate::guest::Guest;
use crate::server::{Server, text};
use crate::wait::wait_for;

const HOSTILE: &str = "<script>alert(1)</script>|[x](javascript:y)";

async fn page(server: &Server, path: &str, accept: &str) -> (String, String) {
    let request = server.api.request(Method::GET, path).header("accept", accept);
    let answer = request.send().await.expect("an answer");
    assert_eq!(answer.status().as_u16(), 200);
    let kind = answer.headers()["content-type"].to_str().expect("text").to_owned();
    if kind.starts_with("text/html") {
        let policy = answer.headers()["content-security-policy"].to_str().expect("text");
        assert!(policy.starts_with("default-src 'none'"), "{policy}");
    }
    (kind, answer.text().await.expect("a whole answer"))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_account_of_a_night_is_the_same_after_a_restart_in_every_form() {
    let mut server = Server::start().await;
    let (main, _) = server.pair().await;
    let token = server.api.post("/api/tokens", json!({ "sub": HOSTILE })).await.expect(201);
    let known = server.api.with_key(&text(&token["token"]));
    let _absent = Guest::enter_as(&known, &main, json!({ "kind": "test" })).await;
    let mut guest = Guest::enter(&server.api, &main).await;
    let body = json!({ "reason": HOSTILE });
    let begun = server.api.post(&format!("/api/worlds/{main}/failover"), body).await.expect(202);
    guest.obey().await;
    let path = format!("/api/failovers/{}/report", text(&begun["id"]));
    let landed = |report: &Value| report["arrivalsMs"].as_array().is_some_and(|all| all.len() == 1);
    let before = wait_for("the landing in the kept rows", async || {
        Some(server.api.get(&path).await.expect(200)).filter(landed)
    })
    .await;
    server.kill();
    server.restart().await;
    let after = server.api.get(&path).await.expect(200);
    for part in ["arrivalsMs", "darkDistributionMs", "toldMs", "stragglers", "counts"] {
        assert_eq!(after[part], before[part], "{part}");
    }
    assert_eq!(after["stragglers"][0]["user"], HOSTILE);
    assert_eq!(after["counts"]["present"], 2);
    let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
    let (kind, by_accept) = page(&server, &path, browser).await;
    assert_eq!(kind, "text/html; charset=utf-8");
    assert!(by_accept.contains("1 of 2 people landed so far"), "{by_accept}");
    assert!(by_accept.contains("&lt;script&gt;alert(1)&lt;/script&gt;"), "{by_accept}");
    assert!(!by_accept.contains("<script"), "{by_accept}");
    let (kind, markdown) = page(&server, &format!("{path}?format=markdown"), browser).await;
    assert_eq!(kind, "text/markdown; charset=utf-8");
    assert!(markdown.contains("## Stragglers, by name") && !markdown.contains('<'), "{markdown}");
    let (kind, _) = page(&server, &path, "*/*").await;
    assert_eq!(kind, "application/json");
    let unknown = server.api.get(&format!("{path}?format=pdf")).await;
    unknown.expect_problem(422, "validation_failed");
}
