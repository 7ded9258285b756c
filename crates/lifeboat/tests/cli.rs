//! The program as it is typed, against a control plane that is made up: answers are fixed, and what
//! was asked is noted.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Mutex};

use axum::body::Bytes;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};

/// A control plane that answers from a table.
struct Fake {
    url: String,
    asked: Arc<Mutex<Vec<(String, Value)>>>,
    _runtime: tokio::runtime::Runtime,
}

impl Fake {
    fn with(answers: &'static [(&'static str, u16, &'static str)]) -> Self {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&asked);
        let app = axum::Router::new().fallback(
            move |method: Method, uri: Uri, headers: HeaderMap, body: Bytes| async move {
                assert_eq!(headers.get("authorization").unwrap(), "Bearer secret");
                let call = format!("{method} {}", uri.path());
                let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
                noted.lock().unwrap().push((call.clone(), body));
                answer(answers, &call)
            },
        );
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        runtime.spawn(async move { axum::serve(listener, app).await });
        Self { url, asked, _runtime: runtime }
    }

    fn run(&self, words: &[&str]) -> Run {
        run(&self.url, words)
    }

    /// The body that was sent with a call.
    fn body_of(&self, call: &str) -> Value {
        let asked = self.asked.lock().unwrap();
        asked.iter().find(|(made, _)| made == call).expect(call).1.clone()
    }
}

fn answer(answers: &[(&str, u16, &str)], call: &str) -> Response {
    let found = answers.iter().find(|(known, _, _)| *known == call);
    let (status, body) = found.map_or((404, NOT_FOUND), |(_, status, body)| (*status, *body));
    let kind = if status < 400 { "application/json" } else { "application/problem+json" };
    (StatusCode::from_u16(status).unwrap(), [(header::CONTENT_TYPE, kind)], body.to_owned())
        .into_response()
}

struct Run {
    code: i32,
    stdout: String,
    stderr: String,
}

fn run(url: &str, words: &[&str]) -> Run {
    let dir = tempfile::tempdir().unwrap();
    let Output { status, stdout, stderr } = Command::new(env!("CARGO_BIN_EXE_lifeboat"))
        .args(words)
        .env("LIFEBOAT_URL", url)
        .env("LIFEBOAT_API_KEY", "secret")
        .env("LIFEBOAT_DATA", dir.path())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Run { code: status.code().unwrap(), stdout: text(stdout), stderr: text(stderr) }
}

const NOT_FOUND: &str = r#"{"type":"t","title":"It does not exist","status":404,
    "detail":"no such thing","code":"not_found"}"#;
const WORLDS: &str = r#"{"items":[{"id":"wld_1","name":"Main Stage","capacity":500,
    "standby":"wld_2","status":{"phase":"Active","deploymentId":"dep_1","sessions":480,
    "failover":null}}],"nextCursor":null}"#;
const RECORD: &str = r#"{"id":"fo_1","kind":"failover","phase":"complete","worldId":"wld_1",
    "plan":{"sessions":480,"windowMs":4800,"ratePerSecond":100.0,"rules":[]},
    "counts":{"present":480,"told":480,"asked":480,"placed":480,"landed":480,"confirmed":480,
    "refused":0,"left":0,"pending":0},"refusals":{},
    "darkMs":{"n":480,"p50":900,"p99":4700,"max":4900},
    "fanoutMs":{"n":480,"p50":8,"p99":20,"max":31},"outageMs":6200}"#;
const BLOCKED: &str = r#"{"type":"t","title":"The failover is blocked","status":409,
    "detail":"1 rule blocks it","code":"failover_blocked","rules":[{"code":"deployment.active",
    "message":"the standby is not running","main":"Active","standby":"Inactive",
    "remedy":"lifeboat world launch wld_2","mayForce":false}]}"#;

