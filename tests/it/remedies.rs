//! Readiness, taken at its word: every remedy is run in a shell, as it stands there, until the
//! standby would do.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;

use serde_json::{Value, json};

use crate::server::{Server, lifeboat, text};
use crate::wait::wait_for;

/// A standby that differs in whatever a command can put right.
fn unlike_main() -> Value {
    json!({
        "name": "Garden", "durationMinutes": 60, "scale": { "profile": "Capacity30" },
        "build": { "modVersion": "1.0.0", "contentVersion": "2026.11.2", "baseVersion": 39,
                   "map": "garden" },
        "access": { "public": false, "guests": false, "groups": ["crew"] },
        "streaming": { "launchMode": "new-tab" },
    })
}

/// What does not hold and can be put right, by the ids of the checks.
async fn open_checks(server: &Server, main: &str) -> Vec<Value> {
    let readiness = server.api.get(&format!("/api/worlds/{main}/readiness")).await.expect(200);
    let checks = readiness["checks"].as_array().expect("a list").iter();
    // Of what is left out here the one is a matter of taste, and the other of rehearsing.
    let counts = |check: &&Value| {
        check["ok"] == false && check["id"] != "access.public" && check["id"] != "drill.age"
    };
    checks.filter(counts).cloned().collect()
}

/// Runs a remedy, with `lifeboat` on the path.
fn follow(server: &Server, remedy: &str) {
    let folder = server.data().join("bin");
    fs::create_dir_all(&folder).expect("a folder");
    // The second time it is there.
    let _ = symlink(lifeboat(), folder.join("lifeboat"));
    let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap_or_default());
    let output = Command::new("sh")
        .args(["-c", remedy])
        .env("PATH", path)
        .env("LIFEBOAT_DATA", server.data())
        .output()
        .expect("a shell");
    assert!(output.status.success(), "{remedy}: {output:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_remedy_is_a_command_that_helps() {
    let server = Server::start().await;
    let main = server.active_world(json!({ "name": "Main Stage" })).await;
    let standby = server.active_world(unlike_main()).await;
    let path = format!("/api/worlds/{main}/standby");
    server.api.put(&path, json!({ "worldId": standby })).await.expect(200);
    let mut seen = Vec::new();
    while let Some(check) = open_checks(&server, &main).await.into_iter().next() {
        let id = text(&check["id"]);
        // A launch starts the time anew, so what was extended before may be short again.
        assert!(seen.iter().filter(|one| **one == id).count() < 2, "{id} does not hold: {check}");
        follow(&server, &text(&check["remedy"]));
        wait_for(&format!("{id} to hold"), async || {
            let open = open_checks(&server, &main).await;
            let ids = open.iter().map(|check| text(&check["id"]));
            let is_up = |id: &str| id != "deployment.active" && id != "deployment.healthy";
            ids.into_iter().all(|other| other != id && is_up(&other)).then_some(())
        })
        .await;
        seen.push(id);
    }
    for id in ["build.mod", "build.map", "scale.profile", "duration.remaining", "access.groups"] {
        assert!(seen.iter().any(|one| one == id), "{id} was never open: {seen:?}");
    }
}
