//! One check and its result.

use serde::{Deserialize, Serialize};
use serde_json::Value;

macro_rules! check_ids {
    ($($(#[$doc:meta])* $variant:ident = $text:literal, $severity:ident;)+) => {
        /// Which check; in the order in which they are shown.
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        pub enum CheckId {
            $($(#[$doc])* #[serde(rename = $text)] $variant,)+
        }

        impl CheckId {
            /// Every check there is.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The id as it stands in answers.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }

            /// What it means when the check does not hold.
            #[must_use]
            pub const fn severity(self) -> Severity {
                match self { $(Self::$variant => Severity::$severity,)+ }
            }
        }
    };
}

check_ids! {
    /// There is a standby.
    StandbyExists = "standby.exists", Block;
    /// The same mod in the same version.
    BuildMod = "build.mod", Block;
    /// The same content version.
    BuildContent = "build.content", Block;
    /// The same base version.
    BuildBase = "build.base", Block;
    /// The same map.
    BuildMap = "build.map", Block;
    /// The standby is not smaller.
    ScaleProfile = "scale.profile", Block;
    /// The standby runs as long as the main world would.
    DurationRemaining = "duration.remaining", Block;
    /// The same access groups.
    AccessGroups = "access.groups", Block;
    /// Guests are treated alike.
    AccessGuests = "access.guests", Block;
    /// Clients are launched alike.
    StreamingLaunchMode = "streaming.launchMode", Block;
    /// The same internal settings.
    SettingsInternal = "settings.internal", Block;
    /// Old clients can launch into the standby.
    LaunchContextKnown = "launchContext.known", Block;
    /// The standby takes people.
    DeploymentActive = "deployment.active", Block;
    /// All servers of the standby are well.
    DeploymentHealthy = "deployment.healthy", Block;
    /// There is a seat for everyone connected.
    CapacitySeats = "capacity.seats", Block;
    /// The same live config.
    LiveConfigValues = "liveConfig.values", Warn;
    /// The same schema of live config.
    LiveConfigSchema = "liveConfig.schema", Warn;
    /// The override pins no deployment that has ended.
    OverrideStale = "override.stale", Warn;
    /// Both are public, or neither.
    AccessPublic = "access.public", Info;
    /// The pair was drilled lately.
    DrillAge = "drill.age", Info;
}

/// What it means when a check does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The standby would not do.
    Block,
    /// People would notice.
    Warn,
    /// It may be on purpose.
    Info,
}

/// One check with both values.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Check {
    /// Which.
    pub id: CheckId,
    /// What it means when it does not hold.
    pub severity: Severity,
    /// Whether it holds.
    pub ok: bool,
    /// The main world's value.
    pub main: Value,
    /// The standby's value.
    pub standby: Value,
    /// What was found, in a sentence.
    pub message: String,
    /// A command that makes it hold; empty when it does, or when it is well that it does not.
    pub remedy: String,
}

impl Check {
    /// Whether the check does not hold and blocks.
    #[must_use]
    pub fn blocks(&self) -> bool {
        !self.ok && self.severity == Severity::Block
    }

    pub(super) fn new(
        id: CheckId,
        ok: bool,
        main: impl Into<Value>,
        standby: impl Into<Value>,
    ) -> Self {
        Self {
            id,
            severity: id.severity(),
            ok,
            main: main.into(),
            standby: standby.into(),
            message: String::new(),
            remedy: String::new(),
        }
    }

    /// A check that holds when both values are the same. `what` is what they are of, with its
    /// article.
    pub(super) fn same(
        id: CheckId,
        what: &str,
        main: impl Into<Value>,
        standby: impl Into<Value>,
    ) -> Self {
        let (main, standby) = (main.into(), standby.into());
        let message = if main == standby {
            format!("{what} is the same")
        } else {
            format!("{what} differs: the main world has {main}, the standby {standby}")
        };
        Self::new(id, main == standby, main, standby).saying(message)
    }

    pub(super) fn saying(mut self, message: impl Into<String>) -> Self {
        self.message = message.into();
        self
    }

    /// With a remedy, unless the check holds.
    pub(super) fn remedied(mut self, remedy: impl Into<String>) -> Self {
        if !self.ok {
            self.remedy = remedy.into();
        }
        self
    }
}
