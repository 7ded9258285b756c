//! Alarms: worlds that have people and are in trouble, from exits of processes, missed health, and
//! what clients themselves say of their game.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use lifeboat_core::catalog::Catalog;
use lifeboat_core::ids::WorldId;
use lifeboat_core::limits::{ALARM_GAME_LOST_AFTER, ALARM_GAME_LOST_PERCENT};
use lifeboat_core::readiness::Readiness;
use lifeboat_core::time::Timestamp;
use lifeboat_core::world::World;
use lifeboat_runtime::ServerHealth;
use serde_json::{Value, json};

use crate::app::App;

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    /// A server is gone, or none takes people.
    ServerGone,
    /// A server does not call health.
    ServerHung,
    /// The servers are well, and yet clients lost them.
    GameLost,
}

impl Cause {
    const fn as_str(self) -> &'static str {
        match self {
            Self::ServerGone => "serverGone",
            Self::ServerHung => "serverHung",
            Self::GameLost => "gameLost",
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

    /// What an operator reads: the world, what is wrong, and whether the standby would do.
    pub(crate) fn message(&self, now: Timestamp) -> String {
        let standby = match (&self.standby, self.is_away) {
            (_, true) => "failed over".to_owned(),
            (None, _) => "no standby".to_owned(),
            (Some(standby), _) if standby.failing.is_empty() => "standby ready".to_owned(),
            (Some(standby), _) => format!("standby NOT ready ({})", standby.failing.join(", ")),
        };
        format!("{}: {}, {standby}", self.name, self.trouble.text(now))
    }

    /// The alarm as the API and the events show it.
    pub(crate) fn view(&self, now: Timestamp) -> Value {
        let standby = self.standby.as_ref().map(|standby| {
            json!({ "worldId": standby.world, "ready": standby.failing.is_empty(),
                    "failing": standby.failing })
        });
        json!({
            "worldId": self.world, "worldName": self.name, "cause": self.trouble.cause.as_str(),
            "since": self.trouble.since, "connected": self.trouble.connected,
            "lostGame": self.trouble.lost_game, "standby": standby, "failedOver": self.is_away,
            "message": self.message(now),
        })
    }

    /// What is new in it since `earlier`.
    pub(crate) fn news_since(&self, earlier: &Self) -> News {
        let decisive = |one: &Self| {
            let readiness = one.standby.as_ref().map(|standby| standby.failing.is_empty());
            (one.trouble.cause, readiness, one.is_away)
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
    let trouble = server_trouble(app, catalog, &world.id)
        .or_else(|| client_trouble(app, catalog, &world.id, losing_since))?;
    let standby = world.standby.clone().zip(readiness).map(|(standby, readiness)| Standby {
        world: standby,
        failing: readiness.blocking().map(|check| check.id.as_str().to_owned()).collect(),
    });
    Some(Alarm {
        world: world.id.clone(),
        name: world.spec.name.clone(),
        trouble,
        standby,
        is_away: catalog.is_away(&world.id),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alarm(cause: Cause, failing: &[&str]) -> Alarm {
        let at = Timestamp::from_ms(1_000);
        Alarm {
            world: "wld_1".parse().unwrap(),
            name: "Main Stage".to_owned(),
            trouble: Trouble { cause, since: Some(at), connected: 500, lost_game: 480 },
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
