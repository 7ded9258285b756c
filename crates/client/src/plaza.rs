//! The client of plaza, the reference world: stands or walks about, and lets the rest pass by.

use std::future::Future;
use std::time::Duration;

use rand::rngs::SmallRng;
use rand::{RngExt as _, SeedableRng as _};
use serde::Deserialize;
use serde_json::json;
use tokio::time::{Instant, Sleep, sleep_until, timeout};
use tokio_tungstenite::tungstenite::Message;

use crate::game::{Entered, GameConnector, GameEnd, GameSpot};
use crate::limits::{CONNECT_TIMEOUT, GAME_QUIET, STEP_CM_MAX, STEP_EVERY};
use crate::socket::{self, Socket};

/// Connects to plaza servers. It enters, keeps the connection, and notices when the server falls
/// silent; what it is shown it does not look at.
///
/// ```
/// let standing = lifeboat_client::PlazaGame::standing();
/// let walking = lifeboat_client::PlazaGame::walking(7).named("ada");
/// # let _ = (standing, walking);
/// ```
#[derive(Debug, Clone, Default)]
pub struct PlazaGame {
    name: Option<String>,
    walk: Option<SmallRng>,
}

impl PlazaGame {
    /// Enters and stands still.
    #[must_use]
    pub fn standing() -> Self {
        Self::default()
    }

    /// Enters and takes a step now and then; `seed` decides which ones and when.
    #[must_use]
    pub fn walking(seed: u64) -> Self {
        Self { name: None, walk: Some(SmallRng::seed_from_u64(seed)) }
    }

    /// The same under a name, of 1 to 32 visible characters.
    #[must_use]
    pub fn named(self, name: impl Into<String>) -> Self {
        Self { name: Some(name.into()), ..self }
    }
}

impl GameConnector for PlazaGame {
    fn connect(
        &mut self,
        spot: GameSpot,
        entered: Entered,
    ) -> impl Future<Output = GameEnd> + Send + 'static {
        let name = self.name.clone();
        let walk = self.walk.as_mut().map(SmallRng::fork);
        async move {
            match enter(&spot).await {
                Ok((socket, welcome)) => {
                    entered.now();
                    Visit::new(socket, welcome, name, walk).stay().await
                }
                Err(end) => end,
            }
        }
    }
}

/// What is read of the first frame.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Welcome {
    you: Place,
    size: Size,
}

#[derive(Debug, Default, Clone, Copy, Deserialize)]
struct Place {
    x: f64,
    y: f64,
}

#[derive(Debug, Default, Clone, Copy, Deserialize)]
struct Size {
    width: f64,
    height: f64,
}

/// Opens the connection and waits to be let in. The upgrade says nothing: refusals are frames.
async fn enter(spot: &GameSpot) -> Result<(Socket, Welcome), GameEnd> {
    let separator = if spot.endpoint.contains('?') { '&' } else { '?' };
    let url = format!("{}{separator}ticket={}", spot.endpoint, spot.ticket);
    let mut socket =
        socket::open(&url, None).await.map_err(|error| GameEnd::Unreachable(Box::new(error)))?;
    let first = async {
        while let Some(message) = socket.next().await {
            if let Message::Text(text) = message {
                return Some(text);
            }
        }
        None
    };
    let text = match timeout(CONNECT_TIMEOUT, first).await {
        Ok(Some(text)) => text,
        Ok(None) => return Err(GameEnd::Lost),
        Err(_) => return Err(GameEnd::Silent),
    };
    read_first(&text).map(|welcome| (socket, welcome))
}

fn read_first(text: &str) -> Result<Welcome, GameEnd> {
    #[derive(Deserialize)]
    #[serde(tag = "type", rename_all = "camelCase")]
    enum First {
        Welcome(Welcome),
        Error {
            code: String,
        },
        #[serde(other)]
        Other,
    }
    match serde_json::from_str(text) {
        Ok(First::Welcome(welcome)) => Ok(welcome),
        Ok(First::Error { code }) => Err(GameEnd::Refused { reason: code }),
        Ok(First::Other) => Err(GameEnd::Refused { reason: "no welcome".to_owned() }),
        Err(error) => Err(GameEnd::Refused { reason: error.to_string() }),
    }
}

