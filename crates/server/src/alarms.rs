//! Alarms: worlds that have people and are in trouble, from exits of processes, missed health, and
//! what clients themselves say of their game; and failovers that wait for a target in vain.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use lifeboat_core::catalog::Catalog;
use lifeboat_core::ids::{FailoverId, WorldId};
use lifeboat_core::limits::{ALARM_GAME_LOST_AFTER, ALARM_GAME_LOST_PERCENT};
use lifeboat_core::phase::Phase;
use lifeboat_core::readiness::Readiness;
use lifeboat_core::time::Timestamp;
use lifeboat_core::world::World;
use lifeboat_runtime::ServerHealth;
use serde_json::{Value, json};

use crate::app::App;
use crate::failover::waits_in_vain;

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    /// A server is gone, or none takes people.
    ServerGone,
    /// A server does not call health.
    ServerHung,
    /// The servers are well, and yet clients lost them.
    GameLost,
    /// A failover waits for its target, and that does not come.
    TargetFailed,
}

impl Cause {
    const fn as_str(self) -> &'static str {
        match self {
            Self::ServerGone => "serverGone",
            Self::ServerHung => "serverHung",
            Self::GameLost => "gameLost",
            Self::TargetFailed => "targetFailed",
        }
    }
}

/// What is wrong with the servers of a world that has people in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Trouble {
    pub(crate) cause: Cause,
    /// Since when, if that is known.
    pub(crate) since: Option<Timestamp>,
    pub(crate) connected: usize,
    pub(crate) lost_game: usize,
}

impl Trouble {
    /// What is wrong, in words: `server gone 12 s, 480 of 500 lost the game`.
    pub(crate) fn text(&self, now: Timestamp) -> String {
        let span = self.since.map(|since| format!(" {} s", now.since(since).as_secs()));
        let span = span.unwrap_or_default();
        let lost = format!("{} of {} lost the game", self.lost_game, self.connected);
        match self.cause {
            Cause::ServerGone => format!("server gone{span}, {lost}"),
            Cause::ServerHung => format!("server hung{span}, {lost}"),
            Cause::GameLost => format!("server well, {lost} for{span}"),
            Cause::TargetFailed => format!("the target does not come{span}, {lost}"),
        }
    }
}

/// The trouble of a world by what is seen of its servers; none if they are well or nobody is in it.
pub(crate) fn server_trouble(app: &App, catalog: &Catalog, world: &WorldId) -> Option<Trouble> {
    let deployment = catalog.current_deployment(world)?;
    if app.is_healthy(deployment) {
        return None;
    }
    let crowd = app.gateway.desk().crowd(world);
    if crowd.connected == 0 {
        return None;
    }
    let observed = app.observed(deployment);
    let hangs = observed.iter().any(|one| one.health == ServerHealth::Unhealthy);
    let is_hung = hangs && observed.iter().all(|one| one.exit.is_none());
    Some(Trouble {
        cause: if is_hung { Cause::ServerHung } else { Cause::ServerGone },
        since: app.last_healthy_at(catalog, world),
        connected: crowd.connected,
        lost_game: crowd.lost_game,
    })
}

/// The trouble of a world whose servers are well, by what its clients say. `losing_since` is since
/// when too many of them say so; those on the way into the world are no sign of trouble.
fn client_trouble(
    app: &App,
    catalog: &Catalog,
    world: &WorldId,
    losing_since: &mut Option<Timestamp>,
) -> Option<Trouble> {
    let crowd = app.gateway.desk().crowd(world);
    let is_target = catalog
        .failovers()
        .any(|record| record.phase.is_open() && &record.target_world_id == world);
    let too_many = crowd.lost_game * 100 >= crowd.connected * ALARM_GAME_LOST_PERCENT;
    if is_target || crowd.lost_game == 0 || !too_many {
        *losing_since = None;
        return None;
    }
    let since = *losing_since.get_or_insert_with(|| app.now());
    (app.now().since(since) >= ALARM_GAME_LOST_AFTER).then_some(Trouble {
        cause: Cause::GameLost,
        since: Some(since),
        connected: crowd.connected,
        lost_game: crowd.lost_game,
    })
}

/// The trouble of a world whose failover waits in vain.
fn waiting_trouble(app: &App, catalog: &Catalog, world: &WorldId) -> Option<(Trouble, Wait)> {
    let record = waits_in_vain(catalog, world)?;
    let crowd = app.gateway.desk().crowd(world);
    let trouble = Trouble {
        cause: Cause::TargetFailed,
        since: Some(record.started_at),
        connected: crowd.connected,
        lost_game: crowd.lost_game,
    };
    let target = &record.target_world_id;
    let wait = Wait {
        failover: record.id.clone(),
        target: target.clone(),
        target_name: catalog.world(target)?.spec.name.clone(),
        target_phase: catalog.phase(target),
    };
    Some((trouble, wait))
}

