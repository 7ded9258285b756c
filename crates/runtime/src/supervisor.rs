//! Watches one server: its process, its health, its reservation, and who asked it to stop. What
//! happens is one closed enum, and [`Supervisor::apply`] alone acts on it.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use tokio::sync::{broadcast, mpsc};
use tokio::time::sleep_until;

use crate::event::{RuntimeEvent, ServerHealth, ServerObservation};
use crate::health::Moment;
use crate::limits::GATHER_WINDOW;
use crate::live_server::LiveServer;
use crate::process::Process;
use crate::sdk::state::SdkState;

/// How long the supervisor sleeps when nothing is due.
const IDLE: Duration = Duration::from_secs(3_600);

/// What a supervisor is asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Request {
    /// Ask the server to end, and kill it after this time.
    Stop(Duration),
    /// Kill it now.
    Kill,
}

/// What can happen to a server.
#[derive(Debug)]
enum Happening {
    Ended,
    Requested(Request),
    Changed,
    Due,
}

/// The watch over one server.
#[derive(Debug)]
pub(crate) struct Supervisor {
    live: Arc<LiveServer>,
    process: Process,
    requests: mpsc::Receiver<Request>,
    events: broadcast::Sender<RuntimeEvent>,
    /// What readers were told last.
    told: ServerObservation,
    /// When gathered changes are told.
    tell_at: Option<Instant>,
    /// When the server is killed, once it was asked to stop.
    kill_at: Option<Instant>,
}

impl Supervisor {
    /// A watch that tells readers what is different from now on.
    pub(crate) fn new(
        live: Arc<LiveServer>,
        process: Process,
        requests: mpsc::Receiver<Request>,
        events: broadcast::Sender<RuntimeEvent>,
    ) -> Self {
        let told = live.observe();
        Self { live, process, requests, events, told, tell_at: None, kill_at: None }
    }

    /// Watches until the server is gone.
    pub(crate) async fn run(mut self) {
        loop {
            let wake_at = self.wake_at();
            let happening = tokio::select! {
                biased;
                () = self.process.ended() => Happening::Ended,
                Some(request) = self.requests.recv() => Happening::Requested(request),
                () = sleep_until(wake_at.into()) => Happening::Due,
                () = self.live.attention(), if self.tell_at.is_none() => Happening::Changed,
            };
            if self.apply(happening, wake_at, Moment::now()).is_break() {
                return;
            }
        }
    }

    fn apply(&mut self, happening: Happening, wake_at: Instant, now: Moment) -> ControlFlow<()> {
        match happening {
            Happening::Ended => {
                self.end();
                return ControlFlow::Break(());
            }
            Happening::Requested(Request::Stop(grace)) => self.ask_to_end(grace, now),
            Happening::Requested(Request::Kill) => self.process.signal_group(Signal::KILL),
            Happening::Changed => self.tell_at = Some(now.instant + GATHER_WINDOW),
            Happening::Due => self.do_what_is_due(wake_at, now),
        }
        ControlFlow::Continue(())
    }

    /// The earliest of the moments at which something is due.
    fn wake_at(&self) -> Instant {
        let now = Moment::now();
        let reserved_until = self.live.read(|sdk| sdk.reserved_until());
        let reservation = reserved_until.map(|until| now.instant + until.since(now.at));
        let health = self.live.health(|clock| clock.deadline());
        [self.tell_at, self.kill_at, reservation, health]
            .into_iter()
            .flatten()
            .fold(now.instant + IDLE, Instant::min)
    }

    fn do_what_is_due(&mut self, wake_at: Instant, now: Moment) {
        self.live.change(now, |sdk| sdk.expire(now.at));
        self.judge_health(wake_at, now);
        if self.kill_at.is_some_and(|at| at <= now.instant) {
            self.kill_at = None;
            self.process.signal_group(Signal::KILL);
        }
        if self.tell_at.is_some_and(|at| at <= now.instant) {
            self.tell_at = None;
            self.tell();
        }
    }

    fn judge_health(&mut self, wake_at: Instant, now: Moment) {
        let overslept = now.instant.saturating_duration_since(wake_at);
        let has_missed = self.live.health(|clock| {
            // Who overslept a whole period was stopped itself, and knows nothing of the others:
            // their calls may wait unread.
            if overslept > clock.rule().period {
                clock.excuse(now);
            }
            clock.check(now)
        });
        if has_missed {
            self.live.change(now, |sdk| sdk.mark_unhealthy());
            self.tell();
        }
    }

    fn ask_to_end(&mut self, grace: Duration, now: Moment) {
        let kill_at = now.instant + grace.min(IDLE);
        self.kill_at = Some(self.kill_at.map_or(kill_at, |earlier| earlier.min(kill_at)));
        self.process.signal_group(Signal::TERM);
        // A stopped process acts on the request only once it runs.
        self.process.signal_group(Signal::CONT);
    }

    fn end(&mut self) {
        self.tell();
        let exit = self.process.end_group();
        self.live.set_exit(exit);
        self.live.close();
        let server = self.live.record().server.clone();
        tracing::info!(server.id = server.as_str(), %exit, "a game server has ended");
        self.send(RuntimeEvent::Exited { server, exit });
    }

    /// Tells readers what is different from what they were told.
    fn tell(&mut self) {
        let now = self.live.observe();
        let before = std::mem::replace(&mut self.told, now.clone());
        let server = now.server();
        if before.ready_at.is_none() && now.ready_at.is_some() {
            self.send(RuntimeEvent::Ready { server: server.clone() });
        }
        if before.state != now.state {
            self.send(RuntimeEvent::StateChanged { server: server.clone(), state: now.state });
            if now.state == SdkState::Shutdown {
                self.send(RuntimeEvent::ShutdownRequested { server: server.clone() });
            }
        }
        if before.health != now.health {
            self.tell_health(before.health, &now);
        }
        if before.players != now.players {
            let sessions = Arc::clone(&now.players);
            self.send(RuntimeEvent::PlayersChanged { server: server.clone(), sessions });
        }
    }

    fn tell_health(&self, before: ServerHealth, now: &ServerObservation) {
        let server = now.server().clone();
        match (before, now.health) {
            (_, ServerHealth::Unhealthy) => {
                let last_healthy_at = now.last_healthy_at;
                self.send(RuntimeEvent::Unhealthy { server, last_healthy_at });
            }
            (ServerHealth::Unhealthy, ServerHealth::Healthy) => {
                self.send(RuntimeEvent::Recovered { server });
            }
            _ => {}
        }
    }

    fn send(&self, event: RuntimeEvent) {
        // Without a reader there is nobody to tell; whoever comes reads the levels.
        let _ = self.events.send(event);
    }
}
