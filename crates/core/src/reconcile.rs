//! What the control plane does about one deployment: from the record in the store and from what the
//! runtime sees to the actions to take and the record to write. Levels, not edges: whatever was
//! missed is found the next time.
//!
//! The caller writes [`Plan::next`] first, fenced by the revision that it decided on, and only then
//! carries out [`Plan::actions`]; it decides again when they are under way. A server that is in the
//! record and not among the observed counts as lost, so a start that failed, or that a crash cut
//! off, needs no bookkeeping of its own.

mod launch;
mod round;
#[cfg(test)]
mod tests;
mod words;

use std::collections::BTreeMap;
use std::time::Duration;

use crate::code::ErrorCode;
use crate::deployment::Deployment;
use crate::ids::ServerId;
use crate::limits::{READY_TIMEOUT, REPLACEMENT_BACKOFF, REPLACEMENT_WINDOW, REPLACEMENTS_MAX};
use crate::phase::{Phase, PhaseAnswer, PhaseEvent};
use crate::time::Timestamp;

pub use launch::{LaunchIds, launch};

/// What the runtime sees of one deployment's servers, the dead ones included until they are
/// forgotten. Servers of other deployments must not be in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Observed {
    /// By server.
    pub servers: BTreeMap<ServerId, ServerObserved>,
}

/// What the runtime sees of one server.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServerObserved {
    /// Whether its process exists.
    pub alive: bool,
    /// How it ended, fit for an operator: "ended by signal 9".
    pub exit: Option<String>,
    /// Whether it has said Ready.
    pub ready: bool,
    /// Whether it calls health.
    pub health: Health,
    /// Where clients connect to, once it is known.
    pub endpoint: Option<String>,
    /// Whether it asked for its own shutdown.
    pub shutdown_requested: bool,
    /// Whether a stop or kill of it is under way in this process. After a crash in mid-stop it is
    /// false, and the stop is asked for again.
    pub ending: bool,
}

/// Whether a server calls health as it should.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Health {
    /// Nothing is expected of it yet.
    #[default]
    Pending,
    /// Its last call is recent enough.
    Healthy,
    /// It missed more calls than it may: it hangs.
    Unhealthy,
}

/// What becomes of a server that is lost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum RestartPolicy {
    /// It is replaced; one that hangs is killed first.
    #[default]
    OnFailure,
    /// The deployment is in Error at once. One that hangs is left alone until an operator stops
    /// the world, so that it can be examined.
    Never,
}

/// The rules that lost servers are dealt with by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Whether lost servers are replaced.
    pub restart: RestartPolicy,
    /// Replacements of a deployment within the window.
    pub replacements_max: usize,
    /// The span over which losses are counted.
    pub replacement_window: Duration,
    /// Wait before the first replacement within the window; doubled for each further one.
    pub replacement_backoff: Duration,
    /// Time a server has from its start to Ready.
    pub ready_timeout: Duration,
}

impl Policy {
    /// The program's limits, with the installation's restart policy.
    #[must_use]
    pub const fn new(restart: RestartPolicy) -> Self {
        Self {
            restart,
            replacements_max: REPLACEMENTS_MAX,
            replacement_window: REPLACEMENT_WINDOW,
            replacement_backoff: REPLACEMENT_BACKOFF,
            ready_timeout: READY_TIMEOUT,
        }
    }
}

/// Something to do, after the record is written.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Action {
    /// Start a server; it is in the record already, in phase Starting and without a process.
    Start {
        /// Which.
        server: ServerId,
    },
    /// Ask a server to end, and kill it after the grace.
    Stop {
        /// Which.
        server: ServerId,
    },
    /// Kill a server at once.
    Kill {
        /// Which.
        server: ServerId,
    },
    /// Stop watching a server that is gone and in no record any more.
    Forget {
        /// Which.
        server: ServerId,
    },
}

/// What is done about a deployment.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Plan {
    /// What to do, in this order.
    pub actions: Vec<Action>,
    /// The record to write before that; none when the present one stands.
    pub next: Option<Deployment>,
    /// When to decide again at the latest, even if nothing is observed; always after `now`.
    pub wake_at: Option<Timestamp>,
    /// Why, a sentence for each thing noticed in this round; for the log.
    pub reasons: Vec<String>,
}

impl Plan {
    /// How many servers are to be started.
    #[must_use]
    pub fn starts(&self) -> usize {
        self.actions.iter().filter(|action| matches!(action, Action::Start { .. })).count()
    }

    /// Whether there is nothing to write and nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.actions.is_empty() && self.next.is_none()
    }
}

/// What to do about `deployment`. `fresh` gives an id that no server ever had, one for each server
/// to be started.
///
/// Once the record is written and the actions are under way, deciding again gives an empty plan
/// until something else is observed or [`Plan::wake_at`] has come.
#[must_use]
pub fn decide(
    deployment: &Deployment,
    observed: &Observed,
    policy: &Policy,
    now: Timestamp,
    fresh: impl FnMut() -> ServerId,
) -> Plan {
    round::Round::new(deployment, observed, policy, now).run(fresh)
}

/// The record after an operator's request to stop; none when it is being stopped already. `why` is
/// a sentence for operators. The servers are stopped by the next [`decide`].
///
/// # Errors
/// The code of the phase table for a deployment that does not run.
pub fn stop(deployment: &Deployment, why: &str) -> Result<Option<Deployment>, ErrorCode> {
    match deployment.phase.on(PhaseEvent::Stop) {
        PhaseAnswer::Become(phase) => {
            Ok(Some(Deployment { phase, message: why.to_owned(), ..deployment.clone() }))
        }
        PhaseAnswer::Refuse(code) => Err(code),
        PhaseAnswer::Stay | PhaseAnswer::NewDeployment => Ok(None),
    }
}

/// Whether servers of a deployment in this phase are started and replaced.
const fn is_kept_up(phase: Phase) -> bool {
    matches!(phase, Phase::Starting | Phase::Active)
}
