//! The room as the connections share it: the world, who is connected, and the counter.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use lifeboat_core::ids::SessionId;
use lifeboat_core::ticket::Claims;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::door::Refusal;
use crate::limits::{
    CLIENT_FRAME_BYTES_MAX, MESSAGES_PER_SECOND, NAME_CHARS_MAX, SPEED_CM_PER_SECOND,
    TEXT_CHARS_MAX,
};
use crate::mailbox::{Farewell, Mailbox};
use crate::map::Map;
use crate::stage::Stage;
use crate::wire::{Frame, FromServer, TellLimits};
use crate::world::{Crowding, PersonId, Said, World, clean_name};

/// Somebody's stay over one socket.
#[derive(Debug, Clone)]
pub struct Visit {
    /// The session.
    pub session: SessionId,
    /// The person that it is in the world.
    pub person: PersonId,
    /// What goes out to it.
    pub mailbox: Arc<Mailbox>,
}

#[derive(Debug)]
struct Occupant {
    visit: Visit,
    /// When its ticket was issued, and the ticket's id: the larger is the newer.
    issued: (i64, String),
    generation: u64,
}

#[derive(Debug)]
struct Inside {
    world: World,
    occupants: HashMap<SessionId, Occupant>,
    mailboxes: HashMap<PersonId, Arc<Mailbox>>,
    counter: u64,
    stage: Stage,
    open: bool,
}

/// A room that many connections are in. Every call is short and never waits.
#[derive(Debug)]
pub struct Room {
    name: String,
    inside: Mutex<Inside>,
    opened_at: Instant,
    changes: watch::Sender<u64>,
}

impl Inside {
    fn send(&self, person: PersonId, frame: Frame) {
        if let Some(mailbox) = self.mailboxes.get(&person) {
            // An overflow is dealt with by the connection, which finds itself dismissed.
            let _ = mailbox.post(frame);
        }
    }

    fn send_all(&self, frame: &Frame) {
        for person in self.mailboxes.keys() {
            self.send(*person, frame.clone());
        }
    }

    /// Takes somebody out, unless another socket of the session took over.
    fn remove(&mut self, visit: &Visit) -> bool {
        let current = self
            .occupants
            .get(&visit.session)
            .is_some_and(|occupant| Arc::ptr_eq(&occupant.visit.mailbox, &visit.mailbox));
        if current {
            self.occupants.remove(&visit.session);
            self.mailboxes.remove(&visit.person);
            self.world.leave(visit.person);
        }
        current
    }

    fn dismiss(&mut self, visits: Vec<Visit>, farewell: &Farewell) {
        for visit in visits {
            self.remove(&visit);
            visit.mailbox.dismiss(farewell.clone());
        }
    }
}

