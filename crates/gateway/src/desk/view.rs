//! What operators see of the sessions.

use lifeboat_core::ids::{ServerId, SessionId, WorldId};

use super::Desk;
use super::session::{Session, SessionView};

/// How many people are where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Crowd {
    /// Sessions with an open channel.
    pub connected: usize,
    /// Seats that are taken, held or reserved.
    pub seats_used: usize,
    /// Connected sessions that say they lost their game server.
    pub lost_game: usize,
}

impl Desk {
    /// The sessions placed in a world whose channel is open.
    #[must_use]
    pub fn sessions_of(&self, world: &WorldId) -> Vec<SessionView> {
        let connected = |session: &&Session| &session.placed == world && session.channel.is_some();
        let sessions = self.sessions.iter().map(|(_, session)| session);
        sessions.filter(connected).map(Session::view).collect()
    }

    /// The sessions of users whose ids begin so, those without a channel included.
    #[must_use]
    pub fn sessions_of_users(&self, prefix: &str) -> Vec<SessionView> {
        let sessions = self.sessions.iter().map(|(_, session)| session);
        sessions.filter(|one| one.user.as_str().starts_with(prefix)).map(Session::view).collect()
    }

    /// One session.
    #[must_use]
    pub fn session(&self, id: &SessionId) -> Option<SessionView> {
        let key = self.by_id.get(id)?;
        Some(self.sessions[*key].view())
    }

    /// How many people are in a world.
    #[must_use]
    pub fn crowd(&self, world: &WorldId) -> Crowd {
        let tally = self.sessions.tally(world);
        Crowd {
            connected: tally.connected,
            seats_used: self.seats.taken(world) + self.seats.reserved(world),
            lost_game: tally.lost_game,
        }
    }

    /// Connected sessions of a world whose clients need a launch context to launch.
    #[must_use]
    pub fn old_clients_of(&self, world: &WorldId) -> usize {
        self.sessions.tally(world).old_clients
    }

    /// Sessions placed on a server.
    #[must_use]
    pub fn load_of(&self, server: &ServerId) -> usize {
        self.loads.get(server).copied().unwrap_or(0)
    }

    /// Sessions at this desk, those whose seat is only held included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.sessions.len()
    }

    /// Whether there is no session at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sessions.is_empty()
    }

    /// Open channels.
    #[must_use]
    pub fn channels(&self) -> usize {
        self.by_user.len()
    }
}
