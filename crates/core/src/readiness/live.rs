//! The live config of both worlds.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::build::mod_remedy;
use super::{Check, CheckId, Pair, Side};
use crate::live_config::{Audience, Changes, LiveConfig};

/// Sections of `game` that are each world's own.
const OWN_SECTIONS: [&str; 3] = ["Failover", "ForceDisconnect", "Admission"];
/// Values that differ and are shown.
const DIFFERENCES_SHOWN_MAX: usize = 20;
/// What stands in the place of a value that operators may not see.
const HIDDEN: &str = "hidden";

pub(super) fn checks(pair: &Pair<'_>) -> Vec<Check> {
    vec![values(pair), schema(pair), pin(pair)]
}

/// The part of a live config that a standby has in common with its main world.
fn common(side: &Side<'_>) -> LiveConfig {
    let mut config = side.live.map(|live| live.config.clone()).unwrap_or_default();
    config.game.retain(|section, _| !OWN_SECTIONS.contains(&section.as_str()));
    config
}

/// The value at a pointer as operators may see it.
fn shown(side: &Side<'_>, config: &LiveConfig, pointer: &str) -> Value {
    if config.get(pointer).is_none() {
        return Value::Null;
    }
    let view = side.rules.map(|rules| rules.view(config, Audience::Operators));
    view.and_then(|view| view.get(pointer).cloned()).unwrap_or_else(|| HIDDEN.into())
}

fn values(pair: &Pair<'_>) -> Check {
    let (main, standby) = (common(&pair.main), common(&pair.standby));
    let changes = Changes::between(&main, &standby);
    let pointers: Vec<&str> = changes.iter().map(|(pointer, _)| pointer).collect();
    let table = |side: &Side<'_>, config: &LiveConfig| {
        let rows = pointers.iter().take(DIFFERENCES_SHOWN_MAX);
        let rows = rows.map(|pointer| ((*pointer).to_owned(), shown(side, config, pointer)));
        Value::Object(rows.collect::<BTreeMap<_, _>>().into_iter().collect::<Map<_, _>>())
    };
    let message = match pointers.as_slice() {
        [] => "the live config is the same".to_owned(),
        [one] => format!("the live config differs at {one}"),
        [one, more @ ..] => {
            format!("the live config differs at {one} and {} other places", more.len())
        }
    };
    Check::new(
        CheckId::LiveConfigValues,
        pointers.is_empty(),
        table(&pair.main, &main),
        table(&pair.standby, &standby),
    )
    .saying(message)
    .remedied(format!(
        "lifeboat standby adopt {} {} --mirror",
        pair.main.world.id, pair.standby.world.id
    ))
}

/// A schema without its defaults, which a map may override: they are no part of what may be set.
fn without_defaults(mut schema: Value) -> Value {
    if let Some(object) = schema.as_object_mut() {
        object.remove("default");
        if let Some(properties) = object.get_mut("properties").and_then(Value::as_object_mut) {
            for property in properties.values_mut() {
                *property = without_defaults(property.take());
            }
        }
    }
    schema
}

fn schema(pair: &Pair<'_>) -> Check {
    let build = |side: &Side<'_>| {
        let build = side.build();
        format!("{} {}", build.mod_name, build.mod_version)
    };
    let (main, standby) = (build(&pair.main), build(&pair.standby));
    let ok = match (pair.main.rules, pair.standby.rules) {
        // Nearly always: one mod, and nothing to be compared.
        (Some(of_main), Some(of_standby)) if std::ptr::eq(of_main, of_standby) => true,
        (Some(of_main), Some(of_standby)) => {
            let [of_main, of_standby] = [of_main, of_standby]
                .map(|rules| without_defaults(rules.schema_document(Audience::Support)));
            of_main == of_standby
        }
        // A mod that is not installed any more cannot be looked into; its name has to do.
        _ => main == standby,
    };
    let message = if ok {
        "the schema of the live config is the same"
    } else {
        "the schema of the live config differs: values of one world may not fit the other"
    };
    Check::new(CheckId::LiveConfigSchema, ok, main, standby)
        .saying(message)
        .remedied(mod_remedy(pair))
}

/// An override that leads to the standby and pins another deployment than the one that runs.
fn pin(pair: &Pair<'_>) -> Check {
    let failover = pair.main.live.map(|live| &live.game.failover);
    let is_to_standby = |id: &str| id == pair.standby.world.id.as_str();
    let pinned = failover
        .filter(|failover| is_to_standby(&failover.override_world_id))
        .map(|failover| failover.override_deployment_id.as_str())
        .filter(|pinned| !pinned.is_empty());
    let standing = pair.standby.standing().map(|deployment| deployment.id.as_str());
    let ok = pinned.is_none_or(|pinned| standing == Some(pinned));
    let message = if ok {
        "no override pins a deployment that has ended"
    } else {
        "the override pins another deployment than the one that runs; it is passed over"
    };
    Check::new(CheckId::OverrideStale, ok, pinned, standing).saying(message).remedied(format!(
        "lifeboat config set {} /game/Failover/OverrideDeploymentId=",
        pair.main.world.id
    ))
}
