//! Two thousand clients that ask and ask, whatever they are told, while honest ones wait in line.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use e2e::api::Api;
use e2e::bots::Crew;
use e2e::dice::{Dice, show, sized};
use e2e::guest::{dial_channel, join_patiently, try_dial_channel};
use e2e::pace;
use e2e::server::{Server, text};
use e2e::wait::wait_within;
use futures::SinkExt as _;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::Message;

use crate::stage::{LONG, fail_over};

/// Clients that ask for ever, some of whom are present at the failover.
const RUDE: usize = 2_000;
const RUDE_PRESENT: usize = 100;
const HONEST: usize = 100;
/// Rows of the ledger whose placement was noted in the last moment before a kill, and is not kept.
const LOST_ROWS_MAX: usize = 5;
/// What both worlds take per second, and so what the plan has.
const RATE: f64 = 50.0;

#[tokio::test(flavor = "multi_thread")]
async fn rude_clients_get_nobody_placed_faster_than_planned() {
    let dice = Dice::of("rude_clients");
    hammered("2,000 rude", dice, None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rude_clients_gain_nothing_from_a_restart_either() {
    let mut dice = Dice::of("rude_clients_over_a_restart");
    let moment = Duration::from_millis(500) + dice.within(Duration::from_secs(3));
    hammered("2,000 rude, killed", dice, Some(moment)).await;
}

async fn hammered(what: &str, dice: Dice, kill_after: Option<Duration>) {
    let mut server = Server::start().await;
    let (main, standby) = server.pair().await;
    let honest = Crew { seed: dice.seed(), ..Crew::of(&server.api.url, &main, HONEST) }.send();
    let mut crowd = Crowd::new(&server.api, &main);
    crowd.enter(RUDE_PRESENT).await;
    honest.await_in(&main, HONEST, LONG).await;
    for world in [&main, &standby] {
        let rate = json!({ "game": { "Admission": { "JoinsPerSecond": RATE } } });
        server.api.patch(&format!("/api/worlds/{world}/live-config"), rate).await.expect(200);
    }
    crowd.hammer();
    let begun = fail_over(&server.api, &main, json!({})).await;
    assert_eq!(begun["plan"]["ratePerSecond"], RATE);
    let begun_at = Instant::now();
    if let Some(moment) = kill_after {
        tokio::time::sleep(moment).await;
        server.kill();
        server.restart().await;
    }
    let id = text(&begun["id"]);
    let present = HONEST + RUDE_PRESENT;
    // Everyone's turn, and for those who were cut off the time to come back.
    let patience = Duration::from_secs_f64(present as f64 / RATE) + Duration::from_secs(40);
    wait_within(patience, "everyone present to be placed", async || {
        let placed = pace::placed(&server.api, &id).await.len();
        let there = honest.in_the(&standby) as usize == HONEST;
        (there && placed >= present - LOST_ROWS_MAX).then_some(())
    })
    .await;
    let took = begun_at.elapsed();
    // The seconds after the move belong to newcomers, at the same pace.
    tokio::time::sleep(sized(Duration::from_secs(3), Duration::from_secs(10))).await;
    let rude_sessions = crowd.sessions.clone();
    let (rude, asked) = crowd.stop().await;
    let rows = pace::rows(&server.api, &id, None).await;
    let is_honest = |row: &&Value| !rude_sessions.contains(&text(&row["session"]));
    let honest_placed: Vec<i64> = rows
        .iter()
        .filter(is_honest)
        .filter(|row| row["placedAt"].is_string())
        .map(|row| pace::millis(&row["placedAt"]))
        .collect();
    let mut all: Vec<i64> = honest_placed.iter().chain(&rude).copied().collect();
    all.sort_unstable();
    show(&format!(
        "{what}: {asked} joins asked by the rude, {} answered with a place; all {HONEST} honest \
         ones there after {} ms",
        rude.len(),
        took.as_millis()
    ));
    pace::print_table(what, &all, pace::millis(&begun["startedAt"]));
    pace::check(what, &all, RATE);
}

/// The rude ones.
struct Crowd {
    api: Api,
    world: String,
    tasks: JoinSet<()>,
    /// Tokens of those who are in main.
    present: Vec<Value>,
    /// Their sessions.
    sessions: BTreeSet<String>,
    stop: Arc<AtomicBool>,
    asked: Arc<AtomicU64>,
    placed: mpsc::UnboundedSender<i64>,
    heard: mpsc::UnboundedReceiver<i64>,
}

impl Crowd {
    fn new(api: &Api, world: &str) -> Self {
        let (placed, heard) = mpsc::unbounded_channel();
        Self {
            api: api.anonymous(),
            world: world.to_owned(),
            tasks: JoinSet::new(),
            present: Vec::new(),
            sessions: BTreeSet::new(),
            stop: Arc::default(),
            asked: Arc::default(),
            placed,
            heard,
        }
    }

    /// So many come in, as anybody does.
    async fn enter(&mut self, count: usize) {
        for _ in 0..count {
            let placed = join_patiently(&self.api, &self.world, &json!({})).await;
            let channel = dial_channel(&placed).await;
            // Its user reads nothing of it any more, and asks by HTTP alone.
            self.tasks.spawn(async move {
                let _open = channel;
                std::future::pending::<()>().await;
            });
            self.sessions.insert(text(&placed["session"]));
            self.present.push(placed);
        }
    }

    /// All of them begin to ask: those who are in, and everyone else as a newcomer.
    fn hammer(&mut self) {
        for placed in std::mem::take(&mut self.present) {
            let body = json!({ "previous": placed["sessionToken"] });
            self.ask_for_ever(body);
        }
        for _ in 0..RUDE - RUDE_PRESENT {
            self.ask_for_ever(json!({}));
        }
    }

    fn ask_for_ever(&mut self, mut body: Value) {
        let path = format!("/api/worlds/{}/join", self.world);
        let (api, stop) = (self.api.clone(), Arc::clone(&self.stop));
        let (asked, placed) = (Arc::clone(&self.asked), self.placed.clone());
        let from = self.world.clone();
        self.tasks.spawn(async move {
            while !stop.load(Ordering::Relaxed) {
                asked.fetch_add(1, Ordering::Relaxed);
                let Some(answer) = api.try_post(&path, body.clone()).await else {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    continue;
                };
                if answer.status != 200 || answer.body["world"] == from {
                    continue;
                }
                // The test may be over.
                let _ = placed.send(issued_at(&answer.body));
                body = json!({ "previous": answer.body["sessionToken"] });
                say_in_world(&answer.body).await;
            }
        });
    }

    /// They stop; when any of them was placed, and how often they asked.
    async fn stop(mut self) -> (Vec<i64>, u64) {
        self.stop.store(true, Ordering::Relaxed);
        self.tasks.shutdown().await;
        drop(self.placed);
        let mut placed = Vec::new();
        while let Some(at) = self.heard.recv().await {
            placed.push(at);
        }
        (placed, self.asked.load(Ordering::Relaxed))
    }
}

/// When a placement was made, in milliseconds: the id of its token says so.
fn issued_at(placed: &Value) -> i64 {
    let token = text(&placed["sessionToken"]);
    let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).expect("a JWT")).expect("base64");
    let claims: Value = serde_json::from_slice(&claims).expect("claims");
    i64::from_str_radix(&text(&claims["jti"])[..12], 16).expect("a time")
}

async fn say_in_world(placed: &Value) {
    // The control plane may be killed at this moment.
    let Some(mut channel) = try_dial_channel(placed).await else { return };
    let (world, server) = (&placed["world"], &placed["server"]);
    let frame = json!({ "type": "state", "state": "inWorld", "world": world, "server": server });
    let _ = channel.send(Message::text(frame.to_string())).await;
}