#[test]
fn a_failover_is_run_by_name_and_ends_with_its_figures() {
    let fake = Fake::with(&[
        ("GET /api/worlds", 200, WORLDS),
        ("POST /api/worlds/wld_1/failover", 202, RECORD),
        ("GET /api/failovers/fo_1", 200, RECORD),
    ]);
    let run = fake.run(&["failover", "run", "Main Stage", "--reason", "down", "--yes"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.stdout.contains("480 present, 480 landed"), "{}", run.stdout);
    assert!(run.stdout.contains("half within 900 ms, 99 % within 4.7 s"), "{}", run.stdout);
    let body = fake.body_of("POST /api/worlds/wld_1/failover");
    assert_eq!(body, json!({ "mode": "emergency", "reason": "down" }));
}

#[test]
fn a_blocked_failover_prints_its_rules_and_exits_3() {
    let fake = Fake::with(&[
        ("GET /api/worlds", 200, WORLDS),
        ("POST /api/worlds/wld_1/failover", 409, BLOCKED),
    ]);
    for verb in
        [&["failover", "run", "Main Stage", "--yes"][..], &["failover", "plan", "Main Stage"]]
    {
        let run = fake.run(verb);
        assert_eq!(run.code, 3);
        for part in ["deployment.active", "main Active, standby Inactive", "lifeboat world launch"]
        {
            assert!(run.stdout.contains(part), "{}", run.stdout);
        }
    }
}

#[test]
fn people_are_not_moved_unasked_where_nobody_can_be_asked() {
    let fake = Fake::with(&[("GET /api/worlds", 200, WORLDS)]);
    for words in [
        &["failover", "run", "Main Stage", "--reason", "R"][..],
        &["failback", "Main Stage"],
        &["world", "stop", "Main Stage"],
    ] {
        let run = fake.run(words);
        assert_eq!(run.code, 2, "{}", run.stderr);
        assert!(run.stderr.contains("--yes"), "{}", run.stderr);
    }
    assert!(fake.asked.lock().unwrap().iter().all(|(call, _)| call.starts_with("GET")));
}

#[test]
fn the_guide_s_two_steps_are_one_command_each() {
    let fake = Fake::with(&[
        ("GET /api/worlds", 200, WORLDS),
        (
            "PATCH /api/worlds/wld_1/live-config",
            200,
            r#"{"revision":9,"warnings":[{"code":"main_healthy","message":"it is healthy"}]}"#,
        ),
        ("POST /api/worlds/wld_1/live-config/increment", 200, r#"{"revision":10}"#),
    ]);
    let overrides = "game.Failover.OverrideWorldId=wld_2";
    let saved = fake.run(&["config", "set", "main stage", overrides]);
    assert_eq!((saved.code, saved.stdout.as_str()), (0, "saved as revision 9\n"));
    assert!(saved.stderr.contains("main_healthy"), "{}", saved.stderr);
    let counter = "/game/ForceDisconnect/AllClients";
    assert_eq!(fake.run(&["config", "increment", "Main Stage", counter]).code, 0);
    assert_eq!(
        fake.body_of("PATCH /api/worlds/wld_1/live-config"),
        json!({ "game": { "Failover": { "OverrideWorldId": "wld_2" } } })
    );
    let increment = fake.body_of("POST /api/worlds/wld_1/live-config/increment");
    assert_eq!(increment, json!({ "path": counter }));
}

#[test]
fn a_standby_that_would_not_do_exits_3_with_the_remedy() {
    let fake = Fake::with(&[(
        "GET /api/worlds/wld_1/readiness",
        200,
        r#"{"ready":false,"checkedAt":"2026-11-22T20:00:00.000Z","checks":[{"id":"scale.profile",
        "severity":"block","ok":false,"main":"Capacity500","standby":"Capacity100",
        "message":"the standby is smaller","remedy":"lifeboat world set wld_2 --profile 500"}]}"#,
    )]);
    let run = fake.run(&["standby", "check", "wld_1"]);
    assert_eq!(run.code, 3);
    assert!(run.stdout.contains("NOT READY: 1 point blocks"), "{}", run.stdout);
    assert!(run.stdout.contains("remedy: lifeboat world set wld_2 --profile 500"));
}

