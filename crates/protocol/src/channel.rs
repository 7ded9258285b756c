//! The server's end of one session channel: heartbeats, and what a client may say. What the client
//! says is judged by the gateway's desk; this machine only keeps the connection honest.

use lifeboat_core::limits::{CLIENT_FRAME_BYTES_MAX, HEARTBEAT, HEARTBEAT_TIMEOUT};
use lifeboat_core::time::Timestamp;

use crate::frame::ClientFrame;

/// One open channel.
#[derive(Debug, Clone, Copy)]
pub struct Channel {
    heard_at: Timestamp,
    ping_at: Timestamp,
}

/// What the heartbeat asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beat {
    /// Send a ping.
    Ping,
    /// The client was silent for too long; give the channel up.
    Dead,
}

/// Why a message of a client ends its channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// What was wrong and what is allowed.
    pub detail: String,
}

impl Channel {
    /// A channel that was opened now.
    #[must_use]
    pub fn new(now: Timestamp) -> Self {
        Self { heard_at: now, ping_at: now + HEARTBEAT }
    }

    /// Notes that something came from the client, whatever it was.
    pub fn heard(&mut self, now: Timestamp) {
        self.heard_at = now;
    }

    /// Reads a text message of the client.
    ///
    /// # Errors
    /// The rule that it breaks; the channel is then closed as 4009.
    pub fn read(&mut self, text: &[u8], now: Timestamp) -> Result<ClientFrame, Violation> {
        self.heard(now);
        if text.len() > CLIENT_FRAME_BYTES_MAX {
            return Err(Violation {
                detail: format!("a frame has at most {CLIENT_FRAME_BYTES_MAX} bytes"),
            });
        }
        if !text.trim_ascii_start().starts_with(b"{") {
            return Err(Violation { detail: "a frame is a JSON object with `type`".to_owned() });
        }
        serde_json::from_slice(text).map_err(|error| Violation {
            detail: format!("a frame is a JSON object with `type`: {error}"),
        })
    }

    /// When [`Channel::beat`] has something to say, if nothing is heard before.
    #[must_use]
    pub fn deadline(&self) -> Timestamp {
        self.ping_at.min(self.heard_at + HEARTBEAT_TIMEOUT)
    }

    /// What the heartbeat asks for now.
    pub fn beat(&mut self, now: Timestamp) -> Option<Beat> {
        if self.heard_at + HEARTBEAT_TIMEOUT <= now {
            return Some(Beat::Dead);
        }
        if self.ping_at <= now {
            self.ping_at = now + HEARTBEAT;
            return Some(Beat::Ping);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const START: Timestamp = Timestamp::from_ms(0);

    #[test]
    fn a_silent_client_is_given_up_after_two_and_a_half_heartbeats() {
        let mut channel = Channel::new(START);
        assert_eq!(channel.beat(START + Duration::from_millis(14_999)), None);
        assert_eq!(channel.beat(START + Duration::from_secs(15)), Some(Beat::Ping));
        assert_eq!(channel.beat(START + Duration::from_secs(30)), Some(Beat::Ping));
        assert_eq!(channel.deadline(), START + Duration::from_millis(37_500));
        assert_eq!(channel.beat(channel.deadline()), Some(Beat::Dead));
    }

    #[test]
    fn a_client_s_clock_may_count_parts_of_milliseconds() {
        let since = |ms: &str| {
            let text = format!(r#"{{"type":"state","state":"loading","sinceMs":{ms}}}"#);
            match Channel::new(START).read(text.as_bytes(), START) {
                Ok(ClientFrame::State { since_ms, .. }) => Ok(since_ms),
                other => Err(other),
            }
        };
        assert_eq!(since("12.5"), Ok(Some(12)));
        assert_eq!(since("7"), Ok(Some(7)));
        assert_eq!(since("1e300"), Ok(Some(u64::MAX)));
        assert_eq!(since("null"), Ok(None));
        for wrong in ["-1", "-0.5", r#""7""#, "[7]"] {
            assert!(matches!(since(wrong), Err(Err(_))), "{wrong}");
        }
    }

    #[test]
    fn what_is_no_object_is_no_frame() {
        for text in [r#"["leave"]"#, r#" ["state","inWorld"]"#, r#""leave""#, "7", ""] {
            assert!(Channel::new(START).read(text.as_bytes(), START).is_err(), "{text}");
        }
        let spaced = Channel::new(START).read(b" \n{\"type\":\"leave\"}", START);
        assert_eq!(spaced, Ok(ClientFrame::Leave {}));
    }

    #[test]
    fn any_message_keeps_a_channel_alive() {
        let mut channel = Channel::new(START);
        let later = START + Duration::from_secs(37);
        assert_eq!(channel.read(br#"{"type":"pong"}"#, later), Ok(ClientFrame::Pong {}));
        assert_eq!(channel.beat(later + Duration::from_secs(1)), Some(Beat::Ping));
    }

    #[test]
    fn what_is_no_frame_is_a_violation() {
        let mut channel = Channel::new(START);
        for text in ["", "[]", "null", "{}", "{\"type\":1}", "\u{0}", "{\"type\":\"state\"}"] {
            assert!(channel.read(text.as_bytes(), START).is_err(), "{text}");
        }
        assert!(channel.read(&[0xff, 0xfe], START).is_err());
        assert!(channel.read(&vec![b' '; CLIENT_FRAME_BYTES_MAX + 1], START).is_err());
    }
}
