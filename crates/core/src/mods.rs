//! Mods: what a world runs, read from the texts of a folder `mods/<name>/<version>/`.

mod manifest;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::live_config::{ConfigRules, ProjectSchema, SchemaProblem};

pub use manifest::{JOINS_PER_SECOND_PER_SERVER_DEFAULT, ModManifest, Protocol};

/// The manifest's file in the mod's folder.
pub const MANIFEST_FILE: &str = "mod.toml";
/// The schema's file in the mod's folder.
pub const SCHEMA_FILE: &str = "project.schema.json";
/// The mod's own overrides of defaults.
pub const OVERRIDES_FILE: &str = "overrides/project.override.json";

/// Where a map's overrides of defaults are, relative to the mod's folder.
#[must_use]
pub fn map_overrides_file(map: &str) -> String {
    format!("overrides/{map}/project.override.json")
}

/// A fault in a mod's folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModProblem {
    /// The file, relative to the mod's folder.
    pub file: String,
    /// The key in it: a dotted key in TOML, a JSON pointer in JSON; empty for the whole file.
    pub key: String,
    /// The rule that is broken and what to write instead.
    pub rule: String,
}

/// The texts of a mod's folder, as the caller read them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ModFiles {
    /// The text of `mod.toml`.
    pub manifest: String,
    /// The text of `project.schema.json`.
    pub schema: String,
    /// The text of `overrides/project.override.json`, if there is one.
    pub overrides: Option<String>,
    /// The texts of `overrides/<map>/project.override.json`, by map.
    pub map_overrides: BTreeMap<String, String>,
}

/// A mod, checked: what its manifest says, and the live config of each of its maps.
#[derive(Debug, Clone)]
pub struct Mod {
    manifest: ModManifest,
    schema: Arc<ProjectSchema>,
    rules: BTreeMap<String, Arc<ConfigRules>>,
}

impl Mod {
    /// Reads a mod from its texts.
    ///
    /// # Errors
    /// Everything that is wrong in any of the files.
    pub fn parse(files: &ModFiles) -> Result<Self, Vec<ModProblem>> {
        let mut problems = Vec::new();
        let manifest =
            ModManifest::parse(&files.manifest).map_err(|found| problems.extend(found)).ok();
        let schema = ProjectSchema::parse(&files.schema)
            .map_err(|found| problems.extend(found.into_iter().map(|p| in_file(SCHEMA_FILE, p))))
            .ok();
        let overrides = Overrides::parse(files, &mut problems);
        let rules = schema.map(Arc::new).map(|schema| {
            let maps = manifest.iter().flat_map(|manifest| &manifest.maps);
            let maps: BTreeSet<&String> = maps.chain(files.map_overrides.keys()).collect();
            let rules = maps
                .into_iter()
                .filter_map(|map| {
                    let rules = overrides.rules(map, &schema, &mut problems)?;
                    Some((map.clone(), Arc::new(rules)))
                })
                .collect();
            (schema, rules)
        });
        if let Some(manifest) = &manifest {
            problems.extend(overrides_of_unknown_maps(manifest, files));
        }
        match (manifest, rules) {
            (Some(manifest), Some((schema, rules))) if problems.is_empty() => {
                Ok(Self { manifest, schema, rules })
            }
            _ => Err(problems),
        }
    }

    /// What `mod.toml` says.
    #[must_use]
    pub const fn manifest(&self) -> &ModManifest {
        &self.manifest
    }

    /// The schema of the part `project` of live config.
    #[must_use]
    pub fn schema(&self) -> &Arc<ProjectSchema> {
        &self.schema
    }

    /// The live config of worlds on `map`; none when the mod has no such map.
    #[must_use]
    pub fn rules(&self, map: &str) -> Option<&Arc<ConfigRules>> {
        self.rules.get(map)
    }
}

fn in_file(file: &str, problem: SchemaProblem) -> ModProblem {
    ModProblem { file: file.to_owned(), key: problem.key, rule: problem.rule }
}

/// Overrides of a map that the manifest does not have would silently never apply.
fn overrides_of_unknown_maps<'a>(
    manifest: &'a ModManifest,
    files: &'a ModFiles,
) -> impl Iterator<Item = ModProblem> + 'a {
    files.map_overrides.keys().filter(|map| !manifest.maps.contains(map)).map(|map| ModProblem {
        file: map_overrides_file(map),
        key: String::new(),
        rule: format!(
            "belongs to a map that {MANIFEST_FILE} does not have: add it to `maps`, or rename \
             the folder to one of {}",
            manifest.maps.join(", ")
        ),
    })
}

/// The overrides files of a mod, parsed.
struct Overrides {
    of_mod: Map<String, Value>,
    of_map: BTreeMap<String, Map<String, Value>>,
}

impl Overrides {
    fn parse(files: &ModFiles, problems: &mut Vec<ModProblem>) -> Self {
        let mut read = |file: &str, text: &str| match serde_json::from_str(text) {
            Ok(Value::Object(values)) => values,
            Ok(_) => {
                problems.push(in_file(
                    file,
                    SchemaProblem {
                        key: String::new(),
                        rule: "must be a JSON object of the values to override".to_owned(),
                    },
                ));
                Map::new()
            }
            Err(e) => {
                problems.push(in_file(
                    file,
                    SchemaProblem { key: String::new(), rule: format!("must be JSON: {e}") },
                ));
                Map::new()
            }
        };
        Self {
            of_mod: files
                .overrides
                .as_ref()
                .map(|text| read(OVERRIDES_FILE, text))
                .unwrap_or_default(),
            of_map: files
                .map_overrides
                .iter()
                .map(|(map, text)| (map.clone(), read(&map_overrides_file(map), text)))
                .collect(),
        }
    }

    /// The rules of a map; a fault of the mod's own overrides is reported once, not per map.
    fn rules(
        &self,
        map: &str,
        schema: &Arc<ProjectSchema>,
        problems: &mut Vec<ModProblem>,
    ) -> Option<ConfigRules> {
        let nothing = Map::new();
        let layers = [&self.of_mod, self.of_map.get(map).unwrap_or(&nothing)];
        match schema.defaults(&layers) {
            Ok(defaults) => Some(ConfigRules::new(Arc::clone(schema), defaults)),
            Err(found) => {
                for (layer, problem) in found {
                    let map_file = map_overrides_file(map);
                    let file = if layer == 0 { OVERRIDES_FILE } else { map_file.as_str() };
                    let problem = in_file(file, problem);
                    if !problems.contains(&problem) {
                        problems.push(problem);
                    }
                }
                None
            }
        }
    }
}
