//! The gateway as one part: the desk behind its lock, the shards that carry its effects out, the
//! keys that sign what it grants.

use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, TryLockError};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use lifeboat_core::catalog::Catalog;
use lifeboat_core::ids::FailoverId;
use lifeboat_core::limits::{SESSION_TOKEN_TTL, TICKET_TTL};
use lifeboat_core::route::Refusal;
use lifeboat_core::ticket::{Claims, SESSION_AUDIENCE};
use lifeboat_core::time::Timestamp;
use lifeboat_protocol::frame::{ClientFrame, ServerFrame};
use lifeboat_protocol::join::JoinAnswer;
use lifeboat_uring::Ring;

use crate::desk::{
    ConnRef, Desk, Effect, Granted, JoinInput, Opened, OrderLine, PlayerView, Signed,
};
use crate::socket::{Arrival, Mailbox, Note, Shard, Upgraded};
use crate::tokens::{KeyRing, TokenRefusal};

/// How often the desk is looked at when nothing is due.
const IDLE_TICK: Duration = Duration::from_secs(1);
/// Placements that are handed to a shard together: signing takes longer than waking it, and the
/// first client of a batch waits for the last one's signature.
const PLACEMENTS_PER_NOTE: usize = 16;
/// When the first clients come back after a planned shutdown; the last after twice that.
const SHUTDOWN_RETRY: Duration = Duration::from_secs(1);

/// What the gateway is started with.
pub struct Settings {
    /// Threads that hold session channels.
    pub shards: u16,
    /// Whether many frames are given to the system in one call, where it allows that.
    pub io_uring: bool,
    /// Where clients open their session channel.
    pub session_url: String,
    /// Called with the name of a thread that ended although nobody stopped it: the gateway holds
    /// less than it should from then on, and is to be given up.
    pub on_break: OnBreak,
}

/// Whom to tell of a thread that ended unasked.
pub type OnBreak = Box<dyn Fn(&str) + Send + Sync>;

/// The gateway. See the module's documentation.
pub struct Gateway {
    desk: Mutex<Desk>,
    keys: Arc<KeyRing>,
    session_url: String,
    clock: Clock,
    mailboxes: OnceLock<Vec<Arc<Mailbox>>>,
    /// Orders to leave that the shards have not written yet.
    unwritten_orders: AtomicUsize,
    ticker: SyncSender<()>,
    /// When the desk is looked at next, in milliseconds.
    next_look_ms: AtomicI64,
    is_stopped: OnceLock<()>,
    on_break: OnBreak,
}

/// Sessions whose order to leave was written to their sockets.
pub(crate) struct Told {
    pub(crate) failover: FailoverId,
    /// The sessions, by their places at the desk.
    pub(crate) keys: Vec<usize>,
    /// When.
    pub(crate) at: Timestamp,
}

/// Wall time that never jumps while the process runs.
struct Clock {
    started: Instant,
    started_at: Timestamp,
}

impl Clock {
    fn new() -> Self {
        Self { started: Instant::now(), started_at: Self::wall() }
    }

