//! The audit log over all routes that write: what was done is there with before and after, in the
//! commit that did it, and what was refused is there too.

use std::collections::BTreeSet;
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::api::{Answer, Api};
use crate::guest::Guest;
use crate::server::{Server, text};
use crate::wait::{wait_for, wait_within};

/// Which of the two an entry has to have.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kept {
    Nothing,
    Before,
    After,
    Both,
}

/// Writes through every route and looks each up in the log.
struct Auditor {
    server: Server,
    viewer: Api,
    written: BTreeSet<String>,
}

impl Auditor {
    async fn new() -> Self {
        let server = Server::start().await;
        let body = json!({ "name": "a viewer", "role": "viewer" });
        let key = server.api.post("/api/keys", body).await.expect(201);
        let viewer = server.api.with_key(&text(&key["secret"]));
        Self { server, viewer, written: BTreeSet::new() }
    }

    /// `line` is the method and the route, with `{id}` for the id.
    async fn send(&self, api: &Api, line: &str, id: &str, body: &Value) -> Answer {
        let (method, route) = line.split_once(' ').expect("a method and a route");
        let method: Method = method.parse().expect("a method");
        let request = api.request(method, &route.replace("{id}", id));
        api.send(if body.is_null() { request } else { request.json(body) }).await
    }

    /// The newest entry about this.
    async fn entry(&self, action: &str, outcome: &str) -> Value {
        let path = format!("/api/audit?action={action}&outcome={outcome}&limit=1");
        let entries = self.server.api.get(&path).await.expect(200);
        assert!(entries["items"][0].is_object(), "{action} with {outcome} is not in the log");
        entries["items"][0].clone()
    }

    /// Is refused, then does it; the answer, and its entry in the log.
    async fn write(
        &mut self,
        line: &str,
        id: &str,
        body: Value,
        action: &str,
        kept: Kept,
    ) -> (Value, Value) {
        let refused = self.send(&self.viewer, line, id, &body).await;
        refused.expect_problem(403, "role_required");
        let noted = self.entry(action, "role_required").await;
        assert_eq!((&noted["who"], &noted["role"]), (&json!("a viewer"), &json!("viewer")));
        self.allowed(line, id, body, action, kept).await
    }

    async fn allowed(
        &mut self,
        line: &str,
        id: &str,
        body: Value,
        action: &str,
        kept: Kept,
    ) -> (Value, Value) {
        self.written.insert(line.to_owned());
        let answer = self.send(&self.server.api, line, id, &body).await;
        assert!((200..300).contains(&answer.status), "{line}: {} {}", answer.status, answer.body);
        let entry = self.entry(action, "done").await;
        let has = |side: &str| !entry[side].is_null();
        assert_eq!(has("before"), matches!(kept, Kept::Before | Kept::Both), "{line}: {entry}");
        assert_eq!(has("after"), matches!(kept, Kept::After | Kept::Both), "{line}: {entry}");
        assert!(entry["revision"].as_u64().is_some_and(|revision| revision > 0), "{entry}");
        assert_eq!(entry["address"], "127.0.0.1", "{entry}");
        let what = entry["what"].as_str().expect("a text");
        assert!(what.starts_with(action), "{entry}");
        (answer.body, entry)
    }

    async fn write_keys_and_settings(&mut self) {
        let key = json!({ "name": "temporary", "role": "operator" });
        let (key, _) = self.write("POST /api/keys", "", key, "key.create", Kept::After).await;
        let id = text(&key["id"]);
        self.write("DELETE /api/keys/{id}", &id, Value::Null, "key.revoke", Kept::Before).await;
        let token = json!({ "sub": "alice" });
        self.write("POST /api/tokens", "", token, "token.create", Kept::After).await;
        let hook = json!({ "url": "http://127.0.0.1:9/x/y" });
        let (hook, _) =
            self.write("POST /api/webhooks", "", hook, "webhook.create", Kept::After).await;
        let id = text(&hook["id"]);
        let test = "POST /api/webhooks/{id}/test";
        self.write(test, &id, json!({}), "webhook.test", Kept::After).await;
        let line = "DELETE /api/webhooks/{id}";
        self.write(line, &id, Value::Null, "webhook.delete", Kept::Before).await;
        let ban = json!({ "user": "mallory", "reason": "spam" });
        let (ban, _) = self.write("POST /api/bans", "", ban, "ban.create", Kept::After).await;
        let id = text(&ban["id"]);
        self.write("DELETE /api/bans/{id}", &id, Value::Null, "ban.delete", Kept::Before).await;
        let stop = json!({ "stopped": true, "reason": "audit" });
        self.write("PUT /api/automation", "", stop, "automation.switch", Kept::Both).await;
    }

