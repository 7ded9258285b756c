//! Clients whose clocks are wrong by an hour.

use std::time::{Duration, Instant};

use e2e::bots::{Bots, Crew};
use e2e::dice::{Dice, show};
use e2e::faulty::Faulty;
use e2e::guest::Guest;
use e2e::pace::{millis, rows};
use e2e::server::{Server, text};
use rustix::process::Signal;
use serde_json::json;

use crate::stage::{LONG, complete, fail_over};

const HOUR: i64 = 3_600;

#[tokio::test(flavor = "multi_thread")]
async fn clients_whose_clocks_are_wrong_by_an_hour_land_as_all_others() {
    let dice = Dice::of("wrong_clocks");
    let Some(faulty) = Faulty::build() else { return };
    let server = Server::start().await;
    let (main, standby) = server.pair().await;
    let mut crews: Vec<Bots> = Vec::new();
    for seconds in [0, HOUR, -HOUR] {
        let env = faulty.clock(seconds);
        let seed = dice.seed().wrapping_add(1_000 + seconds as u64);
        crews.push(Crew { seed, env: &env, ..Crew::of(&server.api.url, &main, 20) }.send());
    }
    for crew in &crews {
        crew.await_in(&main, 20, LONG).await;
    }
    // That their clocks are wrong shows in what they report.
    let offsets: Vec<i64> = crews.iter().map(|crew| millis(&crew.report()["at"]) / 1_000).collect();
    assert!(
        offsets[1] - offsets[0] > HOUR - 60 && offsets[0] - offsets[2] > HOUR - 60,
        "{offsets:?}"
    );
    let mut liar = Guest::enter(&server.api, &main).await;
    let begun_at = Instant::now();
    server.signal_servers(&main, Signal::KILL).await;
    let since =
        json!({ "type": "state", "state": "loading", "cause": "gameLost", "sinceMs": u64::MAX });
    liar.say(since).await;
    let begun = fail_over(&server.api, &main, json!({})).await;
    let id = text(&begun["id"]);
    let order = liar.frame("forceDisconnect").await;
    liar.rejoin(order["rejoinAfterMs"].as_u64().expect("a time")).await;
    let done = complete(&server.api, &id, LONG).await;
    assert_eq!(done["counts"]["landed"], 61, "{}", done["counts"]);
    for crew in &crews {
        crew.await_in(&standby, 20, LONG).await;
    }
    let took = begun_at.elapsed() + Duration::from_secs(1);
    let mut darkest = 0;
    for row in rows(&server.api, &id, None).await {
        let at = millis(&row["at"]) - millis(&begun["startedAt"]);
        assert!((0..i64::try_from(took.as_millis()).expect("short")).contains(&at), "{row}");
        let dark = row["darkMs"].as_u64().unwrap_or(0);
        if row["session"] != liar.placed["session"] {
            assert!(u128::from(dark) < took.as_millis(), "{row}");
            darkest = darkest.max(dark);
        }
    }
    show(&format!("clocks off by an hour each way: all landed, dark {darkest} ms at the most"));
}
