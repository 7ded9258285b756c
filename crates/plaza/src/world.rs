//! The simulation: who is in the room, where, and what changed for whom. Pure: no IO, no clock.
//!
//! The room is a grid of cells. Each snapshot, every cell that changed is encoded once, and the
//! cells in view are joined once for each *view*, not for each viewer: whoever stands in the same
//! cell gets the very same bytes. The cost thus follows from how many people moved and how many
//! cells are occupied, never from pairs of people.

mod cell;
mod crowding;
mod person;
mod snapshot;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::time::Duration;

use serde::Serialize;

use crate::limits::{
    CELL_CM, RUSH_PER_SECOND, SNAPSHOT_RATE_HZ_DEFAULT, SNAPSHOT_RATE_HZ_MULTITUDE,
    SNAPSHOT_RATE_HZ_RUSH, SPEED_BURST_SECONDS, SPEED_CM_PER_SECOND, TEXTS_PER_TICK_MAX,
};
use crate::map::{Map, Place};
use crate::pace::Allowance;
use crate::wire::{Frame, Shown};

use cell::Cell;
pub use crowding::Crowding;
use crowding::Reach;
use person::Person;
pub use person::clean_name;
use snapshot::Snapshots;

/// A person, by a number that is never used again within this server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct PersonId(u32);

impl std::fmt::Display for PersonId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// What became of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Said {
    /// It goes out with the next snapshot.
    Heard,
    /// Too much is said at once.
    Drowned,
}

/// A text that waits for the next snapshot.
#[derive(Debug)]
struct Line {
    cell: usize,
    json: String,
}

/// The people of one room.
#[derive(Debug)]
pub struct World {
    map: Map,
    crowding: Crowding,
    reach: Reach,
    columns: usize,
    cells: Vec<Cell>,
    people: HashMap<PersonId, Person>,
    lines: Vec<Line>,
    doors_open: bool,
    entered: u32,
    /// Who came in since the rate was last asked for.
    came: u32,
    rate_hz: u32,
    tick: u64,
}

impl World {
    /// An empty room with open doors.
    #[must_use]
    pub fn new(map: Map, crowding: Crowding) -> Self {
        let size = map.size();
        let count = |cm: i32| usize::try_from(cm.div_ceil_cells()).unwrap_or(1);
        let (columns, rows) = (count(size.width), count(size.height));
        Self {
            map,
            reach: Reach::Whole,
            crowding,
            columns,
            cells: (0..columns * rows).map(|_| Cell::default()).collect(),
            people: HashMap::new(),
            lines: Vec::new(),
            doors_open: true,
            entered: 0,
            came: 0,
            rate_hz: SNAPSHOT_RATE_HZ_DEFAULT,
            tick: 0,
        }
    }

    /// The map of this room.
    #[must_use]
    pub fn map(&self) -> Map {
        self.map
    }

    /// How many are here.
    #[must_use]
    pub fn population(&self) -> usize {
        self.people.len()
    }

    /// How often a second to call [`World::tick`] from now on, when `wanted_hz` is asked for. While
    /// hundreds come in each second, letting them in goes before showing them around.
    pub fn snapshot_rate_hz(&mut self, wanted_hz: u32) -> u32 {
        let came_per_second = std::mem::take(&mut self.came).saturating_mul(self.rate_hz);
        self.rate_hz = match self.reach {
            _ if came_per_second > RUSH_PER_SECOND => wanted_hz.min(SNAPSHOT_RATE_HZ_RUSH),
            Reach::OwnCell => wanted_hz.min(SNAPSHOT_RATE_HZ_MULTITUDE),
            _ => wanted_hz,
        };
        self.rate_hz
    }

    /// Somebody comes in, under a name that [`clean_name`] gave.
    pub fn enter(&mut self, name: String, now: Duration) -> PersonId {
        let id = PersonId(self.entered);
        self.entered = self.entered.wrapping_add(1);
        self.came = self.came.saturating_add(1);
        let place = self.map.entrance(id.0);
        let cell = self.cell_at(place);
        let slot = self.cells[cell].add(id);
        let walk =
            Allowance::new(SPEED_CM_PER_SECOND, SPEED_CM_PER_SECOND * SPEED_BURST_SECONDS, now);
        self.people.insert(id, Person::new(name, place, cell, slot, walk));
        id
    }

    /// Somebody goes.
    pub fn leave(&mut self, id: PersonId) {
        if let Some(person) = self.people.remove(&id) {
            self.take_out(person.cell, person.slot);
        }
    }

