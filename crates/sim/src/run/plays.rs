//! Game connections: from the knock at a server's door to the end.

use std::time::Duration;

use lifeboat_core::ids::ServerId;
use lifeboat_core::ticket::Claims;
use lifeboat_protocol::client::Input;

use super::Simulation;
use super::servers::Life;
use crate::event::{Event, PlayId};

/// How long a client waits for a server that does not answer.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How soon a server gives up a connection that is silent.
const SILENCE: Duration = Duration::from_secs(30);

/// A game connection, from the knock on.
pub(super) struct Play {
    pub(super) client: usize,
    pub(super) server: ServerId,
    pub(super) claims: Claims,
}

impl Simulation {
    pub(super) fn connect_game(&mut self, client: usize, ticket: &str) {
        let Some(claims) = self.claims(ticket).cloned() else {
            return self.checks.fail(self.now, "token", "a client has a ticket that nobody signed");
        };
        if self.hosts[client].game.is_some() {
            let what = format!("client {client} connects to a second world");
            return self.checks.fail(self.now, "two worlds", &what);
        }
        let play = self.plays.len();
        self.plays.push(Play { client, server: claims.srv.clone(), claims });
        self.hosts[client].game = Some(play);
        if self.reaches_games(client) {
            let delay = self.delay();
            self.plan(delay, Event::Knock(play));
        } else {
            self.plan(CONNECT_TIMEOUT, Event::GameLost(play));
        }
    }

    pub(super) fn disconnect_game(&mut self, client: usize) {
        let Some(play) = self.hosts[client].game.take() else { return };
        let delay = if self.reaches_games(client) { self.delay() } else { SILENCE };
        self.plan(delay, Event::GameLeft(play));
    }

    pub(super) fn knock(&mut self, play: PlayId) {
        let Play { client, server, claims } = &self.plays[play];
        let (client, session) = (*client, claims.ses.clone());
        if self.hosts[client].game != Some(play) {
            return;
        }
        let Some(game) = self.servers.get(server) else { return self.lose_play(play) };
        match game.life {
            Life::Up => {}
            Life::Dead => return self.lose_play(play),
            Life::Hung => return self.plan(CONNECT_TIMEOUT, Event::GameLost(play)),
        }
        let is_newer = |known: &PlayId| self.plays[*known].claims.jti > claims.jti;
        let refused = claims.aud != server.as_str()
            || claims.dep != game.deployment
            || claims.exp < self.now.as_seconds()
            || claims.generation < game.counter
            || game.players.get(&session).is_some_and(is_newer);
        if refused {
            return self.lose_play(play);
        }
        let server = server.clone();
        let other =
            self.servers.get_mut(&server).and_then(|game| game.players.insert(session, play));
        if let Some(other) = other {
            self.lose_play(other);
        }
        let delay = self.delay();
        self.plan(delay, Event::Entered(play));
    }

    pub(super) fn entered(&mut self, play: PlayId) {
        let client = self.plays[play].client;
        if self.hosts[client].game == Some(play) {
            self.give(client, Input::GameConnected);
        }
    }

    /// The client's end of a connection is told that it is over.
    pub(super) fn lose_play(&mut self, play: PlayId) {
        let client = self.plays[play].client;
        let delay = if self.reaches_games(client) { self.delay() } else { SILENCE };
        self.plan(delay, Event::GameLost(play));
    }

    pub(super) fn game_lost(&mut self, play: PlayId) {
        let client = self.plays[play].client;
        if self.hosts[client].game == Some(play) {
            self.hosts[client].game = None;
            self.note(format_args!("client {client}: game connection lost"));
            self.give(client, Input::GameLost);
        }
    }

    pub(super) fn game_left(&mut self, play: PlayId) {
        let Play { server, claims, .. } = &self.plays[play];
        let Some(game) = self.servers.get_mut(server) else { return };
        if game.life == Life::Hung {
            // The end waits in its socket until it goes on.
            return self.plan(Duration::from_secs(1), Event::GameLeft(play));
        }
        if game.players.get(&claims.ses) == Some(&play) {
            game.players.remove(&claims.ses);
        }
    }
}
