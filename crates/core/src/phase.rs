//! The five phases of a deployment, and of the world whose newest deployment it is.
//!
//! ```text
//!            launch             all servers ready
//! Inactive ─────────▶ Starting ──────────────────▶ Active
//!     ▲                  │  ▲                        │
//!     │ servers gone     │  └─ every server lost ────┤
//!     │                  ▼                           ▼
//!  Stopping ◀─────── stop, end of the duration ──────┘
//!     ▲                  │ replacements used up, not ready in time
//!     └──── stop ────  Error ──── launch (a new deployment) ────▶ Starting
//! ```

use serde::{Deserialize, Serialize};

use crate::code::ErrorCode;

/// Where a deployment is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Phase {
    /// Nothing runs.
    Inactive,
    /// Servers are being started.
    Starting,
    /// People can be placed.
    Active,
    /// Servers are being stopped.
    Stopping,
    /// Servers were lost more often than they are replaced.
    Error,
}

/// What can happen to a deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PhaseEvent {
    /// An operator launches the world.
    Launch,
    /// An operator stops the world.
    Stop,
    /// An operator restarts the world.
    Restart,
    /// A server is ready to take people.
    ServerReady,
    /// The last ready server was lost and will be replaced.
    ServersLost,
    /// No further replacement is allowed.
    ReplacementsUsedUp,
    /// The time that the world was launched for is over.
    DurationEnded,
    /// The last process of the deployment is gone.
    ServersGone,
}

/// What an event leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PhaseAnswer {
    /// The deployment goes on in this phase.
    Become(Phase),
    /// A new deployment is started and this one, if it still runs, stopped.
    NewDeployment,
    /// Nothing changes; the event comes late or was answered before.
    Stay,
    /// The operator's request is refused.
    Refuse(ErrorCode),
}

impl Phase {
    /// The one table of phase × event.
    #[must_use]
    pub const fn on(self, event: PhaseEvent) -> PhaseAnswer {
        use PhaseAnswer::{Become, NewDeployment, Refuse, Stay};
        use PhaseEvent as E;
        match (self, event) {
            (Self::Inactive | Self::Error, E::Launch) => NewDeployment,
            (Self::Starting | Self::Active | Self::Stopping, E::Launch) => {
                Refuse(ErrorCode::WorldRunning)
            }

            (Self::Starting | Self::Active | Self::Error, E::Stop) => Become(Self::Stopping),
            (Self::Stopping, E::Stop) => Stay,
            (Self::Inactive, E::Stop) => Refuse(ErrorCode::WorldNotRunning),

            (Self::Starting | Self::Active | Self::Error, E::Restart) => NewDeployment,
            (Self::Inactive | Self::Stopping, E::Restart) => Refuse(ErrorCode::WorldNotRunning),

            (Self::Starting, E::ServerReady) => Become(Self::Active),
            (Self::Active, E::ServersLost) => Become(Self::Starting),
            (Self::Starting | Self::Active, E::ReplacementsUsedUp) => Become(Self::Error),
            (Self::Starting | Self::Active | Self::Error, E::DurationEnded) => {
                Become(Self::Stopping)
            }
            (Self::Stopping, E::ServersGone) => Become(Self::Inactive),

            (Self::Inactive | Self::Active | Self::Stopping | Self::Error, E::ServerReady)
            | (Self::Inactive | Self::Starting | Self::Stopping | Self::Error, E::ServersLost)
            | (Self::Inactive | Self::Stopping | Self::Error, E::ReplacementsUsedUp)
            | (Self::Inactive | Self::Stopping, E::DurationEnded)
            | (Self::Inactive | Self::Starting | Self::Active | Self::Error, E::ServersGone) => {
                Stay
            }
        }
    }

    /// Whether processes of the deployment run or may still run.
    #[must_use]
    pub const fn is_running(self) -> bool {
        matches!(self, Self::Starting | Self::Active | Self::Stopping)
    }

    /// Whether the deployment can never take people again.
    #[must_use]
    pub const fn has_ended(self) -> bool {
        matches!(self, Self::Inactive | Self::Stopping)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PHASES: [Phase; 5] =
        [Phase::Inactive, Phase::Starting, Phase::Active, Phase::Stopping, Phase::Error];

    fn answers(event: PhaseEvent) -> [PhaseAnswer; 5] {
        PHASES.map(|phase| phase.on(event))
    }

    #[test]
    fn the_operators_requests_have_an_answer_in_every_phase() {
        use PhaseAnswer::{Become, NewDeployment, Refuse, Stay};
        let running = Refuse(ErrorCode::WorldRunning);
        let not_running = Refuse(ErrorCode::WorldNotRunning);
        let stopping = Become(Phase::Stopping);
        assert_eq!(
            answers(PhaseEvent::Launch),
            [NewDeployment, running, running, running, NewDeployment]
        );
        assert_eq!(answers(PhaseEvent::Stop), [not_running, stopping, stopping, Stay, stopping]);
        assert_eq!(
            answers(PhaseEvent::Restart),
            [not_running, NewDeployment, NewDeployment, not_running, NewDeployment]
        );
    }

    #[test]
    fn a_late_event_of_a_server_never_wakes_a_deployment_that_stopped() {
        for event in [PhaseEvent::ServerReady, PhaseEvent::ServersLost, PhaseEvent::DurationEnded] {
            assert_eq!(Phase::Inactive.on(event), PhaseAnswer::Stay);
            assert_eq!(Phase::Stopping.on(event), PhaseAnswer::Stay);
        }
    }

    #[test]
    fn a_crash_while_starting_and_one_while_active_end_alike() {
        for phase in [Phase::Starting, Phase::Active] {
            assert_eq!(phase.on(PhaseEvent::ReplacementsUsedUp), PhaseAnswer::Become(Phase::Error));
        }
    }
}
