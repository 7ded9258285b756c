//! A control plane and its game servers, in as few lines as clients need: it answers joins as it is
//! told to, notes what comes, and says over channels and game connections what a test wants said.

use lifeboat_client::Status;
use std::collections::VecDeque;
use std::future::IntoFuture as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use lifeboat_client::{BaseUrl, Client, PlazaGame};
use lifeboat_core::ids::WorldId;
use lifeboat_protocol::frame::ClientFrame;
use lifeboat_protocol::join::{JoinAnswer, JoinRequest};
use serde_json::json;
use tokio::sync::{broadcast, mpsc};
use tokio::time::timeout;

/// How long a test waits for anything.
const PATIENCE: Duration = Duration::from_secs(20);

/// What came to the fake.
#[derive(Debug, PartialEq)]
pub(crate) enum Seen {
    Join { request: JoinRequest, bearer: Option<String> },
    ChannelOpen { token: String },
    ChannelEnd,
    Frame(ClientFrame),
    GameOpen { world: String },
    GameEnd { world: String },
}

/// What all sockets of a kind are to do.
#[derive(Debug, Clone)]
enum Deed {
    Say(String),
    Close(u16),
    Break,
}

/// An answer to a join that is none of the usual ones.
pub(crate) struct Reply(pub(crate) u16, pub(crate) &'static str, pub(crate) &'static str);

pub(crate) struct Fake {
    shared: Arc<Shared>,
    seen: mpsc::UnboundedReceiver<Seen>,
}

struct Shared {
    address: String,
    replies: Mutex<VecDeque<Reply>>,
    /// The world that joins lead to.
    leads_to: Mutex<&'static str>,
    /// The `hello` frame's order to rejoin.
    rejoin: Mutex<serde_json::Value>,
    notes: mpsc::UnboundedSender<Seen>,
    channels: broadcast::Sender<Deed>,
    games: broadcast::Sender<(&'static str, Deed)>,
}

impl Fake {
    pub(crate) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (notes, seen) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared {
            address: listener.local_addr().unwrap().to_string(),
            replies: Mutex::default(),
            leads_to: Mutex::new("main"),
            rejoin: Mutex::default(),
            notes,
            channels: broadcast::Sender::new(64),
            games: broadcast::Sender::new(64),
        });
        let router = Router::new()
            .route("/api/worlds/{world}/join", post(join))
            .route("/session", get(session))
            .route("/game/{world}", get(game))
            .with_state(Arc::clone(&shared));
        tokio::spawn(axum::serve(listener, router).into_future());
        Self { shared, seen }
    }

    pub(crate) fn base_url(&self) -> BaseUrl {
        format!("http://{}", self.shared.address).parse().unwrap()
    }

    pub(crate) fn reply_next(&self, reply: Reply) {
        self.shared.replies.lock().unwrap().push_back(reply);
    }

    pub(crate) fn lead_to(&self, world: &'static str) {
        *self.shared.leads_to.lock().unwrap() = world;
    }

    pub(crate) fn greet_with(&self, rejoin: serde_json::Value) {
        *self.shared.rejoin.lock().unwrap() = rejoin;
    }

    /// Says this on every open channel.
    pub(crate) fn push(&self, frame: serde_json::Value) {
        self.shared.channels.send(Deed::Say(frame.to_string())).unwrap();
    }

    pub(crate) fn push_placement(&self, world: &str) {
        let mut frame = serde_json::to_value(self.shared.answer(world)).unwrap();
        frame["type"] = "placement".into();
        self.push(frame);
    }

    pub(crate) fn close_channels(&self, code: u16) {
        self.shared.channels.send(Deed::Close(code)).unwrap();
    }

    pub(crate) fn break_channels(&self) {
        self.shared.channels.send(Deed::Break).unwrap();
    }

    pub(crate) fn break_games(&self, world: &'static str) {
        self.shared.games.send((world, Deed::Break)).unwrap();
    }

    /// Waits for something to come, and passes over everything else.
    pub(crate) async fn see<T>(&mut self, what: &str, pick: impl Fn(Seen) -> Option<T>) -> T {
        let wanted = async {
            loop {
                let seen = self.seen.recv().await.expect("the fake runs");
                if let Some(picked) = pick(seen) {
                    return picked;
                }
            }
        };
        timeout(PATIENCE, wanted).await.unwrap_or_else(|_| panic!("{what} did not come"))
    }

    pub(crate) async fn see_join(&mut self) -> JoinRequest {
        let pick = |seen| match seen {
            Seen::Join { request, .. } => Some(request),
            _ => None,
        };
        self.see("a join", pick).await
    }

    pub(crate) async fn see_exactly(&mut self, wanted: Seen) {
        self.see(&format!("{wanted:?}"), |seen| (seen == wanted).then_some(())).await;
    }

    /// What has come and was not looked at.
    pub(crate) fn rest(&mut self) -> Vec<Seen> {
        std::iter::from_fn(|| self.seen.try_recv().ok()).collect()
    }
}

