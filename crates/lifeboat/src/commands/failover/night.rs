//! The night as it would go: a dry run in words.

use crate::api::FailoverView;
use crate::commands::context::Found;
use crate::ui;

/// Who would move, at what rate, for how long, what would block, and the way back.
pub(super) fn page(found: &Found, planned: &FailoverView) -> String {
    let name = &found.view.name;
    let plan = &planned.plan;
    let is_back = planned.kind == "failback";
    // Without a target, a plan leads nowhere but into the world itself.
    let target = planned.target_world_id.as_ref().filter(|id| **id != found.view.id);
    let who = match (is_back, target) {
        (true, _) => format!("{} people home to {name}", plan.sessions),
        (false, Some(target)) => format!("{} people from {name} to {target}", plan.sessions),
        (false, None) => "nobody: there is no world to go to".to_owned(),
    };
    let joiners = if is_back { name.as_str() } else { "the backup, too" };
    let way_back = if is_back { "failover run" } else { "failback" };
    let manner = match planned.mode.as_deref() {
        Some("graceful") => "each stays in the world until it is their turn",
        _ => "all leave at once and come back when it is their turn",
    };
    let mut lines = vec![
        format!("Who moves      {who}\nIn what manner {manner}"),
        format!(
            "At what rate   {} per second, so the last is let in after {}",
            plan.rate_per_second,
            ui::millis(plan.window_ms)
        ),
        format!("Who joins      from the same moment on lands in {joiners}"),
        format!("The way back   lifeboat {way_back} {name:?} --reason REASON"),
    ];
    if plan.rules.is_empty() {
        lines.push("What blocks    nothing".to_owned());
    } else {
        lines.push("What blocks".to_owned());
        lines.push(ui::rules(&plan.rules));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_page_answers_the_five_questions() {
        let raw = json!({ "id": "wld_1", "name": "Main Stage", "capacity": 500,
                          "status": { "phase": "Active" } });
        let found = Found { view: serde_json::from_value(raw.clone()).unwrap(), raw };
        let planned = serde_json::from_value(json!({
            "id": null, "phase": null, "kind": "failover", "mode": "emergency",
            "targetWorldId": "wld_2",
            "plan": { "sessions": 480, "windowMs": 4800, "ratePerSecond": 100.0, "rules": [
                { "code": "capacity.seats", "message": "20 seats are missing", "main": 480,
                  "standby": 460, "remedy": "take a larger standby", "mayForce": true } ] }
        }))
        .unwrap();
        insta::assert_snapshot!(page(&found, &planned), @r#"
        Who moves      480 people from Main Stage to wld_2
        In what manner all leave at once and come back when it is their turn
        At what rate   100 per second, so the last is let in after 4.8 s
        Who joins      from the same moment on lands in the backup, too
        The way back   lifeboat failback "Main Stage" --reason REASON
        What blocks
        capacity.seats (may be forced)  main 480, standby 460
              20 seats are missing
              remedy: take a larger standby
        "#);
    }

    #[test]
    fn the_way_home_and_a_move_to_nowhere_are_called_so() {
        let raw = json!({ "id": "wld_1", "name": "Main Stage", "status": { "phase": "Active" } });
        let found = Found { view: serde_json::from_value(raw.clone()).unwrap(), raw };
        let planned = |kind: &str| {
            serde_json::from_value(json!({
                "kind": kind, "mode": "emergency", "targetWorldId": "wld_1",
                "plan": { "sessions": 3, "windowMs": 0, "ratePerSecond": 100.0, "rules": [] }
            }))
            .unwrap()
        };
        let home = page(&found, &planned("failback"));
        assert!(home.contains("Who moves      3 people home to Main Stage\n"), "{home}");
        assert!(home.contains("lands in Main Stage\n") && home.contains("failover run"), "{home}");
        let nowhere = page(&found, &planned("failover"));
        assert!(nowhere.contains("nobody: there is no world to go to"), "{nowhere}");
        assert!(!nowhere.contains("wld_1"), "{nowhere}");
    }
}
