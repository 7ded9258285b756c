//! The gateway as one part: the desk behind its lock, the shards that carry its effects out, the
//! keys that sign what it grants.

use std::net::TcpStream;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use lifeboat_core::catalog::Catalog;
use lifeboat_core::ids::FailoverId;
use lifeboat_core::limits::{SESSION_TOKEN_TTL, TICKET_TTL};
use lifeboat_core::route::Refusal;
use lifeboat_core::ticket::{Claims, SESSION_AUDIENCE};
use lifeboat_core::time::Timestamp;
use lifeboat_protocol::frame::{ClientFrame, CloseCode, ServerFrame};
use lifeboat_protocol::join::JoinAnswer;

use crate::desk::{ConnRef, Desk, Effect, Granted, JoinInput, Opened, OrderLine, PlayerView};
use crate::socket::{Arrival, Mailbox, Note, Shard};
use crate::tokens::{KeyRing, TokenRefusal};

/// How often the desk is looked at when nothing is due.
const IDLE_TICK: Duration = Duration::from_secs(1);
/// When clients come back after a planned shutdown.
const SHUTDOWN_RETRY_MS: u64 = 1_000;

/// What the gateway is started with.
pub struct Settings {
    /// Threads that hold session channels.
    pub shards: u16,
    /// Where clients open their session channel.
    pub session_url: String,
}

/// The gateway. See the module's documentation.
pub struct Gateway {
    desk: Mutex<Desk>,
    keys: Arc<KeyRing>,
    session_url: String,
    clock: Clock,
    mailboxes: OnceLock<Vec<Arc<Mailbox>>>,
    ticker: SyncSender<()>,
    is_stopped: OnceLock<()>,
}

/// Wall time that never jumps while the process runs.
struct Clock {
    started: Instant,
    started_at: Timestamp,
}

impl Clock {
    fn new() -> Self {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let ms = i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX);
        Self { started: Instant::now(), started_at: Timestamp::from_ms(ms) }
    }

    fn now(&self) -> Timestamp {
        self.started_at + self.started.elapsed()
    }
}

impl Gateway {
    /// Starts the gateway's threads.
    ///
    /// # Errors
    /// When the system gives no poll or no thread.
    pub fn start(
        settings: Settings,
        catalog: Arc<Catalog>,
        player_view: Arc<dyn PlayerView>,
        keys: Arc<KeyRing>,
    ) -> std::io::Result<Arc<Self>> {
        // One wake-up that waits is as good as many.
        let (ticker, ticks) = sync_channel(1);
        let gateway = Arc::new(Self {
            desk: Mutex::new(Desk::new(catalog, player_view)),
            keys,
            session_url: settings.session_url,
            clock: Clock::new(),
            mailboxes: OnceLock::new(),
            ticker,
            is_stopped: OnceLock::new(),
        });
        let mut mailboxes = Vec::new();
        for index in 0..settings.shards.max(1) {
            let poll = mio::Poll::new()?;
            let waker = mio::Waker::new(poll.registry(), Shard::wake_token())?;
            let mailbox = Arc::new(Mailbox::new(waker));
            mailboxes.push(Arc::clone(&mailbox));
            let shard = Shard::new(index, poll, mailbox, Arc::clone(&gateway));
            thread::Builder::new().name(format!("gateway-{index}")).spawn(move || shard.run())?;
        }
        // Just made, so this is the first time.
        let _ = gateway.mailboxes.set(mailboxes);
        let desk = Arc::clone(&gateway);
        thread::Builder::new().name("desk".to_owned()).spawn(move || desk.tick_forever(&ticks))?;
        Ok(gateway)
    }

    /// The time that everything in the gateway goes by.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The desk, for questions and for what needs no sending. Not to be held across waiting.
    pub fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The keys that sign tokens.
    #[must_use]
    pub fn keys(&self) -> &Arc<KeyRing> {
        &self.keys
    }

    /// Answers a join.
    ///
    /// # Errors
    /// See [`Desk::join`].
    pub fn join(&self, input: &JoinInput<'_>) -> Result<JoinAnswer, Refusal> {
        let now = self.now();
        let granted = self.desk().join(input, now)?;
        Ok(self.sign(granted, now))
    }

    fn sign(&self, granted: Granted, now: Timestamp) -> JoinAnswer {
        let ticket = self.keys.sign(&granted.claims(granted.server.as_str(), now, TICKET_TTL));
        let session = granted.claims(SESSION_AUDIENCE, now, SESSION_TOKEN_TTL);
        JoinAnswer {
            ticket,
            session_token: self.keys.sign(&session),
            session_url: self.session_url.clone(),
            session: granted.session,
            user: granted.user,
            requested_world: granted.requested,
            world: granted.world,
            deployment: granted.deployment,
            launch_context: granted.launch_context,
            redirected: granted.redirected,
            previous_accepted: granted.previous_accepted,
            server: granted.server,
            endpoint: granted.endpoint,
            streaming: granted.streaming,
            all_clients: granted.generation,
            revision: granted.revision,
        }
    }