    async fn write_logins(&mut self) {
        let anonymous = self.server.api.anonymous();
        let wrong = json!({ "key": "wrong", "name": "Mallory" });
        self.send(&anonymous, "POST /api/login", "", &wrong)
            .await
            .expect_problem(401, "unauthorized");
        self.entry("login", "unauthorized").await;
        let key = std::fs::read_to_string(self.server.data().join("admin.key")).expect("a key");
        let login = json!({ "key": key.trim(), "name": "Ada" });
        let (_, entry) = self.allowed("POST /api/login", "", login, "login", Kept::Nothing).await;
        assert_eq!(entry["who"], "Ada");
        let refused = self.send(&anonymous, "POST /api/logout", "", &json!({})).await;
        refused.expect_problem(401, "unauthorized");
        self.entry("logout", "unauthorized").await;
        self.allowed("POST /api/logout", "", json!({}), "logout", Kept::Nothing).await;
    }

    /// A main world and its standby, both Active.
    async fn write_worlds(&mut self) -> String {
        let world = json!({
            "name": "Main Stage", "build": { "mod": "plaza" }, "settings": { "token": "hidden-1" },
        });
        let (world, entry) =
            self.write("POST /api/worlds", "", world, "world.create", Kept::After).await;
        assert!(!entry.to_string().contains("hidden"), "internal settings are masked: {entry}");
        let main = text(&world["id"]);
        let patch = json!({ "description": "x", "settings": { "token": "hidden-2" } });
        let line = "PATCH /api/worlds/{id}";
        let (_, entry) = self.write(line, &main, patch, "world.update", Kept::Both).await;
        assert_ne!(entry["before"], entry["after"]);
        assert!(!entry.to_string().contains("hidden"), "internal settings are masked: {entry}");
        let line = "POST /api/worlds/{id}/launch";
        let (deployment, _) = self.write(line, &main, json!({}), "world.launch", Kept::After).await;
        self.server.await_phase(&main, "Active").await;
        let id = text(&deployment["id"]);
        let line = "POST /api/deployments/{id}/extend";
        let more = json!({ "minutes": 10 });
        self.write(line, &id, more, "deployment.extend", Kept::Both).await;
        let line = "POST /api/worlds/{id}/standby";
        let launched = json!({ "launch": true });
        let (standby, _) = self.write(line, &main, launched, "standby.create", Kept::Both).await;
        let line = "PUT /api/worlds/{id}/standby";
        let mirror = json!({ "mirror": true });
        self.write(line, &main, mirror, "standby.set", Kept::Both).await;
        self.server.await_phase(&text(&standby["id"]), "Active").await;
        let line = "PUT /api/worlds/{id}/automation";
        let policy = json!({ "graceSeconds": 60 });
        self.write(line, &main, policy, "automation.set", Kept::Both).await;
        main
    }

    async fn write_live_config(&mut self, main: &str) {
        let line = "PATCH /api/worlds/{id}/live-config";
        let seeded =
            self.server.api.get(&format!("/api/worlds/{main}/live-config")).await.expect(200);
        let patch = json!({ "project": { "Stage": { "DoorsOpen": false } } });
        let (saved, entry) = self.write(line, main, patch, "liveConfig.save", Kept::Both).await;
        assert_eq!(entry["revision"], saved["revision"], "one commit");
        assert_ne!(entry["before"], entry["after"]);
        let line = "POST /api/worlds/{id}/live-config/increment";
        let path = json!({ "path": "/game/ForceDisconnect/Redirected" });
        let (raised, entry) =
            self.write(line, main, path, "liveConfig.increment", Kept::Both).await;
        assert_eq!(entry["revision"], raised["revision"], "one commit");
        let line = "POST /api/worlds/{id}/live-config/rollback";
        let back = json!({ "revision": seeded["revision"] });
        let (back, entry) = self.write(line, main, back, "liveConfig.rollback", Kept::Both).await;
        assert_eq!(entry["revision"], back["revision"], "one commit");
    }

    async fn write_drills(&mut self, main: &str) {
        let line = "POST /api/worlds/{id}/drills";
        let drill = json!({ "clients": 1, "force": true, "reason": "audit" });
        self.write(line, main, drill, "drill.run", Kept::After).await;
        let api = &self.server.api;
        wait_for("the drill to be over", async || {
            let drills = api.get(&format!("/api/worlds/{main}/drills")).await.expect(200);
            drills["items"][0]["finishedAt"].is_string().then_some(())
        })
        .await;
    }