/// A failover that waits, and the target that does not come.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Wait {
    failover: FailoverId,
    target: WorldId,
    target_name: String,
    target_phase: Phase,
}

impl Wait {
    fn text(&self) -> String {
        let Self { failover, target, target_name, target_phase } = self;
        format!(
            "{failover} waits for {target_name} ({target_phase:?}): lifeboat world launch {target}, \
             or lifeboat failover undo {failover}"
        )
    }
}

/// How the standby of a world in trouble is.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Standby {
    world: WorldId,
    /// The checks that block; none when it is ready.
    failing: Vec<String>,
}

/// A world in trouble.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Alarm {
    world: WorldId,
    name: String,
    trouble: Trouble,
    /// The failover that waits in vain, if that is the trouble.
    wait: Option<Wait>,
    standby: Option<Standby>,
    /// It is failed over, or being moved: nothing is left to decide.
    is_away: bool,
}

/// How the text of an alarm differs from what was told last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum News {
    /// Only time has passed.
    Nothing,
    /// Other numbers.
    Numbers,
    /// Something that an operator decides by: the cause, or whether the standby would do.
    Decisive,
}

impl Alarm {
    /// The world in trouble.
    pub(crate) fn world(&self) -> &WorldId {
        &self.world
    }

    /// What an operator reads: the world, what is wrong, and whether the standby would do, or what
    /// to do.
    pub(crate) fn message(&self, now: Timestamp) -> String {
        let then = match (&self.wait, &self.standby) {
            (Some(wait), _) => wait.text(),
            (None, _) if self.is_away => "failed over".to_owned(),
            (None, None) => "no standby".to_owned(),
            (None, Some(standby)) if standby.failing.is_empty() => "standby ready".to_owned(),
            (None, Some(standby)) => format!("standby NOT ready ({})", standby.failing.join(", ")),
        };
        format!("{}: {}, {then}", self.name, self.trouble.text(now))
    }

    /// The alarm as the API and the events show it.
    pub(crate) fn view(&self, now: Timestamp) -> Value {
        let standby = self.standby.as_ref().map(|standby| {
            json!({ "worldId": standby.world, "ready": standby.failing.is_empty(),
                    "failing": standby.failing })
        });
        let waits_for = self.wait.as_ref().map(|wait| {
            json!({ "failoverId": wait.failover, "worldId": wait.target,
                    "phase": wait.target_phase })
        });
        json!({
            "worldId": self.world, "worldName": self.name, "cause": self.trouble.cause.as_str(),
            "since": self.trouble.since, "connected": self.trouble.connected,
            "lostGame": self.trouble.lost_game, "standby": standby, "failedOver": self.is_away,
            "waitsFor": waits_for,
            "message": self.message(now),
        })
    }

    /// What is new in it since `earlier`.
    pub(crate) fn news_since(&self, earlier: &Self) -> News {
        let decisive = |one: &Self| {
            let readiness = one.standby.as_ref().map(|standby| standby.failing.is_empty());
            (one.trouble.cause, readiness, one.is_away, one.wait.clone())
        };
        let numbers = |one: &Self| (one.trouble.connected, one.trouble.lost_game);
        if decisive(self) != decisive(earlier) {
            News::Decisive
        } else if numbers(self) != numbers(earlier) {
            News::Numbers
        } else {
            News::Nothing
        }
    }
}

/// The alarms of this moment.
#[derive(Debug, Default)]
pub(crate) struct Alarms {
    present: Mutex<BTreeMap<WorldId, Alarm>>,
}

impl Alarms {
    /// Every alarm, in the order of the worlds' ids.
    pub(crate) fn present(&self) -> Vec<Alarm> {
        let present = self.present.lock().unwrap_or_else(PoisonError::into_inner);
        present.values().cloned().collect()
    }

    /// Replaces what is known with what was found now.
    pub(crate) fn replace(&self, found: BTreeMap<WorldId, Alarm>) {
        *self.present.lock().unwrap_or_else(PoisonError::into_inner) = found;
    }
}

/// The alarm of a world, if there is reason for one.
pub(crate) fn alarm_of(
    app: &App,
    catalog: &Catalog,
    world: &World,
    readiness: Option<&Readiness>,
    losing_since: &mut Option<Timestamp>,
) -> Option<Alarm> {
    let (trouble, wait) = match waiting_trouble(app, catalog, &world.id) {
        // It is what keeps people from being saved, whatever else is wrong.
        Some((trouble, wait)) => (trouble, Some(wait)),
        None => {
            let trouble = server_trouble(app, catalog, &world.id)
                .or_else(|| client_trouble(app, catalog, &world.id, losing_since))?;
            (trouble, None)
        }
    };
    let standby = world.standby.clone().zip(readiness).map(|(standby, readiness)| Standby {
        world: standby,
        failing: readiness.blocking().map(|check| check.id.as_str().to_owned()).collect(),
    });
    Some(Alarm {
        world: world.id.clone(),
        name: world.spec.name.clone(),
        trouble,
        wait,
        standby,
        is_away: catalog.is_away(&world.id),
    })
}

