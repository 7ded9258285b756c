//! What the desk wants done to the channels.

use std::sync::Arc;

use bytes::Bytes;
use lifeboat_core::ids::{FailoverId, WorldId};
use lifeboat_protocol::frame::{CloseCode, RejoinReason, ServerFrame};

/// One open channel: which shard's, which of its connections, and the serial number that tells
/// a connection from an earlier one in the same place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnRef {
    /// The shard.
    pub shard: u16,
    /// The place in the shard's slab.
    pub slot: u32,
    /// Tells this connection from others in the same place.
    pub serial: u32,
}

impl ConnRef {
    /// Whether both are channels over one connection, the one after the other.
    pub(super) fn is_same_connection(self, other: Self) -> bool {
        (self.shard, self.slot) == (other.shard, other.slot)
    }
}

/// Something to be done to channels.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// One text, encoded once, for many.
    Broadcast {
        /// For whom.
        to: Vec<ConnRef>,
        /// The frame.
        text: Bytes,
    },
    /// The order to leave, with each session's own times.
    Order {
        /// What is the same for all.
        template: Arc<OrderTemplate>,
        /// For whom, and when.
        to: Vec<OrderLine>,
        /// What they are told of changed values with it, in the same write.
        values: Option<Bytes>,
    },
    /// Say goodbye and close.
    Close {
        /// Whom.
        conn: ConnRef,
        /// The last frame.
        text: Bytes,
        /// The close code.
        code: CloseCode,
    },
}

/// Takes effects as they become known.
pub type Sink<'a> = dyn FnMut(Effect) + 'a;

/// The order to leave for one session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OrderLine {
    /// The session, by its place at the desk; handed back to [`super::Desk::told`].
    pub key: usize,
    /// Its channel.
    pub conn: ConnRef,
    /// Leave the game server after this time.
    pub leave_after_ms: u64,
    /// Ask to join after this time.
    pub rejoin_after_ms: u64,
}

/// The order to leave without the times, encoded once for a whole failover.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderTemplate {
    /// The world that is left.
    pub placed: WorldId,
    /// The failover, when it is one.
    pub failover: Option<FailoverId>,
    before_leave: String,
    before_rejoin: String,
    end: String,
}

/// Numbers that no order carries, by which the places of the times are found in the encoded frame.
const LEAVE_MARK: u64 = 7_770_001_777;
const REJOIN_MARK: u64 = 7_770_002_777;

impl OrderTemplate {
    /// An order for everyone in one world.
    #[must_use]
    pub fn new(
        placed: WorldId,
        all_clients: u64,
        reason: RejoinReason,
        failover: Option<FailoverId>,
        message: Option<String>,
    ) -> Self {
        let text = ServerFrame::ForceDisconnect {
            all_clients,
            leave_after_ms: LEAVE_MARK,
            rejoin_after_ms: REJOIN_MARK,
            reason,
            failover: failover.clone(),
            message,
        }
        .to_text();
        let (before_leave, rest) = text.split_once(&LEAVE_MARK.to_string()).unwrap_or((&text, ""));
        let (before_rejoin, end) = rest.split_once(&REJOIN_MARK.to_string()).unwrap_or((rest, ""));
        Self {
            placed,
            failover,
            before_leave: before_leave.to_owned(),
            before_rejoin: before_rejoin.to_owned(),
            end: end.to_owned(),
        }
    }

    /// The bytes that an order takes at the most.
    #[must_use]
    pub fn bytes_max(&self) -> usize {
        let time = u64::MAX.to_string().len();
        self.before_leave.len() + time + self.before_rejoin.len() + time + self.end.len()
    }

    /// Writes the frame for one session into `text`.
    pub fn write(&self, line: &OrderLine, text: &mut String) {
        use std::fmt::Write as _;
        text.push_str(&self.before_leave);
        // Writing to a String cannot fail.
        let _ = write!(text, "{}", line.leave_after_ms);
        text.push_str(&self.before_rejoin);
        let _ = write!(text, "{}", line.rejoin_after_ms);
        text.push_str(&self.end);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_written_order_is_the_frame_with_the_session_s_times() {
        let message = Some("Back in a moment, all \"7770001777\" of you".to_owned());
        let world = WorldId::from_unique("main");
        let template = OrderTemplate::new(world, 9, RejoinReason::Failover, None, message.clone());
        let conn = ConnRef { shard: 0, slot: 0, serial: 0 };
        let mut text = String::new();
        let line = OrderLine { key: 0, conn, leave_after_ms: 0, rejoin_after_ms: 1_500 };
        template.write(&line, &mut text);
        let expected = ServerFrame::ForceDisconnect {
            all_clients: 9,
            leave_after_ms: 0,
            rejoin_after_ms: 1_500,
            reason: RejoinReason::Failover,
            failover: None,
            message,
        };
        assert_eq!(serde_json::from_str::<ServerFrame>(&text).unwrap(), expected);
    }
}
