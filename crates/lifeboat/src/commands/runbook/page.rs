//! The runbook as a page of Markdown.

use lifeboat_core::time::Timestamp;
use serde_json::{Value, json};

/// What the page is made of.
#[derive(Debug, Clone)]
pub(super) struct Facts {
    /// When the page is printed.
    pub(super) printed_at: Timestamp,
    /// Where Lifeboat is.
    pub(super) base: String,
    /// The world that may fail.
    pub(super) main: Side,
    /// The world that stands in.
    pub(super) standby: Side,
    /// The launch context of the standby's deployment.
    pub(super) launch_context: Option<String>,
}

/// One world of the pair.
#[derive(Debug, Clone)]
pub(super) struct Side {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) deployment: Option<String>,
}

/// One thing to do: what for, with this program, and with curl.
struct Step {
    title: &'static str,
    why: &'static str,
    lifeboat: String,
    curl: String,
}

/// The page.
pub(super) fn markdown(facts: &Facts) -> String {
    let mut page = head(facts);
    for (number, step) in steps(facts).iter().enumerate() {
        page.push_str(&format!(
            "\n## {}. {}\n\n{}\n\n```sh\n{}\n```\n\nWith curl:\n\n```sh\n{}\n```\n",
            number + 1,
            step.title,
            step.why,
            step.lifeboat,
            step.curl
        ));
    }
    page.push_str(&stale(facts));
    page
}

fn head(facts: &Facts) -> String {
    let Facts { main, standby, .. } = facts;
    let none = "none: it does not run";
    format!(
        "# Failover of {main_name}\n\nPrinted at {at} for {base}.\n\n\
         | | world | World ID | Deployment ID |\n|---|---|---|---|\n\
         | main | {main_name} | `{}` | `{}` |\n| standby | {} | `{}` | `{}` |\n\n\
         The standby's LaunchContextID, for V37 and older: `{}`.\n\n\
         Before anything else, in the shell that you type in:\n\n```sh\n\
         export LIFEBOAT_URL={}\nexport LIFEBOAT_API_KEY=   # an operator's key\n```\n",
        main.id,
        main.deployment.as_deref().unwrap_or(none),
        standby.name,
        standby.id,
        standby.deployment.as_deref().unwrap_or(none),
        facts.launch_context.as_deref().unwrap_or("none"),
        shell_word(&facts.base),
        main_name = main.name,
        at = facts.printed_at,
        base = facts.base,
    )
}

fn steps(facts: &Facts) -> Vec<Step> {
    let mut steps = vec![look(), check(facts), fail_over(facts)];
    steps.extend(by_hand(facts));
    steps.extend(control(facts));
    steps.push(account(facts));
    steps.extend(go_home(facts));
    steps.push(keep_out());
    steps
}

fn look() -> Step {
    Step {
        title: "See what is wrong",
        why: "A line for each world in trouble: what became of its servers, how many people lost \
              the game, and whether the standby is ready.",
        lifeboat: "lifeboat alarms".to_owned(),
        curl: curl("GET", "/api/alarms", None),
    }
}

fn check(facts: &Facts) -> Step {
    let main = &facts.main;
    Step {
        title: "Check that the standby would do",
        why: "Every line that begins with BLOCK has a remedy under it.",
        lifeboat: format!("lifeboat standby check {}", shell_word(&main.name)),
        curl: curl("GET", &format!("/api/worlds/{}/readiness", main.id), None),
    }
}

fn fail_over(facts: &Facts) -> Step {
    let main = &facts.main;
    Step {
        title: "Fail over, in one step",
        why: "Everyone leaves the main world at once and lands in the standby; new joiners, too.",
        lifeboat: format!(
            "lifeboat failover run {} --reason \"main world down\" --yes",
            shell_word(&main.name)
        ),
        curl: curl(
            "POST",
            &format!("/api/worlds/{}/failover", main.id),
            Some(&json!({ "mode": "emergency", "reason": "main world down" })),
        ),
    }
}

