//! Webhooks, with a receiver that is real: it fails, it is slow, it is away, and it checks every
//! signature with the scheme's own library.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::{Value, json};
use standardwebhooks::Webhook;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::guest::Guest;
use crate::server::{Server, text};
use crate::wait::wait_for;

/// A request as it came: its headers in lower case, and its body.
#[derive(Debug, Clone)]
struct Received {
    headers: Vec<(String, String)>,
    body: String,
}

impl Received {
    fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map_or("", |(_, value)| value.as_str())
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("JSON")
    }

    /// Whether the scheme's own library takes its signature.
    fn is_signed_with(&self, secret: &str) -> bool {
        let mut headers = reqwest::header::HeaderMap::new();
        for name in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
            headers.insert(name, self.header(name).parse().expect("a header"));
        }
        let webhook = Webhook::new(secret).expect("a secret");
        webhook.verify(self.body.as_bytes(), &headers).is_ok()
    }
}

/// A service that notes what it is sent and answers with these statuses, the last one for ever.
#[derive(Clone)]
struct Receiver {
    address: SocketAddr,
    received: Arc<Mutex<Vec<Received>>>,
}

impl Receiver {
    async fn with(statuses: &'static [u16]) -> Self {
        Self::at("127.0.0.1:0".parse().expect("an address"), statuses).await
    }

    async fn at(address: SocketAddr, statuses: &'static [u16]) -> Self {
        let listener = TcpListener::bind(address).await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let receiver = Self { address, received: Arc::default() };
        let noting = Arc::clone(&receiver.received);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let number = noting.lock().expect("whole").len();
                let status = statuses[number.min(statuses.len() - 1)];
                tokio::spawn(answer(stream, status, Arc::clone(&noting)));
            }
        });
        receiver
    }

    fn url(&self) -> String {
        format!("http://{}/hook?a=b", self.address)
    }

    fn received(&self) -> Vec<Received> {
        self.received.lock().expect("whole").clone()
    }

    async fn first(&self, what: &str, fits: impl Fn(&Value) -> bool) -> Received {
        wait_for(what, async || self.received().into_iter().find(|one| fits(&one.json()))).await
    }
}

/// Reads one request and answers it; with status 0, never.
async fn answer(mut stream: TcpStream, status: u16, noting: Arc<Mutex<Vec<Received>>>) {
    let mut bytes = Vec::new();
    let request = loop {
        if let Some(request) = parse(&bytes) {
            break request;
        }
        if stream.read_buf(&mut bytes).await.unwrap_or(0) == 0 {
            return;
        }
    };
    noting.lock().expect("whole").push(request);
    if status == 0 {
        std::future::pending::<()>().await;
    }
    let moved = "location: /elsewhere\r\n";
    let head = format!("HTTP/1.1 {status} x\r\n{moved}content-length: 0\r\n\r\n");
    let _ = stream.write_all(head.as_bytes()).await;
}

fn parse(bytes: &[u8]) -> Option<Received> {
    let whole = String::from_utf8_lossy(bytes).into_owned();
    let (head, body) = whole.split_once("\r\n\r\n")?;
    let headers: Vec<(String, String)> = head
        .lines()
        .skip(1)
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        .collect();
    let received = Received { headers, body: body.to_owned() };
    let length: usize = received.header("content-length").parse().ok()?;
    (received.body.len() >= length).then_some(received)
}

async fn webhook(server: &Server, receiver: &Receiver, with: Value) -> (String, String) {
    let mut body = json!({ "url": receiver.url() });
    for (field, value) in with.as_object().expect("an object") {
        body[field] = value.clone();
    }
    let made = server.api.post("/api/webhooks", body).await.expect(201);
    (text(&made["id"]), text(&made["secret"]))
}

