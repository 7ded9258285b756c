//! The control plane killed with `kill -9` around the one commit that begins a failover.

use std::time::{Duration, Instant};

use e2e::dice::{Dice, show, times};
use e2e::pace;
use e2e::server::Server;
use serde_json::json;

use crate::stage::redirect_of;

#[tokio::test(flavor = "multi_thread")]
async fn kill_9_around_the_trigger_leaves_both_values_or_neither() {
    let mut dice = Dice::of("kill_9_around_the_trigger");
    let mut server = Server::start().await;
    let (main, standby) = server.pair().await;
    let api = server.api.clone();
    let path = format!("/api/worlds/{main}/failover");
    let body = json!({ "reason": "killed at the trigger", "force": true });
    let live = format!("/api/worlds/{main}/live-config");
    let clear = json!({ "game": { "Failover": { "OverrideWorldId": null } } });

    // How long the request takes tells where its commit may be.
    let mut shortest = Duration::MAX;
    for _ in 0..5 {
        let asked = Instant::now();
        api.post(&path, body.clone()).await.expect(202);
        shortest = shortest.min(asked.elapsed());
        api.patch(&live, clear.clone()).await.expect(200);
    }
    let moments = 2 * shortest;

    let runs = times(10, 200);
    let (mut neither, mut unanswered, mut acknowledged) = (0, 0, 0);
    for _ in 0..runs {
        let (_, before) = redirect_of(&api, &main).await;
        let asking = api.clone();
        let (path, body) = (path.clone(), body.clone());
        let asked = tokio::spawn(async move { asking.try_post(&path, body).await });
        // The timer's milliseconds are too coarse for this.
        let (begun, moment) = (Instant::now(), dice.within(moments));
        while begun.elapsed() < moment {
            tokio::task::yield_now().await;
        }
        server.kill();
        server.restart().await;
        let answer = asked.await.expect("it does not panic");
        let after = redirect_of(&api, &main).await;
        if after == (String::new(), before) {
            assert!(answer.is_none(), "acknowledged, and gone");
            neither += 1;
            continue;
        }
        assert_eq!(after, (standby.clone(), before + 1), "both values, and one raise");
        if answer.is_some() {
            acknowledged += 1;
        } else {
            unanswered += 1;
        }
        api.patch(&live, clear.clone()).await.expect(200);
    }
    show(&format!(
        "{runs} kills within {} µs of the request: {neither} saved neither value, {unanswered} both \
         without an answer, {acknowledged} both and answered; none saved one of them",
        moments.as_micros()
    ));
    // Record and audit entry are of the same commit as the values.
    let (_, raises) = redirect_of(&api, &main).await;
    let records = pace::items(&api, &format!("/api/failovers?world={main}&limit=1000")).await;
    assert_eq!(records.len() as u64, raises);
    let audit = pace::items(&api, "/api/audit?limit=1000").await;
    let runs_noted = audit
        .iter()
        .filter(|entry| entry["action"] == "failover.run" && entry["outcome"] == "done");
    assert_eq!(runs_noted.count() as u64, raises);
}
