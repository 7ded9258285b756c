//! A stand-in for Lifeboat: the keys, the tickets and the SDK endpoint; and a client.

#![expect(clippy::unwrap_used, reason = "whatever fails here fails the test that uses it")]

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use axum::extract::State;
use axum::routing::{get, patch, post};
use axum::{Json, Router, body::Body};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use futures::{SinkExt as _, StreamExt as _};
use lifeboat_core::ids::User;
use lifeboat_core::ticket::Claims;
use lifeboat_plaza::{Plaza, PlazaSettings};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_stream::wrappers::WatchStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

/// The bound of every wait.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// What the endpoint shows and was told.
#[derive(Debug)]
pub(crate) struct Endpoint {
    pub(crate) game_server: watch::Sender<Value>,
    pub(crate) live_config: watch::Sender<Value>,
    pub(crate) players: watch::Sender<Option<Vec<String>>>,
    pub(crate) readies: watch::Sender<u32>,
    pub(crate) beats: watch::Sender<u32>,
    pub(crate) keys: Mutex<Vec<(String, Ed25519KeyPair)>>,
}

/// The endpoint while it is up.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

pub(crate) fn signing_key(seed: u8) -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap()
}

pub(crate) fn game_server(counter: u64) -> Value {
    json!({
        "object_meta": {"annotations": {"lifeboat.dev/all-clients": counter.to_string()}},
        "status": {"state": "Ready"},
    })
}

fn stream(values: &watch::Sender<Value>) -> Body {
    let lines = WatchStream::new(values.subscribe())
        .map(|value| Ok::<_, std::convert::Infallible>(format!("{}\n", json!({"result": value}))));
    Body::from_stream(lines)
}

impl Default for Endpoint {
    fn default() -> Self {
        Self {
            game_server: watch::Sender::new(game_server(1)),
            live_config: watch::Sender::new(json!({"revision": 1, "game": {}, "project": {}})),
            players: watch::Sender::new(None),
            readies: watch::Sender::new(0),
            beats: watch::Sender::new(0),
            keys: Mutex::new(vec![("k1".to_owned(), signing_key(1))]),
        }
    }
}

impl Endpoint {
    fn jwks(&self) -> Value {
        let keys = self.keys.lock().unwrap();
        let jwk = |(id, key): &(String, Ed25519KeyPair)| {
            let x = BASE64_URL_SAFE_NO_PAD.encode(key.public_key());
            json!({"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": id, "x": x})
        };
        json!({ "keys": keys.iter().map(jwk).collect::<Vec<_>>() })
    }

    /// Comes up at `port`, 0 being the system's choice.
    pub(crate) async fn start(self: &Arc<Self>, port: u16) -> Running {
        type This = State<Arc<Endpoint>>;
        let router = Router::new()
            .route("/jwks", get(async |State(this): This| Json(this.jwks())))
            .route("/watch/gameserver", get(async |State(this): This| stream(&this.game_server)))
            .route("/watch/live-config", get(async |State(this): This| stream(&this.live_config)))
            .route(
                "/ready",
                post(async |State(this): This, Json(_): Json<Value>| {
                    this.readies.send_modify(|count| *count += 1);
                    Json(json!({}))
                }),
            )
            .route(
                "/health",
                post(async |State(this): This, Json(_): Json<Value>| {
                    this.beats.send_modify(|count| *count += 1);
                    Json(json!({}))
                }),
            )
            .route(
                "/v1beta1/lists/players",
                patch(async |State(this): This, Json(list): Json<Value>| {
                    let mut players: Vec<String> =
                        serde_json::from_value(list["values"].clone()).unwrap();
                    players.sort();
                    this.players.send_replace(Some(players));
                    Json(list)
                }),
            )
            .with_state(self.clone());
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_reuseaddr(true).unwrap();
        socket.bind(SocketAddr::from(([127, 0, 0, 1], port))).unwrap();
        let listener: TcpListener = socket.listen(64).unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        // A runtime of its own: dropped, it takes every connection with it, as a crash does.
        let (ended_tx, ended) = oneshot::channel::<()>();
        let listener = listener.into_std().unwrap();
        std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.spawn(async move {
                let listener = TcpListener::from_std(listener).unwrap();
                axum::serve(listener, router).await.unwrap();
            });
            runtime.block_on(stopped).ok();
            drop(runtime);
            ended_tx.send(()).ok();
        });
        let task = tokio::spawn(async { ended.await.unwrap_or(()) });
        Running { address, stop, task }
    }
}

impl Running {
    /// Goes away, with every open connection.
    pub(crate) async fn crash(self) {
        self.stop.send(()).ok();
        self.task.await.unwrap();
    }
}

/// Waits until what is sent has some property.
pub(crate) async fn until<T: Clone>(sender: &watch::Sender<T>, holds: impl Fn(&T) -> bool) -> T {
    let mut receiver = sender.subscribe();
    let found = timeout(PATIENCE, receiver.wait_for(|value| holds(value))).await;
    found.expect("the awaited value comes in time").unwrap().clone()
}

/// A plaza with its endpoint.
pub(crate) struct Scene {
    pub(crate) endpoint: Arc<Endpoint>,
    pub(crate) running: Running,
    pub(crate) address: SocketAddr,
    pub(crate) stop: oneshot::Sender<()>,
    pub(crate) served: JoinHandle<()>,
}

impl Scene {
    pub(crate) async fn open() -> Self {
        let endpoint = Arc::new(Endpoint::default());
        let running = endpoint.start(0).await;
        Self::beside(endpoint, running).await
    }