#[test]
fn answers_for_programs_are_json_as_the_api_has_it() {
    let fake = Fake::with(&[
        ("GET /api/worlds", 200, WORLDS),
        ("POST /api/tokens", 200, r#"{"token":"a.b.c"}"#),
    ]);
    let list = fake.run(&["world", "list", "--output", "json"]);
    let json: Value = serde_json::from_str(&list.stdout).unwrap();
    assert_eq!(json["items"][0]["id"], "wld_1");
    let token = fake.run(&["token", "--sub", "alice", "--group", "crew"]);
    assert_eq!(token.stdout, "a.b.c\n");
    assert_eq!(fake.body_of("POST /api/tokens"), json!({ "sub": "alice", "groups": ["crew"] }));
}

#[test]
fn nobody_there_exits_4_and_a_misuse_2() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", closed.local_addr().unwrap());
    drop(closed);
    let away = run(&url, &["world", "list"]);
    assert_eq!(away.code, 4, "{}", away.stderr);
    assert!(away.stderr.contains(&url) && away.stderr.contains("LIFEBOAT_URL"), "{}", away.stderr);
    assert_eq!(run(&url, &["world", "set", "wld_1"]).code, 2);
    assert_eq!(run(&url, &["failover", "run"]).code, 2);
    assert_eq!(run("nowhere", &["world", "list"]).code, 2);
}

#[test]
fn an_unknown_world_is_answered_with_those_that_there_are() {
    let fake = Fake::with(&[("GET /api/worlds", 200, WORLDS)]);
    let run = fake.run(&["world", "show", "Mian Stage"]);
    assert_eq!(run.code, 1);
    assert!(run.stderr.contains("there are: Main Stage"), "{}", run.stderr);
}

#[test]
fn a_webhook_s_address_is_not_taken_for_lifeboat_s() {
    const MADE: &str =
        r#"{"id":"wh_1","url":"https://hooks.example/T1","events":["alert"],"secret":"s"}"#;
    let fake = Fake::with(&[("POST /api/webhooks", 201, MADE)]);
    let run =
        fake.run(&["webhook", "add", "https://hooks.example/T1", "--event", "alert", "--slack"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(
        fake.body_of("POST /api/webhooks"),
        json!({ "url": "https://hooks.example/T1", "format": "slack", "events": ["alert"] })
    );
}

#[test]
fn the_logs_of_a_world_are_those_of_each_of_its_servers() {
    let fake = Fake::with(&[
        ("GET /api/worlds", 200, WORLDS),
        (
            "GET /api/deployments/dep_1",
            200,
            r#"{"id":"dep_1","servers":[{"id":"srv_1"},{"id":"srv_2"}]}"#,
        ),
        ("GET /api/deployments/dep_1/logs", 200, r#"{"lines":["open"]}"#),
    ]);
    let run = fake.run(&["world", "logs", "Main Stage"]);
    assert_eq!(run.stdout, "==> srv_1 <==\nopen\n==> srv_2 <==\nopen\n", "{}", run.stderr);
    let one = fake.run(&["world", "logs", "Main Stage", "--server", "srv_2"]);
    assert_eq!(one.stdout, "open\n");
}

#[test]
fn the_list_of_failovers_says_the_worlds_by_name() {
    let fake = Fake::with(&[
        ("GET /api/worlds", 200, WORLDS),
        (
            "GET /api/failovers",
            200,
            r#"{"items":[{"id":"fo_2","kind":"failback","worldId":"wld_1","targetWorldId":"wld_1"},
            {"id":"fo_1","kind":"failover","worldId":"wld_1","targetWorldId":"wld_2"}]}"#,
        ),
    ]);
    let run = fake.run(&["failover", "list"]);
    assert!(run.stdout.contains("home to Main Stage"), "{}", run.stdout);
    assert!(run.stdout.contains("Main Stage → wld_2"), "{}", run.stdout);
}
