//! Carries out what the client's state machine asks for, and tells it what comes of it. One task
//! holds everything of one client: the join on its way, the channel, the game connection.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::FutureExt as _;
use futures::future::BoxFuture;
use http::{HeaderValue, Uri};
use lifeboat_protocol::client::{Action, Client as Machine, Input, Settings, Status};
use lifeboat_protocol::frame::ServerFrame;
use lifeboat_protocol::join::{ClientInfo, JoinAnswer};
use rand::rngs::SmallRng;
use rand::{RngExt as _, SeedableRng as _};
use tokio::sync::{oneshot, watch};
use tokio::time::sleep_until;

use crate::channel::{Channel, Heard};
use crate::clock::Clock;
use crate::game::{Entered, GameConnector, GameEnd, GameSpot};
use crate::http::{Http, JoinFailure};
use crate::observer::{Observer, Progress, Sight};

/// What the owner of a client wants of it. Dropping the sender stops the client without a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    Stay,
    Leave,
}

/// Whom a client joins as, and where.
#[derive(Debug, Clone)]
pub(crate) struct Ticketing {
    pub(crate) http: Arc<Http>,
    pub(crate) uri: Uri,
    pub(crate) bearer: Option<HeaderValue>,
}

type Joining = BoxFuture<'static, Result<Box<JoinAnswer>, JoinFailure>>;

/// A game connection: the future that is the connection, and the word that the player is in.
struct Play {
    run: BoxFuture<'static, GameEnd>,
    entered: Option<oneshot::Receiver<()>>,
}

/// One client.
pub(crate) struct Driver<G, O> {
    machine: Machine,
    ticketing: Ticketing,
    game: G,
    observer: O,
    clock: Clock,
    random: SmallRng,
    joining: Option<Joining>,
    channel: Channel,
    play: Option<Play>,
}

impl<G: GameConnector, O: Observer> Driver<G, O> {
    pub(crate) fn new(
        ticketing: Ticketing,
        client: ClientInfo,
        game: G,
        observer: O,
        (clock, seed): (Clock, u64),
    ) -> Self {
        Self {
            machine: Machine::new(Settings { client }),
            ticketing,
            game,
            observer,
            clock,
            random: SmallRng::seed_from_u64(seed),
            joining: None,
            channel: Channel::Closed,
            play: None,
        }
    }

    /// Runs the client until it is refused, ended or stopped.
    pub(crate) async fn run(mut self, mut orders: watch::Receiver<Order>) {
        let mut input = Some(Input::Start);
        while let Some(given) = input {
            self.give(given);
            if self.machine.is_over() {
                break;
            }
            input = self.next(&mut orders).await;
        }
        if let Channel::Open(socket) = self.channel
            && self.machine.is_over()
        {
            socket.close().await;
        }
    }

    /// What happens next; none when the owner of the client is gone.
    async fn next(&mut self, orders: &mut watch::Receiver<Order>) -> Option<Input> {
        let deadline = self.machine.deadline().map(|at| self.clock.instant(at));
        let timer = async {
            match deadline {
                Some(at) => sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            order = orders.wait_for(|order| *order == Order::Leave) => {
                order.is_ok().then_some(Input::Leave)
            }
            input = poll_fn(|cx| self.poll(cx)) => Some(input),
            () = timer => Some(Input::Timer),
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Input> {
        if let Some(joining) = &mut self.joining
            && let Poll::Ready(joined) = joining.poll_unpin(cx)
        {
            self.joining = None;
            return Poll::Ready(match joined {
                Ok(answer) => Input::Joined { answer },
                Err(JoinFailure { code, retry_after_ms }) => {
                    Input::JoinFailed { code, retry_after_ms }
                }
            });
        }
        if let Poll::Ready(heard) = self.channel.poll_heard(cx) {
            return Poll::Ready(match heard {
                Heard::Frame(frame) => Input::Frame { frame },
                Heard::Closed(code) => Input::ChannelClosed { code },
            });
        }
        self.poll_play(cx)
    }

    fn poll_play(&mut self, cx: &mut Context<'_>) -> Poll<Input> {
        let Some(play) = &mut self.play else { return Poll::Pending };
        let ended = play.run.poll_unpin(cx);
        if let Some(entered) = &mut play.entered
            && let Poll::Ready(is_in) = entered.poll_unpin(cx)
        {
            play.entered = None;
            if is_in.is_ok() {
                if ended.is_ready() {
                    // It may not be polled again; that it is over is told next.
                    play.run = std::future::ready(GameEnd::Lost).boxed();
                }
                return Poll::Ready(Input::GameConnected);
            }
        }
        ended.map(|end| {
            let error = &end as &dyn std::error::Error;
            tracing::debug!(error, "the game connection ended");
            self.play = None;
            Input::GameLost
        })
    }

    fn give(&mut self, input: Input) {
        let now = self.clock.now();
        match &input {
            Input::Frame { frame } if calls_away(frame) => self.observer.see(Sight::Told, now),
            Input::GameLost if matches!(self.machine.status(), Some(Status::InWorld { .. })) => {
                self.observer.see(Sight::GameLost, now);
            }
            _ => {}
        }
        let random = self.random.random();
        for action in self.machine.handle(input, now, random) {
            match action {
                Action::Show { status } => self.observer.see(Sight::Status(status), now),
                Action::ShowMessage { text } => self.observer.see(Sight::Message(text), now),
                Action::ShowProgress { over, present } => {
                    self.observer.see(Sight::Progress(Progress { over, present }), now);
                }
                Action::LiveConfig { changes } => {
                    self.observer.see(Sight::LiveConfig(changes), now);
                }
                other => self.act(other),
            }
        }
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Join { request } => {
                let Ticketing { http, uri, bearer } = self.ticketing.clone();
                self.joining = Some(async move { http.join(uri, bearer, &request).await }.boxed());
            }
            Action::OpenChannel { url, token } => self.channel = Channel::open(url, &token),
            // At the end it is closed in peace, so that the last frame arrives.
            Action::CloseChannel if self.machine.is_over() => {}
            Action::CloseChannel => self.channel = Channel::Closed,
            Action::Send { frame } => self.channel.send(&frame),
            Action::ConnectGame { endpoint, ticket } => self.connect(endpoint, ticket),
            Action::DisconnectGame => self.play = None,
            Action::Show { .. }
            | Action::ShowMessage { .. }
            | Action::ShowProgress { .. }
            | Action::LiveConfig { .. } => {}
        }
    }

    fn connect(&mut self, endpoint: String, ticket: String) {
        let placed = self.machine.placement().expect("the machine connects where it was placed");
        let spot = GameSpot {
            endpoint,
            ticket,
            world: placed.world.clone(),
            deployment: placed.deployment.clone(),
            server: placed.server.clone(),
            launch_context: placed.launch_context.clone(),
            session: placed.session.clone(),
            user: placed.user.clone(),
        };
        let (tx, rx) = oneshot::channel();
        let run = self.game.connect(spot, Entered(tx)).boxed();
        self.play = Some(Play { run, entered: Some(rx) });
    }
}

/// Whether a frame is an order to leave, now or later.
fn calls_away(frame: &ServerFrame) -> bool {
    matches!(
        frame,
        ServerFrame::ForceDisconnect { .. }
            | ServerFrame::Placement(_)
            | ServerFrame::Hello { rejoin: Some(_), .. }
    )
}
