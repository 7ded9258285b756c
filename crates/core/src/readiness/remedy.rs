//! The commands that remedies are made of.

use super::Pair;

/// Sets a field of the standby that only a launch takes over: stops it before and launches it
/// after if it runs, or only restarts it if the field is set already.
pub(super) fn set_and_launch(pair: &Pair<'_>, is_set: bool, assignments: &str) -> String {
    let id = &pair.standby.world.id;
    let set = format!("lifeboat world set {id} {assignments}");
    match (pair.standby.standing(), is_set) {
        (None, _) => set,
        (Some(_), true) => format!("lifeboat world restart {id}"),
        (Some(_), false) => {
            format!("lifeboat world stop {id} --wait && {set} && lifeboat world launch {id}")
        }
    }
}

/// Sets a field of the standby that holds at once.
pub(super) fn set(pair: &Pair<'_>, assignments: &str) -> String {
    format!("lifeboat world set {} {assignments}", pair.standby.world.id)
}

/// `text` as one word of a command line.
pub(super) fn word(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-+/:,".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}