async fn deliveries(server: &Server, id: &str) -> Vec<Value> {
    let path = format!("/api/webhooks/{id}/deliveries?limit=1000");
    let list = server.api.get(&path).await.expect(200);
    list["items"].as_array().expect("a list").clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_fails_twice_is_told_again_with_the_same_id_and_a_true_signature() {
    let server = Server::start().await;
    let receiver = Receiver::with(&[500, 302, 204]).await;
    let (id, secret) = webhook(&server, &receiver, json!({})).await;
    let path = format!("/api/webhooks/{id}/test");
    let first = server.api.post(&path, json!({})).await.expect(200);
    assert_eq!((&first["state"], &first["status"]), (&json!("pending"), &json!(500)), "{first}");
    wait_for("the third try", async || {
        let newest = deliveries(&server, &id).await.into_iter().next()?;
        (newest["state"] == "delivered" && newest["tries"] == 3).then_some(())
    })
    .await;
    let received = receiver.received();
    assert_eq!(
        received.len(),
        3,
        "a redirect is not followed, and what was taken is not sent again"
    );
    for one in &received {
        assert_eq!(one.header("webhook-id"), first["id"]);
        assert_eq!(one.body, received[0].body);
        assert!(one.is_signed_with(&secret), "{one:?}");
        let other = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        assert!(!one.is_signed_with(other), "a signature that anything would pass for");
    }
    let body = received[2].json();
    assert_eq!((&body["type"], &body["data"]["webhookId"]), (&json!("test"), &json!(id)));
    let second = server.api.post(&path, json!({})).await.expect(200);
    assert_eq!((&second["state"], &second["status"]), (&json!("delivered"), &json!(204)));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alarm_and_a_failover_reach_a_chat_and_a_program() {
    let server = Server::start_with(&["--restart-policy", "never"]).await;
    let (main, standby) = server.pair().await;
    let (chat, program) = (Receiver::with(&[200]).await, Receiver::with(&[200]).await);
    webhook(&server, &chat, json!({ "format": "slack", "events": ["alert"] })).await;
    webhook(&server, &program, json!({ "events": ["alert", "readiness", "failover"] })).await;
    let mut guest = Guest::enter(&server.api, &main).await;
    server.signal_servers(&main, Signal::KILL).await;
    let alert = chat.first("the alert", |body| body["text"].is_string()).await.json();
    let words = alert["text"].as_str().expect("a text");
    assert!(words.starts_with("Main Stage: server gone "), "{words}");
    assert!(words.ends_with("of 1 lost the game, standby ready"), "{words}");
    assert_eq!(alert.as_object().map(serde_json::Map::len), Some(1), "a chat takes a text alone");
    let firing = program.first("the same", |body| body["type"] == "alert").await.json();
    assert_eq!(
        (&firing["data"]["state"], &firing["data"]["worldId"]),
        (&json!("firing"), &json!(main))
    );
    let body = json!({ "reason": "it died" });
    server.api.post(&format!("/api/worlds/{main}/failover"), body).await.expect(202);
    guest.obey().await;
    assert_eq!(guest.world(), standby);
    let phase = |phase: &'static str| {
        move |body: &Value| body["type"] == "failover" && body["data"]["phase"] == phase
    };
    program.first("the beginning", phase("moving")).await;
    let done = program.first("the end", phase("complete")).await.json();
    assert_eq!(done["data"]["counts"]["landed"], 1);
    let words = done["text"].as_str().expect("a text");
    assert!(words.contains("Main Stage: failover complete, 1 of 1 landed"), "{words}");
    chat.first("the end of the alarm", |body| {
        body["text"].as_str().is_some_and(|text| text.contains("nobody is left in it"))
    })
    .await;
    let told = program.received().iter().filter(|one| phase("moving")(&one.json())).count();
    assert_eq!(told, 1, "a phase is told once, however often its counts change");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standby_that_would_not_do_any_more_is_an_alert_and_so_is_its_return() {
    let server = Server::start().await;
    let receiver = Receiver::with(&[200]).await;
    webhook(&server, &receiver, json!({ "events": ["alert", "readiness"] })).await;
    let (main, standby) = server.pair().await;
    receiver.first("a ready standby", |body| body["data"]["ready"] == true).await;
    let alert = |state: &'static str| {
        move |body: &Value| body["type"] == "alert" && body["data"]["state"] == state
    };
    server.api.post(&format!("/api/worlds/{standby}/stop"), json!({})).await.expect(202);
    let firing = receiver.first("the alert", alert("firing")).await.json();
    let words = firing["text"].as_str().expect("a text");
    assert!(words.starts_with("Main Stage: standby NOT ready (deployment.active"), "{words}");
    assert_eq!(firing["data"]["worldId"], main, "{firing}");
    server.await_phase(&standby, "Inactive").await;
    server.api.post(&format!("/api/worlds/{standby}/launch"), json!({})).await.expect(202);
    let resolved = receiver.first("its end", alert("resolved")).await.json();
    assert_eq!(resolved["text"], "Main Stage: standby ready again");
    let told = receiver.received().iter().filter(|one| one.json()["type"] == "alert").count();
    assert_eq!(told, 2, "a standby that is only starting is no news");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_never_answers_slows_nobody() {
    let server = Server::start().await;
    let (slow, quick) = (Receiver::with(&[0]).await, Receiver::with(&[200]).await);
    let all = json!({ "events": ["world", "audit"] });
    let (slow_id, _) = webhook(&server, &slow, all.clone()).await;
    webhook(&server, &quick, all).await;
    let begun = Instant::now();
    for number in 0..120 {
        server.world(json!({ "name": format!("World {number}") })).await;
    }
    let last = |body: &Value| body["text"].as_str().is_some_and(|text| text.contains("World 119"));
    quick.first("the last world", last).await;
    // The slow one's first try is given up after 10 s only.
    assert!(begun.elapsed() < Duration::from_secs(9), "{:?}", begun.elapsed());
    assert_eq!(slow.received().len(), 1, "one try at a time");
    let waiting = deliveries(&server, &slow_id).await;
    let of = |state: &str| waiting.iter().filter(|one| one["state"] == state).count();
    assert_eq!(of("pending"), 100, "what waits is bounded");
    assert!(of("dropped") > 0, "what was dropped is shown");
    server.api.delete(&format!("/api/webhooks/{slow_id}")).await.expect(204);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_is_delivered_after_a_restart() {
    let mut server = Server::start().await;
    let away = Receiver::with(&[500]).await;
    let (id, secret) = webhook(&server, &away, json!({})).await;
    let path = format!("/api/webhooks/{id}/test");
    let first = server.api.post(&path, json!({})).await.expect(200);
    assert_eq!(first["state"], "pending");
    server.kill();
    server.restart().await;
    let received = wait_for("a try after the restart", async || {
        let received = away.received();
        (received.len() >= 2).then(|| received[1].clone())
    })
    .await;
    assert_eq!(received.header("webhook-id"), first["id"]);
    assert!(received.is_signed_with(&secret));
}
