//! What runs in both worlds.

use super::remedy::{set_and_launch, word};
use super::{Check, CheckId, Pair};
use crate::world::Build;

fn mod_and_version(build: &Build) -> String {
    format!("{} {}", build.mod_name, build.mod_version)
}

/// How the standby comes to run the main world's mod.
pub(super) fn mod_remedy(pair: &Pair<'_>) -> String {
    let (main, wished) = (pair.main.build(), &pair.standby.world.spec.build);
    let (name, version) = (word(&main.mod_name), word(&main.mod_version));
    let is_set = mod_and_version(main) == mod_and_version(wished);
    set_and_launch(pair, is_set, &format!("build.mod={name} build.modVersion={version}"))
}

pub(super) fn checks(pair: &Pair<'_>) -> Vec<Check> {
    let (main, standby) = (pair.main.build(), pair.standby.build());
    let wished = &pair.standby.world.spec.build;
    let remedy = |is_set: bool, assignment: String| set_and_launch(pair, is_set, &assignment);
    vec![
        Check::same(CheckId::BuildMod, "the mod", mod_and_version(main), mod_and_version(standby))
            .remedied(mod_remedy(pair)),
        Check::same(
            CheckId::BuildContent,
            "the content version",
            main.content_version.as_str(),
            standby.content_version.as_str(),
        )
        .remedied(remedy(
            main.content_version == wished.content_version,
            format!("build.contentVersion={}", word(&main.content_version)),
        )),
        Check::same(
            CheckId::BuildBase,
            "the base version",
            main.base_version.number(),
            standby.base_version.number(),
        )
        .remedied(remedy(
            main.base_version == wished.base_version,
            format!("build.baseVersion={}", main.base_version.number()),
        )),
        Check::same(CheckId::BuildMap, "the map", main.map.as_str(), standby.map.as_str())
            .remedied(remedy(main.map == wished.map, format!("build.map={}", word(&main.map)))),
    ]
}
