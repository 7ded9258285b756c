//! One person of the room.

use crate::limits::NAME_CHARS_MAX;
use crate::map::Place;
use crate::pace::Allowance;

use super::snapshot::View;

/// A person, and what others were told of it.
#[derive(Debug)]
pub(super) struct Person {
    pub(super) name: String,
    /// The name as a JSON string, quotes included: encoded once, not for each snapshot.
    pub(super) name_json: String,
    pub(super) place: Place,
    pub(super) heading: u16,
    pub(super) cell: usize,
    /// The index among the members of the cell.
    pub(super) slot: usize,
    /// The cell that it was last shown in, if it was shown at all.
    pub(super) shown_in: Option<usize>,
    pub(super) moved: bool,
    /// What it was last sent a snapshot of.
    pub(super) view: Option<View>,
    pub(super) walk: Allowance,
}

impl Person {
    pub(super) fn new(
        name: String,
        place: Place,
        cell: usize,
        slot: usize,
        walk: Allowance,
    ) -> Self {
        let mut person = Self {
            name: String::new(),
            name_json: String::new(),
            place,
            heading: 0,
            cell,
            slot,
            shown_in: None,
            moved: false,
            view: None,
            walk,
        };
        person.rename(name);
        person
    }

    /// Takes another name; others are shown the person anew.
    pub(super) fn rename(&mut self, name: String) {
        self.name_json = serde_json::Value::from(name.as_str()).to_string();
        self.name = name;
        self.shown_in = None;
    }
}

/// `text` as a name: without control characters and outer blanks, and short enough; `None` when
/// nothing is left.
#[must_use]
pub fn clean_name(text: &str) -> Option<String> {
    let visible: String = text.chars().filter(|c| !c.is_control()).collect();
    let name: String = visible.trim().chars().take(NAME_CHARS_MAX).collect();
    (!name.is_empty()).then(|| name.trim_end().to_owned())
}
