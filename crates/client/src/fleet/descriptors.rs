//! Whether this process may have the sockets that a fleet needs.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::FleetError;
use crate::limits::{DESCRIPTORS_RESERVED, SOCKETS_PER_BOT};

/// Sees to it that the process may have the sockets of `count` bots.
pub(super) fn reserve(count: usize) -> Result<(), FleetError> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let enough = |limit: Option<u64>| limit.is_none_or(|limit| count <= bots_max(limit));
    if enough(current) {
        return Ok(());
    }
    let raised = Rlimit { current: maximum, maximum };
    if enough(maximum) && setrlimit(Resource::Nofile, raised).is_ok() {
        return Ok(());
    }
    let descriptors = maximum.or(current).unwrap_or(u64::MAX);
    Err(FleetError::TooManyBots { count, descriptors, bots_max: bots_max(descriptors) })
}

fn bots_max(descriptors: u64) -> usize {
    let bots = descriptors.saturating_sub(DESCRIPTORS_RESERVED) / SOCKETS_PER_BOT;
    usize::try_from(bots).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_sockets_a_bot_and_a_reserve_have_to_fit() {
        assert_eq!(bots_max(20_000), 9_840);
        assert_eq!(bots_max(10), 0);
        assert_eq!(reserve(1), Ok(()));
    }

    #[test]
    fn too_many_bots_are_told_how_many_would_do() {
        if getrlimit(Resource::Nofile).maximum.is_none() {
            return;
        }
        let Err(FleetError::TooManyBots { count, bots_max, .. }) = reserve(usize::MAX) else {
            panic!("there are limits");
        };
        assert!(bots_max < count);
    }
}
