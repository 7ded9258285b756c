//! A world's specification from what an operator sent: the rest is filled in, and everything is
//! checked against the mods that are installed.

use lifeboat_core::ids::{DeploymentId, WorldId};
use lifeboat_core::mods::ModManifest;
use lifeboat_core::problem::{FieldProblem, Problems};
use lifeboat_core::reconcile::{LaunchIds, launch};
use lifeboat_core::time::Timestamp;
use lifeboat_core::world::{Build, World, WorldSpec};
use serde_json::{Map, Value, json};

use crate::http::body::typed;
use crate::http::problem::{ApiError, ApiResult};
use crate::mods::{Installed, Mods};

/// The specification that `sent` leads to: a JSON merge patch over the defaults, in which `null`
/// asks for the default.
pub(super) fn complete(mods: &Mods, sent: &Value) -> ApiResult<WorldSpec> {
    let mut partial = Value::Object(Map::new());
    json_patch::merge(&mut partial, sent);
    if !partial.is_object() {
        return Err(invalid("", "the body is a JSON object; send one"));
    }
    check_required(mods, &partial)?;
    let mut whole = defaults(mods, &partial)?;
    json_patch::merge(&mut whole, &partial);
    let spec: WorldSpec = typed(whole)?;
    let spec = spec.validated().map_err(ApiError::fields)?;
    check_installed(mods, &spec)?;
    Ok(spec)
}

/// `spec` with a JSON merge patch applied; what is `null` afterwards is at its default.
pub(super) fn patched(mods: &Mods, spec: &WorldSpec, patch: &Value) -> ApiResult<WorldSpec> {
    if !patch.is_object() {
        return Err(invalid("", "the body is a JSON object, a merge patch; send one"));
    }
    let mut next = serde_json::to_value(spec).unwrap_or_default();
    json_patch::merge(&mut next, patch);
    complete(mods, &next)
}

/// One field that breaks a rule.
pub(super) fn invalid(path: &str, message: impl Into<String>) -> ApiError {
    ApiError::fields(vec![FieldProblem::invalid(path, message)])
}

fn check_required(mods: &Mods, partial: &Value) -> ApiResult<()> {
    let mut problems = Problems::default();
    problems.require(partial.get("name").is_some().into(), "/name", || {
        "a world has a name; give it one".to_owned()
    });
    problems.require(partial.pointer("/build/mod").is_some().into(), "/build/mod", || {
        format!("a world runs a mod; choose one of {}", mods.names().join(", "))
    });
    problems.into_result(()).map_err(ApiError::fields)
}

/// What a world is like if nobody says otherwise, for the mod that `partial` names.
fn defaults(mods: &Mods, partial: &Value) -> ApiResult<Value> {
    let text = |pointer: &str| partial.pointer(pointer).and_then(Value::as_str);
    let mut whole = json!({
        "description": "", "labels": {}, "build": {},
        "scale": { "profile": "Capacity500" }, "durationMinutes": 180,
        "access": { "public": true, "guests": true, "groups": [] },
        "streaming": { "launchMode": "same-tab" }, "settings": {},
    });
    // A name that is no text is refused by its type.
    let Some(name) = text("/build/mod") else { return Ok(whole) };
    let installed = match text("/build/modVersion") {
        Some(version) => find(mods, name, version)?.mod_.manifest(),
        None => newest(mods, name).ok_or_else(|| no_mod(mods, name))?,
    };
    whole["build"] = json!({
        "mod": name,
        "modVersion": installed.version,
        "contentVersion": installed.content_versions.first(),
        "baseVersion": installed.base_versions.first(),
        "map": installed.maps.first(),
    });
    Ok(whole)
}

/// The newest version of a mod, its parts compared as numbers where they are some.
fn newest<'a>(mods: &'a Mods, name: &str) -> Option<&'a ModManifest> {
    let manifests = mods.versions(name).into_iter().map(|one| one.mod_.manifest());
    manifests.max_by_key(|manifest| {
        let parts = manifest.version.split(['.', '-', '+']);
        parts.map(|part| (part.parse::<u64>().ok(), part.to_owned())).collect::<Vec<_>>()
    })
}

fn find<'a>(mods: &'a Mods, name: &str, version: &str) -> ApiResult<&'a Installed> {
    if let Some(installed) = mods.get(name, version) {
        return Ok(installed);
    }
    let versions: Vec<_> =
        mods.versions(name).iter().map(|one| one.mod_.manifest().version.clone()).collect();
    if versions.is_empty() {
        return Err(no_mod(mods, name));
    }
    let message =
        format!("mod {name} has no version {version}; choose one of {}", versions.join(", "));
    Err(invalid("/build/modVersion", message))
}

fn no_mod(mods: &Mods, name: &str) -> ApiError {
    let known = mods.names().join(", ");
    invalid("/build/mod", format!("no mod `{name}` is installed; choose one of {known}"))
}

/// The manifest of a build's mod.
pub(super) fn manifest<'a>(mods: &'a Mods, build: &Build) -> ApiResult<&'a ModManifest> {
    Ok(find(mods, &build.mod_name, &build.mod_version)?.mod_.manifest())
}

/// A world that could not be launched is not made: the rules are those of the launch.
fn check_installed(mods: &Mods, spec: &WorldSpec) -> ApiResult<()> {
    let manifest = manifest(mods, &spec.build)?;
    let draft = World {
        id: WorldId::from_unique("draft"),
        spec: spec.clone(),
        standby_for: None,
        standby: None,
        mirror: false,
        deployment: None,
        created_at: Timestamp::default(),
    };
    let ids = LaunchIds { deployment: DeploymentId::from_unique("draft"), launch_context: None };
    launch(&draft, manifest, ids, Timestamp::default()).map(drop).map_err(ApiError::fields)
}