impl Room {
    /// An empty room on `map`.
    #[must_use]
    pub fn new(name: String, map: Map) -> Self {
        let inside = Inside {
            world: World::new(map, Crowding::default()),
            occupants: HashMap::new(),
            mailboxes: HashMap::new(),
            counter: 0,
            stage: Stage::default(),
            open: true,
        };
        Self {
            name,
            inside: Mutex::new(inside),
            opened_at: Instant::now(),
            changes: watch::Sender::new(0),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The room's clock.
    #[must_use]
    pub fn now(&self) -> Duration {
        self.opened_at.elapsed()
    }

    /// The world's counter as far as it is known here.
    #[must_use]
    pub fn counter(&self) -> u64 {
        self.lock().counter
    }

    /// Counts up whenever somebody enters or leaves.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// The sessions that are here.
    #[must_use]
    pub fn sessions(&self) -> Vec<SessionId> {
        self.lock().occupants.keys().cloned().collect()
    }

    /// Lets the bearer of a checked ticket in. A session that is here already keeps its person;
    /// its older socket is told that it was replaced.
    ///
    /// # Errors
    /// When the counter rose since the check, the session is here with a newer ticket, or the
    /// room is closed.
    pub fn enter(&self, claims: &Claims, mailbox: Arc<Mailbox>) -> Result<Visit, Refusal> {
        let now = self.now();
        let mut inside = self.lock();
        if !inside.open {
            return Err(Refusal::Stopping);
        }
        if claims.generation < inside.counter {
            return Err(Refusal::Outdated);
        }
        let issued = (claims.iat, claims.jti.clone());
        let person = match inside.occupants.remove(&claims.ses) {
            Some(older) if older.issued > issued => {
                inside.occupants.insert(claims.ses.clone(), older);
                return Err(Refusal::Superseded);
            }
            Some(older) => {
                older.visit.mailbox.dismiss(Farewell::Replaced);
                inside.world.forget_view(older.visit.person);
                older.visit.person
            }
            None => {
                let name = clean_name(claims.sub.as_str());
                inside.world.enter(name.unwrap_or_else(|| "guest".to_owned()), now)
            }
        };
        let visit = Visit { session: claims.ses.clone(), person, mailbox };
        self.greet(&mut inside, &visit);
        let occupant = Occupant { visit: visit.clone(), issued, generation: claims.generation };
        inside.occupants.insert(claims.ses.clone(), occupant);
        drop(inside);
        self.changed();
        Ok(visit)
    }

    fn greet(&self, inside: &mut Inside, visit: &Visit) {
        inside.mailboxes.insert(visit.person, visit.mailbox.clone());
        let map = inside.world.map();
        let Some(you) = inside.world.shown(visit.person) else { return };
        let welcome = FromServer::Welcome {
            you,
            session: &visit.session,
            room: &self.name,
            map,
            size: map.size(),
            area: map.stage(),
            people: inside.world.population(),
            limits: TellLimits {
                speed: SPEED_CM_PER_SECOND as u32,
                text_chars: TEXT_CHARS_MAX,
                name_chars: NAME_CHARS_MAX,
                messages_per_second: MESSAGES_PER_SECOND as u32,
                frame_bytes: CLIENT_FRAME_BYTES_MAX,
            },
        };
        inside.send(visit.person, welcome.frame());
        inside.send(visit.person, FromServer::Stage(&inside.stage).frame());
    }

    /// Somebody's socket is gone.
    pub fn leave(&self, visit: &Visit) {
        if self.lock().remove(visit) {
            self.changed();
        }
    }

    /// The counter rose: whoever has a ticket from before is dropped. It never falls.
    pub fn raise_counter(&self, counter: u64) {
        let mut inside = self.lock();
        if counter <= inside.counter {
            return;
        }
        inside.counter = counter;
        let behind = |occupant: &&Occupant| occupant.generation < counter;
        let outdated: Vec<_> =
            inside.occupants.values().filter(behind).map(|o| o.visit.clone()).collect();
        tracing::info!(counter, dropped = outdated.len(), "the counter rose");
        inside.dismiss(outdated, &Farewell::Outdated { all_clients: counter });
        drop(inside);
        self.changed();
    }

    /// Closes the room: everyone is told that the server stops, and nobody is let in any more.
    pub fn close(&self) {
        let mut inside = self.lock();
        inside.open = false;
        let everyone = inside.occupants.values().map(|o| o.visit.clone()).collect();
        inside.dismiss(everyone, &Farewell::Shutdown);
        drop(inside);
        self.changed();
    }

    /// New live values, shown to everyone.
    pub fn set_stage(&self, stage: Stage) {
        let mut inside = self.lock();
        if inside.stage == stage {
            return;
        }
        inside.stage = stage;
        inside.send_all(&FromServer::Stage(&inside.stage).frame());
        let doors_open = inside.stage.doors_open;
        for (person, place) in inside.world.set_doors(doors_open) {
            inside.send(person, FromServer::Corrected(place).frame());
        }
    }

    /// Somebody walks. Gives the frame to answer with when it did not get where it wanted.
    #[must_use]
    pub fn walk(&self, visit: &Visit, to: (f64, f64), heading: Option<f64>) -> Option<Frame> {
        let now = self.now();
        let corrected = self.lock().world.walk(visit.person, to, heading, now)?;
        Some(FromServer::Corrected(corrected).frame())
    }

    /// Somebody takes another name, which [`clean_name`] gave.
    pub fn rename(&self, visit: &Visit, name: String) {
        self.lock().world.rename(visit.person, name);
    }

    /// Somebody says something. Nothing is heard while live config has the chat closed.
    #[must_use]
    pub fn say(&self, visit: &Visit, text: &str) -> Heard {
        let mut inside = self.lock();
        if !inside.stage.chat_open {
            return Heard::ChatClosed;
        }
        match inside.world.say(visit.person, text) {
            Said::Heard => Heard::Yes,
            Said::Drowned => Heard::Drowned,
        }
    }

    /// Sends everyone what changed, and says how long to wait until the next time.
    pub fn tick(&self) -> Duration {
        let mut guard = self.lock();
        let inside = &mut *guard;
        let mailboxes = &inside.mailboxes;
        let mut slow = Vec::new();
        inside.world.tick(|person, frame| {
            if let Some(mailbox) = mailboxes.get(&person)
                && mailbox.post(frame.clone()).is_err()
            {
                slow.push(person);
            }
        });
        let is_slow = |occupant: &&Occupant| slow.contains(&occupant.visit.person);
        let dropped: Vec<_> = match slow.is_empty() {
            true => Vec::new(),
            false => inside.occupants.values().filter(is_slow).map(|o| o.visit.clone()).collect(),
        };
        let any_dropped = !dropped.is_empty();
        inside.dismiss(dropped, &Farewell::Slow);
        let rate_hz = inside.world.snapshot_rate_hz(inside.stage.snapshot_rate_hz);
        drop(guard);
        if any_dropped {
            self.changed();
        }
        Duration::from_secs(1) / rate_hz.max(1)
    }

    fn changed(&self) {
        self.changes.send_modify(|count| *count = count.wrapping_add(1));
    }
}

/// What became of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// Those near will get it.
    Yes,
    /// Too much is said at once.
    Drowned,
    /// Live config has the chat closed.
    ChatClosed,
}
