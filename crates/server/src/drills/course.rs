//! The course of a drill: bots come in, move out, move home, leave.

use std::time::Duration;

use lifeboat_core::drill::{
    DrillPhase, DrillRecord, WayFigures, joins_per_second, landed_per_second,
};
use lifeboat_core::failover::{FailoverRecord, FailoverRequest, MovePhase, Stage, Trigger};
use lifeboat_core::ids::FailoverId;
use lifeboat_core::limits::{DRILL_PATIENCE, STRAGGLER_AFTER};
use lifeboat_core::time::Timestamp;
use tokio::sync::watch;
use tokio::time::Instant;

use super::bots::Bots;
use super::{NewDrill, Place, ROLE, stored};
use crate::app::App;
use crate::failover::{Started, fail_back, fail_over, record_view, rows_of};
use crate::http::problem::{ApiError, ApiResult};
use crate::writer::Actor;

/// How often a drill looks where it stands.
const LOOK_PERIOD: Duration = Duration::from_millis(100);

/// Why a drill came to its end before its time.
enum Ended {
    Preempted,
    Failed(String),
}

impl From<ApiError> for Ended {
    fn from(error: ApiError) -> Self {
        Self::Failed(error.0.detail.clone())
    }
}

struct Course<'a> {
    app: &'a App,
    new: &'a NewDrill,
    record: DrillRecord,
    actor: Actor,
}

/// Runs a drill to its end, whichever that is.
pub(super) async fn run(
    app: &App,
    record: DrillRecord,
    new: &NewDrill,
    groups: Vec<String>,
    place: Place,
) {
    let actor = Actor::new(record.id.to_string(), ROLE, None);
    let main = record.world_id.clone();
    let mut course = Course { app, new, record, actor };
    let mut preempted = place.preempted.clone();
    let sent = Bots::send(app, &course.record.id, &main, &groups, course.record.clients).await;
    let ended = match sent {
        Ok(mut bots) => {
            let outcome = tokio::select! {
                outcome = course.there_and_back(&mut bots) => outcome,
                _ = preempted.wait_for(|preempted| *preempted) => Err(Ended::Preempted),
            };
            match &outcome {
                Err(Ended::Preempted) => bots.remove(app).await,
                _ => bots.dismiss(app).await,
            }
            outcome
        }
        Err(error) => Err(Ended::Failed(format!("the bots could not be sent: {error}"))),
    };
    // A real failover goes on from here.
    app.drills.leave(&main, place);
    if matches!(ended, Err(Ended::Preempted)) {
        real_one_done(&mut preempted).await;
    }
    course.finish(ended).await;
}

/// Waits until the real failovers that ended a drill have begun, or turned out not to.
async fn real_one_done(preempted: &mut watch::Receiver<bool>) {
    let done = async { while preempted.changed().await.is_ok() {} };
    if tokio::time::timeout(DRILL_PATIENCE, done).await.is_err() {
        tracing::warn!("a failover that went before a drill takes long to begin");
    }
}

