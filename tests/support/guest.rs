//! A client that knows only the guide's two steps: it joins, holds the session channel and the game
//! connection, and when it is told to leave it asks to join again. Written against the contract
//! alone, without the SDK.

use std::time::Duration;

use futures::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::api::Api;
use crate::server::text;
use crate::wait::{PATIENCE, wait_for};

/// A WebSocket of a test.
pub type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Somebody in a world.
pub struct Guest {
    api: Api,
    requested: String,
    client: Value,
    /// The newest answer to a join.
    pub placed: Value,
    /// The session channel.
    pub channel: Socket,
    /// The connection to the game server.
    pub game: Socket,
    /// The first frame of the channel.
    pub hello: Value,
}

impl Guest {
    /// Joins a world as a guest and enters it.
    pub async fn enter(api: &Api, world: &str) -> Self {
        Self::enter_as(&api.anonymous(), world, json!({ "kind": "test" })).await
    }

    /// Joins as a certain kind of client, or player, and enters.
    pub async fn enter_as(api: &Api, world: &str, client: Value) -> Self {
        let placed = join_patiently(api, world, &json!({ "client": client })).await;
        let (channel, hello) = open_channel(&placed).await;
        let game = open_game(&placed).await;
        let mut guest = Self {
            api: api.clone(),
            requested: world.to_owned(),
            client,
            placed,
            channel,
            game,
            hello,
        };
        guest.say_in_world().await;
        guest
    }

    /// The world that it was placed in.
    #[must_use]
    pub fn world(&self) -> String {
        text(&self.placed["world"])
    }

    /// Sends a frame on the channel.
    ///
    /// # Panics
    /// When the channel is closed.
    pub async fn say(&mut self, frame: Value) {
        self.channel.send(Message::text(frame.to_string())).await.expect("the channel is open");
    }

    /// Says that it is in the world.
    pub async fn say_in_world(&mut self) {
        let (world, server) = (&self.placed["world"], &self.placed["server"]);
        let frame =
            json!({ "type": "state", "state": "inWorld", "world": world, "server": server });
        self.say(frame).await;
    }

    /// The next frame of this type on the channel; others are passed over.
    pub async fn frame(&mut self, kind: &str) -> Value {
        frame(&mut self.channel, kind).await
    }

    /// Waits until it is told to leave and does what the guide's clients do: leaves, waits, asks
    /// to join the same world again, and enters where it is sent.
    ///
    /// # Panics
    /// When it is not told, or not let in, in time.
    pub async fn obey(&mut self) -> Value {
        let order = self.frame("forceDisconnect").await;
        self.rejoin(order["rejoinAfterMs"].as_u64().expect("a time")).await;
        order
    }

    /// Leaves the game, waits, and joins anew with the token that it has.
    pub async fn rejoin(&mut self, after_ms: u64) {
        let _ = self.game.close(None).await;
        tokio::time::sleep(Duration::from_millis(after_ms)).await;
        let body = json!({ "client": self.client, "previous": self.placed["sessionToken"] });
        self.placed = join_patiently(&self.api, &self.requested, &body).await;
        let _ = self.channel.close(None).await;
        (self.channel, self.hello) = open_channel(&self.placed).await;
        self.game = open_game(&self.placed).await;
        self.say_in_world().await;
    }
}

/// Asks to join, and again when told to, as often as it takes.
///
/// # Panics
/// When it is refused for good.
pub async fn join_patiently(api: &Api, world: &str, body: &Value) -> Value {
    let path = format!("/api/worlds/{world}/join");
    wait_for("a place in the world", async || {
        let answer = api.post(&path, body.clone()).await;
        if answer.status == 200 {
            return Some(answer.body);
        }
        let wait_ms = answer.body["retryAfterMs"].as_u64();
        let wait_ms = wait_ms.unwrap_or_else(|| panic!("refused for good: {}", answer.body));
        tokio::time::sleep(Duration::from_millis(wait_ms)).await;
        None
    })
    .await
}

/// Opens the session channel of a placement; the first frame is `hello`.
pub async fn open_channel(placed: &Value) -> (Socket, Value) {
    let mut channel = dial_channel(placed).await;
    let hello = frame(&mut channel, "hello").await;
    (channel, hello)
}

/// Opens the session channel without waiting for a frame.
///
/// # Panics
/// When the upgrade fails.
pub async fn dial_channel(placed: &Value) -> Socket {
    try_dial_channel(placed).await.expect("the upgrade always succeeds")
}

/// The same at a control plane that may be down.
///
/// # Panics
/// When the placement is none.
pub async fn try_dial_channel(placed: &Value) -> Option<Socket> {
    let mut request = text(&placed["sessionUrl"]).into_client_request().expect("an address");
    let token = text(&placed["sessionToken"]);
    let protocols = format!("lifeboat.v1, token.{token}").parse().expect("a header");
    request.headers_mut().insert("Sec-WebSocket-Protocol", protocols);
    let (channel, response) = connect_async(request).await.ok()?;
    assert_eq!(response.headers()["Sec-WebSocket-Protocol"], "lifeboat.v1");
    Some(channel)
}

/// Opens the game connection of a placement and waits until the server takes it.
///
/// # Panics
/// When it does not.
pub async fn open_game(placed: &Value) -> Socket {
    let address = format!("{}?ticket={}", text(&placed["endpoint"]), text(&placed["ticket"]));
    let (mut game, _) = connect_async(address).await.expect("the game server answers");
    frame(&mut game, "welcome").await;
    game
}

/// The next frame of this type; others are passed over.
///
/// # Panics
/// When none comes in time.
pub async fn frame<S>(socket: &mut WebSocketStream<S>, kind: &str) -> Value
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    heard_until(socket, kind).await.1
}

/// Reads until the socket is closed and says with which code.
///
/// # Panics
/// When it is not closed in time.
pub async fn close_code(socket: &mut Socket) -> Option<u16> {
    let awaited = async {
        loop {
            match socket.next().await {
                Some(Ok(Message::Close(frame))) => return frame.map(|frame| frame.code.into()),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return None,
            }
        }
    };
    tokio::time::timeout(PATIENCE, awaited).await.expect("it is closed in time")
}

/// The types of the frames that come, up to the first of this one.
pub async fn frames_until(socket: &mut Socket, kind: &str) -> Vec<String> {
    heard_until(socket, kind).await.0
}

/// The types of the frames up to the first of this one, and that one whole.
async fn heard_until<S>(socket: &mut WebSocketStream<S>, kind: &str) -> (Vec<String>, Value)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut heard = Vec::new();
    let awaited = async {
        loop {
            let message = socket.next().await.unwrap_or_else(|| panic!("no {kind} came"));
            if let Message::Text(text) = message.unwrap_or_else(|error| panic!("{kind}: {error}")) {
                let frame: Value = serde_json::from_str(&text).expect("JSON");
                if frame["type"] == kind {
                    return frame;
                }
                heard.push(frame["type"].as_str().unwrap_or_default().to_owned());
            }
        }
    };
    let within = tokio::time::timeout(PATIENCE, awaited).await;
    let frame = within.unwrap_or_else(|_| panic!("no `{kind}` within {PATIENCE:?}"));
    (heard, frame)
}
