//! The machine itself. Each input is one method, which returns what to do.

mod joining;

use std::time::Duration;

use lifeboat_core::code::ErrorCode;
use lifeboat_core::time::Timestamp;

use self::joining::Joining;
use super::action::{Action, EndReason, Input, Status};
use super::channel::{Channel, begins_or_ends};
use super::delay::{self, Failures};
use crate::frame::{ByeReason, ClientFrame, ClientState, CloseCode, ServerFrame};
use crate::join::{ClientInfo, JoinAnswer};

/// What a client is made with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// What it says of itself at each join.
    pub client: ClientInfo,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Game {
    None,
    Connecting,
    Connected,
}

/// One client. See the module's documentation.
#[derive(Debug, Clone)]
pub struct Client {
    settings: Settings,
    placement: Option<JoinAnswer>,
    channel: Channel,
    game: Game,
    joining: Joining,
    /// Of joins and game connections.
    failures: Failures,
    channel_failures: Failures,
    /// The wait that a `bye` asked for before the channel is opened again.
    channel_wait: Option<Duration>,
    /// Whether the server lets the channel begin anew over the same connection.
    channel_reopens: bool,
    leave_at: Option<Timestamp>,
    join_at: Option<Timestamp>,
    channel_at: Option<Timestamp>,
    /// When the game connection was lost without an order to leave.
    lost_at: Option<Timestamp>,
    status: Option<Status>,
}

/// What one input leads to, in the making.
struct Turn {
    now: Timestamp,
    random: f64,
    actions: Vec<Action>,
}

