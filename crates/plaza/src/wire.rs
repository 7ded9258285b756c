//! The frames between client and server, as `docs/plaza.md` describes them: JSON text, one object
//! a frame, `type` in each.

use lifeboat_core::ids::SessionId;
use serde::{Deserialize, Serialize};
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

use crate::map::{Map, Place, Size, StageArea};
use crate::stage::Stage;
use crate::world::PersonId;

/// A frame to clients, encoded once however many it is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame(Utf8Bytes);

impl Frame {
    /// A frame of text that is JSON already.
    #[must_use]
    pub fn from_json(json: String) -> Self {
        Self(json.into())
    }

    /// The frame's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl From<Frame> for Message {
    fn from(frame: Frame) -> Self {
        Self::Text(frame.0)
    }
}

/// What a client may send. Unknown fields are ignored.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum FromClient {
    /// Walk towards a place.
    Move {
        /// Centimetres to the east.
        x: f64,
        /// Centimetres to the south.
        y: f64,
        /// Where the person looks, in degrees clockwise from north; as before if left out.
        heading: Option<f64>,
    },
    /// Say something to those near.
    Say {
        /// 1 to 280 characters.
        text: String,
    },
    /// Take another name.
    Name {
        /// 1 to 32 characters.
        name: String,
    },
    /// Go away.
    Leave {},
}

/// How a message of a client was not one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unreadable {
    /// Not a JSON object with a `type`, or a known type with fields of another form.
    Invalid,
    /// A type that this server does not know; it is ignored, for newer clients.
    UnknownType,
}

impl FromClient {
    /// Reads a client's frame.
    ///
    /// # Errors
    /// When it is not JSON of the form of a known type.
    pub fn read(text: &str) -> Result<Self, Unreadable> {
        serde_json::from_str(text).map_err(|_| {
            #[derive(Deserialize)]
            struct Typed {
                r#type: String,
            }
            match serde_json::from_str::<Typed>(text) {
                Ok(typed) if !["move", "say", "name", "leave"].contains(&&*typed.r#type) => {
                    Unreadable::UnknownType
                }
                _ => Unreadable::Invalid,
            }
        })
    }
}

/// A person as shown to others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Shown<'a> {
    /// Who, within this server.
    pub id: PersonId,
    /// The person's name. Data, never markup.
    pub name: &'a str,
    /// Where.
    #[serde(flatten)]
    pub place: Place,
    /// Where the person looks, in degrees clockwise from north.
    pub heading: u16,
}

/// What may be sent, told on entry so that clients need not guess.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TellLimits {
    /// Centimetres per second.
    pub speed: u32,
    /// Characters of a text.
    pub text_chars: usize,
    /// Characters of a name.
    pub name_chars: usize,
    /// Messages per second.
    pub messages_per_second: u32,
    /// Bytes of a frame.
    pub frame_bytes: usize,
}

/// What the server sends, except snapshots and chat, which are put together from shared parts.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum FromServer<'a> {
    /// The first frame after entry.
    Welcome {
        /// The person that the client is.
        you: Shown<'a>,
        /// The session that it entered with.
        session: &'a SessionId,
        /// The room, which is the server's id.
        room: &'a str,
        /// The map.
        map: Map,
        /// The map's extent.
        size: Size,
        /// Where the stage is.
        area: StageArea,
        /// How many are in the room, the client included.
        people: usize,
        /// What may be sent.
        limits: TellLimits,
    },
    /// The live values, on entry and on change.
    Stage(&'a Stage),
    /// Where the client is after a move that was not granted whole.
    Corrected(Place),
    /// Something was refused.
    Error {
        /// One of the codes in the docs.
        code: &'a str,
        /// A sentence for people.
        detail: &'a str,
    },
    /// The last frame before a close.
    Bye {
        /// One of the reasons in the docs.
        reason: &'a str,
        /// A sentence for people.
        detail: &'a str,
        /// The counter that the client's ticket is behind of.
        #[serde(rename = "allClients", skip_serializing_if = "Option::is_none")]
        all_clients: Option<u64>,
    },
}

impl FromServer<'_> {
    /// The frame's encoding.
    #[must_use]
    pub fn frame(&self) -> Frame {
        Frame::from_json(serde_json::to_string(self).expect("these types have a JSON form"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_read() {
        let walk = FromClient::Move { x: 1.0, y: 2.5, heading: None };
        assert_eq!(FromClient::read(r#"{"type":"move","x":1,"y":2.5,"z":0}"#), Ok(walk));
        assert_eq!(FromClient::read(r#"{"type":"leave"}"#), Ok(FromClient::Leave {}));
    }

    #[test]
    fn the_unknown_and_the_broken_are_told_apart() {
        assert_eq!(FromClient::read(r#"{"type":"dance"}"#), Err(Unreadable::UnknownType));
        for text in ["", "{", "[]", r#"{"type":"move","x":"a","y":1}"#, r#"{"type":3}"#, "null"] {
            assert_eq!(FromClient::read(text), Err(Unreadable::Invalid), "{text}");
        }
        let endless = r#"{"type":"move","x":1e999,"y":1}"#;
        assert_eq!(FromClient::read(endless), Err(Unreadable::Invalid));
        let deep = "[".repeat(2_000);
        assert_eq!(FromClient::read(&deep), Err(Unreadable::Invalid));
    }
}