    /// Takes an upgraded connection over as a session channel. A session's channels are all on
    /// the same shard.
    pub fn take(
        &self,
        stream: TcpStream,
        early: Vec<u8>,
        token: Result<Box<Claims>, TokenRefusal>,
    ) {
        let who = token.map_err(|refusal| match refusal {
            TokenRefusal::Invalid => CloseCode::BadToken,
            TokenRefusal::Expired => CloseCode::Expired,
        });
        let Some(mailboxes) = self.mailboxes.get() else { return };
        let session = who.as_ref().map_or("", |claims| claims.ses.as_str());
        let sum = session
            .bytes()
            .fold(0usize, |sum, byte| sum.wrapping_mul(31).wrapping_add(usize::from(byte)));
        mailboxes[sum % mailboxes.len()].arrive(Arrival { stream, early, who });
    }

    /// Goes on with the next catalog and tells whoever has to know.
    pub fn set_catalog(&self, catalog: Arc<Catalog>) {
        let now = self.now();
        let effects = self.desk().set_catalog(catalog, now);
        self.dispatch(effects);
        self.wake_ticker();
    }

    /// Hands effects to the shards whose connections they concern.
    pub fn dispatch(&self, effects: Vec<Effect>) {
        let Some(mailboxes) = self.mailboxes.get() else { return };
        for effect in effects {
            match effect {
                Effect::Close { conn, .. } => {
                    mailboxes[usize::from(conn.shard)].note(Note::Effect(effect));
                }
                Effect::Broadcast { to, text } => {
                    for (mailbox, to) in
                        mailboxes.iter().zip(by_shard(to, mailboxes.len(), shard_of))
                    {
                        if !to.is_empty() {
                            let text = text.clone();
                            mailbox.note(Note::Effect(Effect::Broadcast { to, text }));
                        }
                    }
                }
                Effect::Order { template, to } => {
                    let parts = by_shard(to, mailboxes.len(), |line: &OrderLine| line.conn.shard);
                    for (mailbox, to) in mailboxes.iter().zip(parts) {
                        if !to.is_empty() {
                            let template = Arc::clone(&template);
                            mailbox.note(Note::Effect(Effect::Order { template, to }));
                        }
                    }
                }
            }
        }
    }

    pub(crate) fn open(&self, claims: &Claims, conn: ConnRef, now: Timestamp) -> Opened {
        let opened = self.desk().open(claims, conn, now);
        self.wake_ticker();
        opened
    }

    pub(crate) fn frame(&self, key: usize, conn: ConnRef, frame: ClientFrame, now: Timestamp) {
        self.desk().frame(key, conn, frame, now);
    }

    pub(crate) fn closed(&self, key: usize, conn: ConnRef, now: Timestamp) {
        self.desk().closed(key, conn, now);
    }

    pub(crate) fn told(&self, failover: &FailoverId, keys: &[usize]) {
        let now = self.now();
        self.desk().told(failover, keys, now);
    }

    // --- time ---

    /// Has the desk looked at now rather than at its next deadline.
    pub fn wake_ticker(&self) {
        // Full means that a wake-up waits already.
        let _ = self.ticker.try_send(());
    }

    fn tick_forever(&self, ticks: &Receiver<()>) {
        while self.is_stopped.get().is_none() {
            let wait = self.tick();
            if let Err(RecvTimeoutError::Disconnected) = ticks.recv_timeout(wait) {
                return;
            }
        }
    }

    /// Ticks the desk once and says when it wants to be looked at again.
    fn tick(&self) -> Duration {
        let now = self.now();
        let (tick, deadline) = {
            let mut desk = self.desk();
            let tick = desk.tick(now);
            (tick, desk.deadline())
        };
        for (conn, granted) in tick.granted {
            let answer = ServerFrame::Placement(Box::new(self.sign(granted, now)));
            if let Some(mailboxes) = self.mailboxes.get() {
                let text = answer.to_text().into_bytes();
                mailboxes[usize::from(conn.shard)].note(Note::Text(conn, text));
            }
        }
        self.dispatch(tick.effects);
        deadline.map_or(IDLE_TICK, |at| at.since(self.now()).min(IDLE_TICK))
    }

    /// Says goodbye to everyone and stops the threads. Clients come back to whoever takes over.
    pub fn stop(&self) {
        let effects = self.desk().shutdown(SHUTDOWN_RETRY_MS);
        self.dispatch(effects);
        let _ = self.is_stopped.set(());
        for mailbox in self.mailboxes.get().into_iter().flatten() {
            mailbox.note(Note::Stop);
        }
        self.wake_ticker();
    }
}

fn shard_of(conn: &ConnRef) -> u16 {
    conn.shard
}

fn by_shard<T>(items: Vec<T>, shards: usize, shard: impl Fn(&T) -> u16) -> Vec<Vec<T>> {
    if shards == 1 {
        return vec![items];
    }
    let mut parts: Vec<Vec<T>> = (0..shards).map(|_| Vec::new()).collect();
    for item in items {
        let index = usize::from(shard(&item));
        parts[index].push(item);
    }
    parts
}
