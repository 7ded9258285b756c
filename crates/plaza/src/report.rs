//! What plaza tells the SDK endpoint, and what it learns from it. The endpoint may be away for
//! minutes: people are served all the same, and everything is told again when it is back.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{interval, sleep};

use crate::limits::{HEALTH_EVERY, PLAYERS_EVERY, PLAYERS_EVERY_MAX, RETRY_FIRST, RETRY_MAX};
use crate::room::Room;
use crate::sdk::{CallFailed, Sdk, Watch, awaits_ready, counter_of};
use crate::stage::Stage;

/// The line between a room and its SDK endpoint.
#[derive(Debug)]
pub struct Reports {
    sdk: Sdk,
    room: Arc<Room>,
    /// The endpoint is back, or new: whatever it was told may be lost.
    returned: Notify,
    unready: Notify,
}

impl Reports {
    /// Reports of `room` to `sdk`.
    #[must_use]
    pub fn new(sdk: Sdk, room: Arc<Room>) -> Self {
        Self { sdk, room, returned: Notify::new(), unready: Notify::new() }
    }

    /// Keeps all of it going. Never returns.
    pub async fn keep(&self) {
        tokio::join!(
            self.declare_ready(),
            self.prove_health(),
            self.list_players(),
            self.follow(Watch::GameServer),
            self.follow(Watch::LiveConfig),
        );
    }

    async fn declare_ready(&self) {
        loop {
            let mut backoff = Backoff::default();
            while let Err(error) = self.sdk.ready().await {
                tracing::debug!(%error, "not declared ready yet");
                backoff.pause().await;
            }
            tracing::info!("declared ready");
            self.unready.notified().await;
        }
    }

    async fn prove_health(&self) {
        let mut beats = interval(HEALTH_EVERY);
        beats.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut reached = true;
        loop {
            beats.tick().await;
            match (self.sdk.health().await, reached) {
                (Ok(()), true) => {}
                (Ok(()), false) => {
                    tracing::info!("the SDK endpoint is back");
                    reached = true;
                    self.returned.notify_one();
                }
                (Err(error), true) => {
                    tracing::warn!(%error, "the SDK endpoint is away; serving on");
                    reached = false;
                }
                (Err(_), false) => {}
            }
        }
    }

    async fn list_players(&self) {
        let mut changes = self.room.changes();
        let mut backoff = Backoff::default();
        loop {
            changes.mark_unchanged();
            let sessions = self.room.sessions();
            match self.sdk.set_players(&sessions).await {
                Ok(()) => {
                    backoff = Backoff::default();
                    sleep(players_pause(sessions.len())).await;
                    tokio::select! {
                        // The sender lives as long as the room.
                        _ = changes.changed() => {}
                        () = self.returned.notified() => {}
                    }
                }
                Err(error) => {
                    tracing::debug!(%error, "players not reported yet");
                    backoff.pause().await;
                }
            }
        }
    }

    async fn follow(&self, watch: Watch) {
        let mut backoff = Backoff::default();
        loop {
            let mut first = true;
            let ended = self
                .sdk
                .follow(watch, |result| {
                    if std::mem::take(&mut first) {
                        self.returned.notify_one();
                    }
                    self.learn(watch, &result);
                })
                .await;
            if !first {
                backoff = Backoff::default();
            }
            self.note_end(watch, &ended);
            backoff.pause().await;
        }
    }

    fn note_end(&self, watch: Watch, ended: &Result<(), CallFailed>) {
        match ended {
            Ok(()) => tracing::debug!(?watch, "watch ended; taking it up again"),
            Err(error) => tracing::debug!(?watch, %error, "watch lost; taking it up again"),
        }
    }

    fn learn(&self, watch: Watch, result: &serde_json::Value) {
        match watch {
            Watch::GameServer => {
                if let Some(counter) = counter_of(result) {
                    self.room.raise_counter(counter);
                }
                if awaits_ready(result) {
                    self.unready.notify_one();
                }
            }
            Watch::LiveConfig => self.room.set_stage(Stage::from_live_config(result)),
        }
    }
}

/// How long to wait after a report of so many.
fn players_pause(people: usize) -> Duration {
    let thousands = u32::try_from(people.div_ceil(1_000)).unwrap_or(u32::MAX);
    PLAYERS_EVERY.saturating_mul(thousands.max(1)).min(PLAYERS_EVERY_MAX)
}

/// Growing waits between tries.
#[derive(Debug)]
struct Backoff {
    wait: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { wait: RETRY_FIRST }
    }
}

impl Backoff {
    async fn pause(&mut self) {
        sleep(self.wait).await;
        self.wait = (self.wait * 2).min(RETRY_MAX);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fuller_room_reports_less_often() {
        assert_eq!(players_pause(0), PLAYERS_EVERY);
        assert_eq!(players_pause(1_000), PLAYERS_EVERY);
        assert_eq!(players_pause(3_500), PLAYERS_EVERY * 4);
        assert_eq!(players_pause(usize::MAX), PLAYERS_EVERY_MAX);
    }
}
