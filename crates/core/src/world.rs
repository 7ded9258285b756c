//! A world: what an organiser sets up, and which deployment of it is the current one.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::ids::{DeploymentId, WorldId};
use crate::limits::{
    DESCRIPTION_CHARS_MAX, DURATION_MINUTES_MAX, GROUPS_MAX, LABELS_MAX, NAME_CHARS_MAX,
    SETTINGS_BYTES_MAX,
};
use crate::problem::{FieldProblem, Problems};
use crate::time::Timestamp;
use crate::version::BaseVersion;

/// How the name of a standby begins.
pub const STANDBY_NAME_PREFIX: &str = "FAILOVER ";

/// What an organiser decides about a world; stored and sent in this form.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WorldSpec {
    /// Shown to operators and players; unique in an installation.
    pub name: String,
    /// For operators.
    pub description: String,
    /// For operators and their tools.
    pub labels: BTreeMap<String, String>,
    /// What runs.
    pub build: Build,
    /// For how many.
    pub scale: Scale,
    /// For how long a deployment runs, in minutes from its launch.
    pub duration_minutes: u32,
    /// Who may enter.
    pub access: Access,
    /// How clients are launched.
    pub streaming: Streaming,
    /// The guide's internal configurations: seen and changed by `support` and above only.
    pub settings: Map<String, Value>,
}

/// Which mod and content a world runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Build {
    /// The mod's name.
    #[serde(rename = "mod")]
    pub mod_name: String,
    /// The mod's version.
    pub mod_version: String,
    /// The content's version.
    pub content_version: String,
    /// The platform's base version.
    pub base_version: BaseVersion,
    /// The map.
    pub map: String,
}

/// For how many people a world is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scale {
    /// The profile.
    pub profile: Profile,
}

macro_rules! profiles {
    ($($name:ident = $seats:literal),+ $(,)?) => {
        /// The sizes that worlds come in.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum Profile {
            $(#[doc = concat!("Up to ", stringify!($seats), " people.")] $name,)+
        }

        impl Profile {
            /// Every profile, the smallest first.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// How many people fit in.
            #[must_use]
            pub const fn seats(self) -> u32 {
                match self { $(Self::$name => $seats,)+ }
            }
        }
    };
}

profiles! {
    Capacity30 = 30,
    Capacity100 = 100,
    Capacity500 = 500,
    Capacity1500 = 1_500,
    Capacity5000 = 5_000,
    Capacity15000 = 15_000,
    Capacity50000 = 50_000,
}

/// Who may enter a world directly.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Access {
    /// Whether everyone may, not only members of `groups`.
    pub public: bool,
    /// Whether users without a token may.
    pub guests: bool,
    /// Access groups whose members may enter although the world is not public.
    pub groups: Vec<String>,
}

/// How clients are launched into a world.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Streaming {
    /// Where the client opens.
    pub launch_mode: LaunchMode,
}

/// Where a client opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LaunchMode {
    /// In the page's own tab.
    SameTab,
    /// In a new tab.
    NewTab,
    /// Inside the page.
    Embedded,
    /// As a program of its own.
    Native,
}

impl WorldSpec {
    /// Checks every rule that the types do not express.
    ///
    /// # Errors
    /// All broken rules, each with its field.
    pub fn validated(self) -> Result<Self, Vec<FieldProblem>> {
        let mut problems = Problems::default();
        check_name(&self.name, &mut problems);
        problems.require(
            (self.description.chars().count() <= DESCRIPTION_CHARS_MAX).into(),
            "/description",
            || format!("a description has at most {DESCRIPTION_CHARS_MAX} characters; shorten it"),
        );
        check_labels(&self.labels, &mut problems);
        problems.require(
            (1..=DURATION_MINUTES_MAX).contains(&self.duration_minutes).into(),
            "/durationMinutes",
            || format!("a duration is between 1 and {DURATION_MINUTES_MAX} minutes"),
        );
        check_groups(&self.access.groups, &mut problems);
        let settings_bytes =
            serde_json::to_vec(&self.settings).map_or(usize::MAX, |json| json.len());
        problems.require((settings_bytes <= SETTINGS_BYTES_MAX).into(), "/settings", || {
            format!("settings have at most {SETTINGS_BYTES_MAX} bytes as JSON, these have {settings_bytes}")
        });
        problems.into_result(self)
    }

