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

/// `text` as a name: without invisible characters and outer blanks, and short enough; `None` when
/// nothing is left that can be seen.
#[must_use]
pub fn clean_name(text: &str) -> Option<String> {
    let visible: String = text.chars().filter(|c| !is_invisible(*c)).collect();
    let name: String = visible.trim().chars().take(NAME_CHARS_MAX).collect();
    let is_seen = name.chars().any(|c| !c.is_whitespace() && !is_joiner(c));
    is_seen.then(|| name.trim_end().to_owned())
}

/// Characters that show nothing, or turn the direction of what follows: two names that look the
/// same are not to differ by them.
fn is_invisible(c: char) -> bool {
    let shows_nothing = matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{feff}');
    let directs = matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}');
    c.is_control() || shows_nothing || directs || ('\u{2060}'..='\u{206f}').contains(&c)
}

/// What holds the parts of one sign together, in some scripts and in emoji.
fn is_joiner(c: char) -> bool {
    matches!(c, '\u{200c}' | '\u{200d}')
}
