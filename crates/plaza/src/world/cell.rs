//! One cell of the grid: who stands in it, and its part of the snapshots.

use std::collections::HashMap;
use std::fmt::Write as _;

use super::PersonId;
use super::crowding::Crowding;
use super::person::Person;

/// What changed in a cell since the last snapshot, as comma-separated JSON values.
#[derive(Debug, Default)]
pub(super) struct Delta {
    pub(super) gone: String,
    pub(super) people: String,
    pub(super) moved: String,
}

impl Delta {
    pub(super) fn clear(&mut self) {
        self.gone.clear();
        self.people.clear();
        self.moved.clear();
    }
}

/// The people in one square of the map.
#[derive(Debug, Default)]
pub(super) struct Cell {
    members: Vec<PersonId>,
    /// Who of them clients were told of.
    shown: Vec<PersonId>,
    /// Whether anything may have changed since the last snapshot.
    pub(super) dirty: bool,
    pub(super) delta: Delta,
    /// Where the telling of moves begins, so that everyone's turn comes in a throng.
    turn: usize,
}

impl Cell {
    /// Adds somebody, and gives the slot.
    pub(super) fn add(&mut self, id: PersonId) -> usize {
        self.dirty = true;
        self.members.push(id);
        self.members.len() - 1
    }

    /// Frees a slot, and gives who fills it now.
    pub(super) fn remove(&mut self, slot: usize) -> Option<PersonId> {
        self.dirty = true;
        if slot < self.members.len() {
            self.members.swap_remove(slot);
        }
        self.members.get(slot).copied()
    }

    /// Who is shown, as of the last snapshot.
    pub(super) fn shown(&self) -> &[PersonId] {
        &self.shown
    }

    /// Brings what is shown up to date, encodes the difference, and gives who was shown before.
    pub(super) fn commit(
        &mut self,
        own: usize,
        people: &mut HashMap<PersonId, Person>,
        crowding: &Crowding,
    ) -> Vec<PersonId> {
        let before = std::mem::take(&mut self.shown);
        for id in &before {
            match people.get_mut(id) {
                Some(person) if person.cell == own && person.slot < crowding.shown_per_cell_max => {
                    continue;
                }
                Some(person) if person.shown_in == Some(own) => person.shown_in = None,
                _ => {}
            }
            list(&mut self.delta.gone, format_args!("{id}"));
        }
        let count = self.members.len().min(crowding.shown_per_cell_max);
        self.shown.extend_from_slice(&self.members[..count]);
        self.dirty = false;
        let start = if count == 0 { 0 } else { self.turn % count };
        let mut moves = 0;
        for index in (start..count).chain(0..start) {
            let id = self.shown[index];
            let Some(person) = people.get_mut(&id) else { continue };
            if person.shown_in != Some(own) {
                person.shown_in = Some(own);
                person.moved = false;
                describe(&mut self.delta.people, id, person);
            } else if person.moved && moves < crowding.moves_per_cell_max {
                moves += 1;
                self.turn = index + 1;
                person.moved = false;
                let (place, heading) = (person.place, person.heading);
                let (x, y) = (place.x, place.y);
                list(&mut self.delta.moved, format_args!("[{id},{x},{y},{heading}]"));
            } else if person.moved {
                self.dirty = true;
            }
        }
        before
    }
}

/// Adds one value to a comma-separated list.
pub(super) fn list(target: &mut String, value: std::fmt::Arguments<'_>) {
    if !target.is_empty() {
        target.push(',');
    }
    // Writing to a string does not fail.
    let _ = target.write_fmt(value);
}

/// Adds one person, in full.
pub(super) fn describe(target: &mut String, id: PersonId, person: &Person) {
    let Person { name_json, place, heading, .. } = person;
    let (x, y) = (place.x, place.y);
    list(
        target,
        format_args!(r#"{{"id":{id},"name":{name_json},"x":{x},"y":{y},"heading":{heading}}}"#),
    );
}
