//! Tokens that grow old while their channel is open: they are renewed in time, so that whoever
//! loses its channel in the seventh hour of an event comes back as one does in the first.

use std::time::Duration;

use lifeboat_core::limits::SESSION_TOKEN_TTL;
use lifeboat_core::time::Timestamp;
use lifeboat_core::version::BaseVersion;

use super::channel::issued_at;
use super::effect::ConnRef;
use super::orders::renewed;
use super::placement::Granted;
use super::session::Session;
use super::{Desk, Key, Tick, spread};

/// How often it is looked for tokens that are old.
const LOOK: Duration = Duration::from_mins(1);
/// Tokens that are renewed in one call of [`Desk::tick`], so that joins get their turn.
const RENEWALS_PER_TICK_MAX: usize = 64;

impl Desk {
    /// Renews what is between two and four fifths of its life old, each session's at its own age.
    pub(super) fn renew_tokens(&mut self, now: Timestamp, tick: &mut Tick) {
        if now < self.renewal_at {
            return;
        }
        let old = self.sessions.iter().filter(|(_, session)| is_old(session, now));
        let old: Vec<Key> = old.map(|(key, _)| key).collect();
        let granted = old.into_iter().filter_map(|key| self.renew(key, now));
        tick.renewed.extend(granted.take(RENEWALS_PER_TICK_MAX));
        let goes_on = tick.renewed.len() == RENEWALS_PER_TICK_MAX;
        self.renewal_at = if goes_on { now } else { now + LOOK };
    }

    fn renew(&mut self, key: Key, now: Timestamp) -> Option<(ConnRef, Granted)> {
        let session = &self.sessions[key];
        let deployment = self.catalog.deployment(&session.deployment)?;
        let server = deployment.ready_servers().find(|server| server.id == session.server)?;
        let granted = Granted {
            session: session.id.clone(),
            user: session.user.clone(),
            requested: session.requested.clone(),
            world: session.placed.clone(),
            deployment: session.deployment.clone(),
            launch_context: None,
            redirected: session.requested != session.placed,
            previous_accepted: true,
            server: session.server.clone(),
            endpoint: server.endpoint.clone().unwrap_or_default(),
            streaming: self.catalog.world(&session.placed)?.spec.streaming.clone(),
            generation: session.generation,
            returned: session.returned,
            revision: self.catalog.revision,
            base_version: session.base_version.map_or(0, BaseVersion::number),
            kind: session.client_kind.to_string(),
            takes_pushes: session.takes_pushes,
            groups: session.groups.clone(),
            token: renewed(&session.token, now),
            moved_by: self.mover_of(&session.id),
        };
        let conn = session.channel.as_ref()?.conn;
        // The channel's own token stays, as with a placement that is pushed.
        self.sessions.edit(key).token = granted.token.as_str().into();
        Some((conn, granted))
    }
}

/// Whoever has to rejoin gets new tokens then.
fn is_old(session: &Session, now: Timestamp) -> bool {
    let age = issued_at(&session.token).map(|at| now.since(at));
    session.channel.is_some()
        && session.order.is_none()
        && age.is_some_and(|age| age >= spread(SESSION_TOKEN_TTL * 2 / 5, session.id.as_str()))
}
