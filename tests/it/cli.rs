//! The command line, as people and scripts use it.

use std::process::Command;

use serde_json::{Value, json};

use crate::server::{Server, lifeboat, text};

/// What a command ended with, and what it printed.
struct Ended {
    code: Option<i32>,
    out: String,
}

fn run(server: &Server, words: &[&str]) -> Ended {
    let mut command = Command::new(lifeboat());
    command.args(words).arg("--data").arg(server.data());
    command.env_remove("LIFEBOAT_API_KEY").env_remove("LIFEBOAT_URL");
    let output = command.output().expect("the binary starts");
    let out = String::from_utf8(output.stdout).expect("UTF-8");
    Ended { code: output.status.code(), out }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_of_a_table_is_a_line_where_no_terminal_is() {
    let server = Server::start().await;
    let world = server.world(json!({ "name": "Main Stage" })).await;
    let key =
        run(&server, &["key", "create", "--name", "somebody with a long name", "--role", "viewer"]);
    assert_eq!(key.code, Some(0));
    let audit = run(&server, &["audit"]);
    assert_eq!(audit.code, Some(0));
    let line = audit.out.lines().find(|line| line.contains("world.create")).expect("a line");
    assert!(line.contains(&world) && line.contains("first admin key"), "{line}");
    assert!(audit.out.lines().any(|line| line.contains("key.create")), "{}", audit.out);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ban_without_a_reason_is_a_misuse() {
    let server = Server::start().await;
    assert_eq!(run(&server, &["ban", "alice"]).code, Some(2));
    assert_eq!(run(&server, &["ban", "alice", "--reason", "spam"]).code, Some(0));
    assert!(run(&server, &["ban", "list"]).out.contains("alice"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_logs_of_a_world_that_stopped_can_be_read() {
    let server = Server::start().await;
    let logs = ["world", "logs", "Main Stage", "--output", "json"];
    let world = server.world(json!({ "name": "Main Stage" })).await;
    assert_eq!(run(&server, &logs).code, Some(1), "it was never launched");
    server.api.post(&format!("/api/worlds/{world}/launch"), json!({})).await.expect(202);
    server.await_phase(&world, "Active").await;
    server.api.post(&format!("/api/worlds/{world}/stop"), json!({})).await.expect(202);
    server.await_phase(&world, "Inactive").await;
    let ended = run(&server, &logs);
    assert_eq!(ended.code, Some(0), "{}", ended.out);
    let printed: Value = serde_json::from_str(&ended.out).expect("JSON");
    let lines = printed["lines"].as_array().expect("lines");
    assert!(lines.iter().any(|line| text(line).contains("plaza is open")), "{printed}");
}

/// The first check that stands in the way of a pair, with its remedy.
async fn obstacle(server: &Server, main: &str) -> Option<(String, String)> {
    let path = format!("/api/worlds/{main}/readiness");
    let readiness = server.api.get(&path).await.expect(200);
    let checks = readiness["checks"].as_array().expect("checks");
    let failed = checks.iter().find(|check| check["severity"] == "block" && check["ok"] == false);
    failed.map(|check| (text(&check["id"]), text(&check["remedy"])))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_remedies_make_a_standby_fit_when_they_are_typed_as_they_stand() {
    let server = Server::start().await;
    let main =
        server.active_world(json!({ "name": "Main", "access": { "groups": ["a b"] } })).await;
    let other = json!({
        "launch": true, "durationMinutes": 20, "build": { "map": "garden" },
        "scale": { "profile": "Capacity100" }, "streaming": { "launchMode": "native" },
        "access": { "groups": [], "guests": false }
    });
    server.api.post(&format!("/api/worlds/{main}/standby"), other).await.expect(201);
    let programs = lifeboat().parent().expect("a folder").to_owned();
    let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap_or_default());
    let mut mended = Vec::new();
    while let Some((id, remedy)) = obstacle(&server, &main).await {
        assert!(mended.len() < 200, "{mended:?}");
        let shell = Command::new("sh")
            .args(["-c", &remedy])
            .env("PATH", &path)
            .env("LIFEBOAT_DATA", server.data())
            .output()
            .expect("a shell");
        assert!(shell.status.success(), "{id}: {remedy}: {shell:?}");
        mended.push(id);
    }
    for id in ["build.map", "scale.profile", "access.groups", "access.guests"] {
        assert_eq!(mended.iter().filter(|one| *one == id).count(), 1, "{id} in {mended:?}");
    }
}
