//! The store in trouble: a full disk, a read-only one, a slow one, a database that another process
//! holds, that is damaged, or that was taken away. Each time: joins and redirects go on from
//! memory, writes are refused clearly, nothing acknowledged is lost, and it recovers by itself.

use std::fs;
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use e2e::bots::Crew;
use e2e::dice::{Dice, is_long, show, times};
use e2e::faulty::{Faulty, SmallDisk};
use e2e::guest::join_patiently;
use e2e::server::{Server, Setup, text};
use e2e::wait::{wait_for, wait_within};
use serde_json::json;
use tempfile::TempDir;

use crate::stage::{LONG, complete};

/// Errors of the system, by number.
const EIO: u32 = 5;
const EROFS: u32 = 30;

/// A pair that was failed over, so that joins have to be redirected, and a writer that keeps
/// account of what was acknowledged.
struct Night {
    server: Server,
    main: String,
    standby: String,
    /// The last title that was acknowledged, and those tried since.
    acknowledged: String,
    tried: Vec<String>,
    number: u32,
}

impl Night {
    async fn on(data: TempDir, setup: Setup) -> Self {
        let server = Server::start_as(data, setup).await;
        let (main, standby) = server.pair().await;
        let body = json!({ "reason": "before the trouble", "force": true });
        let begun =
            server.api.post(&format!("/api/worlds/{main}/failover"), body).await.expect(202);
        complete(&server.api, &text(&begun["id"]), LONG).await;
        let acknowledged = "Plaza".to_owned();
        Self { server, main, standby, acknowledged, tried: Vec::new(), number: 0 }
    }

    /// The processes of both worlds.
    async fn pids(&self) -> [Vec<i32>; 2] {
        [self.server.pids(&self.main).await, self.server.pids(&self.standby).await]
    }

    /// Saves another title; says with which status that ended.
    async fn write(&mut self) -> u16 {
        self.number += 1;
        let title = format!("Act {}", self.number);
        let path = format!("/api/worlds/{}/live-config", self.main);
        let body = json!({ "project": { "Stage": { "Title": title } } });
        let answer = self.server.api.patch(&path, body).await;
        if answer.status == 200 {
            self.acknowledged = title;
            self.tried.clear();
        } else {
            self.tried.push(title);
            assert!(answer.headers.contains_key("retry-after"), "{}", answer.body);
            answer.expect_problem(503, "store_unavailable");
            return 503;
        }
        200
    }

    /// What has to hold while the store is gone.
    async fn goes_on_from_memory(&mut self) {
        for _ in 0..3 {
            assert_eq!(self.write().await, 503, "nothing can be saved, and that is said");
        }
        self.joins_go_on().await;
        let (status, body) = self.server.api.try_get("/readyz").await.expect("it answers");
        assert_eq!(status, 503, "{body}");
        let (status, _) = self.server.api.try_get("/healthz").await.expect("it answers");
        assert_eq!(status, 200);
    }

    async fn joins_go_on(&self) {
        let begun = Instant::now();
        for _ in 0..3 {
            let placed = join_patiently(&self.server.api.anonymous(), &self.main, &json!({})).await;
            assert_eq!(
                (&placed["world"], &placed["redirected"]),
                (&json!(self.standby), &json!(true))
            );
        }
        assert!(begun.elapsed() < Duration::from_secs(3), "joins do not wait for the store");
    }

