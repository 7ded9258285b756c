//! The sessions of a desk, and how many of each world are connected, counted along: operators,
//! alarms and metrics ask for that of every world all the time, and there may be many of both.

use std::collections::HashMap;
use std::ops::{Deref, DerefMut, Index};

use lifeboat_core::ids::WorldId;
use slab::Slab;

use super::Key;
use super::session::{Order, Session};

/// How many sessions of one world have an open channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Tally {
    pub(super) connected: usize,
    /// Of them, those that say they lost their game server.
    pub(super) lost_game: usize,
    /// Of them, those whose clients need a launch context to launch.
    pub(super) old_clients: usize,
}

/// What one session adds to the tally of its world.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Share {
    world: WorldId,
    is_connected: bool,
    has_lost_game: bool,
    is_old_client: bool,
}

impl Share {
    fn of(session: &Session) -> Self {
        let is_connected = session.channel.is_some();
        let is_old = session.base_version.is_some_and(|version| version.needs_launch_context());
        Self {
            world: session.placed.clone(),
            is_connected,
            has_lost_game: is_connected && session.game_lost_at.is_some(),
            is_old_client: is_connected && is_old,
        }
    }
}

#[derive(Debug, Default)]
struct Tallies(HashMap<WorldId, Tally>);

impl Tallies {
    fn add(&mut self, share: &Share) {
        if share.is_connected {
            let tally = self.0.entry(share.world.clone()).or_default();
            tally.connected += 1;
            tally.lost_game += usize::from(share.has_lost_game);
            tally.old_clients += usize::from(share.is_old_client);
        }
    }

    fn take(&mut self, share: &Share) {
        if share.is_connected
            && let Some(tally) = self.0.get_mut(&share.world)
        {
            tally.connected -= 1;
            tally.lost_game -= usize::from(share.has_lost_game);
            tally.old_clients -= usize::from(share.is_old_client);
            if tally.connected == 0 {
                self.0.remove(&share.world);
            }
        }
    }
}

/// The sessions. One is changed through [`Sessions::edit`] only, which keeps the tallies true.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    all: Slab<Session>,
    tallies: Tallies,
}

impl Sessions {
    pub(super) fn insert(&mut self, session: Session) -> Key {
        self.tallies.add(&Share::of(&session));
        self.all.insert(session)
    }

    pub(super) fn remove(&mut self, key: Key) -> Option<Session> {
        let session = self.all.try_remove(key)?;
        self.tallies.take(&Share::of(&session));
        Some(session)
    }

    pub(super) fn get(&self, key: Key) -> Option<&Session> {
        self.all.get(key)
    }

    /// A session to be changed, if there is one.
    pub(super) fn get_edit(&mut self, key: Key) -> Option<Edit<'_>> {
        let session = self.all.get_mut(key)?;
        Some(Edit { before: Share::of(session), session, tallies: &mut self.tallies })
    }

    /// A session to be changed. Like an index, it is for a session that is there.
    pub(super) fn edit(&mut self, key: Key) -> Edit<'_> {
        self.get_edit(key).expect("a session that is at the desk")
    }

    /// The order that stands for a session, to be changed. No tally depends on it. Like an index,
    /// it is for a session that is there.
    pub(super) fn order(&mut self, key: Key) -> &mut Option<Order> {
        &mut self.all[key].order
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (Key, &Session)> {
        self.all.iter()
    }

    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    pub(super) fn tally(&self, world: &WorldId) -> Tally {
        self.tallies.0.get(world).copied().unwrap_or_default()
    }
}

impl Index<Key> for Sessions {
    type Output = Session;

    fn index(&self, key: Key) -> &Session {
        &self.all[key]
    }
}

/// A session that is being changed; its world's tally follows when this ends.
pub(super) struct Edit<'a> {
    session: &'a mut Session,
    tallies: &'a mut Tallies,
    before: Share,
}

impl Deref for Edit<'_> {
    type Target = Session;

    fn deref(&self) -> &Session {
        self.session
    }
}

impl DerefMut for Edit<'_> {
    fn deref_mut(&mut self) -> &mut Session {
        self.session
    }
}

impl Drop for Edit<'_> {
    fn drop(&mut self) {
        let after = Share::of(self.session);
        if after != self.before {
            self.tallies.take(&self.before);
            self.tallies.add(&after);
        }
    }
}

#[cfg(test)]
mod tests {
    use lifeboat_core::time::Timestamp;
    use lifeboat_core::version::BaseVersion;
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::desk::ConnRef;
    use crate::desk::session::OpenChannel;

    const NOW: Timestamp = Timestamp::from_ms(0);

    fn session(number: usize, base_version: u32) -> Session {
        let claims = json!({
            "iss": "lifeboat", "aud": "lifeboat", "sub": "usr_1", "ses": format!("ses_{number}"),
            "req": "wld_0", "wld": "wld_0", "dep": "dep_1", "srv": "srv_1", "gen": 0, "ret": 0,
            "rev": 1, "bv": base_version, "kind": "", "iat": 0, "exp": 60, "jti": "1",
        });
        Session::from_claims(&serde_json::from_value(claims).unwrap(), NOW)
    }

    fn channel(session: &Session) -> OpenChannel {
        OpenChannel {
            conn: ConnRef { shard: 0, slot: 0, serial: 0 },
            deployment: session.deployment.clone(),
            generation: session.generation,
            token: session.token.clone(),
        }
    }

    fn counted(sessions: &Sessions, world: &WorldId) -> Tally {
        let mut tally = Tally::default();
        for (_, one) in sessions.iter().filter(|(_, one)| &one.placed == world) {
            let is_old = one.base_version == Some(BaseVersion::new(37));
            tally.connected += usize::from(one.channel.is_some());
            tally.lost_game += usize::from(one.channel.is_some() && one.game_lost_at.is_some());
            tally.old_clients += usize::from(one.channel.is_some() && is_old);
        }
        tally
    }

    proptest! {
        #[test]
        fn the_tallies_are_what_counting_gives(
            steps in prop::collection::vec((0usize..6, 0usize..8), 0..120)
        ) {
            let worlds: Vec<_> = (0..3).map(|one| WorldId::from_unique(&one.to_string())).collect();
            let mut sessions = Sessions::default();
            for (number, (step, key)) in steps.into_iter().enumerate() {
                match step {
                    0 => drop(sessions.insert(session(number, 37 + u32::from(key % 2 == 0)))),
                    1 => drop(sessions.remove(key)),
                    _ => {
                        let Some(mut one) = sessions.get_edit(key) else { continue };
                        match step {
                            2 => one.channel = Some(channel(&one)),
                            3 => one.channel = None,
                            4 => one.placed = worlds[number % 3].clone(),
                            _ => one.game_lost_at = (number % 2 == 0).then_some(NOW),
                        }
                    }
                }
                for world in &worlds {
                    prop_assert_eq!(sessions.tally(world), counted(&sessions, world));
                }
            }
        }
    }
}