    /// The wall time as it is now, which tokens are good for: others check them by their own.
    fn wall() -> Timestamp {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_ms(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
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
            unwritten_orders: AtomicUsize::new(0),
            ticker,
            next_look_ms: AtomicI64::new(i64::MAX),
            is_stopped: OnceLock::new(),
            on_break: settings.on_break,
        });
        let mut mailboxes = Vec::new();
        for index in 0..settings.shards.max(1) {
            let poll = mio::Poll::new()?;
            let waker = mio::Waker::new(poll.registry(), Shard::wake_token())?;
            let mailbox = Arc::new(Mailbox::new(waker));
            mailboxes.push(Arc::clone(&mailbox));
            let ring = if settings.io_uring { ring() } else { None };
            let shard = Shard::new(index, poll, ring, mailbox, Arc::clone(&gateway));
            start(&gateway, format!("gateway-{index}"), move || shard.run())?;
        }
        // Just made, so this is the first time.
        let _ = gateway.mailboxes.set(mailboxes);
        let desk = Arc::clone(&gateway);
        start(&gateway, "desk".to_owned(), move || desk.tick_forever(&ticks))?;
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
        let granted = self.look_earlier(|desk| desk.join(input, now))?;
        Ok(self.sign(granted))
    }

    fn sign(&self, granted: Granted) -> JoinAnswer {
        let now = Clock::wall();
        let ticket = granted.claims(granted.server.as_str(), now, TICKET_TTL);
        let session = granted.claims(SESSION_AUDIENCE, now, SESSION_TOKEN_TTL);
        granted.answer(Signed {
            ticket: self.keys.sign(&ticket),
            session_token: self.keys.sign_session(&session),
            session_url: self.session_url.clone(),
        })
    }

    /// Takes an upgraded connection over as a session channel. A session's channels are all on
    /// the same shard.
    pub fn take(&self, upgraded: Upgraded, who: Result<Box<Claims>, TokenRefusal>) {
        let Some(mailboxes) = self.mailboxes.get() else { return };
        let session = who.as_ref().map_or("", |claims| claims.ses.as_str());
        let sum = session
            .bytes()
            .fold(0usize, |sum, byte| sum.wrapping_mul(31).wrapping_add(usize::from(byte)));
        mailboxes[sum % mailboxes.len()].arrive(Arrival { upgraded, who });
    }

    /// Goes on with the next catalog and tells whoever has to know.
    pub fn set_catalog(&self, catalog: Arc<Catalog>) {
        let now = self.now();
        let mut is_first = true;
        self.desk().set_catalog(catalog, now, &mut |effect| {
            self.dispatch_one(effect);
            // Where there is no other core, the first are told before the rest is worked out.
            if std::mem::take(&mut is_first) {
                thread::yield_now();
            }
        });
        self.wake_ticker();
    }

    /// Hands effects to the shards whose connections they concern.
    pub fn dispatch(&self, effects: Vec<Effect>) {
        for effect in effects {
            self.dispatch_one(effect);
        }
    }

    fn dispatch_one(&self, effect: Effect) {
        let Some(mailboxes) = self.mailboxes.get() else { return };
        match effect {
            Effect::Close { conn, .. } => {
                mailboxes[usize::from(conn.shard)].note(Note::Effect(effect));
            }
            Effect::Broadcast { to, text } => {
                let parts = by_shard(to, mailboxes.len(), |conn: &ConnRef| conn.shard);
                for (mailbox, to) in mailboxes.iter().zip(parts) {
                    if !to.is_empty() {
                        let text = text.clone();
                        mailbox.note(Note::Effect(Effect::Broadcast { to, text }));
                    }
                }
            }
            Effect::Order { template, to, values } => {
                let parts = by_shard(to, mailboxes.len(), |line: &OrderLine| line.conn.shard);
                for (mailbox, to) in mailboxes.iter().zip(parts) {
                    let orders = to.len();
                    if orders == 0 {
                        continue;
                    }
                    self.unwritten_orders.fetch_add(orders, Ordering::Relaxed);
                    let (template, values) = (Arc::clone(&template), values.clone());
                    let order = Effect::Order { template, to, values };
                    if !mailbox.note(Note::Effect(order)) {
                        self.orders_written(orders);
                    }
                }
            }
        }
    }

    /// Whether orders to leave are on their way to the sockets.
    #[must_use]
    pub fn is_ordering(&self) -> bool {
        self.unwritten_orders.load(Ordering::Relaxed) > 0
    }

    /// So many orders were written, or never will be.
    pub(crate) fn orders_written(&self, orders: usize) {
        self.unwritten_orders.fetch_sub(orders, Ordering::Relaxed);
    }

    pub(crate) fn open(&self, claims: &Claims, conn: ConnRef, now: Timestamp) -> Opened {
        self.look_earlier(|desk| desk.open(claims, conn, now))
    }

    /// See [`Desk::reopen`].
    pub(crate) fn reopen(
        &self,
        key: usize,
        before: ConnRef,
        claims: &Claims,
        conn: ConnRef,
        now: Timestamp,
    ) -> Option<Opened> {
        self.look_earlier(|desk| desk.reopen(key, before, claims, conn, now))
    }

    /// Does something at the desk after which it may have to be looked at earlier than planned.
    fn look_earlier<T>(&self, work: impl FnOnce(&mut Desk) -> T) -> T {
        let (done, deadline) = {
            let mut desk = self.desk();
            (work(&mut desk), desk.deadline())
        };
        let next_look_ms = self.next_look_ms.load(Ordering::Relaxed);
        if deadline.is_some_and(|at| at.as_ms() < next_look_ms) {
            self.wake_ticker();
        }
        done
    }

    pub(crate) fn frame(&self, key: usize, conn: ConnRef, frame: ClientFrame, now: Timestamp) {
        self.desk().frame(key, conn, frame, now);
    }

    pub(crate) fn closed(&self, key: usize, conn: ConnRef, now: Timestamp) {
        self.desk().closed(key, conn, now);
    }

    /// Reports who was told, unless the desk is busy: then it is to be tried again. A pass of
    /// orders must not stop for the desk that is still handing them out.
    pub(crate) fn try_told(&self, reports: &mut Vec<Told>) {
        let mut desk = match self.desk.try_lock() {
            Ok(desk) => desk,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return,
        };
        for told in reports.drain(..) {
            desk.told(&told.failover, &told.keys, told.at);
        }
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
        let (granted, renewed, deadline) = {
            let mut desk = self.desk();
            let tick = desk.tick(now);
            // Before the desk goes on, so that no newer value is overtaken by an older one.
            self.dispatch(tick.effects);
            let deadline = desk.deadline();
            // While the desk is locked: what is found out from here on wakes this again.
            let look_at = deadline.map_or(now + IDLE_TICK, |at| at.min(now + IDLE_TICK));
            self.next_look_ms.store(look_at.as_ms(), Ordering::Relaxed);
            (tick.granted, tick.renewed, deadline)
        };
        self.push(granted, |answer| ServerFrame::Placement(Box::new(answer)));
        self.push(renewed, |JoinAnswer { ticket, session_token, .. }| ServerFrame::Tokens {
            ticket,
            session_token,
        });
        let after = self.now();
        deadline.map_or(IDLE_TICK, |at| at.since(after).min(IDLE_TICK))
    }

    /// Signs placements and hands them to the shards, each as a frame.
    fn push(&self, granted: Vec<(ConnRef, Granted)>, frame: fn(JoinAnswer) -> ServerFrame) {
        let Some(mailboxes) = self.mailboxes.get() else { return };
        let mut granted = granted.into_iter().peekable();
        while granted.peek().is_some() {
            let sign = |(conn, granted)| {
                let frame = frame(self.sign(granted));
                (conn, frame.to_text())
            };
            let texts = granted.by_ref().take(PLACEMENTS_PER_NOTE).map(sign).collect();
            let parts = by_shard(texts, mailboxes.len(), |(conn, _)| conn.shard);
            for (mailbox, texts) in mailboxes.iter().zip(parts) {
                if !texts.is_empty() {
                    mailbox.note(Note::Texts(texts));
                }
            }
        }
    }

    /// Says goodbye to everyone and stops the threads. Clients come back to whoever takes over.
    pub fn stop(&self) {
        let effects = self.desk().shutdown(SHUTDOWN_RETRY);
        self.dispatch(effects);
        let _ = self.is_stopped.set(());
        for mailbox in self.mailboxes.get().into_iter().flatten() {
            mailbox.note(Note::Stop);
        }
        self.wake_ticker();
    }
}

