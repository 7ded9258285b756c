//! The session channel as the client's machine sees it.

use lifeboat_core::limits::{HEARTBEAT_TIMEOUT, REOPEN_TIMEOUT};
use lifeboat_core::time::Timestamp;

use crate::frame::ServerFrame;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Channel {
    Closed,
    Opening {
        since: Timestamp,
    },
    /// It begins anew over its connection.
    Reopening {
        since: Timestamp,
    },
    Open {
        heard_at: Timestamp,
    },
}

impl Channel {
    /// When it is given up, if nothing is heard before. A channel that never says its `hello` is
    /// given up like one that has gone silent: nobody would call its client otherwise.
    pub(super) fn given_up_at(self) -> Option<Timestamp> {
        match self {
            Self::Closed => None,
            Self::Opening { since } => Some(since + HEARTBEAT_TIMEOUT),
            Self::Reopening { since } => Some(since + REOPEN_TIMEOUT),
            Self::Open { heard_at } => Some(heard_at + HEARTBEAT_TIMEOUT),
        }
    }

    /// Whether the next frame that counts is a `hello`.
    pub(super) const fn awaits_hello(self) -> bool {
        matches!(self, Self::Opening { .. } | Self::Reopening { .. })
    }
}

/// Whether a frame counts before the `hello`. Any other is of the channel before, and what it says
/// is of a placement that does not stand any more.
pub(super) const fn begins_or_ends(frame: &ServerFrame) -> bool {
    matches!(frame, ServerFrame::Hello { .. } | ServerFrame::Bye { .. } | ServerFrame::Error { .. })
}
