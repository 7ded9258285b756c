//! What the runtime tells about its servers: levels ([`ServerObservation`]) and the edges between
//! them ([`RuntimeEvent`]).

use std::fmt;
use std::sync::Arc;

use lifeboat_core::ids::ServerId;
use lifeboat_core::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::runtime::StartedServer;
use crate::sdk::state::SdkState;

/// How a server's process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "how")]
pub enum Exit {
    /// It returned this code.
    Code {
        /// The code; 0 is success.
        code: i32,
    },
    /// This signal ended it.
    Signal {
        /// The signal's number; 9 is SIGKILL.
        signal: i32,
    },
    /// It is gone, and how is known only to the process that reaped it: it was started by an
    /// earlier Lifeboat.
    Unknown,
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code { code } => write!(f, "exited with code {code}"),
            Self::Signal { signal } => write!(f, "ended by signal {signal}"),
            Self::Unknown => f.write_str("gone, its status unknown"),
        }
    }
}

/// Whether a server calls health as it should.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ServerHealth {
    /// It has not said Ready yet, so nothing is expected of it.
    Pending,
    /// Its last call is recent enough.
    Healthy,
    /// It missed more calls than it may.
    Unhealthy,
}

/// An edge. A reader that lags loses edges, never the truth: it reads
/// [`crate::Runtime::observe`] again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RuntimeEvent {
    /// The server said Ready for the first time.
    Ready {
        /// Which server.
        server: ServerId,
    },
    /// The process is gone, and so is its whole group.
    Exited {
        /// Which server.
        server: ServerId,
        /// How it ended; `Display` is fit for an operator.
        exit: Exit,
    },
    /// The server missed more health calls than it may. Its process still exists.
    Unhealthy {
        /// Which server.
        server: ServerId,
        /// When it was last known to be well.
        last_healthy_at: Option<Timestamp>,
    },
    /// A server that was unhealthy calls health again. Its SDK state stays `Unhealthy` until
    /// [`crate::Runtime::reinstate`].
    Recovered {
        /// Which server.
        server: ServerId,
    },
    /// The server asked to be shut down.
    ShutdownRequested {
        /// Which server.
        server: ServerId,
    },
    /// The server's SDK state is another; in a quick succession only the last is told.
    StateChanged {
        /// Which server.
        server: ServerId,
        /// The state now.
        state: SdkState,
    },
    /// The list `players` is another; in a quick succession only the last is told.
    PlayersChanged {
        /// Which server.
        server: ServerId,
        /// The session ids listed now, as the server wrote them: not checked.
        sessions: Arc<Vec<String>>,
    },
}

impl RuntimeEvent {
    /// The server that this is about.
    #[must_use]
    pub fn server(&self) -> &ServerId {
        match self {
            Self::Ready { server }
            | Self::Exited { server, .. }
            | Self::Unhealthy { server, .. }
            | Self::Recovered { server }
            | Self::ShutdownRequested { server }
            | Self::StateChanged { server, .. }
            | Self::PlayersChanged { server, .. } => server,
        }
    }
}

/// All that is known of one server now.
#[derive(Debug, Clone, PartialEq)]
pub struct ServerObservation {
    /// The record it was started with.
    pub started: StartedServer,
    /// How it ended; `None` while it lives.
    pub exit: Option<Exit>,
    /// The state that its SDK shows.
    pub state: SdkState,
    /// When it first said Ready.
    pub ready_at: Option<Timestamp>,
    /// Whether it calls health.
    pub health: ServerHealth,
    /// When it was last known to be well: its last health call, or Ready.
    pub last_healthy_at: Option<Timestamp>,
    /// The session ids in its list `players`, as the server wrote them: not checked.
    pub players: Arc<Vec<String>>,
}

impl ServerObservation {
    /// The server that this is about.
    #[must_use]
    pub fn server(&self) -> &ServerId {
        &self.started.server
    }

    /// Whether the process exists.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        self.exit.is_none()
    }
}