/// The guide's two steps, for whoever has nothing but live config.
fn by_hand(facts: &Facts) -> [Step; 2] {
    let (main, standby) = (&facts.main, &facts.standby);
    let mut overrides = json!({ "OverrideWorldId": standby.id });
    if let Some(deployment) = &standby.deployment {
        overrides["OverrideDeploymentId"] = json!(deployment);
    }
    if let Some(launch_context) = &facts.launch_context {
        overrides["OverrideLaunchContextId"] = json!(launch_context);
    }
    let word = shell_word(&main.name);
    let mut lifeboat = format!("lifeboat config set {word}");
    for (key, value) in overrides.as_object().into_iter().flatten() {
        let value = value.as_str().unwrap_or_default();
        lifeboat.push_str(&format!(" \\\n  game.Failover.{key}={value}"));
    }
    lifeboat.push_str(" \\\n  --yes");
    let config = format!("/api/worlds/{}/live-config", main.id);
    let counter = json!({ "path": "/game/ForceDisconnect/AllClients" });
    [
        Step {
            title: "Or by hand, first: send new joiners to the standby",
            why: "From the answer on, whoever joins the main world lands in the standby.",
            lifeboat,
            curl: curl("PATCH", &config, Some(&json!({ "game": { "Failover": overrides } }))),
        },
        Step {
            title: "By hand, second: make everyone who is connected rejoin",
            why: "Not before the first step was answered: they would rejoin the main world.",
            lifeboat: format!(
                "lifeboat config increment {word} game.ForceDisconnect.AllClients --yes"
            ),
            curl: curl("POST", &format!("{config}/increment"), Some(&counter)),
        },
    ]
}

fn control(facts: &Facts) -> [Step; 5] {
    let word = shell_word(&facts.main.name);
    let world = curl("GET", &format!("/api/worlds/{}", facts.main.id), None);
    // Within its quotes, an id is a whole value; a name may have anything in it.
    let find = format!(
        "FAILOVER=$({world} \\\n  | grep -o '\"failoverId\":\"fo_[0-9A-Za-z]*\"' | cut -d '\"' -f 4)"
    );
    let step = |title, why, verb: &str, yes: &str| Step {
        title,
        why,
        lifeboat: format!("lifeboat failover {verb} {word}{yes}"),
        curl: if verb == "status" {
            format!("{find}\n{}", curl("GET", "/api/failovers/$FAILOVER", None))
        } else {
            curl("POST", &format!("/api/failovers/$FAILOVER/{verb}"), Some(&json!({})))
        },
    };
    [
        step(
            "See where it is",
            "With curl, this first finds its id, which the steps after it use, too.",
            "status",
            " --watch",
        ),
        step(
            "Hold it",
            "Nobody else is moved until it goes on; who is on the way arrives.",
            "hold",
            "",
        ),
        step("Go on", "After a hold.", "resume", ""),
        step(
            "Tell those who are missing again",
            "While it moves: whoever is pending is told once more, with a new turn.",
            "nudge",
            "",
        ),
        step(
            "Take it back",
            "Those who moved come home, the rest stay where they are.",
            "undo",
            " --yes",
        ),
    ]
}

fn account(facts: &Facts) -> Step {
    let page = "/api/failovers/$FAILOVER/report?format=html";
    Step {
        title: "Keep the account of it",
        why: "A page for the client, with the arrivals, the timeline and who did not land.",
        lifeboat: format!(
            "lifeboat failover report {} --out failover.html",
            shell_word(&facts.main.name)
        ),
        curl: format!("{} \\\n  -o failover.html", curl("GET", page, None)),
    }
}

