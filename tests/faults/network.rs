//! The network between clients and the control plane: slow, lossy, and parted.

use std::collections::BTreeSet;
use std::time::Duration;

use e2e::bots::Crew;
use e2e::dice::{Dice, show, sized};
use e2e::game_mod::GameMod;
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
    let dice = Dice::of("partition");
    let proxy = Proxy::open(dice.seed()).await;
    let (server, main, standby) = behind(&proxy).await;
    parted(dice, &proxy, &server, [&main, &standby], CutOff::Lifeboat).await;
}

/// Where clients find game servers that have the proxy before them.
const GAME_HOST: &str = "127.0.0.2";

#[tokio::test(flavor = "multi_thread")]
async fn a_third_is_cut_off_from_lifeboat_and_from_the_game_during_a_failover() {
    let dice = Dice::of("partition_of_both");
    let proxy = Proxy::open(dice.seed()).await;
    let game_mod = GameMod::of(env!("CARGO_BIN_EXE_e2e-game-server"));
    let mut setup = game_mod.setup(GAME_HOST);
    setup.flags.extend(["--public-url".to_owned(), proxy.url.clone()]);
    let server = Server::start_as(TempDir::new().expect("a folder"), setup).await;
    proxy.lead_to(&server.address());
    let main = server.active_world(game_mod.world()).await;
    let standby = server.standby_of(&main).await;
    for world in [&main, &standby] {
        for port in server.game_ports(world).await {
            proxy.stand_before(GAME_HOST, port).await;
        }
    }
    parted(dice, &proxy, &server, [&main, &standby], CutOff::LifeboatAndGame).await;
}

/// What a third of the clients is cut off from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CutOff {
    Lifeboat,
    LifeboatAndGame,
}

/// A third of a crowd is cut off, a failover begins, and some time after everyone else has landed
/// the network is whole again.
async fn parted(
    mut dice: Dice,
    proxy: &Proxy,
    server: &Server,
    [main, standby]: [&str; 2],
    cut_off: CutOff,
) {
    let bots = Crew { seed: dice.seed(), ..Crew::of(&proxy.url, main, CROWD) }.send();
    bots.await_in(main, CROWD, LONG).await;
    let all = sessions(&server.api, main).await;
    let third: BTreeSet<String> =
        all.iter().map(|one| text(&one["id"])).filter(|one| is_in_the_third(one)).collect();
    let others = CROWD - third.len();
    proxy.set(Weather { is_parted: true, ..Weather::default() });
    tokio::time::sleep(dice.within(Duration::from_millis(500))).await;
    let begun = fail_over(&server.api, main, json!({})).await;
    let id = text(&begun["id"]);
    wait_within(LONG, "those who can be reached to land", async || {
        (rows(&server.api, &id, Some("landed")).await.len() == others).then_some(())
    })
    .await;
    match cut_off {
        // Main's servers have dropped them, and they cannot ask where to go.
        CutOff::Lifeboat => {
            tokio::time::sleep(sized(Duration::from_secs(5), Duration::from_secs(30))).await;
        }
        CutOff::LifeboatAndGame => {
            // Their game falls silent, and after a while they give it up.
            bots.await_in(main, 0, LONG).await;
            tokio::time::sleep(sized(Duration::ZERO, Duration::from_secs(30))).await;
        }
    }
    let pending = rows(&server.api, &id, Some("pending")).await;
    let pending: BTreeSet<String> = pending.iter().map(|row| text(&row["session"])).collect();
    assert_eq!(pending, third, "exactly those cut off are named");
    assert_eq!(bots.in_the(standby) as usize, others, "the others stay where they landed");
    proxy.set(Weather::default());
    let done = complete(&server.api, &id, LONG).await;
    assert_eq!(done["counts"]["landed"], CROWD, "{}", done["counts"]);
    bots.await_in(standby, CROWD, LONG).await;
    assert_eq!(sessions(&server.api, main).await.len(), 0, "nobody stayed behind");
    show(&format!("{} of {CROWD} were cut off, all landed; dark {}", third.len(), done["darkMs"]));
}