/// A ring for a shard; none where the system does not allow it.
fn ring() -> Option<Ring> {
    match Ring::new() {
        Ok(ring) => Some(ring),
        Err(error) => {
            tracing::info!(%error, "io_uring cannot be used: every frame is sent by itself");
            None
        }
    }
}

/// Notices the end of a thread, also when it panics.
struct End {
    gateway: Arc<Gateway>,
    thread: String,
}

impl Drop for End {
    fn drop(&mut self) {
        if self.gateway.is_stopped.get().is_none() {
            (self.gateway.on_break)(&self.thread);
        }
    }
}

/// Starts a thread that takes its turn among the others, where the system allows that.
fn start(
    gateway: &Arc<Gateway>,
    name: String,
    work: impl FnOnce() + Send + 'static,
) -> std::io::Result<()> {
    let end = End { gateway: Arc::clone(gateway), thread: name.clone() };
    let work = move || {
        let _end = end;
        if let Err(error) = lifeboat_sched::take_turns() {
            tracing::debug!(%error, "a thread is scheduled as usual");
        }
        work();
    };
    thread::Builder::new().name(name).spawn(work).map(drop)
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

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use lifeboat_core::ids::WorldId;
    use lifeboat_core::live_config::LiveConfig;

    use super::*;
    use crate::socket::Secrecy;
    use crate::tokens::KeptKeys;

    struct Unseeable;

    impl PlayerView for Unseeable {
        fn of(&self, _: &Catalog, _: &WorldId) -> LiveConfig {
            panic!("a fault of the program, made for this test")
        }
    }

    /// A gateway, and the threads of it that ended unasked.
    fn gateway() -> (Arc<Gateway>, Receiver<String>) {
        let (tx, broken) = sync_channel(4);
        let settings = Settings {
            shards: 1,
            io_uring: false,
            session_url: String::new(),
            on_break: Box::new(move |thread| tx.send(thread.to_owned()).unwrap()),
        };
        let keys = KeyRing::new(&KeptKeys::new([7; 32], Timestamp::default())).unwrap();
        let catalog = Arc::new(Catalog::default());
        let gateway = Gateway::start(settings, catalog, Arc::new(Unseeable), Arc::new(keys));
        (gateway.unwrap(), broken)
    }

    #[test]
    fn a_thread_that_ends_unasked_is_told_of_and_one_that_is_stopped_is_not() {
        let (stopped, ends) = gateway();
        stopped.stop();
        let (gateway, broken) = gateway();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let _client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (stream, _) = listener.accept().unwrap();
        stream.set_nonblocking(true).unwrap();
        let upgraded =
            Upgraded { stream, secrecy: Secrecy::Plain, answer: Vec::new(), early: Vec::new() };
        let claims = serde_json::json!({
            "iss": "lifeboat", "aud": "lifeboat", "sub": "usr_1", "ses": "ses_1", "req": "wld_0",
            "wld": "wld_0", "dep": "dep_1", "srv": "srv_1", "gen": 0, "ret": 0, "rev": 1, "bv": 38,
            "kind": "", "iat": 0, "exp": 60, "jti": "1",
        });
        gateway.take(upgraded, Ok(Box::new(serde_json::from_value(claims).unwrap())));
        let thread = broken.recv_timeout(Duration::from_secs(10)).unwrap();
        assert_eq!(thread, "gateway-0");
        gateway.stop();
        // Its sender goes with the last thread: all of them have ended by then.
        drop(stopped);
        assert_eq!(ends.recv().ok(), None);
    }
}
