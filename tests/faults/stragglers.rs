//! Clients that freeze in the middle of a failover are named, exactly, and land when they wake up.

use std::collections::BTreeSet;

use e2e::bots::Crew;
use e2e::dice::{Dice, is_long, show};
use e2e::pace::rows;
use e2e::server::{signal_process, text};
use e2e::wait::wait_within;
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::stage::{LONG, Stage, complete, count_is, sessions};

#[tokio::test(flavor = "multi_thread")]
async fn ten_frozen_among_a_hundred_are_named_and_land_when_they_wake_up() {
    let dice = Dice::of("ten_frozen_among_a_hundred");
    let stage = Stage::with_crowd(&[], 90, dice.seed()).await;
    let ids = |list: &[Value], key: &str| -> BTreeSet<String> {
        list.iter().map(|one| text(&one[key])).collect()
    };
    let others = ids(&sessions(stage.api(), &stage.main).await, "id");
    let url = &stage.server.api.url;
    let ten = Crew { seed: dice.seed() + 1_000, ..Crew::of(url, &stage.main, 10) }.send();
    ten.await_in(&stage.main, 10, LONG).await;
    let all = ids(&sessions(stage.api(), &stage.main).await, "id");
    let frozen: BTreeSet<String> = all.difference(&others).cloned().collect();
    assert_eq!(frozen.len(), 10);

    signal_process(ten.pid(), Signal::STOP);
    let begun = stage.fail_over(json!({})).await;
    let id = text(&begun["id"]);
    count_is(stage.api(), &id, "landed", 90, LONG).await;
    let pending = rows(stage.api(), &id, Some("pending")).await;
    assert_eq!(ids(&pending, "session"), frozen, "exactly those ten are named");
    show(&format!("named as pending: {:?}", ids(&pending, "session")));
    if is_long() {
        let path = format!("/api/failovers/{id}");
        let patience = std::time::Duration::from_secs(150);
        wait_within(patience, "the ten to be called stragglers", async || {
            let record = stage.api().get(&path).await.expect(200);
            (record["phase"] == "complete-with-stragglers").then_some(())
        })
        .await;
        let report = stage.api().get(&format!("{path}/report")).await.expect(200);
        let named = report["stragglers"].as_array().expect("a list");
        assert_eq!(ids(named, "session"), frozen);
    }
    signal_process(ten.pid(), Signal::CONT);
    ten.await_in(&stage.standby, 10, LONG).await;
    let done = complete(stage.api(), &id, LONG).await;
    assert_eq!((&done["counts"]["present"], &done["counts"]["landed"]), (&json!(100), &json!(100)));
}
