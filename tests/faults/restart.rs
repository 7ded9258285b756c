//! The control plane killed with `kill -9` at random moments of a failover.

use std::time::Duration;

use e2e::dice::{Dice, times};
use e2e::pace;
use e2e::server::text;
use serde_json::{Value, json};

use crate::stage::{Stage, redirect_of};

const CROWD: usize = 300;
/// Everyone is placed within 3 s of the commit, so the kill comes before, in or after the move.
const MOMENTS: Duration = Duration::from_millis(3_300);

#[tokio::test(flavor = "multi_thread")]
async fn kill_9_in_a_failover_loses_nobody_and_keeps_the_pace() {
    let mut dice = Dice::of("kill_9_in_a_failover");
    let mut stage = Stage::with_crowd(&[], CROWD, dice.seed()).await;
    let pids = pids(&stage).await;
    let runs = times(1, 50);
    for run in 1..=runs {
        let moment = dice.within(MOMENTS);
        killed_after(&mut stage, run, moment).await;
        assert_eq!(self::pids(&stage).await, pids, "no game server was touched");
        stage.fail_back().await;
    }
}

async fn pids(stage: &Stage) -> [Vec<i32>; 2] {
    [stage.server.pids(&stage.main).await, stage.server.pids(&stage.standby).await]
}

async fn killed_after(stage: &mut Stage, run: usize, moment: Duration) {
    let (_, counter) = redirect_of(stage.api(), &stage.main).await;
    let earlier = newest_failover(stage).await;
    let (api, path) = (stage.api().clone(), format!("/api/worlds/{}/failover", stage.main));
    let body = json!({ "reason": "killed in the middle", "force": true });
    let asked = {
        let (api, path, body) = (api.clone(), path.clone(), body.clone());
        tokio::spawn(async move { api.try_post(&path, body).await })
    };
    tokio::time::sleep(moment).await;
    stage.server.kill();
    stage.server.restart().await;
    let answer = asked.await.expect("it does not panic");
    let redirect = redirect_of(&api, &stage.main).await;
    let is_saved = redirect == (stage.standby.clone(), counter + 1);
    let is_not = redirect == (String::new(), counter);
    assert!(is_saved || is_not, "both values or neither: {redirect:?} after {counter}");
    assert!(is_saved || answer.is_none(), "what was acknowledged stands");
    let moving = newest_failover(stage).await;
    let begun = if is_saved {
        assert_ne!(moving["id"], earlier["id"], "no values without their record");
        if let Some(answer) = &answer {
            assert_eq!(answer.body["id"], moving["id"], "the same failover goes on");
        }
        moving
    } else {
        assert_ne!(moving["phase"], "moving", "no record without its values: {moving}");
        api.post(&path, body).await.expect(202)
    };
    let done = stage.all_landed(&begun, &stage.standby).await;
    assert_eq!((&done["id"], &done["counts"]["present"]), (&begun["id"], &json!(CROWD)));
    let placed = pace::placed(&api, &text(&done["id"])).await;
    let rate = done["plan"]["ratePerSecond"].as_f64().expect("a rate");
    let what = format!(
        "run {run}: killed after {} ms, {}",
        moment.as_millis(),
        word(is_saved, answer.is_some())
    );
    pace::check(&what, &placed, rate);
    assert_eq!(placed.len(), CROWD, "each has landed, so each was placed at some time");
    assert_eq!(done["counts"]["placed"], CROWD);
}

fn word(is_saved: bool, is_answered: bool) -> &'static str {
    match (is_saved, is_answered) {
        (true, true) => "both saved and acknowledged",
        (true, false) => "both saved, not acknowledged",
        (false, _) => "neither saved",
    }
}

async fn newest_failover(stage: &Stage) -> Value {
    let list = stage.api().get(&format!("/api/failovers?world={}&limit=1", stage.main)).await;
    list.expect(200)["items"][0].clone()
}
