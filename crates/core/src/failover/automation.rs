//! A failover that begins by itself: an opt-in per world, with a grace time in which people can
//! step in, a cool-down, and a switch that stops all of it. What is decided here is a level, not
//! an edge: it follows from what is so now, however often and by whomever it is asked.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// Whether a world fails over by itself, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct AutomationPolicy {
    /// Whether it does at all.
    pub enabled: bool,
    /// How long the world has to be in trouble before.
    pub grace_seconds: u32,
    /// How long after one automatic failover there is no other.
    pub cool_down_seconds: u32,
}

impl Default for AutomationPolicy {
    fn default() -> Self {
        Self { enabled: false, grace_seconds: 30, cool_down_seconds: 600 }
    }
}

impl AutomationPolicy {
    /// The shortest and the longest grace time, in seconds.
    pub const GRACE_SECONDS: (u32, u32) = (1, 3_600);
    /// The shortest and the longest cool-down, in seconds.
    pub const COOL_DOWN_SECONDS: (u32, u32) = (60, 86_400);
}

/// What is so with a world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Situation {
    /// Since when it has people and no healthy server; none if it is well.
    pub trouble_since: Option<Timestamp>,
    /// It is failed over or being moved: there is nothing to begin.
    pub is_away: bool,
    /// When a failover last began by itself.
    pub last_automatic_at: Option<Timestamp>,
}

/// Where a world's automation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Nobody wants it.
    Off,
    /// All automation was stopped.
    Stopped,
    /// The world is failed over or on the way.
    Away,
    /// The world is well.
    Watching,
    /// The world is in trouble; it fails over at this time.
    Counting {
        /// When.
        at: Timestamp,
    },
    /// The last automatic failover is too close; there is none before this time.
    CoolingDown {
        /// Until when.
        until: Timestamp,
    },
    /// It is time.
    Due,
}

/// Where a world's automation stands at `now`.
#[must_use]
pub fn standing(
    policy: &AutomationPolicy,
    is_stopped: bool,
    situation: &Situation,
    now: Timestamp,
) -> Standing {
    let seconds = |count: u32| Duration::from_secs(u64::from(count));
    if !policy.enabled {
        return Standing::Off;
    }
    if is_stopped {
        return Standing::Stopped;
    }
    if situation.is_away {
        return Standing::Away;
    }
    let Some(since) = situation.trouble_since else { return Standing::Watching };
    let cool = situation.last_automatic_at.map(|last| last + seconds(policy.cool_down_seconds));
    let at = since + seconds(policy.grace_seconds);
    match cool {
        Some(until) if until > now && until > at => Standing::CoolingDown { until },
        _ if at > now => Standing::Counting { at },
        _ => Standing::Due,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_ms(1_000_000_000);
    const ON: AutomationPolicy =
        AutomationPolicy { enabled: true, grace_seconds: 30, cool_down_seconds: 600 };

    fn ago(seconds: u64) -> Timestamp {
        NOW - Duration::from_secs(seconds)
    }

    fn trouble(seconds: u64) -> Situation {
        Situation { trouble_since: Some(ago(seconds)), ..Situation::default() }
    }

    #[test]
    fn a_world_in_trouble_is_due_after_the_grace_time_and_not_before() {
        assert_eq!(standing(&ON, false, &Situation::default(), NOW), Standing::Watching);
        let counting = Standing::Counting { at: NOW + Duration::from_secs(1) };
        assert_eq!(standing(&ON, false, &trouble(29), NOW), counting);
        assert_eq!(standing(&ON, false, &trouble(30), NOW), Standing::Due);
    }

    #[test]
    fn it_is_opted_into_stopped_as_a_whole_and_never_begun_twice() {
        assert_eq!(standing(&AutomationPolicy::default(), false, &trouble(99), NOW), Standing::Off);
        assert_eq!(standing(&ON, true, &trouble(99), NOW), Standing::Stopped);
        let away = Situation { is_away: true, ..trouble(99) };
        assert_eq!(standing(&ON, false, &away, NOW), Standing::Away);
    }

    #[test]
    fn after_one_there_is_no_other_until_it_has_cooled_down() {
        let soon = Situation { last_automatic_at: Some(ago(599)), ..trouble(99) };
        let until = NOW + Duration::from_secs(1);
        assert_eq!(standing(&ON, false, &soon, NOW), Standing::CoolingDown { until });
        let later = Situation { last_automatic_at: Some(ago(600)), ..trouble(99) };
        assert_eq!(standing(&ON, false, &later, NOW), Standing::Due);
        let grace_is_longer = Situation { last_automatic_at: Some(ago(599)), ..trouble(0) };
        let at = NOW + Duration::from_secs(30);
        assert_eq!(standing(&ON, false, &grace_is_longer, NOW), Standing::Counting { at });
    }
}
