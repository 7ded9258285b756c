//! A new deployment of a world.

use std::time::Duration;

use crate::deployment::Deployment;
use crate::ids::{DeploymentId, LaunchContextId};
use crate::limits::SERVERS_MAX;
use crate::mods::ModManifest;
use crate::phase::Phase;
use crate::problem::{FieldProblem, Problems};
use crate::time::Timestamp;
use crate::world::World;

/// The ids of a new deployment; never used before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaunchIds {
    /// Its own.
    pub deployment: DeploymentId,
    /// Its launch context's; none when it is launched without one.
    pub launch_context: Option<LaunchContextId>,
}

/// A new deployment of `world`, with the numbers of its mod. It has no servers yet: the first
/// [`decide`](super::decide) starts them all.
///
/// # Errors
/// What of the world's build the mod does not have, and a profile that would need more than
/// [`SERVERS_MAX`] servers; the paths are those of the world.
pub fn launch(
    world: &World,
    manifest: &ModManifest,
    ids: LaunchIds,
    now: Timestamp,
) -> Result<Deployment, Vec<FieldProblem>> {
    let mut problems = Problems::default();
    check_build(world, manifest, &mut problems);
    let seats = world.spec.scale.profile.seats();
    let servers_wanted = seats.div_ceil(manifest.seats_per_server.max(1));
    let fits = usize::try_from(servers_wanted).is_ok_and(|servers| servers <= SERVERS_MAX);
    problems.require(fits.into(), "/scale/profile", || {
        format!(
            "{seats} seats at {} a server take {servers_wanted} servers and a deployment has at \
             most {SERVERS_MAX}: choose a smaller profile or a mod with more seats a server",
            manifest.seats_per_server
        )
    });
    problems.into_result(Deployment {
        id: ids.deployment,
        world: world.id.clone(),
        phase: Phase::Starting,
        message: "its servers are about to be started".to_owned(),
        build: world.spec.build.clone(),
        started_at: now,
        ends_at: now + Duration::from_mins(u64::from(world.spec.duration_minutes)),
        ended_at: None,
        launch_context: ids.launch_context,
        seats,
        seats_per_server: manifest.seats_per_server,
        joins_per_second_per_server: manifest.joins_per_second_per_server,
        servers_wanted,
        servers: Vec::new(),
        losses: Vec::new(),
    })
}

fn check_build(world: &World, manifest: &ModManifest, problems: &mut Problems) {
    let build = &world.spec.build;
    let (name, version) = (&manifest.name, &manifest.version);
    problems.require((&build.mod_name == name).into(), "/build/mod", || {
        format!("the world is of mod {}, not {name}: launch it with its own", build.mod_name)
    });
    problems.require((&build.mod_version == version).into(), "/build/modVersion", || {
        format!("the world is of version {}, not {version}", build.mod_version)
    });
    let lacks = |what: &str, value: String, known: String| {
        format!("{name} {version} has no {what} {value}: choose one of {known}")
    };
    let versions = &manifest.base_versions;
    problems.require(versions.contains(&build.base_version).into(), "/build/baseVersion", || {
        let known: Vec<_> = versions.iter().map(ToString::to_string).collect();
        lacks("base version", build.base_version.to_string(), known.join(", "))
    });
    let contents = &manifest.content_versions;
    problems.require(
        contents.contains(&build.content_version).into(),
        "/build/contentVersion",
        || lacks("content version", build.content_version.clone(), contents.join(", ")),
    );
    problems.require(manifest.maps.contains(&build.map).into(), "/build/map", || {
        lacks("map", build.map.clone(), manifest.maps.join(", "))
    });
}
