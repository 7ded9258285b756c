//! The network between clients and the control plane: slow, lossy, and parted.

use std::collections::BTreeSet;
use std::time::Duration;

use e2e::bots::Crew;
use e2e::dice::{Dice, show, sized};
use e2e::pace::rows;
use e2e::proxy::{Proxy, Weather, is_in_the_third};
use e2e::server::{Server, Setup, text};
use e2e::wait::wait_within;
use serde_json::json;
use tempfile::TempDir;

use crate::stage::{LONG, complete, fail_over, sessions};

const CROWD: usize = 90;

/// A control plane that clients reach through the proxy alone, and a pair.
async fn behind(proxy: &Proxy) -> (Server, String, String) {
    let setup = Setup::with(&["--public-url", &proxy.url]);
    let server = Server::start_as(TempDir::new().expect("a folder"), setup).await;
    proxy.lead_to(&server.address());
    let (main, standby) = server.pair().await;
    (server, main, standby)
}

#[tokio::test(flavor = "multi_thread")]
async fn delay_and_loss_during_a_failover() {
    let dice = Dice::of("delay_and_loss");
    let proxy = Proxy::open(dice.seed()).await;
    let (server, main, standby) = behind(&proxy).await;
    let bots = Crew { seed: dice.seed(), ..Crew::of(&proxy.url, &main, CROWD) }.send();
    bots.await_in(&main, CROWD, LONG).await;
    proxy.set(Weather { delay_ms: 150, stalls: 50, cuts: 20, is_parted: false });
    let begun = fail_over(&server.api, &main, json!({})).await;
    let done = complete(&server.api, &text(&begun["id"]), 2 * LONG).await;
    let (cut, stalled) = proxy.harm();
    show(&format!(
        "delay and loss: {cut} connections cut, {stalled} pieces held up, dark {}",
        done["darkMs"]
    ));
    assert_eq!(done["counts"]["landed"], CROWD, "{}", done["counts"]);
    proxy.set(Weather::default());
    bots.await_in(&standby, CROWD, LONG).await;
    assert_eq!(sessions(&server.api, &main).await.len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_third_is_cut_off_during_a_failover() {
    let mut dice = Dice::of("partition");
    let proxy = Proxy::open(dice.seed()).await;
    let (server, main, standby) = behind(&proxy).await;
    let bots = Crew { seed: dice.seed(), ..Crew::of(&proxy.url, &main, CROWD) }.send();
    bots.await_in(&main, CROWD, LONG).await;
    let all = sessions(&server.api, &main).await;
    let third: BTreeSet<String> =
        all.iter().map(|one| text(&one["id"])).filter(|one| is_in_the_third(one)).collect();
    let others = CROWD - third.len();
    proxy.set(Weather { is_parted: true, ..Weather::default() });
    tokio::time::sleep(dice.within(Duration::from_millis(500))).await;
    let begun = fail_over(&server.api, &main, json!({})).await;
    let id = text(&begun["id"]);
    wait_within(LONG, "those who can be reached to land", async || {
        (rows(&server.api, &id, Some("landed")).await.len() == others).then_some(())
    })
    .await;
    tokio::time::sleep(sized(Duration::from_secs(5), Duration::from_secs(30))).await;
    let pending = rows(&server.api, &id, Some("pending")).await;
    let pending: BTreeSet<String> = pending.iter().map(|row| text(&row["session"])).collect();
    assert_eq!(pending, third, "exactly those cut off are named");
    proxy.set(Weather::default());
    let done = complete(&server.api, &id, LONG).await;
    assert_eq!(done["counts"]["landed"], CROWD, "{}", done["counts"]);
    bots.await_in(&standby, CROWD, LONG).await;
    show(&format!("{} of {CROWD} were cut off, all landed; dark {}", third.len(), done["darkMs"]));
}
