//! The connection to a game server, which is the game developer's own.

use std::future::Future;

use lifeboat_core::ids::{DeploymentId, LaunchContextId, ServerId, SessionId, User, WorldId};
use thiserror::Error;
use tokio::sync::oneshot;

/// Which game server to connect to, and with what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GameSpot {
    /// Where the server takes clients.
    pub endpoint: String,
    /// What to show it at the door; good for minutes.
    pub ticket: String,
    /// The world that the server is of, which may not be the one that was asked for.
    pub world: WorldId,
    /// Its deployment.
    pub deployment: DeploymentId,
    /// The server.
    pub server: ServerId,
    /// For clients of base version 37 and older.
    pub launch_context: Option<LaunchContextId>,
    /// The session.
    pub session: SessionId,
    /// The user.
    pub user: User,
}

/// Why a game connection ended by itself. To the client all of it is a loss, after which it asks
/// for a server again; the difference is for the log.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum GameEnd {
    /// Nobody answered.
    #[error("the game server cannot be reached")]
    Unreachable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The server turned the ticket down.
    #[error("the game server refused: {reason}")]
    Refused {
        /// What it said.
        reason: String,
    },
    /// The connection broke, or the server closed it.
    #[error("the connection to the game server is lost")]
    Lost,
    /// Nothing came for too long: the server hangs.
    #[error("the game server is silent")]
    Silent,
}

/// Says that the player is in.
#[derive(Debug)]
pub struct Entered(pub(crate) oneshot::Sender<()>);

impl Entered {
    /// The server has let the player in; not merely taken the connection.
    pub fn now(self) {
        // Nobody listens when the client has moved on, and then the future is dropped as well.
        let _ = self.0.send(());
    }
}

/// How a game connects to its servers. Implement it for your game; [`PlazaGame`](crate::PlazaGame)
/// does it for the reference world.
pub trait GameConnector: Send + 'static {
    /// One connection, from the first packet to the last. The future connects, shows the ticket,
    /// calls [`Entered::now`] once the player is in, and ends when the connection does. To
    /// disconnect, the client **drops** it, so all that is to be undone belongs into `Drop`.
    ///
    /// It must notice by itself when the server cannot be reached or is silent for long. It need
    /// not be quick about that: when Lifeboat sees a server fail it calls the client away.
    fn connect(
        &mut self,
        spot: GameSpot,
        entered: Entered,
    ) -> impl Future<Output = GameEnd> + Send + 'static;
}
