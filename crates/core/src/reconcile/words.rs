//! The sentences about a deployment's state.

use std::time::Duration;

use super::{Policy, RestartPolicy, ServerObserved};
use crate::deployment::{Deployment, Server};
use crate::ids::ServerId;

/// A server that was lost, and how.
#[derive(Debug)]
pub(super) struct Loss {
    pub(super) server: ServerId,
    how: String,
}

impl Loss {
    /// A server of the record that the runtime does not know.
    pub(super) fn not_found(server: &Server) -> Self {
        Self::new(server, "it was not found again")
    }

    /// A server whose process ended.
    pub(super) fn ended(server: &Server, seen: &ServerObserved) -> Self {
        let how = match (&seen.exit, seen.shutdown_requested) {
            (Some(exit), false) => exit.clone(),
            (Some(exit), true) => format!("it asked for its own shutdown, {exit}"),
            (None, true) => "it asked for its own shutdown".to_owned(),
            (None, false) => "its process is gone".to_owned(),
        };
        Self { server: server.id.clone(), how }
    }

    /// A server that lives and asked to be shut down.
    pub(super) fn asked_for_shutdown(server: &Server) -> Self {
        Self::new(server, "it asked for its own shutdown")
    }

    /// A server that does not call health any more.
    pub(super) fn hung(server: &Server) -> Self {
        Self::new(server, "it hangs: its health calls are missing")
    }

    /// A server that did not say Ready in time.
    pub(super) fn not_ready(server: &Server, timeout: Duration) -> Self {
        Self {
            server: server.id.clone(),
            how: format!("it was not ready within {}", span(timeout)),
        }
    }

    fn new(server: &Server, how: &str) -> Self {
        Self { server: server.id.clone(), how: how.to_owned() }
    }

    /// What was lost, as a sentence without its end.
    pub(super) fn sentence(&self) -> String {
        format!("server {} was lost: {}", self.server, self.how)
    }
}

/// What was lost at once: the first in full, the others by their number.
fn all_lost(first: &Loss, more: usize) -> String {
    match more {
        0 => first.sentence(),
        1 => format!("{}, and 1 other with it", first.sentence()),
        more => format!("{}, and {more} others with it", first.sentence()),
    }
}

/// The message while a lost server waits for its replacement.
pub(super) fn to_be_replaced(
    first: &Loss,
    more: usize,
    losses_in_window: usize,
    policy: &Policy,
) -> String {
    format!(
        "{}; loss {losses_in_window} of at most {} that are made good within {}",
        all_lost(first, more),
        policy.replacements_max,
        span(policy.replacement_window)
    )
}

/// The message of the phase Error: which server, how, and what to do.
pub(super) fn given_up(
    first: &Loss,
    more: usize,
    losses_in_window: usize,
    policy: &Policy,
    deployment: &Deployment,
) -> String {
    let why = match policy.restart {
        RestartPolicy::Never => "the restart policy is never".to_owned(),
        RestartPolicy::OnFailure => format!(
            "{losses_in_window} losses within {} are more than the {} that are made good",
            span(policy.replacement_window),
            policy.replacements_max
        ),
    };
    let world = &deployment.world;
    format!(
        "{}; it is not replaced, since {why}: look at `lifeboat world logs {world}`, then \
         `lifeboat world restart {world}`",
        all_lost(first, more)
    )
}

/// The message of a deployment whose servers all run.
pub(super) fn readiness(ready: usize, wanted: u32) -> String {
    match (ready, wanted) {
        (0, 1) => "its server is starting".to_owned(),
        (1, 1) => "its server is ready".to_owned(),
        (ready, wanted) if usize::try_from(wanted).is_ok_and(|wanted| ready >= wanted) => {
            format!("all {wanted} servers are ready")
        }
        (ready, wanted) => format!("{ready} of {wanted} servers are ready"),
    }
}

fn span(span: Duration) -> String {
    match span.as_secs() {
        seconds if seconds >= 120 && seconds.is_multiple_of(60) => {
            format!("{} minutes", seconds / 60)
        }
        seconds => format!("{seconds} s"),
    }
}
