//! The scene that most faults strike: a main world with a crowd, and its standby.

use std::collections::BTreeSet;
use std::time::Duration;

use e2e::api::Api;
use e2e::bots::{Bots, Crew};
use e2e::pace;
use e2e::server::{Server, text};
use e2e::wait::wait_within;
use serde_json::{Value, json};

/// How long a crowd of hundreds may take to come in, or to land after a fault.
pub(crate) const LONG: Duration = Duration::from_secs(60);

/// A main world with a crowd, and its standby.
pub(crate) struct Stage {
    pub(crate) server: Server,
    pub(crate) main: String,
    pub(crate) standby: String,
    pub(crate) bots: Bots,
    pub(crate) crowd: usize,
}

impl Stage {
    /// A pair with so many bots in main.
    pub(crate) async fn with_crowd(flags: &[&str], crowd: usize, seed: u64) -> Self {
        let server = Server::start_with(flags).await;
        let (main, standby) = server.pair().await;
        let bots = Crew { seed, ..Crew::of(&server.api.url, &main, crowd) }.send();
        bots.await_in(&main, crowd, LONG).await;
        Self { server, main, standby, bots, crowd }
    }

    pub(crate) fn api(&self) -> &Api {
        &self.server.api
    }

    /// Begins a failover, whatever speaks against it.
    pub(crate) async fn fail_over(&self, with: Value) -> Value {
        fail_over(self.api(), &self.main, with).await
    }

    /// Waits until everyone of a failover has landed, and checks that they are where they should
    /// be: each once, and nobody in the other world.
    pub(crate) async fn all_landed(&self, failover: &Value, in_world: &str) -> Value {
        let done = complete(self.api(), &text(&failover["id"]), LONG).await;
        assert_eq!(done["counts"]["landed"], self.crowd, "{}", done["counts"]);
        self.everyone_is_in(in_world).await;
        done
    }

    /// Everyone is in this world, each once, and nobody in the other one.
    pub(crate) async fn everyone_is_in(&self, world: &str) {
        self.bots.await_in(world, self.crowd, LONG).await;
        let other = if world == self.main { &self.standby } else { &self.main };
        // Their games know nothing of a control plane that was restarted; channels come back over
        // some seconds, so that they do not come all at once.
        wait_within(LONG, "every channel to be open", async || {
            (sessions(self.api(), world).await.len() >= self.crowd).then_some(())
        })
        .await;
        let there = sessions(self.api(), world).await;
        let users: BTreeSet<String> = there.iter().map(|one| text(&one["user"])).collect();
        assert_eq!((there.len(), users.len()), (self.crowd, self.crowd), "each is there once");
        assert_eq!(sessions(self.api(), other).await, Vec::<Value>::new(), "nobody stayed behind");
    }

    /// Brings everyone home.
    pub(crate) async fn fail_back(&self) -> Value {
        let path = format!("/api/worlds/{}/failback", self.main);
        let body = json!({ "reason": "home again", "force": true });
        let begun = self.api().post(&path, body).await.expect(202);
        self.all_landed(&begun, &self.main).await
    }
}

/// Begins a failover, whatever speaks against it.
pub(crate) async fn fail_over(api: &Api, main: &str, with: Value) -> Value {
    let mut body = json!({ "reason": "a fault", "force": true });
    for (key, value) in with.as_object().into_iter().flatten() {
        body[key] = value.clone();
    }
    api.post(&format!("/api/worlds/{main}/failover"), body).await.expect(202)
}

/// Waits until a failover is complete.
pub(crate) async fn complete(api: &Api, failover: &str, within: Duration) -> Value {
    let path = format!("/api/failovers/{failover}");
    let mut latest = Value::Null;
    let begun = std::time::Instant::now();
    loop {
        if begun.elapsed() > within {
            panic!("{failover} is not complete within {within:?}: {} {latest}", latest["phase"]);
        }
        if let Some((200, body)) = api.try_get(&path).await {
            latest = serde_json::from_str(&body).expect("JSON");
            let sum =
                |of: &[&str]| of.iter().filter_map(|n| latest["counts"][n].as_u64()).sum::<u64>();
            assert_eq!(
                sum(&["present"]),
                sum(&["landed", "refused", "left", "pending"]),
                "{latest}"
            );
            if latest["phase"] == "complete" {
                return latest;
            }
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Sessions of a world whose channel is open.
pub(crate) async fn sessions(api: &Api, world: &str) -> Vec<Value> {
    pace::items(api, &format!("/api/worlds/{world}/sessions?limit=1000")).await
}

/// Overrides and counter of a world.
pub(crate) async fn redirect_of(api: &Api, world: &str) -> (String, u64) {
    let live = api.get(&format!("/api/worlds/{world}/live-config")).await.expect(200);
    let counter = live["game"]["ForceDisconnect"]["AllClients"].as_u64().expect("a counter");
    (text(&live["game"]["Failover"]["OverrideWorldId"]), counter)
}

/// Waits for a record's count to be as wanted.
pub(crate) async fn count_is(
    api: &Api,
    failover: &str,
    count: &str,
    wanted: usize,
    within: Duration,
) {
    let path = format!("/api/failovers/{failover}");
    wait_within(within, &format!("{count} to be {wanted}"), async || {
        let record = api.get(&path).await.expect(200);
        (record["counts"][count] == wanted).then_some(())
    })
    .await;
}
