//! Watching a failover until everyone is accounted for.

use tokio::time::Instant;

use super::show;
use crate::api::{ApiError, FailoverView};
use crate::commands::Context;
use crate::exit::Outcome;
use crate::limits::{AWAY_MAX, POLL_EVERY};
use crate::ui::MoveProgress;

/// Shows how a failover fares until it is finished, then prints its figures. A control plane that
/// goes away meanwhile is waited for: the failover goes on when it is back.
///
/// # Errors
/// When the API refuses, or is out of reach for too long.
pub(super) async fn until_finished(ctx: &Context, id: &str) -> anyhow::Result<Outcome> {
    let mut progress = MoveProgress::start();
    progress.say(&format!("{id} moves; Ctrl-C ends the watching, not the move"));
    let mut away_since: Option<Instant> = None;
    loop {
        match ctx.api.get(format!("/api/failovers/{id}")).await {
            Ok(record) => {
                away_since = None;
                let view: FailoverView = ApiError::shape(record.clone())?;
                progress.show(&view);
                if view.is_finished() {
                    progress.finish();
                    show(ctx, &record)?;
                    return Ok(if view.is_complete() { Outcome::Done } else { Outcome::Failed });
                }
            }
            Err(error) if error.is_passing() => {
                let since = away_since.get_or_insert_with(|| {
                    progress.say("Lifeboat does not answer; waiting for it to be back");
                    Instant::now()
                });
                if since.elapsed() > AWAY_MAX {
                    return Err(error.into());
                }
            }
            Err(error) => return Err(error.into()),
        }
        tokio::time::sleep(POLL_EVERY).await;
    }
}
