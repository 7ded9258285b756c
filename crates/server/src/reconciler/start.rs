//! What a new game server is started with.

use std::collections::BTreeMap;
use std::path::PathBuf;

use lifeboat_core::catalog::Catalog;
use lifeboat_core::deployment::Deployment;
use lifeboat_core::ids::ServerId;
use lifeboat_runtime::ServerSpec;

use super::levels::ALL_CLIENTS;
use super::parts::Parts;

/// The first word of a mod's command that means the running program itself.
const OWN_PROGRAM: &str = "lifeboat";

/// The specification of a server of this deployment.
///
/// # Errors
/// A sentence for operators: the mod is not installed any more, or the running program cannot be
/// found.
pub(super) fn spec(
    parts: &Parts,
    catalog: &Catalog,
    deployment: &Deployment,
    server: &ServerId,
) -> Result<ServerSpec, String> {
    let build = &deployment.build;
    let installed = parts.mods.get(&build.mod_name, &build.mod_version).ok_or_else(|| {
        format!(
            "could not be started: mod {} {} is not installed any more; put it back into the mods \
             folder",
            build.mod_name, build.mod_version
        )
    })?;
    let world = &deployment.world;
    let world_name = catalog.world(world).map_or_else(String::new, |one| one.spec.name.clone());
    let env = ["LIFEBOAT_MAP", "PLAZA_MAP"].map(|name| (name.to_owned(), build.map.clone()));
    let counter = catalog.door_counter(world).to_string();
    Ok(ServerSpec {
        server: server.clone(),
        world: world.clone(),
        deployment: deployment.id.clone(),
        world_name,
        command: command(&installed.mod_.manifest().command)?,
        working_dir: installed.folder.clone().unwrap_or_else(|| parts.data.clone()),
        env: BTreeMap::from(env),
        map: build.map.clone(),
        seats: deployment.seats_per_server,
        game_host: parts.advertise_host.clone(),
        labels: BTreeMap::new(),
        annotations: BTreeMap::from([(ALL_CLIENTS.to_owned(), counter)]),
        counters: BTreeMap::new(),
        lists: BTreeMap::new(),
    })
}

fn command(words: &[String]) -> Result<Vec<String>, String> {
    let mut words = words.to_vec();
    if let Some(first) = words.first_mut().filter(|first| *first == OWN_PROGRAM) {
        *first = own_program()?.to_string_lossy().into_owned();
    }
    Ok(words)
}

fn own_program() -> Result<PathBuf, String> {
    std::env::current_exe()
        .map_err(|error| format!("could not be started: the running program is not found: {error}"))
}