    pub(crate) async fn beside(endpoint: Arc<Endpoint>, running: Running) -> Self {
        let plaza = Plaza::listen(settings(running.address)).unwrap();
        let address = plaza.address();
        let (stop, stopped) = oneshot::channel();
        let served = tokio::spawn(plaza.serve(async {
            stopped.await.ok();
        }));
        Self { endpoint, running, address, stop, served }
    }

    /// Somebody who is in.
    pub(crate) async fn guest(&self, name: &str) -> Client {
        let mut client = Client::connect(self.address, &ticket(&claims(name))).await;
        client.welcome = client.frame("welcome").await;
        client
    }

    pub(crate) async fn players(&self, names: &[&str]) {
        let mut expected: Vec<_> = names.iter().map(|name| format!("ses_{name}")).collect();
        expected.sort();
        until(&self.endpoint.players, |players| players.as_ref() == Some(&expected)).await;
    }
}

pub(crate) fn settings(endpoint: SocketAddr) -> PlazaSettings {
    let jwks = format!("http://{endpoint}/jwks");
    let port = endpoint.port().to_string();
    PlazaSettings::from_env(|name| {
        let value = match name {
            "LIFEBOAT_WORLD_ID" => "wld_main",
            "LIFEBOAT_DEPLOYMENT_ID" => "dep_main",
            "LIFEBOAT_SERVER_ID" => "srv_main",
            "LIFEBOAT_JWKS_URL" => &jwks,
            "AGONES_SDK_HTTP_PORT" => &port,
            "PLAZA_ADDRESS" => "127.0.0.1",
            "PORT" => "0",
            _ => return None,
        };
        Some(value.to_owned())
    })
    .unwrap()
}

pub(crate) fn now_seconds() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(now.as_secs()).unwrap()
}

/// The claims of a good ticket.
pub(crate) fn claims(name: &str) -> Claims {
    Claims {
        iss: "lifeboat".to_owned(),
        aud: "srv_main".to_owned(),
        sub: User::from_subject(name),
        ses: format!("ses_{name}").parse().unwrap(),
        req: "wld_main".parse().unwrap(),
        wld: "wld_main".parse().unwrap(),
        dep: "dep_main".parse().unwrap(),
        srv: "srv_main".parse().unwrap(),
        generation: 1,
        ret: 0,
        rev: 1,
        bv: 38,
        kind: "bot".to_owned(),
        iat: now_seconds(),
        exp: now_seconds() + 300,
        jti: "0001".to_owned(),
        acc: false,
        grp: Vec::new(),
        mov: None,
    }
}

pub(crate) fn ticket(claims: &Claims) -> String {
    ticket_by("k1", &signing_key(1), claims)
}

pub(crate) fn ticket_by(key_id: &str, key: &Ed25519KeyPair, claims: &Claims) -> String {
    let part = |value: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(value);
    let header = json!({"alg": "EdDSA", "typ": "JWT", "kid": key_id}).to_string();
    let body = serde_json::to_vec(claims).unwrap();
    let signed = format!("{}.{}", part(header.as_bytes()), part(&body));
    let signature = key.sign(signed.as_bytes());
    format!("{signed}.{}", part(signature.as_ref()))
}

/// Somebody at the other end of a socket.
pub(crate) struct Client {
    pub(crate) socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    pub(crate) welcome: Value,
}

impl Client {
    pub(crate) async fn connect(address: SocketAddr, ticket: &str) -> Self {
        let url = format!("ws://{address}/?ticket={ticket}");
        let (socket, _) = tokio_tungstenite::connect_async(url).await.unwrap();
        Self { socket, welcome: Value::Null }
    }

    /// With the ticket as subprotocol; gives the echoed one too.
    pub(crate) async fn connect_by_subprotocol(
        address: SocketAddr,
        ticket: &str,
    ) -> (Self, String) {
        let mut request = format!("ws://{address}/").into_client_request().unwrap();
        let protocol = format!("ticket.{ticket}").parse().unwrap();
        request.headers_mut().insert("sec-websocket-protocol", protocol);
        let (socket, response) = tokio_tungstenite::connect_async(request).await.unwrap();
        let echoed = response.headers()["sec-websocket-protocol"].to_str().unwrap().to_owned();
        (Self { socket, welcome: Value::Null }, echoed)
    }

    pub(crate) fn id(&self) -> &Value {
        &self.welcome["you"]["id"]
    }

    pub(crate) async fn send(&mut self, message: Value) {
        self.socket.send(Message::text(message.to_string())).await.unwrap();
    }

    /// The next frame, or the close code.
    pub(crate) async fn next(&mut self) -> Result<Value, u16> {
        loop {
            let message = self.socket.next().await.expect("a close comes before the end");
            match message.expect("no broken frame") {
                Message::Text(text) => return Ok(serde_json::from_str(&text).unwrap()),
                Message::Close(frame) => return Err(frame.expect("a code").code.into()),
                _ => {}
            }
        }
    }

    /// The next frame of a type.
    pub(crate) async fn frame(&mut self, kind: &str) -> Value {
        self.frame_where(|frame| frame["type"] == kind).await
    }

    /// The next frame with some property.
    pub(crate) async fn frame_where(&mut self, holds: impl Fn(&Value) -> bool) -> Value {
        let search = async {
            loop {
                let frame = self.next().await.expect("no close before the awaited frame");
                if holds(&frame) {
                    return frame;
                }
            }
        };
        timeout(PATIENCE, search).await.expect("the awaited frame comes in time")
    }

    /// The last frame and the close code.
    pub(crate) async fn end(&mut self) -> (Value, u16) {
        let mut last = Value::Null;
        let close = async {
            loop {
                match self.next().await {
                    Ok(frame) => last = frame,
                    Err(code) => return code,
                }
            }
        };
        let code = timeout(PATIENCE, close).await.expect("the close comes in time");
        (last, code)
    }
}