    async fn write_failovers(&mut self, main: &str) {
        let mut guest = Guest::enter(&self.server.api, main).await;
        let forced = json!({ "reason": "audit", "force": true });
        let line = "POST /api/worlds/{id}/failover";
        let (record, entry) =
            self.write(line, main, forced.clone(), "failover.run", Kept::Both).await;
        assert_eq!(entry["revision"], record["revision"], "one commit");
        assert_eq!(entry["reason"], "audit");
        let id = text(&record["id"]);
        let retune = json!({ "message": "one moment" });
        let line = "PATCH /api/failovers/{id}";
        self.write(line, &id, retune, "failover.retune", Kept::Both).await;
        for verb in ["hold", "resume", "nudge"] {
            let line = format!("POST /api/failovers/{{id}}/{verb}");
            let action = format!("failover.{verb}");
            let (_, entry) = self.write(&line, &id, json!({}), &action, Kept::Both).await;
            assert_ne!(entry["before"], entry["after"]);
        }
        let line = "POST /api/failovers/{id}/undo";
        self.write(line, &id, json!({}), "failover.undo", Kept::Both).await;
        let line = "POST /api/worlds/{id}/failover";
        self.write(line, main, forced.clone(), "failover.run", Kept::Both).await;
        let line = "POST /api/worlds/{id}/failback";
        self.write(line, main, forced, "failover.failback", Kept::Both).await;
        guest.say(json!({ "type": "pong" })).await;
        let sessions =
            self.server.api.get(&format!("/api/worlds/{main}/sessions")).await.expect(200);
        let id = text(&sessions["items"][0]["id"]);
        let line = "DELETE /api/sessions/{id}";
        self.write(line, &id, Value::Null, "session.kick", Kept::Before).await;
    }

    async fn write_ends(&mut self) {
        let world = self.server.active_world(json!({ "name": "Side Stage" })).await;
        let line = "POST /api/worlds/{id}/restart";
        self.write(line, &world, json!({}), "world.restart", Kept::Both).await;
        self.server.await_phase(&world, "Active").await;
        let line = "POST /api/worlds/{id}/stop";
        self.write(line, &world, json!({}), "world.stop", Kept::Both).await;
        self.server.await_phase(&world, "Inactive").await;
        let line = "DELETE /api/worlds/{id}";
        self.write(line, &world, Value::Null, "world.delete", Kept::Before).await;
    }

    /// Every route by which an operator writes, from the API's own description.
    async fn routes(&self) -> BTreeSet<String> {
        let document = self.server.api.get("/api/openapi.json").await.expect(200);
        let mut routes = BTreeSet::from(["POST /api/login".to_owned()]);
        for (path, operations) in document["paths"].as_object().expect("paths") {
            for (method, operation) in operations.as_object().expect("operations") {
                if method != "get" && operation["x-lifeboat-role"].is_string() {
                    routes.insert(format!("{} {path}", method.to_uppercase()));
                }
            }
        }
        routes
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_that_writes_leaves_an_entry_done_or_refused() {
    let mut auditor = Auditor::new().await;
    auditor.write_keys_and_settings().await;
    auditor.write_logins().await;
    let main = auditor.write_worlds().await;
    auditor.write_live_config(&main).await;
    auditor.write_drills(&main).await;
    auditor.write_failovers(&main).await;
    auditor.write_ends().await;
    let routes = auditor.routes().await;
    let forgotten: Vec<_> = routes.difference(&auditor.written).collect();
    assert!(forgotten.is_empty(), "write through these routes here, too: {forgotten:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_by_a_rule_is_noted_with_its_code() {
    let server = Server::start().await;
    let main = server.world(json!({ "name": "Lonely" })).await;
    let path = format!("/api/worlds/{main}/failover");
    server
        .api
        .post(&path, json!({ "reason": "test" }))
        .await
        .expect_problem(409, "failover_blocked");
    let entry = wait_for("the entry", async || {
        let path = "/api/audit?action=failover.run&outcome=failover_blocked";
        let entries = server.api.get(path).await.expect(200);
        entries["items"].get(0).cloned()
    })
    .await;
    assert!(entry["after"]["rules"][0]["code"].is_string(), "{entry}");
    assert_eq!((&entry["target"], &entry["reason"]), (&json!(main), &json!("test")));
    let wait = Duration::from_secs(5);
    wait_within(wait, "one entry, not two", async || {
        let entries = server.api.get("/api/audit?action=failover.run").await.expect(200);
        (entries["items"].as_array().map(Vec::len) == Some(1)).then_some(())
    })
    .await;
}