    /// How somebody appears.
    #[must_use]
    pub fn shown(&self, id: PersonId) -> Option<Shown<'_>> {
        let person = self.people.get(&id)?;
        Some(Shown { id, name: &person.name, place: person.place, heading: person.heading })
    }

    /// Somebody's next snapshot is to be a full one, as for a newcomer.
    pub fn forget_view(&mut self, id: PersonId) {
        if let Some(person) = self.people.get_mut(&id) {
            person.view = None;
        }
    }

    /// Walks towards `target`, as far as speed, bounds and doors allow. Gives the place reached
    /// when it is not the one asked for.
    pub fn walk(
        &mut self,
        id: PersonId,
        target: (f64, f64),
        heading: Option<f64>,
        now: Duration,
    ) -> Option<Place> {
        let person = self.people.get_mut(&id)?;
        if let Some(degrees) = heading {
            person.heading = degrees.rem_euclid(360.0) as u16 % 360;
        }
        let from = (f64::from(person.place.x), f64::from(person.place.y));
        let way = (target.0 - from.0, target.1 - from.1);
        let distance = way.0.hypot(way.1);
        let granted = person.walk.take_up_to(distance, now);
        let part = if distance > 0.0 { granted / distance } else { 0.0 };
        let step = |from: f64, way: f64| (from + way * part).round() as i32;
        let reached = self.map.clamp(Place { x: step(from.0, way.0), y: step(from.1, way.1) });
        let barred = !self.doors_open && self.map.stage().contains(reached);
        let reached = if barred { person.place } else { reached };
        self.put(id, reached);
        let missed = (f64::from(reached.x) - target.0).hypot(f64::from(reached.y) - target.1);
        (missed > 1.0).then_some(reached)
    }

    /// Takes another name, which [`clean_name`] gave.
    pub fn rename(&mut self, id: PersonId, name: String) {
        if let Some(person) = self.people.get_mut(&id) {
            person.rename(name);
            self.cells[person.cell].dirty = true;
        }
    }

    /// Says something to those who see the speaker.
    pub fn say(&mut self, id: PersonId, text: &str) -> Said {
        let Some(person) = self.people.get(&id) else { return Said::Drowned };
        if self.lines.len() >= TEXTS_PER_TICK_MAX {
            return Said::Drowned;
        }
        let json = serde_json::json!({ "from": id, "name": &*person.name, "text": text });
        self.lines.push(Line { cell: person.cell, json: json.to_string() });
        Said::Heard
    }

    /// Opens or closes the doors to the stage. Whoever stands on it when they close is put before
    /// them; these are given back, with their new place.
    pub fn set_doors(&mut self, doors_open: bool) -> Vec<(PersonId, Place)> {
        self.doors_open = doors_open;
        if doors_open {
            return Vec::new();
        }
        let stage = self.map.stage();
        let inside = self.people.iter().filter(|(_, person)| stage.contains(person.place));
        let moved: Vec<_> = inside
            .map(|(id, person)| (*id, Place { x: person.place.x, y: stage.bottom }))
            .collect();
        for (id, place) in &moved {
            self.put(*id, *place);
        }
        moved
    }

    /// Makes a snapshot of what changed since the last one, and hands `deliver` each frame that
    /// somebody has to get. Frames of those who see the same are the same allocation.
    pub fn tick(&mut self, mut deliver: impl FnMut(PersonId, &Frame)) {
        self.tick += 1;
        self.reach = self.crowding.reach(self.people.len(), self.reach);
        let before = self.commit_cells();
        let lines = std::mem::take(&mut self.lines);
        let mut snapshots = Snapshots::new(self, before, lines);
        let mut seen = Vec::with_capacity(self.people.len());
        for (id, person) in &self.people {
            let view = snapshots.view_of(person);
            for frame in snapshots.frames(person.view, view) {
                deliver(*id, frame);
            }
            if person.view != Some(view) {
                seen.push((*id, view));
            }
        }
        for (id, view) in seen {
            if let Some(person) = self.people.get_mut(&id) {
                person.view = Some(view);
            }
        }
        for cell in &mut self.cells {
            cell.delta.clear();
        }
    }

    /// Encodes what changed in each dirty cell, and gives who was shown there before.
    fn commit_cells(&mut self) -> HashMap<usize, Vec<PersonId>> {
        let mut before = HashMap::new();
        for (index, cell) in self.cells.iter_mut().enumerate() {
            if cell.dirty {
                before.insert(index, cell.commit(index, &mut self.people, &self.crowding));
            }
        }
        before
    }

    fn put(&mut self, id: PersonId, place: Place) {
        let cell = self.cell_at(place);
        let Some(person) = self.people.get_mut(&id) else { return };
        person.place = place;
        person.moved = true;
        let (left, slot) = (person.cell, person.slot);
        self.cells[cell].dirty = true;
        if left != cell {
            person.cell = cell;
            person.slot = self.cells[cell].add(id);
            self.take_out(left, slot);
        }
    }

    fn take_out(&mut self, cell: usize, slot: usize) {
        let filler = self.cells[cell].remove(slot);
        if let Some(person) = filler.and_then(|filler| self.people.get_mut(&filler)) {
            person.slot = slot;
        }
    }

    fn cell_at(&self, place: Place) -> usize {
        let index = |cm: i32| usize::try_from(cm / CELL_CM).unwrap_or(0);
        index(place.y) * self.columns + index(place.x)
    }
}

/// Lengths in cells.
trait Cells {
    /// How many cells it takes to cover this many centimetres.
    fn div_ceil_cells(self) -> i32;
}

impl Cells for i32 {
    fn div_ceil_cells(self) -> i32 {
        (self + CELL_CM - 1) / CELL_CM
    }
}
