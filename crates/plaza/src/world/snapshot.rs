//! Snapshots, put together once for each view.

use std::collections::HashMap;

use crate::limits::TEXTS_PER_FRAME_MAX;
use crate::wire::Frame;

use super::cell::{describe, list};
use super::crowding::Reach;
use super::person::Person;
use super::{Line, PersonId, World};

/// The part of the room that somebody sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum View {
    /// All of it.
    Whole,
    /// So many cells around one.
    Around { cell: usize, cells: usize },
}

/// The frames of one tick, made when the first viewer needs them.
pub(super) struct Snapshots<'a> {
    world: &'a World,
    /// Who was shown, in the cells that changed.
    before: HashMap<usize, Vec<PersonId>>,
    lines: Vec<Line>,
    rosters: HashMap<usize, String>,
    made: HashMap<(Option<View>, View), Vec<Frame>>,
}

impl<'a> Snapshots<'a> {
    pub(super) fn new(
        world: &'a World,
        before: HashMap<usize, Vec<PersonId>>,
        lines: Vec<Line>,
    ) -> Self {
        Self { world, before, lines, rosters: HashMap::new(), made: HashMap::new() }
    }

    /// What `person` sees now.
    pub(super) fn view_of(&self, person: &Person) -> View {
        match self.world.reach {
            Reach::Whole => View::Whole,
            reach => View::Around { cell: person.cell, cells: reach.cells() },
        }
    }

    /// The frames for whoever saw `from` at the last snapshot and sees `to` now.
    pub(super) fn frames(&mut self, from: Option<View>, to: View) -> &[Frame] {
        if !self.made.contains_key(&(from, to)) {
            let frames = self.compose(from, to).into_iter().chain(self.chat(to)).collect();
            self.made.insert((from, to), frames);
        }
        self.made.get(&(from, to)).map_or(&[], Vec::as_slice)
    }

    fn compose(&mut self, from: Option<View>, to: View) -> Option<Frame> {
        let (mut gone, mut people, mut moved) = (String::new(), String::new(), String::new());
        let world = self.world;
        for index in 0..world.cells.len() {
            let cell = &world.cells[index];
            let saw = from.is_some_and(|view| self.contains(view, index));
            match (saw, self.contains(to, index)) {
                (true, true) => {
                    join(&mut gone, &cell.delta.gone);
                    join(&mut people, &cell.delta.people);
                    join(&mut moved, &cell.delta.moved);
                }
                (true, false) => {
                    let shown = self.before.get(&index).map_or(cell.shown(), Vec::as_slice);
                    for id in shown {
                        list(&mut gone, format_args!("{id}"));
                    }
                }
                (false, true) => join(&mut people, self.roster(index)),
                (false, false) => {}
            }
        }
        if from.is_some() && gone.is_empty() && people.is_empty() && moved.is_empty() {
            return None;
        }
        let mut json = format!(
            r#"{{"type":"snapshot","tick":{},"population":{}"#,
            world.tick,
            world.people.len()
        );
        if from.is_none() {
            json.push_str(r#","full":true"#);
        }
        for (name, values) in [("gone", gone), ("people", people), ("moved", moved)] {
            if !values.is_empty() {
                for part in [",\"", name, "\":[", &values, "]"] {
                    json.push_str(part);
                }
            }
        }
        json.push('}');
        Some(Frame::from_json(json))
    }

    fn chat(&self, to: View) -> Option<Frame> {
        let heard: Vec<_> = self.lines.iter().filter(|line| self.contains(to, line.cell)).collect();
        let latest = &heard[heard.len().saturating_sub(TEXTS_PER_FRAME_MAX)..];
        let texts: Vec<_> = latest.iter().map(|line| line.json.as_str()).collect();
        (!texts.is_empty()).then(|| {
            Frame::from_json(format!(r#"{{"type":"chat","lines":[{}]}}"#, texts.join(",")))
        })
    }

    /// Everyone shown in a cell, in full.
    fn roster(&mut self, index: usize) -> &str {
        let world = self.world;
        self.rosters.entry(index).or_insert_with(|| {
            let mut roster = String::new();
            for id in world.cells[index].shown() {
                if let Some(person) = world.people.get(id) {
                    describe(&mut roster, *id, person);
                }
            }
            roster
        })
    }

    fn contains(&self, view: View, index: usize) -> bool {
        let columns = self.world.columns;
        match view {
            View::Whole => true,
            View::Around { cell, cells } => {
                (cell % columns).abs_diff(index % columns) <= cells
                    && (cell / columns).abs_diff(index / columns) <= cells
            }
        }
    }
}

fn join(target: &mut String, values: &str) {
    if !values.is_empty() {
        if !target.is_empty() {
            target.push(',');
        }
        target.push_str(values);
    }
}
