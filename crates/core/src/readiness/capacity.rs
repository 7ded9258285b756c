//! For how many, and for how long.

use std::time::Duration;

use super::remedy::{set, set_and_launch};
use super::{Check, CheckId, Pair, Side};
use crate::time::Timestamp;
use crate::world::Profile;

pub(super) fn checks(pair: &Pair<'_>) -> Vec<Check> {
    vec![profile(pair), remaining(pair), seats(pair)]
}

/// The profile of so many seats; of a deployment only the seats are kept.
fn profile_of(side: &Side<'_>) -> Profile {
    let seats = side.seats();
    let found = Profile::ALL.iter().find(|profile| profile.seats() == seats);
    found.copied().unwrap_or(side.world.spec.scale.profile)
}

fn profile(pair: &Pair<'_>) -> Check {
    let (main, standby) = (profile_of(&pair.main), profile_of(&pair.standby));
    let ok = pair.standby.seats() >= pair.main.seats();
    let message = if ok {
        "the standby is large enough".to_owned()
    } else {
        format!("the standby is smaller: {standby:?} instead of {main:?}")
    };
    let is_set = pair.standby.world.spec.scale.profile >= main;
    Check::new(CheckId::ScaleProfile, ok, format!("{main:?}"), format!("{standby:?}"))
        .saying(message)
        .remedied(set_and_launch(pair, is_set, &format!("scale.profile={main:?}")))
}

/// The time that is left to a world: until the end of its deployment, and of a world that does not
/// run all that it would be launched with.
fn time_left(side: &Side<'_>, now: Timestamp) -> Duration {
    side.standing().map_or_else(
        || Duration::from_mins(u64::from(side.world.spec.duration_minutes)),
        |deployment| deployment.ends_at.since(now),
    )
}

/// A standby that ends this little earlier runs as long: who launches both does not do so in the
/// same moment.
const END_TOLERANCE: Duration = Duration::from_mins(1);

fn remaining(pair: &Pair<'_>) -> Check {
    let (main, standby) = (time_left(&pair.main, pair.now), time_left(&pair.standby, pair.now));
    let missing = main.saturating_sub(standby);
    let missing_minutes = missing.as_millis().div_ceil(60_000);
    let ok = missing < END_TOLERANCE;
    let message = if ok {
        "the standby runs as long as the main world".to_owned()
    } else {
        format!("the standby ends {missing_minutes} min before the main world")
    };
    let remedy = if pair.standby.standing().is_some() {
        format!("lifeboat world extend {} {missing_minutes}", pair.standby.world.id)
    } else {
        set(pair, &format!("durationMinutes={}", main.as_millis().div_ceil(60_000)))
    };
    Check::new(CheckId::DurationRemaining, ok, main.as_secs() / 60, standby.as_secs() / 60)
        .saying(message)
        .remedied(remedy)
}

fn seats(pair: &Pair<'_>) -> Check {
    let seats = usize::try_from(pair.standby.seats()).unwrap_or(usize::MAX);
    let free = seats.saturating_sub(pair.facts.seats_used_at_standby);
    let connected = pair.facts.connected_in_main;
    let ok = free >= connected;
    let message = if ok {
        format!("{free} free seats for {connected} people")
    } else {
        format!("only {free} free seats for {connected} people")
    };
    Check::new(CheckId::CapacitySeats, ok, connected, free)
        .saying(message)
        .remedied(seats_remedy(pair, connected))
}

/// A profile that takes everyone, if there is one; else those at the standby have to go.
fn seats_remedy(pair: &Pair<'_>, connected: usize) -> String {
    let needed = connected.saturating_add(pair.facts.seats_used_at_standby);
    let fits = |profile: &&Profile| usize::try_from(profile.seats()).is_ok_and(|s| s >= needed);
    let wished = pair.standby.world.spec.scale.profile;
    match Profile::ALL.iter().find(fits) {
        Some(profile) => {
            let is_set = wished >= *profile;
            set_and_launch(pair, is_set, &format!("scale.profile={profile:?}"))
        }
        None => format!("lifeboat session list {}", pair.standby.world.id),
    }
}