impl Course<'_> {
    async fn there_and_back(&mut self, bots: &mut Bots) -> Result<(), Ended> {
        let began = Instant::now();
        self.gather(bots).await?;
        self.record.gathered_ms = Some(millis(began.elapsed()));
        self.enter(DrillPhase::MovingOut).await;
        let out = self.begin(DrillPhase::MovingOut).await?;
        self.record.failover_id = Some(out.clone());
        self.keep().await;
        self.record.out = Some(self.arrive(&out).await?);
        self.record.joins_per_second = self.record.out.as_ref().and_then(joins_per_second);
        self.enter(DrillPhase::MovingHome).await;
        let home = self.begin(DrillPhase::MovingHome).await?;
        self.record.failback_id = Some(home.clone());
        self.keep().await;
        self.record.home = Some(self.arrive(&home).await?);
        Ok(())
    }

    /// Waits until every bot is in the main world.
    async fn gather(&self, bots: &mut Bots) -> Result<(), Ended> {
        let main = &self.record.world_id;
        let until = Instant::now() + bots.ramp + DRILL_PATIENCE;
        loop {
            let here = bots.in_world(self.app, main);
            if here >= self.record.clients {
                return Ok(());
            }
            let clients = self.record.clients;
            if bots.have_ended() {
                return Err(Ended::Failed("the bots' process ended by itself".to_owned()));
            }
            if Instant::now() > until {
                let text = format!("only {here} of {clients} bots came into the main world");
                return Err(Ended::Failed(text));
            }
            tokio::time::sleep(LOOK_PERIOD).await;
        }
    }

    async fn begin(&self, way: DrillPhase) -> Result<FailoverId, Ended> {
        let request = FailoverRequest {
            reason: format!("drill {}", self.record.id),
            max_rejoins_per_second: self.new.max_rejoins_per_second,
            force: self.new.force,
            ..FailoverRequest::default()
        };
        let (app, world) = (self.app, &self.record.world_id);
        let started = match way {
            DrillPhase::MovingHome => {
                fail_back(app, &self.actor, world, &request, Trigger::Drill).await?
            }
            _ => fail_over(app, &self.actor, world, &request, Trigger::Drill).await?,
        };
        match started {
            Started::Began(record) | Started::Moving(record)
                if record.trigger == Trigger::Drill =>
            {
                Ok(record.id.clone())
            }
            _ => Err(Ended::Preempted),
        }
    }

    /// Waits until everybody of a move is accounted for.
    async fn arrive(&self, id: &FailoverId) -> Result<WayFigures, Ended> {
        let mut until = None;
        loop {
            let catalog = self.app.catalog();
            let Some(record) = catalog.failover(id) else {
                return Err(Ended::Failed(format!("the record {id} is gone")));
            };
            match record.phase {
                MovePhase::Complete => return Ok(self.figures(record).await?),
                MovePhase::CompleteWithStragglers => {
                    let shown = record_view(self.app, record);
                    let text = format!("{} bots of {id} did not arrive", shown.counts.pending);
                    return Err(Ended::Failed(text));
                }
                // Somebody else took over, by the button or by hand.
                MovePhase::Cancelled | MovePhase::FailedBack => return Err(Ended::Preempted),
                MovePhase::Moving | MovePhase::Held => {}
            }
            let window = Duration::from_millis(record.plan.window_ms);
            let patience = window + STRAGGLER_AFTER + DRILL_PATIENCE;
            if Instant::now() > *until.get_or_insert_with(|| Instant::now() + patience) {
                return Err(Ended::Failed(format!("{id} did not come to an end")));
            }
            tokio::time::sleep(LOOK_PERIOD).await;
        }
    }

    async fn figures(&self, record: &FailoverRecord) -> ApiResult<WayFigures> {
        let rows = rows_of(self.app, &record.id).await?;
        let landed: Vec<Timestamp> = rows
            .iter()
            .filter(|row| row.stage == Stage::Landed)
            .filter_map(|row| row.settled_at)
            .collect();
        let shown = record_view(self.app, record);
        let last = landed.iter().max().map_or(0, |last| millis(last.since(record.started_at)));
        Ok(WayFigures {
            duration_ms: last,
            counts: shown.counts,
            dark_ms: shown.dark_ms,
            fanout_ms: shown.fanout_ms,
            planned_per_second: record.plan.rate_per_second,
            landed_per_second: landed_per_second(landed, record.plan.rate_per_second),
        })
    }

    async fn enter(&mut self, phase: DrillPhase) {
        self.record.phase = phase;
        self.keep().await;
    }

    async fn keep(&self) {
        stored::keep(self.app, &self.record).await;
    }

    async fn finish(&mut self, outcome: Result<(), Ended>) {
        let (phase, why) = match outcome {
            Ok(()) => (DrillPhase::Complete, None),
            Err(Ended::Preempted) => {
                (DrillPhase::Preempted, Some("a real failover went before it".to_owned()))
            }
            Err(Ended::Failed(why)) => (DrillPhase::Failed, Some(why)),
        };
        self.record.phase = phase;
        self.record.message = match why {
            None => None,
            Some(why) => {
                let left = super::recovery::bring_home(self.app, &self.record, &self.actor).await;
                Some(left.map_or_else(|| why.clone(), |left| format!("{why}; {left}")))
            }
        };
        self.record.finished_at = Some(self.app.now());
        self.keep().await;
        tracing::info!(
            drill.id = %self.record.id, world.id = %self.record.world_id,
            message = self.record.message, "a drill is {phase:?}"
        );
    }
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