    /// What has to hold once the cause is gone: no hand is needed, and what was acknowledged is
    /// there, also after a crash.
    async fn recovers(&mut self) {
        let begun = Instant::now();
        loop {
            if self.write().await == 200 {
                break;
            }
            assert!(begun.elapsed() < Duration::from_secs(15), "it does not recover by itself");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        show(&format!("saved again {} ms after the cause was gone", begun.elapsed().as_millis()));
        wait_for("readyz to be ok again", async || {
            self.server.api.try_get("/readyz").await.filter(|(status, _)| *status == 200)
        })
        .await;
        self.is_kept_over_a_crash().await;
    }

    async fn is_kept_over_a_crash(&mut self) {
        self.server.kill();
        self.server.restart().await;
        let path = format!("/api/worlds/{}/live-config", self.main);
        let live = self.server.api.get(&path).await.expect(200);
        let title = text(&live["project"]["Stage"]["Title"]);
        let may_be = title == self.acknowledged || self.tried.contains(&title);
        assert!(may_be, "{title} was found, {} was acknowledged", self.acknowledged);
        assert_eq!(live["game"]["Failover"]["OverrideWorldId"], self.standby);
        self.joins_go_on().await;
    }
}

fn folder() -> TempDir {
    TempDir::new().expect("a folder for the test")
}

fn database(night: &Night) -> PathBuf {
    night.server.data().join("lifeboat.db")
}

fn log_of(night: &Night) -> PathBuf {
    night.server.data().join("lifeboat.db-wal")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_disk_is_full() {
    let _dice = Dice::of("disk_full");
    let data = folder();
    let Some(disk) = SmallDisk::mount(data.path(), 24) else { return };
    let mut night = Night::on(data, Setup::default()).await;
    assert_eq!(night.write().await, 200);
    disk.fill();
    // The write-ahead log may have some room left in its last block.
    wait_for("the store to notice", async || (night.write().await == 503).then_some(())).await;
    // Its log, and those of the game servers, are on that disk too: lines are lost, and no more.
    let bots = Crew::of(&night.server.api.url, &night.main, 20).send();
    for _ in 0..200 {
        assert_eq!(night.write().await, 503);
    }
    night.goes_on_from_memory().await;
    bots.await_in(&night.standby, 20, LONG).await;
    disk.clear();
    night.recovers().await;
    bots.await_in(&night.standby, 20, LONG).await;
    drop(night);
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_the_disk_is_full_it_comes_back_with_all_that_was_acknowledged() {
    let mut dice = Dice::of("killed_on_a_full_disk");
    let data = folder();
    let Some(disk) = SmallDisk::mount(data.path(), 24) else { return };
    let mut night = Night::on(data, Setup::default()).await;
    let bots = Crew::of(&night.server.api.url, &night.main, 20).send();
    bots.await_in(&night.standby, 20, LONG).await;
    for run in 1..=times(1, 10) {
        assert_eq!(night.write().await, 200);
        let pids = night.pids().await;
        disk.fill();
        wait_for("the store to notice", async || (night.write().await == 503).then_some(())).await;
        tokio::time::sleep(dice.within(Duration::from_secs(1))).await;
        night.server.kill();
        // It comes back on the full disk too, and goes on from what it reads there.
        night.server.restart().await;
        night.goes_on_from_memory().await;
        bots.await_in(&night.standby, 20, LONG).await;
        tokio::time::sleep(dice.within(Duration::from_secs(1))).await;
        night.server.kill();
        disk.clear();
        let begun = Instant::now();
        night.server.restart().await;
        night.recovers().await;
        assert_eq!(night.pids().await, pids, "no game server was touched");
        bots.await_in(&night.standby, 20, LONG).await;
        show(&format!(
            "run {run}: killed on a full disk, served on it, killed again; in order {} ms after \
             there was room",
            begun.elapsed().as_millis()
        ));
    }
    drop(night);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_disk_is_read_only() {
    let _dice = Dice::of("disk_read_only");
    let Some(faulty) = Faulty::build() else { return };
    let setup = Setup { env: faulty.disk(), ..Setup::default() };
    let mut night = Night::on(folder(), setup).await;
    for errno in [EROFS, EIO] {
        assert_eq!(night.write().await, 200);
        faulty.set(&format!("write_errno={errno}"));
        night.goes_on_from_memory().await;
        faulty.set("");
        night.recovers().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_disk_is_slow() {
    let _dice = Dice::of("disk_slow");
    let Some(faulty) = Faulty::build() else { return };
    let setup = Setup { env: faulty.disk(), ..Setup::default() };
    let mut night = Night::on(folder(), setup).await;
    faulty.set("sync_ms=1500");
    let begun = Instant::now();
    let saving = night.server.api.clone();
    let path = format!("/api/worlds/{}/live-config", night.main);
    let body = json!({ "project": { "Stage": { "LightLevel": 0.25 } } });
    let saved = tokio::spawn(async move { saving.patch(&path, body).await });
    night.joins_go_on().await;
    let joined = begun.elapsed();
    saved.await.expect("it does not panic").expect(200);
    assert!(begun.elapsed() > Duration::from_millis(1_400), "a 2xx is sent once it is durable");
    assert!(joined < begun.elapsed(), "joins went on beside the slow disk");
    show(&format!("joins after {joined:?}, the write after {:?}", begun.elapsed()));
    // Slower than anybody waits: refused, and no hand is needed afterwards.
    if is_long() {
        faulty.set("sync_ms=12000");
        assert_eq!(night.write().await, 503);
        night.joins_go_on().await;
    }
    faulty.set("");
    night.recovers().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_process_holds_the_database() {
    let mut dice = Dice::of("database_locked");
    let mut night = Night::on(folder(), Setup::default()).await;
    assert_eq!(night.write().await, 200);
    let other = rusqlite::Connection::open(database(&night)).expect("it opens");
    other.busy_timeout(Duration::from_secs(5)).expect("set");
    other.execute_batch("BEGIN EXCLUSIVE").expect("it is ours now");
    night.goes_on_from_memory().await;
    tokio::time::sleep(dice.within(Duration::from_secs(1))).await;
    other.execute_batch("ROLLBACK").expect("given back");
    drop(other);
    night.recovers().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn more_writes_than_may_wait_are_refused_and_none_is_lost() {
    let _dice = Dice::of("write_queue");
    let night = Night::on(folder(), Setup::default()).await;
    let other = rusqlite::Connection::open(database(&night)).expect("it opens");
    other.busy_timeout(Duration::from_secs(5)).expect("set");
    other.execute_batch("BEGIN EXCLUSIVE").expect("it is ours now");
    let api = &night.server.api;
    let bans = (0..700).map(|number| {
        let body = json!({ "user": format!("user-{number}"), "reason": "a queue that is full" });
        api.post("/api/bans", body)
    });
    let answers = futures::future::join_all(bans).await;
    other.execute_batch("ROLLBACK").expect("given back");
    let saved = answers.iter().filter(|answer| answer.status == 201).count();
    let refused = answers.iter().filter(|answer| answer.status == 503).count();
    assert_eq!(saved + refused, 700, "each was saved or refused");
    wait_for("writes to go on", async || {
        let body = json!({ "user": "one more", "reason": "after the queue" });
        (api.post("/api/bans", body).await.status == 201).then_some(())
    })
    .await;
    let kept = e2e::pace::items(api, "/api/bans?limit=1000").await.len();
    show(&format!("700 at once: {saved} saved, {refused} refused, {kept} kept with one more"));
    assert!(kept > saved, "what was acknowledged is there");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_database_is_damaged() {
    let mut dice = Dice::of("database_damaged");
    let mut night = Night::on(folder(), Setup::default()).await;
    let bots = Crew::of(&night.server.api.url, &night.main, 10).send();
    bots.await_in(&night.standby, 10, LONG).await;
    assert_eq!(night.write().await, 200);
    // A copy to put back, taken as a backup would be: whole, without what waits in the log.
    let path = database(&night);
    let other = rusqlite::Connection::open(&path).expect("it opens");
    other.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).expect("checkpointed");
    drop(other);
    let whole = fs::read(&path).expect("readable");
    let noise: Vec<u8> = whole.iter().map(|_| dice.below(256) as u8).collect();
    overwrite(&path, &noise);
    let mut refused = 0;
    for _ in 0..5 {
        refused += u32::from(night.write().await == 503);
        night.joins_go_on().await;
    }
    show(&format!("database overwritten with noise: {refused} of 5 writes refused"));
    assert_eq!(refused, 5, "nothing is acknowledged that a damaged file holds");
    bots.await_in(&night.standby, 10, LONG).await;
    overwrite(&path, &whole);
    night.recovers().await;
}

/// The same file, other bytes.
fn overwrite(path: &std::path::Path, bytes: &[u8]) {
    let file = fs::File::options().write(true).open(path).expect("it is there");
    file.write_all_at(bytes, 0).expect("written");
    file.sync_all().expect("on the disk");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_database_is_taken_away_or_replaced() {
    let _dice = Dice::of("database_replaced");
    let mut night = Night::on(folder(), Setup::default()).await;
    let path = database(&night);
    let aside = path.with_extension("aside");
    for replacement in [None, Some(&b""[..])] {
        assert_eq!(night.write().await, 200);
        fs::rename(&path, &aside).expect("moved away");
        if let Some(bytes) = replacement {
            fs::write(&path, bytes).expect("another file in its place");
        }
        night.goes_on_from_memory().await;
        fs::rename(&aside, &path).expect("put back");
        night.recovers().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_write_ahead_log_is_taken_away_or_replaced() {
    let _dice = Dice::of("log_replaced");
    let mut night = Night::on(folder(), Setup::default()).await;
    let (log, aside) = (log_of(&night), database(&night).with_extension("aside"));
    for replacement in [None, Some(&b""[..])] {
        assert_eq!(night.write().await, 200);
        fs::rename(&log, &aside).expect("moved away");
        if let Some(bytes) = replacement {
            fs::write(&log, bytes).expect("another file in its place");
        }
        night.goes_on_from_memory().await;
        fs::rename(&aside, &log).expect("put back");
        night.recovers().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_write_ahead_log_is_deleted() {
    let _dice = Dice::of("log_deleted");
    let mut night = Night::on(folder(), Setup::default()).await;
    assert_eq!(night.write().await, 200);
    fs::remove_file(log_of(&night)).expect("deleted");
    night.goes_on_from_memory().await;
    // Nobody can put it back; what was acknowledged was brought to safety when it was noticed.
    wait_for("what was in the log to be in the database", async || {
        night.server.log().contains("what was saved before is in the database").then_some(())
    })
    .await;
    night.is_kept_over_a_crash().await;
    assert_eq!(night.write().await, 200, "restarted, it goes on with a new log");
    night.is_kept_over_a_crash().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_is_gone_after_a_kill_is_asked_for_and_nothing_is_lost_silently() {
    let _dice = Dice::of("log_gone_after_a_kill");
    let mut night = Night::on(folder(), Setup::default()).await;
    assert_eq!(night.write().await, 200);
    night.server.kill();
    let (log, aside) = (log_of(&night), database(&night).with_extension("aside"));
    fs::rename(&log, &aside).expect("moved away");
    let status = night.server.spawn_again().wait().expect("it ends");
    assert!(!status.success(), "it does not start with what was acknowledged missing");
    let said = night.server.log();
    assert!(said.contains("the write-ahead log is gone"), "{said}");
    assert!(said.contains("lifeboat.db-shm` to go on without them"), "{said}");
    fs::rename(&aside, &log).expect("put back");
    night.server.restart().await;
    night.is_kept_over_a_crash().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failover_in_progress_goes_on_while_the_store_is_away() {
    let dice = Dice::of("store_away_in_a_failover");
    let stage = crate::stage::Stage::with_crowd(&[], 60, dice.seed()).await;
    let begun = stage.fail_over(json!({ "maxRejoinsPerSecond": 30 })).await;
    let other =
        rusqlite::Connection::open(stage.server.data().join("lifeboat.db")).expect("it opens");
    other.busy_timeout(Duration::from_secs(5)).expect("set");
    other.execute_batch("BEGIN EXCLUSIVE").expect("it is ours now");
    stage.bots.await_in(&stage.standby, 60, LONG).await;
    let path = format!("/api/failovers/{}", text(&begun["id"]));
    wait_within(LONG, "the ledger to count them all", async || {
        let record = stage.api().get(&path).await.expect(200);
        (record["counts"]["landed"] == 60).then_some(())
    })
    .await;
    other.execute_batch("ROLLBACK").expect("given back");
    stage.all_landed(&begun, &stage.standby).await;
}
