//! Who may enter, and how they are launched.

use std::collections::BTreeSet;

use serde_json::Value;

use super::remedy::{set, set_and_launch, word};
use super::{Check, CheckId, Pair};

pub(super) fn checks(pair: &Pair<'_>) -> Vec<Check> {
    vec![groups(pair), guests(pair), public(pair), launch_mode(pair), settings(pair)]
}

fn groups(pair: &Pair<'_>) -> Check {
    // The order in which groups were named says nothing.
    let sorted = |groups: &[String]| {
        let groups: BTreeSet<_> = groups.iter().map(String::as_str).collect();
        groups.into_iter().map(Value::from).collect::<Vec<_>>()
    };
    let main = Value::from(sorted(&pair.main.world.spec.access.groups));
    let standby = Value::from(sorted(&pair.standby.world.spec.access.groups));
    let remedy = set(pair, &format!("access.groups={}", word(&main.to_string())));
    Check::same(CheckId::AccessGroups, "the list of access groups", main, standby).remedied(remedy)
}

fn guests(pair: &Pair<'_>) -> Check {
    let (main, standby) =
        (pair.main.world.spec.access.guests, pair.standby.world.spec.access.guests);
    Check::same(CheckId::AccessGuests, "whether guests may enter", main, standby)
        .remedied(set(pair, &format!("access.guests={main}")))
}

fn public(pair: &Pair<'_>) -> Check {
    let (main, standby) =
        (pair.main.world.spec.access.public, pair.standby.world.spec.access.public);
    let message = if main == standby {
        "whether the world is public is the same"
    } else if main {
        "the standby is not public: it admits those who are sent there, and nobody who knocks"
    } else {
        "the standby is public and the main world is not: anyone may enter it"
    };
    let check = Check::new(CheckId::AccessPublic, main == standby, main, standby).saying(message);
    // A standby is best not public until it is needed, so that is not to be mended.
    if main { check } else { check.remedied(set(pair, "access.public=false")) }
}

fn launch_mode(pair: &Pair<'_>) -> Check {
    let mode = |mode| serde_json::to_value(mode).unwrap_or(Value::Null);
    let wanted = mode(pair.main.world.spec.streaming.launch_mode);
    let standby = mode(pair.standby.world.spec.streaming.launch_mode);
    let assignment = format!("streaming.launchMode={}", wanted.as_str().unwrap_or_default());
    Check::same(CheckId::StreamingLaunchMode, "the launch mode", wanted, standby)
        .remedied(set_and_launch(pair, false, &assignment))
}

/// The settings are for `support` only, so the values say no more than whether they are the same.
fn settings(pair: &Pair<'_>) -> Check {
    let (main, standby) = (&pair.main.world.spec.settings, &pair.standby.world.spec.settings);
    let ok = main == standby;
    let (verdict, message) = if ok {
        ("same", "the internal settings are the same")
    } else {
        ("differs", "the internal settings differ; `support` can see how and set them")
    };
    let remedy = format!(
        "lifeboat world show {} --output json && {}",
        pair.main.world.id,
        set(pair, "settings='{…}'")
    );
    Check::new(CheckId::SettingsInternal, ok, verdict, verdict).saying(message).remedied(remedy)
}