/// Waits until a client stands as described.
pub(crate) async fn until<T: Clone>(
    watched: &mut tokio::sync::watch::Receiver<T>,
    what: &str,
    is_so: impl FnMut(&T) -> bool,
) -> T {
    let waited = timeout(PATIENCE, watched.wait_for(is_so)).await;
    waited.unwrap_or_else(|_| panic!("{what} did not come to be")).expect("it runs").clone()
}

pub(crate) fn world(name: &str) -> WorldId {
    format!("wld_{name}").parse().unwrap()
}

pub(crate) async fn until_in(client: &Client, name: &str) {
    let world = world(name);
    let is_in =
        |status: &Status| matches!(status, Status::InWorld { world: here, .. } if *here == world);
    until(&mut client.status(), &format!("being in {world}"), is_in).await;
}

pub(crate) fn plaza() -> PlazaGame {
    PlazaGame::walking(1).named("ada")
}

impl Shared {
    fn note(&self, seen: Seen) {
        // A test that has ended listens no more.
        let _ = self.notes.send(seen);
    }

    fn answer(&self, world: &str) -> JoinAnswer {
        let Self { address, .. } = self;
        serde_json::from_value(json!({
            "session": "ses_1", "user": "usr_1", "requestedWorld": "wld_main",
            "world": format!("wld_{world}"), "deployment": format!("dep_{world}"),
            "launchContext": null, "redirected": world != "main", "previousAccepted": true,
            "server": format!("srv_{world}"), "endpoint": format!("ws://{address}/game/{world}"),
            "streaming": { "launchMode": "same-tab" }, "allClients": 0, "revision": 7,
            "ticket": format!("ticket-{world}"), "sessionToken": format!("token-{world}"),
            "sessionUrl": format!("ws://{address}/session")
        }))
        .unwrap()
    }

    fn hello(&self) -> String {
        json!({
            "type": "hello", "session": "ses_1", "revision": 7, "allClients": 0,
            "liveConfig": { "game": {}, "project": { "Stage": { "DoorsOpen": false } } },
            "heartbeatSeconds": 15, "rejoin": *self.rejoin.lock().unwrap()
        })
        .to_string()
    }
}

async fn join(State(fake): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    let bearer = headers.get(header::AUTHORIZATION).map(|value| value.to_str().unwrap().to_owned());
    fake.note(Seen::Join { request: serde_json::from_slice(&body).unwrap(), bearer });
    if let Some(Reply(status, retry_after, body)) = fake.replies.lock().unwrap().pop_front() {
        let status = StatusCode::from_u16(status).unwrap();
        return (status, [(header::RETRY_AFTER, retry_after)], body).into_response();
    }
    let world = *fake.leads_to.lock().unwrap();
    serde_json::to_string(&fake.answer(world)).unwrap().into_response()
}

async fn session(
    State(fake): State<Arc<Shared>>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    let offered = headers[header::SEC_WEBSOCKET_PROTOCOL].to_str().unwrap();
    let token = offered.strip_prefix("lifeboat.v1, token.").unwrap().to_owned();
    upgrade.protocols(["lifeboat.v1"]).on_upgrade(async move |mut socket| {
        let mut deeds = fake.channels.subscribe();
        fake.note(Seen::ChannelOpen { token });
        if socket.send(Message::text(fake.hello())).await.is_ok() {
            loop {
                tokio::select! {
                    message = socket.recv() => match message {
                        Some(Ok(Message::Text(text))) => {
                            fake.note(Seen::Frame(serde_json::from_str(&text).unwrap()));
                        }
                        Some(Ok(_)) => {}
                        Some(Err(_)) | None => break,
                    },
                    Ok(deed) = deeds.recv() => if !obey(&mut socket, deed).await { break },
                }
            }
        }
        fake.note(Seen::ChannelEnd);
    })
}

async fn game(
    State(fake): State<Arc<Shared>>,
    Path(world): Path<String>,
    upgrade: WebSocketUpgrade,
) -> Response {
    upgrade.on_upgrade(async move |mut socket| {
        let mut deeds = fake.games.subscribe();
        let welcome = r#"{"type":"welcome","you":{"id":1,"name":"a","x":10,"y":10,"heading":0},
            "size":{"width":100,"height":100}}"#;
        // Noted first: once the client is welcome it may say so elsewhere at once.
        fake.note(Seen::GameOpen { world: world.clone() });
        if socket.send(Message::text(welcome)).await.is_ok() {
            loop {
                tokio::select! {
                    message = socket.recv() => if !matches!(message, Some(Ok(_))) { break },
                    Ok((whose, deed)) = deeds.recv() => {
                        if whose == world && !obey(&mut socket, deed).await { break }
                    }
                }
            }
        }
        fake.note(Seen::GameEnd { world });
    })
}

/// Whether the socket is to be kept.
async fn obey(socket: &mut WebSocket, deed: Deed) -> bool {
    let message = match deed {
        Deed::Say(text) => Message::text(text),
        Deed::Close(code) => Message::Close(Some(CloseFrame { code, reason: "".into() })),
        Deed::Break => return false,
    };
    socket.send(message).await.is_ok()
}