/// A stay in one room.
struct Visit {
    socket: Socket,
    place: Place,
    size: Size,
    walk: Option<SmallRng>,
    step_at: Option<Instant>,
    heard_at: Instant,
    /// A sign of life was asked for since something was heard.
    is_probed: bool,
}

impl Visit {
    fn new(
        mut socket: Socket,
        welcome: Welcome,
        name: Option<String>,
        mut walk: Option<SmallRng>,
    ) -> Self {
        if let Some(name) = name {
            socket.send(Message::text(json!({ "type": "name", "name": name }).to_string()));
        }
        let now = Instant::now();
        let step_at = walk.as_mut().map(|random| now + pause(random));
        let Welcome { you: place, size } = welcome;
        Self { socket, place, size, walk, step_at, heard_at: now, is_probed: false }
    }

    async fn stay(mut self) -> GameEnd {
        let mut wake = Box::pin(sleep_until(self.wake_at()));
        loop {
            tokio::select! {
                message = self.socket.next() => match message {
                    None | Some(Message::Close(_)) => return GameEnd::Lost,
                    Some(_) => (self.heard_at, self.is_probed) = (Instant::now(), false),
                },
                () = &mut wake => {
                    if self.tick(Instant::now()).is_err() {
                        return GameEnd::Silent;
                    }
                    Sleep::reset(wake.as_mut(), self.wake_at());
                }
            }
        }
    }

    /// The timer is not set anew at each frame: it may come early, and then finds nothing to do.
    fn wake_at(&self) -> Instant {
        let quiet_at = self.heard_at + GAME_QUIET * if self.is_probed { 2 } else { 1 };
        self.step_at.map_or(quiet_at, |step_at| step_at.min(quiet_at))
    }

    fn tick(&mut self, now: Instant) -> Result<(), GameEnd> {
        let quiet = now.duration_since(self.heard_at);
        if self.is_probed && quiet >= 2 * GAME_QUIET {
            return Err(GameEnd::Silent);
        }
        if !self.is_probed && quiet >= GAME_QUIET {
            self.is_probed = true;
            self.socket.send(Message::Ping(bytes::Bytes::new()));
        }
        if let Some(random) = &mut self.walk
            && self.step_at.is_some_and(|at| at <= now)
        {
            self.step_at = Some(now + pause(random));
            let mut step = |at: f64, end: f64| {
                let aim = at + random.random_range(-STEP_CM_MAX..=STEP_CM_MAX);
                aim.min(end).max(0.0).round()
            };
            self.place.x = step(self.place.x, self.size.width);
            self.place.y = step(self.place.y, self.size.height);
            let Place { x, y } = self.place;
            self.socket.send(Message::text(format!(r#"{{"type":"move","x":{x},"y":{y}}}"#)));
        }
        Ok(())
    }
}

/// The pause before a step: its mean is [`STEP_EVERY`].
fn pause(random: &mut SmallRng) -> Duration {
    STEP_EVERY.mul_f64(random.random_range(0.5..1.5))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_welcome_lets_in() {
        let text = r#"{"type":"welcome","you":{"id":7,"name":"a","x":48,"y":50,"heading":0},
            "size":{"width":9600,"height":9600},"people":12}"#;
        let welcome = read_first(text).unwrap();
        assert_eq!((welcome.you.x, welcome.size.height), (48.0, 9_600.0));
        let refused = read_first(r#"{"type":"error","code":"ticket_expired","detail":"…"}"#);
        assert!(matches!(refused, Err(GameEnd::Refused { reason }) if reason == "ticket_expired"));
        for text in ["", "[]", r#"{"type":"later"}"#] {
            assert!(matches!(read_first(text), Err(GameEnd::Refused { .. })), "{text}");
        }
    }
}