impl Client {
    /// A client that has not begun.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            placement: None,
            channel: Channel::Closed,
            game: Game::None,
            joining: Joining::None,
            failures: Failures::default(),
            channel_failures: Failures::default(),
            channel_wait: None,
            channel_reopens: false,
            leave_at: None,
            join_at: None,
            channel_at: None,
            lost_at: None,
            status: None,
        }
    }

    /// Takes an input and says what to do. `random` is at least 0 and below 1.
    #[must_use]
    pub fn handle(&mut self, input: Input, now: Timestamp, random: f64) -> Vec<Action> {
        let mut turn = Turn { now, random, actions: Vec::new() };
        if !self.is_over() {
            self.apply(input, &mut turn);
        }
        turn.actions
    }

    /// When the machine wants [`Input::Timer`], if nothing happens before.
    #[must_use]
    pub fn deadline(&self) -> Option<Timestamp> {
        let silence = self.channel.given_up_at();
        // A join that is due while another is on its way waits for that one's answer.
        let join_at = self.join_at.filter(|_| self.joining == Joining::None);
        [self.leave_at, join_at, self.channel_at, silence].into_iter().flatten().min()
    }

    /// Where the user is.
    #[must_use]
    pub fn status(&self) -> Option<&Status> {
        self.status.as_ref()
    }

    /// The placement that stands.
    #[must_use]
    pub fn placement(&self) -> Option<&JoinAnswer> {
        self.placement.as_ref()
    }

    /// Whether nothing will happen any more.
    #[must_use]
    pub fn is_over(&self) -> bool {
        matches!(self.status, Some(Status::Refused { .. } | Status::Ended { .. }))
    }

    fn apply(&mut self, input: Input, turn: &mut Turn) {
        match input {
            Input::Start => self.join(turn),
            Input::Joined { answer } => self.joined(*answer, turn),
            Input::JoinFailed { code, retry_after_ms } => {
                self.join_failed(code, retry_after_ms.map(Duration::from_millis), turn);
            }
            Input::Frame { frame } => self.frame(frame, turn),
            Input::ChannelClosed { code } => self.channel_closed(code, turn),
            Input::GameConnected => self.game_connected(turn),
            Input::GameLost => self.game_lost(turn),
            Input::Timer => self.timer(turn),
            Input::Leave => {
                self.send(ClientFrame::Leave {}, turn);
                self.end(Status::Ended { reason: EndReason::Left }, turn);
            }
        }
    }

    // --- the session channel ---

    fn open_channel(&mut self, answer: &JoinAnswer, turn: &mut Turn) {
        self.channel = Channel::Opening { since: turn.now };
        self.channel_at = None;
        turn.actions.push(Action::OpenChannel {
            url: answer.session_url.clone(),
            token: answer.session_token.clone(),
        });
    }

    fn reopen_channel(&mut self, answer: &JoinAnswer, turn: &mut Turn) {
        let session_token = answer.session_token.clone();
        self.send(ClientFrame::Reopen { session_token }, turn);
        self.channel = Channel::Reopening { since: turn.now };
    }

    fn frame(&mut self, frame: ServerFrame, turn: &mut Turn) {
        if self.channel.awaits_hello() && !begins_or_ends(&frame) {
            return;
        }
        self.channel = Channel::Open { heard_at: turn.now };
        match frame {
            ServerFrame::Hello { rejoin, live_config, reopens, .. } => {
                self.channel_failures.end();
                self.channel_wait = None;
                self.channel_reopens = reopens;
                turn.actions.push(Action::LiveConfig { changes: whole(live_config) });
                self.report(turn);
                if let Some(rejoin) = rejoin {
                    self.ordered(rejoin.leave_after_ms, rejoin.rejoin_after_ms, turn);
                }
            }
            ServerFrame::LiveConfig { changes, .. } => {
                turn.actions.push(Action::LiveConfig { changes });
            }
            ServerFrame::ForceDisconnect { leave_after_ms, rejoin_after_ms, message, .. } => {
                turn.actions.extend(message.map(|text| Action::ShowMessage { text }));
                self.ordered(leave_after_ms, rejoin_after_ms, turn);
            }
            ServerFrame::Placement(answer) => {
                if self.joining == Joining::Asked {
                    self.joining = Joining::Overtaken;
                }
                self.take_placement(*answer, turn);
            }
            ServerFrame::Hold {} => self.held(turn),
            ServerFrame::Message { text } => turn.actions.push(Action::ShowMessage { text }),
            ServerFrame::Progress { over, present } => {
                turn.actions.push(Action::ShowProgress { over, present });
            }
            ServerFrame::Tokens { ticket, session_token } => {
                if let Some(placed) = &mut self.placement {
                    (placed.ticket, placed.session_token) = (ticket, session_token);
                }
            }
            ServerFrame::Ping {} => self.send(ClientFrame::Pong {}, turn),
            ServerFrame::Bye { reason, retry_after_ms } => self.bye(reason, retry_after_ms, turn),
            ServerFrame::Error { retry_after_ms, .. } => {
                self.channel_wait = retry_after_ms.map(Duration::from_millis);
            }
            ServerFrame::Unknown => {}
        }
    }

    /// The order to leave and to ask again. It replaces any earlier one.
    fn ordered(&mut self, leave_after_ms: u64, rejoin_after_ms: u64, turn: &mut Turn) {
        let leave_at = turn.now + Duration::from_millis(leave_after_ms);
        self.leave_at = Some(leave_at);
        self.join_at = Some(turn.now + Duration::from_millis(rejoin_after_ms));
        if leave_after_ms == 0 {
            self.leave(turn);
        }
    }

    fn leave(&mut self, turn: &mut Turn) {
        self.leave_at = None;
        self.lost_at = None;
        self.disconnect_game(turn);
        self.show(Status::Waiting { until: self.join_at, code: None }, turn);
        self.report(turn);
    }

    fn held(&mut self, turn: &mut Turn) {
        self.leave_at = None;
        self.join_at = None;
        if self.game == Game::None {
            let poll_at = turn.now + delay::slow_poll(turn.random);
            self.wait_until(poll_at, Some(ErrorCode::FailoverHeld), turn);
        }
    }

    fn bye(&mut self, reason: ByeReason, retry_after_ms: Option<u64>, turn: &mut Turn) {
        match reason {
            ByeReason::Replaced => self.end(Status::Ended { reason: EndReason::Replaced }, turn),
            ByeReason::Kicked => self.end(Status::Ended { reason: EndReason::Kicked }, turn),
            ByeReason::Shutdown | ByeReason::Slow | ByeReason::Expired | ByeReason::Unknown => {
                self.channel_wait = retry_after_ms.map(Duration::from_millis);
            }
        }
    }

    fn channel_closed(&mut self, code: Option<u16>, turn: &mut Turn) {
        self.channel = Channel::Closed;
        let number = code.unwrap_or(0);
        if number == CloseCode::Replaced.number() {
            return self.end(Status::Ended { reason: EndReason::Replaced }, turn);
        }
        if number == CloseCode::Kicked.number() {
            return self.end(Status::Ended { reason: EndReason::Kicked }, turn);
        }
        let asked = self.channel_wait.take();
        let wait = self.channel_failures.wait_after(asked, turn.random);
        let token_is_bad =
            number == CloseCode::BadToken.number() || number == CloseCode::Expired.number();
        if token_is_bad {
            // Only a join gives a token that is good again.
            self.join_at.get_or_insert(turn.now + wait);
        } else {
            self.channel_at = Some(turn.now + wait);
        }
    }

    /// Tells the server where the client is; at a new channel also since when.
    fn report(&mut self, turn: &mut Turn) {
        let state = match self.game {
            Game::None => ClientState::Loading,
            Game::Connecting => ClientState::Connecting,
            Game::Connected => ClientState::InWorld,
        };
        let placed = self.placement.as_ref().filter(|_| self.game != Game::None);
        let since_ms = self
            .lost_at
            .map(|at| u64::try_from(turn.now.since(at).as_millis()).unwrap_or(u64::MAX));
        let frame = ClientFrame::State {
            state,
            world: placed.map(|placed| placed.world.clone()),
            server: placed.map(|placed| placed.server.clone()),
            cause: self.lost_at.map(|_| "gameLost".to_owned()),
            since_ms,
        };
        self.send(frame, turn);
    }

    fn send(&self, frame: ClientFrame, turn: &mut Turn) {
        if matches!(self.channel, Channel::Open { .. }) {
            turn.actions.push(Action::Send { frame });
        }
    }

    // --- the game connection ---

    fn game_connected(&mut self, turn: &mut Turn) {
        let Some(placed) = self.placement.as_ref().filter(|_| self.game == Game::Connecting) else {
            return;
        };
        let (world, server) = (placed.world.clone(), placed.server.clone());
        self.game = Game::Connected;
        self.failures.end();
        self.lost_at = None;
        self.show(Status::InWorld { world, server }, turn);
        self.report(turn);
    }

    fn game_lost(&mut self, turn: &mut Turn) {
        if self.game == Game::None {
            return;
        }
        let was_in_world = self.game == Game::Connected;
        let is_called = matches!(self.channel, Channel::Open { .. });
        self.game = Game::None;
        self.lost_at.get_or_insert(turn.now);
        self.leave_at = None;
        self.report(turn);
        if self.joining == Joining::Asked {
            return self.show(Status::Joining, turn);
        }
        if let Some(at) = self.join_at {
            return self.wait_until(at, None, turn);
        }
        let wait = if was_in_world && is_called {
            delay::after_lost_game(turn.random)
        } else {
            self.failures.wait_after(None, turn.random)
        };
        self.wait_until(turn.now + wait, None, turn);
    }

    fn disconnect_game(&mut self, turn: &mut Turn) {
        if self.game != Game::None {
            self.game = Game::None;
            turn.actions.push(Action::DisconnectGame);
        }
    }

    // --- time and the end ---

    fn timer(&mut self, turn: &mut Turn) {
        let due = |at: Option<Timestamp>| at.is_some_and(|at| at <= turn.now);
        let (leaves, joins, opens) = (due(self.leave_at), due(self.join_at), due(self.channel_at));
        if due(self.channel.given_up_at()) {
            self.give_channel_up(turn);
        }
        if leaves {
            self.leave(turn);
        }
        if joins && self.joining == Joining::None {
            self.join(turn);
        }
        if opens && self.channel == Channel::Closed {
            match self.placement.clone() {
                Some(placed) => self.open_channel(&placed, turn),
                None => self.channel_at = None,
            }
        }
    }

    /// Nothing was heard for too long. Where it may be the connection's fault alone, another one is
    /// tried at once.
    fn give_channel_up(&mut self, turn: &mut Turn) {
        turn.actions.push(Action::CloseChannel);
        let reopens = matches!(self.channel, Channel::Reopening { .. });
        match self.placement.clone().filter(|_| reopens) {
            Some(placed) => self.open_channel(&placed, turn),
            None => self.channel_closed(None, turn),
        }
    }

    fn end(&mut self, status: Status, turn: &mut Turn) {
        self.disconnect_game(turn);
        if self.channel != Channel::Closed {
            self.channel = Channel::Closed;
            turn.actions.push(Action::CloseChannel);
        }
        (self.leave_at, self.join_at, self.channel_at) = (None, None, None);
        self.show(status, turn);
    }

    fn show(&mut self, status: Status, turn: &mut Turn) {
        if self.status.as_ref() != Some(&status) {
            self.status = Some(status.clone());
            turn.actions.push(Action::Show { status });
        }
    }
}

/// A whole live config as changes of its two parts.
fn whole(
    config: lifeboat_core::live_config::LiveConfig,
) -> serde_json::Map<String, serde_json::Value> {
    let parts = [("/game", config.game), ("/project", config.project)];
    parts.into_iter().map(|(part, values)| (part.to_owned(), values.into())).collect()
}