    /// The first field in which `other` differs and that a running world does not let change, as a
    /// JSON Pointer.
    #[must_use]
    pub fn changed_while_running(&self, other: &Self) -> Option<&'static str> {
        if self.build != other.build {
            Some("/build")
        } else if self.scale != other.scale {
            Some("/scale")
        } else if self.duration_minutes != other.duration_minutes {
            Some("/durationMinutes")
        } else if self.streaming != other.streaming {
            Some("/streaming")
        } else {
            None
        }
    }
}

fn check_name(name: &str, problems: &mut Problems) {
    let chars = name.chars().count();
    problems.require((!name.trim().is_empty() && chars <= NAME_CHARS_MAX).into(), "/name", || {
        format!(
            "a name has 1 to {NAME_CHARS_MAX} characters and is not blank; this one has {chars}"
        )
    });
    problems.require((!name.chars().any(char::is_control)).into(), "/name", || {
        "a name has no control characters; remove them".to_owned()
    });
}

fn check_labels(labels: &BTreeMap<String, String>, problems: &mut Problems) {
    problems.require((labels.len() <= LABELS_MAX).into(), "/labels", || {
        format!("a world has at most {LABELS_MAX} labels; these are {}", labels.len())
    });
    for (key, value) in labels {
        let fits = !key.is_empty()
            && key.chars().count() <= NAME_CHARS_MAX
            && value.chars().count() <= NAME_CHARS_MAX;
        problems.require(fits.into(), "/labels", || {
            format!(
                "a label's key has 1 to {NAME_CHARS_MAX} characters and its value at most as many"
            )
        });
    }
}

fn check_groups(groups: &[String], problems: &mut Problems) {
    problems.require((groups.len() <= GROUPS_MAX).into(), "/access/groups", || {
        format!("a world has at most {GROUPS_MAX} access groups; these are {}", groups.len())
    });
    for (index, group) in groups.iter().enumerate() {
        let fits = !group.trim().is_empty() && group.chars().count() <= NAME_CHARS_MAX;
        problems.require(fits.into(), &format!("/access/groups/{index}"), || {
            format!("an access group's name has 1 to {NAME_CHARS_MAX} characters")
        });
    }
}

/// A world as it is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct World {
    /// Its id, stable over restarts.
    pub id: WorldId,
    /// What the organiser decided.
    pub spec: WorldSpec,
    /// The main world that this one stands in for.
    pub standby_for: Option<WorldId>,
    /// The world that stands in for this one.
    pub standby: Option<WorldId>,
    /// Whether the standby's live config follows this world's.
    #[serde(default)]
    pub mirror: bool,
    /// The newest deployment; it may have ended.
    pub deployment: Option<DeploymentId>,
    /// When it was made.
    pub created_at: Timestamp,
}

#[cfg(test)]
pub(crate) mod tests {
    use serde_json::json;

    use super::*;

    pub(crate) fn spec() -> WorldSpec {
        serde_json::from_value(json!({
            "name": "Main Stage", "description": "", "labels": {},
            "build": { "mod": "plaza", "modVersion": "1.0.0", "contentVersion": "2026.11.1",
                       "baseVersion": 38, "map": "plaza" },
            "scale": { "profile": "Capacity500" }, "durationMinutes": 180,
            "access": { "public": true, "guests": true, "groups": [] },
            "streaming": { "launchMode": "same-tab" }, "settings": {}
        }))
        .unwrap()
    }

    #[test]
    fn every_broken_rule_is_named_with_its_field() {
        let broken = WorldSpec {
            name: " ".into(),
            duration_minutes: 0,
            access: Access { public: true, guests: true, groups: vec![String::new()] },
            ..spec()
        };
        let problems = broken.validated().unwrap_err();
        let paths: Vec<_> = problems.iter().map(|problem| problem.path.as_str()).collect();
        assert_eq!(paths, ["/name", "/durationMinutes", "/access/groups/0"]);
    }

    #[test]
    fn a_running_world_keeps_what_its_servers_were_started_with() {
        let access = Access { public: false, guests: false, groups: vec!["crew".into()] };
        let allowed = WorldSpec { name: "Other".into(), access, ..spec() };
        assert_eq!(spec().changed_while_running(&allowed), None);
        let refused = WorldSpec { duration_minutes: 1, ..spec() };
        assert_eq!(spec().changed_while_running(&refused), Some("/durationMinutes"));
    }
}
