//! A world on one sheet.

use serde_json::Value;

use crate::ui::{Table, cell, sheet};

/// How a world is set up and how it is, field by field.
pub(super) fn world_sheet(world: &Value) -> Table {
    let at = |pointer| cell(world, pointer);
    let words = |parts: &[(&str, &str)]| words(world, parts);
    let people = format!("{} of {}", at("/status/sessions"), at("/capacity"));
    sheet([
        ("Name", at("/name")),
        ("World ID", at("/id")),
        ("Deployment ID", at("/status/deploymentId")),
        ("Phase", at("/status/phase")),
        ("Because", at("/status/message")),
        ("People", people),
        ("Started", at("/status/startedAt")),
        ("Ends", at("/status/endsAt")),
        (
            "Failover",
            words(&[
                ("phase", "/status/failover/phase"),
                ("to", "/status/failover/targetWorldId"),
                ("record", "/status/failover/failoverId"),
            ]),
        ),
        ("Standby", at("/standby")),
        ("Standby for", at("/standbyFor")),
        (
            "Build",
            words(&[
                ("mod", "/build/mod"),
                ("version", "/build/modVersion"),
                ("content", "/build/contentVersion"),
                ("base", "/build/baseVersion"),
            ]),
        ),
        ("Map", at("/build/map")),
        ("Profile", at("/scale/profile")),
        ("Minutes", at("/durationMinutes")),
        (
            "Access",
            words(&[
                ("public", "/access/public"),
                ("guests", "/access/guests"),
                ("groups", "/access/groups"),
            ]),
        ),
        ("Launch mode", at("/streaming/launchMode")),
        ("Description", at("/description")),
    ])
}

/// The values that there are, each after its name.
fn words(world: &Value, parts: &[(&str, &str)]) -> String {
    let parts = parts.iter().map(|(name, pointer)| (name, cell(world, pointer)));
    let given = parts.filter(|(_, value)| !value.is_empty());
    given.map(|(name, value)| format!("{name} {value}")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_sheet_has_the_two_ids_that_the_guide_asks_for() {
        let world = json!({
            "id": "wld_1", "name": "Main Stage", "capacity": 500, "durationMinutes": 180,
            "access": { "public": true, "guests": false, "groups": [] },
            "build": { "mod": "plaza", "modVersion": "1.0.0", "contentVersion": "2026.11.1",
                       "baseVersion": 38, "map": "plaza" },
            "status": { "phase": "Active", "deploymentId": "dep_1", "sessions": 12,
                        "failover": null }
        });
        insta::assert_snapshot!(world_sheet(&world), @r#"
        Name           Main Stage
        World ID       wld_1
        Deployment ID  dep_1
        Phase          Active
        People         12 of 500
        Build          mod plaza, version 1.0.0, content 2026.11.1, base 38
        Map            plaza
        Minutes        180
        Access         public true, guests false
        "#);
    }
}
