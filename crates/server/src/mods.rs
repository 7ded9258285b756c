//! The mods that this installation has: the built-in plaza, and those in the mods folder.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use lifeboat_core::catalog::Catalog;
use lifeboat_core::ids::WorldId;
use lifeboat_core::live_config::{Audience, ConfigRules, LiveConfig};
use lifeboat_core::mods::{
    MANIFEST_FILE, Mod, ModFiles, ModProblem, OVERRIDES_FILE, SCHEMA_FILE, map_overrides_file,
};
use lifeboat_core::world::Build;
use lifeboat_gateway::desk::PlayerView;
use rust_embed::RustEmbed;
use thiserror::Error;

#[derive(RustEmbed)]
#[folder = "../../mods"]
struct BuiltIn;

/// Mods that cannot be used.
#[derive(Debug, Error)]
pub enum ModsError {
    /// Files that break rules.
    #[error("mods break rules:\n{}", .0.join("\n"))]
    Broken(Vec<String>),
    /// A folder that cannot be read.
    #[error("the mods folder {} cannot be read", path.display())]
    Unreadable {
        /// Which folder or file.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
}

/// A mod with the folder that its servers run in.
pub(crate) struct Installed {
    pub(crate) mod_: Mod,
    /// Where it is on disk; the built-in one is not.
    pub(crate) folder: Option<PathBuf>,
}

/// Every mod, by name and version.
pub(crate) struct Mods(BTreeMap<(String, String), Arc<Installed>>);

impl Mods {
    /// The built-in mod and those under `folder`, each in `<name>/<version>/`.
    pub(crate) fn load(folder: Option<&Path>) -> Result<Self, ModsError> {
        let mut mods = BTreeMap::new();
        let mut broken = Vec::new();
        let mut add = |at: &str, files: &ModFiles, folder: Option<PathBuf>| match Mod::parse(files)
        {
            Ok(mod_) => {
                let manifest = mod_.manifest();
                let id = (manifest.name.clone(), manifest.version.clone());
                mods.insert(id, Arc::new(Installed { mod_, folder }));
            }
            Err(problems) => broken.extend(problems.iter().map(|one| describe(at, one))),
        };
        for at in built_in_folders() {
            add(&format!("built-in {at}"), &built_in(&at), None);
        }
        for path in folder.map(version_folders).transpose()?.unwrap_or_default() {
            let files = read(&path)?;
            add(&path.display().to_string(), &files, Some(path));
        }
        if broken.is_empty() { Ok(Self(mods)) } else { Err(ModsError::Broken(broken)) }
    }

    /// The mod of this name and version.
    pub(crate) fn get(&self, name: &str, version: &str) -> Option<&Arc<Installed>> {
        self.0.get(&(name.to_owned(), version.to_owned()))
    }

    /// The versions of a mod, the oldest first.
    pub(crate) fn versions(&self, name: &str) -> Vec<&Arc<Installed>> {
        self.0.iter().filter(|((known, _), _)| known == name).map(|(_, one)| one).collect()
    }

    /// The names of all mods.
    pub(crate) fn names(&self) -> Vec<String> {
        let mut names: Vec<_> = self.0.keys().map(|(name, _)| name.clone()).collect();
        names.dedup();
        names
    }

    /// The rules of live config for a world of this build.
    pub(crate) fn rules(&self, build: &Build) -> Option<&Arc<ConfigRules>> {
        self.get(&build.mod_name, &build.mod_version)?.mod_.rules(&build.map)
    }

    /// The live config of a world as `audience` may see it; empty where the mod is not installed.
    pub(crate) fn view(
        &self,
        catalog: &Catalog,
        world: &WorldId,
        audience: Audience,
    ) -> LiveConfig {
        let view = || {
            let rules = self.rules(&catalog.world(world)?.spec.build)?;
            Some(rules.view(&catalog.live(world)?.config, audience))
        };
        view().unwrap_or_default()
    }
}

impl PlayerView for Mods {
    fn of(&self, catalog: &Catalog, world: &WorldId) -> LiveConfig {
        self.view(catalog, world, Audience::Players)
    }
}

fn describe(at: &str, problem: &ModProblem) -> String {
    format!("{at}/{}: {}: {}", problem.file, problem.key, problem.rule)
}

/// `<name>/<version>` of every built-in mod.
fn built_in_folders() -> Vec<String> {
    BuiltIn::iter()
        .filter_map(|file| file.strip_suffix(&format!("/{MANIFEST_FILE}")).map(str::to_owned))
        .collect()
}

fn built_in(folder: &str) -> ModFiles {
    let text = |file: &str| {
        let file = BuiltIn::get(&format!("{folder}/{file}"))?;
        Some(String::from_utf8_lossy(&file.data).into_owned())
    };
    let map_overrides = BuiltIn::iter()
        .filter_map(|path| map_of(path.strip_prefix(&format!("{folder}/"))?))
        .filter_map(|map| Some((map.clone(), text(&map_overrides_file(&map))?)))
        .collect();
    ModFiles {
        manifest: text(MANIFEST_FILE).unwrap_or_default(),
        schema: text(SCHEMA_FILE).unwrap_or_default(),
        overrides: text(OVERRIDES_FILE),
        map_overrides,
    }
}

/// The map that a file within a mod's folder holds the overrides of.
fn map_of(file: &str) -> Option<String> {
    let mut parts = file.split('/');
    let (first, map) = (parts.next()?, parts.next()?);
    (first == "overrides" && file == map_overrides_file(map)).then(|| map.to_owned())
}

fn version_folders(root: &Path) -> Result<Vec<PathBuf>, ModsError> {
    let mut found = Vec::new();
    for name in folders(root)? {
        found.extend(folders(&name)?.into_iter().filter(|path| path.join(MANIFEST_FILE).exists()));
    }
    Ok(found)
}

fn folders(path: &Path) -> Result<Vec<PathBuf>, ModsError> {
    let unreadable = |source| ModsError::Unreadable { path: path.to_owned(), source };
    let mut found = Vec::new();
    for entry in fs::read_dir(path).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.is_dir() {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn read(folder: &Path) -> Result<ModFiles, ModsError> {
    let text = |file: &str| {
        let path = folder.join(file);
        match fs::read_to_string(&path) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(ModsError::Unreadable { path, source }),
        }
    };
    let overrides_folder = folder.join("overrides");
    let maps = if overrides_folder.is_dir() { folders(&overrides_folder)? } else { Vec::new() };
    let mut map_overrides = BTreeMap::new();
    for map in maps.iter().filter_map(|path| path.file_name()?.to_str()) {
        if let Some(overrides) = text(&map_overrides_file(map))? {
            map_overrides.insert(map.to_owned(), overrides);
        }
    }
    Ok(ModFiles {
        manifest: text(MANIFEST_FILE)?.unwrap_or_default(),
        schema: text(SCHEMA_FILE)?.unwrap_or_default(),
        overrides: text(OVERRIDES_FILE)?,
        map_overrides,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_mod_has_both_versions_and_its_maps() {
        let mods = Mods::load(None).unwrap();
        assert_eq!(mods.names(), ["plaza"]);
        assert_eq!(mods.versions("plaza").len(), 2);
        for version in ["1.0.0", "1.1.0"] {
            let installed = mods.get("plaza", version).unwrap();
            for map in ["plaza", "garden"] {
                let rules = installed.mod_.rules(map).expect("every map has rules");
                assert!(rules.defaults().get("/project/Stage/DoorsOpen").is_some());
            }
        }
    }
}
