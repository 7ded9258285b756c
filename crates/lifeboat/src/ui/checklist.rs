//! Readiness and rules as lists to go through, each with both values and what to do.

use lifeboat_core::failover::Rule;
use serde_json::Value;

use super::table::visible;
use crate::api::Check;

/// The comparison, point by point: what holds briefly, what does not with the way out.
pub(crate) fn checklist(checks: &[Check]) -> String {
    let wide = checks.iter().map(|check| check.id.len()).max().unwrap_or(0);
    let mut lines = Vec::new();
    for check in checks {
        let mark = mark(check);
        let values = both(&check.main, &check.standby, unit(&check.id));
        lines.push(format!("{mark} {:wide$}  {values}", check.id).trim_end().to_owned());
        if !check.ok {
            lines.extend(more(check.message.as_deref(), check.remedy.as_deref()));
        }
    }
    lines.join("\n")
}

fn mark(check: &Check) -> &'static str {
    match (check.ok, check.severity.as_str()) {
        (true, _) => "ok   ",
        (false, "block") => "BLOCK",
        (false, "warn") => "warn ",
        (false, _) => "info ",
    }
}

/// The rules that stand in the way of a failover, with both values and the way out.
pub(crate) fn rules(rules: &[Rule]) -> String {
    let mut lines = Vec::new();
    for rule in rules {
        let force = if rule.may_force { "may be forced" } else { "cannot be forced" };
        let values = both(&rule.main, &rule.standby, unit(&rule.code));
        lines.push(format!("{} ({force})  {values}", rule.code).trim_end().to_owned());
        lines.extend(more(Some(&rule.message), Some(&rule.remedy)));
    }
    lines.join("\n")
}

fn more(message: Option<&str>, remedy: Option<&str>) -> impl Iterator<Item = String> {
    let message = message.map(|text| format!("      {}", visible(text)));
    let remedy = remedy.filter(|text| !text.is_empty());
    let remedy = remedy.map(|text| format!("      remedy: {}", visible(text)));
    message.into_iter().chain(remedy)
}

/// What the numbers of a check, or of the rule that it became, count.
fn unit(id: &str) -> &'static str {
    if id == "duration.remaining" { " min" } else { "" }
}

/// Both values, or the one that both are; numbers with `unit`.
fn both(main: &Value, standby: &Value, unit: &str) -> String {
    match (brief(main, unit), brief(standby, unit)) {
        (None, None) => String::new(),
        (Some(main), Some(standby)) if main == standby => main,
        (main, standby) => format!(
            "main {}, standby {}",
            main.as_deref().unwrap_or("none"),
            standby.as_deref().unwrap_or("none")
        ),
    }
}

fn brief(value: &Value, unit: &str) -> Option<String> {
    let text = match value {
        Value::Null => return None,
        Value::String(text) => text.clone(),
        Value::Number(number) => format!("{number}{unit}"),
        other => other.to_string(),
    };
    Some(visible(&text))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_does_not_hold_comes_with_both_values_and_the_remedy() {
        let checks: Vec<Check> = serde_json::from_value(json!([
            { "id": "build.mod", "severity": "block", "ok": true, "main": "1.0.0",
              "standby": "1.0.0", "message": "the same", "remedy": "none" },
            { "id": "scale.profile", "severity": "block", "ok": false, "main": "Capacity500",
              "standby": null, "message": "the standby is smaller", "remedy": "enlarge it" },
        ]))
        .unwrap();
        insta::assert_snapshot!(checklist(&checks), @r"
        ok    build.mod      1.0.0
        BLOCK scale.profile  main Capacity500, standby none
              the standby is smaller
              remedy: enlarge it
        ");
    }

    #[test]
    fn minutes_are_said_to_be_some_and_what_is_not_to_be_mended_has_no_remedy() {
        let checks: Vec<Check> = serde_json::from_value(json!([
            { "id": "duration.remaining", "severity": "block", "ok": false, "main": 287,
              "standby": 226, "message": "it ends earlier", "remedy": "extend it" },
            { "id": "access.public", "severity": "info", "ok": false, "main": true,
              "standby": false, "message": "the standby is not public", "remedy": "" },
        ]))
        .unwrap();
        insta::assert_snapshot!(checklist(&checks), @r"
        BLOCK duration.remaining  main 287 min, standby 226 min
              it ends earlier
              remedy: extend it
        info  access.public       main true, standby false
              the standby is not public
        ");
    }

    #[test]
    fn a_rule_has_its_check_s_unit() {
        let rule: Rule = serde_json::from_value(json!({
            "code": "duration.remaining", "message": "it ends earlier", "main": 120,
            "standby": 60, "remedy": "extend it", "mayForce": true
        }))
        .unwrap();
        let line = "duration.remaining (may be forced)  main 120 min, standby 60 min";
        assert_eq!(rules(&[rule]).lines().next(), Some(line));
    }

    #[test]
    fn a_rule_says_whether_it_may_be_forced() {
        let rule: Rule = serde_json::from_value(json!({
            "code": "cool_down", "message": "12 s ago", "main": 12, "standby": 60,
            "remedy": "wait 48 s", "mayForce": true
        }))
        .unwrap();
        insta::assert_snapshot!(rules(&[rule]), @r"
        cool_down (may be forced)  main 12, standby 60
              12 s ago
              remedy: wait 48 s
        ");
    }
}
