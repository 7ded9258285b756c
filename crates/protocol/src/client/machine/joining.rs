//! Joining: what is asked, whether the answer or the refusal counts, and where it leads.

use std::time::Duration;

use lifeboat_core::code::ErrorCode;
use lifeboat_core::limits::{CLIENT_FRAME_BYTES_MAX, HEARTBEAT};
use lifeboat_core::time::Timestamp;

use super::{Action, Channel, Client, Game, Status, Turn, delay};
use crate::join::{JoinAnswer, JoinRequest, is_final};

/// Bytes of the longest session token that a client's frame has room for.
const REOPEN_TOKEN_BYTES_MAX: usize =
    CLIENT_FRAME_BYTES_MAX - r#"{"type":"reopen","sessionToken":""}"#.len();

/// The join that an answer is awaited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Joining {
    None,
    Asked,
    /// A placement was pushed since it was asked. The client goes on as if it had not asked: what
    /// is left of the join is that no other begins, and that its answer may still be the newer.
    Overtaken,
}

impl Client {
    pub(super) fn join(&mut self, turn: &mut Turn) {
        self.join_at = None;
        self.joining = Joining::Asked;
        if self.game == Game::None {
            self.show(Status::Joining, turn);
        }
        turn.actions.push(Action::Join {
            request: JoinRequest {
                client: self.settings.client.clone(),
                previous: self.placement.as_ref().map(|placed| placed.session_token.clone()),
                min_revision: self.placement.as_ref().map(|placed| placed.revision),
            },
        });
    }

    pub(super) fn joined(&mut self, answer: JoinAnswer, turn: &mut Turn) {
        let was_overtaken = self.stop_joining() == Joining::Overtaken;
        if was_overtaken && self.is_older(&answer) {
            return;
        }
        // The server counts somebody as landed only over a channel that knows the new placement.
        if self.can_reopen(&answer, turn.now) {
            self.reopen_channel(&answer, turn);
        } else {
            if self.channel != Channel::Closed {
                turn.actions.push(Action::CloseChannel);
            }
            self.open_channel(&answer, turn);
        }
        self.take_placement(answer, turn);
    }

    fn stop_joining(&mut self) -> Joining {
        std::mem::replace(&mut self.joining, Joining::None)
    }

    /// Whether an answer was decided before the placement that stands. Once it has answered, the
    /// server pushes nothing of the same revision, so of two of the same the answer is the newer.
    fn is_older(&self, answer: &JoinAnswer) -> bool {
        self.placement.as_ref().is_some_and(|placed| answer.revision < placed.revision)
    }

    /// Whether the client is where an answer sends it, or on its way there. A counter that rose
    /// ends every connection to the same server, too.
    fn is_there(&self, answer: &JoinAnswer) -> bool {
        let stays = |placed: &JoinAnswer| {
            (&placed.session, &placed.deployment, &placed.server, &placed.endpoint)
                == (&answer.session, &answer.deployment, &answer.server, &answer.endpoint)
                && placed.all_clients == answer.all_clients
        };
        self.game != Game::None && self.placement.as_ref().is_some_and(stays)
    }

    /// Whether the channel can begin anew over the connection that it has. One over which nothing
    /// came for a heartbeat may be dead, and a token of many groups may be too long for a frame.
    fn can_reopen(&self, answer: &JoinAnswer, now: Timestamp) -> bool {
        let Channel::Open { heard_at } = self.channel else { return false };
        let same_channel = self.placement.as_ref().is_some_and(|placed| {
            placed.session == answer.session && placed.session_url == answer.session_url
        });
        let fits = answer.session_token.len() <= REOPEN_TOKEN_BYTES_MAX;
        self.channel_reopens && same_channel && fits && now.since(heard_at) < HEARTBEAT
    }

    pub(super) fn take_placement(&mut self, answer: JoinAnswer, turn: &mut Turn) {
        (self.leave_at, self.join_at) = (None, None);
        if !self.is_there(&answer) {
            self.connect_game(&answer, turn);
        }
        self.placement = Some(answer);
        self.report(turn);
    }

    fn connect_game(&mut self, answer: &JoinAnswer, turn: &mut Turn) {
        self.disconnect_game(turn);
        self.game = Game::Connecting;
        self.show(
            Status::Connecting { world: answer.world.clone(), server: answer.server.clone() },
            turn,
        );
        turn.actions.push(Action::ConnectGame {
            endpoint: answer.endpoint.clone(),
            ticket: answer.ticket.clone(),
        });
    }

    pub(super) fn join_failed(
        &mut self,
        code: Option<ErrorCode>,
        retry_after: Option<Duration>,
        turn: &mut Turn,
    ) {
        if self.stop_joining() == Joining::Overtaken {
            return;
        }
        if let Some(code) = code.filter(|code| is_final(*code)) {
            return self.end(Status::Refused { code }, turn);
        }
        let has_no_server =
            matches!(code, Some(ErrorCode::WorldNotActive | ErrorCode::TargetNotActive));
        // Of a server that was lost the channel will say when there is another.
        let is_called = self.lost_at.is_some() && matches!(self.channel, Channel::Open { .. });
        let wait = match retry_after {
            Some(asked) if is_called && has_no_server => asked.max(delay::slow_poll(turn.random)),
            None if is_called => delay::slow_poll(turn.random),
            _ => self.failures.wait_after(retry_after, turn.random),
        };
        self.wait_until(turn.now + wait, code, turn);
    }

    pub(super) fn wait_until(&mut self, at: Timestamp, code: Option<ErrorCode>, turn: &mut Turn) {
        self.join_at = Some(at);
        if self.game == Game::None {
            self.show(Status::Waiting { until: Some(at), code }, turn);
        }
    }
}
