//! Steering a failover while people move: hold, resume, nudge, another pace, a message, undo; and
//! what each means for those who wait and for those who have moved.

use serde_json::{Value, json};

use crate::api::Answer;
use crate::guest::{self, Guest};
use crate::guide::failover_in;
use crate::server::{Server, text};
use crate::wait::wait_for;

/// A failover in the middle: one has landed, the others were told and wait for their turn.
struct Middle {
    server: Server,
    main: String,
    standby: String,
    id: String,
    moved: Guest,
    waiting: Vec<Guest>,
}

impl Middle {
    async fn reach() -> Self {
        let server = Server::start().await;
        let (main, standby) = server.pair().await;
        let mut people = Vec::new();
        for _ in 0..3 {
            people.push(Guest::enter(&server.api, &main).await);
        }
        let path = format!("/api/worlds/{main}/failover");
        let slow = json!({ "reason": "test", "maxRejoinsPerSecond": 0.05 });
        let begun = server.api.post(&path, slow).await.expect(202);
        let mut waiting = Vec::new();
        let mut moved = None;
        for mut one in people {
            let order = one.frame("forceDisconnect").await;
            match order["rejoinAfterMs"].as_u64() {
                Some(wait) if wait < 5_000 => {
                    one.rejoin(wait).await;
                    moved = Some(one);
                }
                _ => waiting.push(one),
            }
        }
        let id = text(&begun["id"]);
        let middle =
            Self { server, main, standby, id, moved: moved.expect("the first slot"), waiting };
        middle.landed(1).await;
        middle
    }

    async fn landed(&self, count: u64) -> Value {
        wait_for(&format!("{count} to have landed"), async || {
            let seen =
                self.server.api.get(&format!("/api/failovers/{}", self.id)).await.expect(200);
            (seen["counts"]["landed"].as_u64() == Some(count)).then_some(seen)
        })
        .await
    }

    async fn act(&self, act: &str) -> Answer {
        self.server.api.post(&format!("/api/failovers/{}/{act}", self.id), json!({})).await
    }

    async fn retune(&self, body: Value) -> Value {
        self.server.api.patch(&format!("/api/failovers/{}", self.id), body).await.expect(200)
    }

    /// What the one who has moved hears on its channel until `kind` comes.
    async fn heard_by_moved(&mut self, kind: &str) -> Vec<String> {
        guest::frames_until(&mut self.moved.channel, kind).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn on_hold_nobody_is_placed_and_resumed_everyone_gets_a_new_turn() {
    let mut middle = Middle::reach().await;
    assert_eq!(middle.act("hold").await.expect(200)["phase"], "held");
    assert_eq!(middle.act("hold").await.expect(200)["phase"], "held", "again is the same");
    for one in &mut middle.waiting {
        one.frame("hold").await;
        let previous = json!({ "previous": one.placed["sessionToken"] });
        let path = format!("/api/worlds/{}/join", middle.main);
        let asked = middle.server.api.anonymous().post(&path, previous).await;
        asked.expect_problem(503, "failover_held");
    }
    let told = middle.retune(json!({ "message": "A moment longer" })).await;
    assert_eq!(
        (&told["message"], &told["counts"]["landed"]),
        (&json!("A moment longer"), &json!(1))
    );
    for one in &mut middle.waiting {
        assert_eq!(one.frame("message").await["text"], "A moment longer");
    }
    middle.retune(json!({ "maxRejoinsPerSecond": 50.0 })).await;
    assert_eq!(middle.act("resume").await.expect(200)["phase"], "moving");
    for one in &mut middle.waiting {
        let order = one.obey().await;
        assert!(order["rejoinAfterMs"].as_u64() < Some(1_000), "the new pace: {order}");
        assert_eq!(order["message"], "A moment longer");
        assert_eq!(one.world(), middle.standby);
    }
    failover_in(&middle.server, &middle.main, "complete").await;
    let asked = middle.act("hold").await;
    asked.expect_problem(409, "failover_state");
    let kick = format!("/api/sessions/{}", text(&middle.moved.placed["session"]));
    middle.server.api.delete(&kick).await;
    let heard = middle.heard_by_moved("bye").await;
    let meant = ["hold", "message", "forceDisconnect"];
    assert!(!heard.iter().any(|kind| meant.contains(&kind.as_str())), "left in peace: {heard:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nudged_the_waiting_are_told_again_and_the_moved_are_not() {
    let mut middle = Middle::reach().await;
    let nudged = middle.act("nudge").await.expect(200);
    assert_eq!(nudged["nudges"], 1, "{nudged}");
    for one in &mut middle.waiting {
        let order = one.frame("forceDisconnect").await;
        assert_eq!(order["failover"], middle.id.as_str());
    }
    middle.retune(json!({ "maxRejoinsPerSecond": 50.0 })).await;
    for one in &mut middle.waiting {
        one.obey().await;
        assert_eq!(one.world(), middle.standby);
    }
    failover_in(&middle.server, &middle.main, "complete").await;
    let again = middle.act("nudge").await;
    again.expect_problem(409, "failover_state");
}

#[tokio::test(flavor = "multi_thread")]
async fn undone_the_moved_come_home_and_the_waiting_go_back_to_main() {
    let mut middle = Middle::reach().await;
    let home = middle.act("undo").await.expect(202);
    assert_eq!((&home["kind"], &home["worldId"]), (&json!("failback"), &json!(middle.main)));
    let order = middle.moved.obey().await;
    assert_eq!((&order["reason"], middle.moved.world()), (&json!("failback"), middle.main.clone()));
    for one in &mut middle.waiting {
        one.rejoin(0).await;
        assert_eq!(one.world(), middle.main);
    }
    let undone = middle.server.api.get(&format!("/api/failovers/{}", middle.id)).await.expect(200);
    assert_eq!(undone["phase"], "cancelled");
    let done = failover_in(&middle.server, &middle.main, "complete").await;
    assert_eq!((&done["id"], &done["counts"]["landed"]), (&home["id"], &json!(1)), "{done}");
    let again = middle.act("undo").await;
    again.expect_problem(409, "failover_state");
    let path = format!("/api/failovers/{}/report?format=markdown", middle.id);
    let (_, report) = middle.server.api.try_get(&path).await.expect("an answer");
    assert!(report.contains("1 person had moved and came home, 2 were turned back"), "{report}");
    let at = |text: &str| report.find(text).unwrap_or_else(|| panic!("{text}: {report}"));
    let landed = at("The one who landed arrived");
    assert!(landed < at("undid it") && at("Where it stands: undone") < landed, "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_steers_is_checked() {
    let middle = Middle::reach().await;
    let path = format!("/api/failovers/{}", middle.id);
    for (body, field) in [
        (json!({ "maxRejoinsPerSecond": 0 }), "/maxRejoinsPerSecond"),
        (json!({ "maxRejoinsPerSecond": -1 }), "/maxRejoinsPerSecond"),
        (json!({ "message": "x".repeat(501) }), "/message"),
    ] {
        let refused = middle.server.api.patch(&path, body).await.expect(422);
        assert_eq!(refused["errors"][0]["path"], field, "{refused}");
    }
    let unknown = middle.server.api.post("/api/failovers/fo_nobody/hold", json!({})).await;
    unknown.expect_problem(404, "not_found");
}
