//! A network that misbehaves: a TCP proxy between clients and the control plane, and if wanted
//! between clients and game servers, that delays, stalls, cuts and parts.
//!
//! Loss on a TCP connection shows as a pause until the segment is sent again, or as a cut
//! connection; so that is what it does. Who is cut off by a partition is decided by session, known
//! from the token that a client shows: who is cut off stays so, on whatever connection it comes.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand::rngs::SmallRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// The longest pause of a lost segment: about two retransmissions.
const STALL_MAX: Duration = Duration::from_millis(900);
const STALL_MIN: Duration = Duration::from_millis(200);

/// How the network is at a moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Weather {
    /// Each piece of data takes up to so long.
    pub delay_ms: u64,
    /// Of a thousand pieces so many are lost and sent again.
    pub stalls: u64,
    /// With one of a thousand pieces so many connections are cut.
    pub cuts: u64,
    /// A third of the sessions is cut off: nothing gets through, in either direction.
    pub is_parted: bool,
}

/// Whether a partition cuts this session off.
#[must_use]
pub fn is_in_the_third(session: &str) -> bool {
    let sum = session.bytes().fold(7u32, |sum, byte| sum.wrapping_mul(31) + u32::from(byte));
    (sum >> 8).is_multiple_of(3)
}

/// The proxy. Its tasks end with the test's runtime.
#[derive(Debug)]
pub struct Proxy {
    /// Where clients reach it.
    pub url: String,
    upstream: Arc<OnceLock<SocketAddr>>,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    weather: watch::Sender<Weather>,
    seed: u64,
    serial: AtomicU64,
    cut: AtomicU64,
    stalled: AtomicU64,
}

impl Proxy {
    /// A proxy on a free port; what it leads to is said later.
    ///
    /// # Panics
    /// When no port is free.
    pub async fn open(seed: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("bound"));
        let upstream: Arc<OnceLock<SocketAddr>> = Arc::default();
        let shared = Arc::new(Shared {
            weather: watch::Sender::new(Weather::default()),
            seed,
            serial: AtomicU64::new(0),
            cut: AtomicU64::new(0),
            stalled: AtomicU64::new(0),
        });
        let (accepting, leads_to) = (Arc::clone(&shared), Arc::clone(&upstream));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                if let Some(&upstream) = leads_to.get() {
                    tokio::spawn(Arc::clone(&accepting).carry(stream, upstream));
                }
            }
        });
        Self { url, upstream, shared }
    }

    /// The same weather before a server that listens on 127.0.0.1 alone: who connects to its port
    /// at `host`, another address of the loopback, comes through here.
    ///
    /// # Panics
    /// When that port is taken there.
    pub async fn stand_before(&self, host: &str, port: u16) {
        let listener = TcpListener::bind((host, port)).await.expect("free at that address");
        let upstream = SocketAddr::from(([127, 0, 0, 1], port));
        let accepting = Arc::clone(&self.shared);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(Arc::clone(&accepting).carry(stream, upstream));
            }
        });
    }

    /// Where it leads.
    ///
    /// # Panics
    /// When it was said before, or is no address.
    pub fn lead_to(&self, address: &str) {
        let address = address.parse().expect("an address");
        self.upstream.set(address).expect("it leads nowhere yet");
    }

    /// How the network is from now on.
    pub fn set(&self, weather: Weather) {
        self.shared.weather.send_replace(weather);
    }

    /// Connections that were cut, and pieces that were held up.
    #[must_use]
    pub fn harm(&self) -> (u64, u64) {
        (self.shared.cut.load(Ordering::Relaxed), self.shared.stalled.load(Ordering::Relaxed))
    }
}

/// One connection's session, once it is known.
type Who = Arc<Mutex<Option<String>>>;

impl Shared {
    async fn carry(self: Arc<Self>, client: TcpStream, upstream: SocketAddr) {
        let Ok(server) = TcpStream::connect(upstream).await else { return };
        let _ = (client.set_nodelay(true), server.set_nodelay(true));
        let serial = self.serial.fetch_add(2, Ordering::Relaxed);
        let who = Who::default();
        let (from_client, to_client) = client.into_split();
        let (from_server, to_server) = server.into_split();
        // Whichever direction ends first ends both.
        tokio::select! {
            () = self.pump(serial, &who, from_client, to_server) => {}
            () = self.pump(serial + 1, &who, from_server, to_client) => {}
        }
    }

    async fn pump(&self, serial: u64, who: &Who, mut from: OwnedReadHalf, mut to: OwnedWriteHalf) {
        let mut random = SmallRng::seed_from_u64(self.seed.wrapping_add(serial));
        let mut buffer = vec![0; 16 * 1024];
        let mut weather = self.weather.subscribe();
        loop {
            let length = match from.read(&mut buffer).await {
                Ok(0) | Err(_) => return,
                Ok(length) => length,
            };
            let piece = &buffer[..length];
            if serial.is_multiple_of(2)
                && let Some(session) = session_in(piece)
            {
                *who.lock().unwrap_or_else(PoisonError::into_inner) = Some(session);
            }
            let now = *weather.borrow_and_update();
            if random.random_range(0..1_000) < now.cuts {
                self.cut.fetch_add(1, Ordering::Relaxed);
                return;
            }
            tokio::time::sleep(self.hold_up(now, &mut random)).await;
            let parted = || {
                let who = who.lock().unwrap_or_else(PoisonError::into_inner);
                who.as_deref().is_some_and(is_in_the_third)
            };
            let gone = weather.wait_for(|weather| !weather.is_parted || !parted()).await.is_err();
            if gone || to.write_all(piece).await.is_err() {
                return;
            }
        }
    }

    fn hold_up(&self, now: Weather, random: &mut SmallRng) -> Duration {
        let delay = Duration::from_millis(random.random_range(0..=now.delay_ms));
        if random.random_range(0..1_000) >= now.stalls {
            return delay;
        }
        self.stalled.fetch_add(1, Ordering::Relaxed);
        delay + random.random_range(STALL_MIN..STALL_MAX)
    }
}

/// The session that a token in a client's request is of: in the head of an upgrade, to Lifeboat or
/// to a game server, or in a join.
fn session_in(piece: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(piece);
    let after = |mark: &str| text.find(mark).map(|at| &text[at + mark.len()..]);
    let marks = ["token.", r#""previous":""#, "?ticket="];
    let token = marks.into_iter().find_map(after)?;
    session_of(token.split(['"', ',', '\r', ' ', '&']).next()?)
}

/// The session that a token of ours is of.
#[must_use]
pub fn session_of(token: &str) -> Option<String> {
    let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    let claims: Value = serde_json::from_slice(&claims).ok()?;
    Some(claims["ses"].as_str()?.to_owned())
}
