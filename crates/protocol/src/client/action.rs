//! What goes into the client's state machine and what comes out of it.

use lifeboat_core::code::ErrorCode;
use lifeboat_core::ids::{ServerId, WorldId};
use lifeboat_core::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::frame::{ClientFrame, ServerFrame};
use crate::join::{JoinAnswer, JoinRequest};

/// Everything that can wake the machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "input", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Input {
    /// Begin.
    Start,
    /// A join was answered with a placement.
    Joined {
        /// The answer.
        answer: Box<JoinAnswer>,
    },
    /// A join was refused, or no answer came.
    JoinFailed {
        /// The reason; none when the server could not be reached.
        code: Option<ErrorCode>,
        /// The wait that the server asks for.
        retry_after_ms: Option<u64>,
    },
    /// A frame came over the session channel.
    Frame {
        /// The frame.
        frame: ServerFrame,
    },
    /// The session channel is closed, or could not be opened.
    ChannelClosed {
        /// The close code, when there was a close frame.
        code: Option<u16>,
    },
    /// The game connection is open.
    GameConnected,
    /// The game connection is lost, or could not be opened.
    GameLost,
    /// The deadline has come.
    Timer,
    /// The user leaves for good.
    Leave,
}

/// What the caller has to do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Action {
    /// Ask to join the requested world.
    Join {
        /// The body of the request.
        request: JoinRequest,
    },
    /// Open the session channel, in place of any other.
    OpenChannel {
        /// Where.
        url: String,
        /// With which session token.
        token: String,
    },
    /// Close the session channel; its end is not reported back.
    CloseChannel,
    /// Send a frame over the session channel.
    Send {
        /// The frame.
        frame: ClientFrame,
    },
    /// Open the game connection.
    ConnectGame {
        /// Where.
        endpoint: String,
        /// With which ticket.
        ticket: String,
    },
    /// Close the game connection; its end is not reported back.
    DisconnectGame,
    /// Show the user where it is.
    Show {
        /// Where.
        status: Status,
    },
    /// Show the user a message.
    ShowMessage {
        /// The text, to be shown as text.
        text: String,
    },
    /// Show the user how far the failover is.
    ShowProgress {
        /// Sessions that are over.
        over: u64,
        /// Sessions that were there when it began.
        present: u64,
    },
    /// Values of the live config changed; the whole is given at each `hello`.
    LiveConfig {
        /// The new values, by JSON Pointer.
        changes: serde_json::Map<String, serde_json::Value>,
    },
}

/// Where the user is, for display.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Status {
    /// Asking to join.
    Joining,
    /// On the loading screen until a time, then asks again unless it is called before.
    Waiting {
        /// Until when, if that is known.
        until: Option<Timestamp>,
        /// Why, if it was refused for the time being.
        code: Option<ErrorCode>,
    },
    /// Connecting to the game server.
    Connecting {
        /// The world.
        world: WorldId,
        /// The server.
        server: ServerId,
    },
    /// In the world.
    InWorld {
        /// The world.
        world: WorldId,
        /// The server.
        server: ServerId,
    },
    /// Turned away for good.
    Refused {
        /// Why.
        code: ErrorCode,
    },
    /// Over.
    Ended {
        /// Why.
        reason: EndReason,
    },
}

/// Why a client ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum EndReason {
    /// The user left.
    Left,
    /// The same user came in from elsewhere.
    Replaced,
    /// Kicked or banned.
    Kicked,
}