#[cfg(test)]
mod tests {
    use lifeboat_core::deployment::Deployment;
    use lifeboat_store::Transaction;

    use super::*;
    use crate::http::fixture::Plane;
    use crate::keyspace;
    use crate::writer::json as encode;

    fn alarm(cause: Cause, failing: &[&str]) -> Alarm {
        let at = Timestamp::from_ms(1_000);
        Alarm {
            world: "wld_1".parse().unwrap(),
            name: "Main Stage".to_owned(),
            trouble: Trouble { cause, since: Some(at), connected: 500, lost_game: 480 },
            wait: None,
            standby: Some(Standby {
                world: "wld_2".parse().unwrap(),
                failing: failing.iter().map(|&id| id.to_owned()).collect(),
            }),
            is_away: false,
        }
    }

    #[test]
    fn an_alarm_says_what_is_wrong_and_whether_the_standby_would_do() {
        let now = Timestamp::from_ms(13_400);
        let ready = alarm(Cause::ServerGone, &[]);
        let bare = Alarm { standby: None, ..ready.clone() };
        let away = Alarm { is_away: true, ..ready.clone() };
        for (alarm, text) in [
            (ready, "server gone 12 s, 480 of 500 lost the game, standby ready"),
            (
                alarm(Cause::ServerHung, &["build.map", "capacity.seats"]),
                "server hung 12 s, 480 of 500 lost the game, standby NOT ready (build.map, capacity.seats)",
            ),
            (
                alarm(Cause::GameLost, &[]),
                "server well, 480 of 500 lost the game for 12 s, standby ready",
            ),
            (bare, "server gone 12 s, 480 of 500 lost the game, no standby"),
            (away, "server gone 12 s, 480 of 500 lost the game, failed over"),
        ] {
            assert_eq!(alarm.message(now), format!("Main Stage: {text}"));
            assert_eq!(alarm.view(now)["message"], alarm.message(now));
        }
    }

    #[tokio::test]
    async fn a_failover_whose_target_does_not_come_is_an_alarm_that_says_what_to_do() {
        let plane = Plane::start().await;
        let (main, standby) = (plane.world("Main Stage").await, plane.world("Backup").await);
        plane.activate(&main).await;
        let alarm = || {
            let (app, catalog) = (&plane.app, plane.app.catalog());
            alarm_of(app, &catalog, catalog.world(&main).unwrap(), None, &mut None)
        };
        let request = json!({ "targetWorldId": standby, "waitForTarget": true, "force": true,
            "reason": "a test" });
        let line = format!("POST /api/worlds/{main}/failover");
        let began = plane.ask(&line, Some(request)).await;
        assert_eq!(began.body["waitsForTarget"], true, "{}", began.text);
        assert_eq!(alarm(), None, "it starts");
        let started = plane.app.catalog().current_deployment(&standby).unwrap().clone();
        let failed = Deployment { phase: Phase::Error, ..(*started).clone() };
        let put = Transaction::new().put(keyspace::deployment(&failed.id), encode(&failed));
        plane.app.writer.commit_unaudited(put).await.unwrap();
        let now = plane.app.now();
        let view = alarm().expect("an alarm, with nobody in the world either").view(now);
        assert_eq!(view["cause"], "targetFailed");
        let failover = began.body["id"].as_str().unwrap();
        let waits_for = json!({ "failoverId": failover, "worldId": standby, "phase": "Error" });
        assert_eq!(view["waitsFor"], waits_for);
        let message = view["message"].as_str().unwrap();
        let what_to_do = format!(
            "{failover} waits for Backup (Error): lifeboat world launch {standby}, or lifeboat \
             failover undo {failover}"
        );
        assert!(message.starts_with("Main Stage: the target does not come 0 s, "), "{message}");
        assert!(message.ends_with(&what_to_do), "{message}");
        let undo = format!("POST /api/failovers/{failover}/undo");
        assert_eq!(plane.ask(&undo, Some(json!({}))).await.status, 202);
        assert_eq!(alarm(), None, "nobody waits any more");
    }

    #[test]
    fn time_is_no_news_numbers_are_some_and_what_decides_is_most() {
        let told = alarm(Cause::ServerGone, &[]);
        assert_eq!(told.news_since(&told), News::Nothing);
        let mut fewer = told.clone();
        fewer.trouble.connected = 400;
        assert_eq!(fewer.news_since(&told), News::Numbers);
        assert_eq!(alarm(Cause::ServerHung, &[]).news_since(&told), News::Decisive);
        assert_eq!(alarm(Cause::ServerGone, &["build.map"]).news_since(&told), News::Decisive);
        let away = Alarm { is_away: true, ..told.clone() };
        assert_eq!(away.news_since(&told), News::Decisive);
    }
}
