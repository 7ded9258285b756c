//! The report for programs.

use serde_json::{Value, json};

use super::{Person, Report};

impl Report {
    /// The record with what its rows add to it.
    pub(crate) fn json(&self) -> Value {
        let mut view = serde_json::to_value(&self.record).unwrap_or(Value::Null);
        view["worldName"] = json!(self.main.name);
        view["targetWorldName"] = json!(self.target.name);
        view["madeAt"] = json!(self.made_at);
        view["toldMs"] = json!(self.told_ms);
        view["placedMs"] = json!(self.placed_ms);
        view["arrivalsMs"] = json!(self.landed_ms);
        view["darkDistributionMs"] = json!(self.dark_ms);
        view["timeline"] = self
            .timeline
            .iter()
            .map(|moment| json!({ "at": moment.at, "text": moment.text }))
            .collect();
        view["refused"] = people(&self.refused);
        view["left"] = people(&self.left);
        view["stragglers"] = people(&self.stragglers);
        view
    }
}

fn people(people: &[Person]) -> Value {
    let one = |person: &Person| {
        let mut shown = json!({
            "session": person.session, "user": person.user, "toldAt": person.told_at,
            "placedAt": person.placed_at, "settledAt": person.settled_at,
            "lastKnown": person.last_known,
        });
        if let Some(code) = person.code {
            shown["code"] = json!(code);
        }
        shown
    };
    people.iter().map(one).collect()
}