fn go_home(facts: &Facts) -> [Step; 2] {
    let main = &facts.main;
    let word = shell_word(&main.name);
    let world = format!("/api/worlds/{}", main.id);
    let launched = curl("POST", &format!("{world}/launch"), Some(&json!({ "failover": "keep" })));
    let phase = curl("GET", &world, None);
    [
        Step {
            title: "Launch the main world again",
            why: "Once it is repaired. The failover stays: nobody is sent back by this.",
            lifeboat: format!("lifeboat world launch {word} --failover keep --wait"),
            curl: format!(
                "{launched}\nuntil {phase} \\\n  | grep -q '\"phase\":\"Active\"'; do sleep 1; done"
            ),
        },
        Step {
            title: "Bring everyone home",
            why: "Everyone who asked for the main world and was sent elsewhere. Who joined the \
                  standby directly stays there.",
            lifeboat: format!("lifeboat failback {word} --reason \"main world repaired\" --yes"),
            curl: curl(
                "POST",
                &format!("{world}/failback"),
                Some(&json!({ "reason": "main world repaired" })),
            ),
        },
    ]
}

fn keep_out() -> Step {
    let reason = "an operator has it in hand";
    let stop = json!({ "stopped": true, "reason": reason });
    Step {
        title: "Keep automation out of it",
        why: "Only if worlds fail over by themselves here, and this one is not to. \
              `lifeboat automation resume` lets it go on.",
        lifeboat: format!("lifeboat automation stop --reason \"{reason}\""),
        curl: curl("PUT", "/api/automation", Some(&stop)),
    }
}

fn stale(facts: &Facts) -> String {
    format!(
        "\n## What goes stale\n\nWorld IDs stay. Deployment IDs and the LaunchContextID are of the \
         standby as it ran at {}: launched or restarted since, it has others. An old Deployment ID \
         is passed over for the standby's active one, and saving it by hand is refused; leave \
         `OverrideDeploymentId` out then, or print this page again:\n\n```sh\n\
         lifeboat runbook {}\n```\n",
        facts.printed_at,
        shell_word(&facts.main.name)
    )
}

fn curl(method: &str, path: &str, body: Option<&Value>) -> String {
    let auth = "-H \"Authorization: Bearer $LIFEBOAT_API_KEY\"";
    let line =
        format!("curl -sS --fail-with-body -X {method} \"$LIFEBOAT_URL{path}\" \\\n  {auth}");
    match body {
        None => line,
        Some(body) => format!(
            "{line} \\\n  -H 'Content-Type: application/json' \\\n  -d {}",
            shell_word(&body.to_string())
        ),
    }
}

/// A text as one word of a shell, whatever is in it.
pub(super) fn shell_word(text: &str) -> String {
    let is_plain = !text.is_empty()
        && text.chars().all(|char| char.is_ascii_alphanumeric() || "-_./:=".contains(char));
    if is_plain { text.to_owned() } else { format!("'{}'", text.replace('\'', "'\\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts() -> Facts {
        let side = |id: &str, name: &str, deployment: &str| Side {
            id: id.to_owned(),
            name: name.to_owned(),
            deployment: Some(deployment.to_owned()),
        };
        Facts {
            printed_at: Timestamp::from_ms(1_795_000_000_123),
            base: "http://127.0.0.1:7400".to_owned(),
            main: side("wld_1", "Main Stage", "dep_1"),
            standby: side("wld_2", "FAILOVER Main Stage", "dep_2"),
            launch_context: Some("lc_2".to_owned()),
        }
    }

    #[test]
    fn the_page_has_the_exact_commands_of_this_pair() {
        insta::assert_snapshot!(markdown(&facts()));
    }

    #[test]
    fn a_name_cannot_break_out_of_its_word() {
        assert_eq!(shell_word("wld_1"), "wld_1");
        assert_eq!(shell_word("Bob's $(rm)"), r"'Bob'\''s $(rm)'");
        assert_eq!(shell_word(""), "''");
    }

    #[test]
    fn a_standby_that_does_not_run_pins_nothing() {
        let mut facts = facts();
        (facts.standby.deployment, facts.launch_context) = (None, None);
        let page = markdown(&facts);
        assert!(!page.contains("OverrideDeploymentId="), "{page}");
        assert!(page.contains("none: it does not run"), "{page}");
    }
}
