//! What is sent: a sentence for people, and the same for programs.

use lifeboat_core::catalog::Catalog;
use lifeboat_core::ids::WorldId;
use lifeboat_core::time::Timestamp;
use serde_json::{Value, json};

use super::{Format, Webhook};
use crate::events::EventKind;

/// The body of a delivery.
pub(super) fn body(
    webhook: &Webhook,
    event: &str,
    at: Timestamp,
    text: &str,
    data: Value,
) -> String {
    let body = match webhook.format {
        Format::Json => json!({ "type": event, "timestamp": at, "text": text, "data": data }),
        Format::Slack => json!({ "text": escaped(text) }),
    };
    body.to_string()
}

/// A text that calls nobody and links to nothing in a chat.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// What happened, in a sentence. Names are shown without what would break a line.
pub(super) fn text(catalog: &Catalog, kind: EventKind, data: &Value) -> String {
    let word = |name: &str| data[name].as_str().unwrap_or_default();
    let number = |pointer: &str| data.pointer(pointer).and_then(Value::as_u64).unwrap_or(0);
    let name = |field: &str| world_name(catalog, word(field));
    let is_gone = data["deleted"] == true;
    let text = match kind {
        EventKind::Alert => word("message").to_owned(),
        EventKind::Readiness if data["ready"] == true => {
            format!("{}: standby ready", name("worldId"))
        }
        EventKind::Readiness => {
            format!("{}: standby NOT ready ({})", name("worldId"), list(&data["failing"]))
        }
        EventKind::Failover => format!(
            "{}: {} {}, {} of {} landed, {} refused, {} left, {} to go ({})",
            name("worldId"),
            word("kind"),
            word("phase"),
            number("/counts/landed"),
            number("/counts/present"),
            number("/counts/refused"),
            number("/counts/left"),
            number("/counts/pending"),
            word("id")
        ),
        EventKind::World if is_gone => format!("{} was deleted", word("id")),
        EventKind::World => format!("{}: {}", name("id"), word("phase")),
        EventKind::Deployment if is_gone => format!("{} was forgotten", word("id")),
        EventKind::Deployment => {
            format!("{}: deployment {} is {}", name("worldId"), word("id"), word("phase"))
        }
        EventKind::LiveConfig => format!("{}: live config saved", name("worldId")),
        EventKind::Ban if is_gone => format!("ban {} was lifted", word("id")),
        EventKind::Ban => format!("ban {} was set", word("id")),
        EventKind::Audit => format!(
            "{}: {} on {}, {}",
            word("who"),
            word("action"),
            word("target"),
            word("outcome")
        ),
    };
    text.chars().map(|char| if char.is_control() { ' ' } else { char }).collect()
}

fn world_name(catalog: &Catalog, id: &str) -> String {
    let world = id.parse::<WorldId>().ok().and_then(|id| catalog.world(&id).cloned());
    world.map_or_else(|| id.to_owned(), |world| world.spec.name.clone())
}

fn list(items: &Value) -> String {
    let items = items.as_array().into_iter().flatten().filter_map(Value::as_str);
    items.collect::<Vec<_>>().join(", ")
}
