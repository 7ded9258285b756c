//! Who somebody is, and whether that lets them into a world.

use serde::{Deserialize, Serialize};

use crate::code::ErrorCode;
use crate::ids::{BanId, User, WorldId};
use crate::time::Timestamp;
use crate::world::Access;

/// A player, as their token or the lack of one says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The user.
    pub user: User,
    /// The access groups that the token names.
    pub groups: Vec<String>,
    /// Whether there was a token at all.
    pub kind: IdentityKind,
}

/// Whether somebody showed a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdentityKind {
    /// Known by a token of a configured issuer.
    Known,
    /// Came without a token.
    Guest,
}

/// A user who is kept out, of one world or of all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ban {
    /// Its id.
    pub id: BanId,
    /// Who is kept out.
    pub user: User,
    /// Of which world; of all when absent.
    pub world: Option<WorldId>,
    /// Why, for operators.
    pub reason: String,
    /// Since when.
    pub at: Timestamp,
    /// Who decided it.
    pub by: String,
}

impl Ban {
    /// Whether this ban keeps `user` out of `world`.
    #[must_use]
    pub fn holds(&self, user: &User, world: &WorldId) -> bool {
        &self.user == user && self.world.as_ref().is_none_or(|banned| banned == world)
    }
}

/// Whether `identity` may enter a world with this `access` directly.
///
/// # Errors
/// [`ErrorCode::GuestNotAllowed`] or [`ErrorCode::AccessDenied`].
pub fn may_enter(access: &Access, identity: &Identity) -> Result<(), ErrorCode> {
    if identity.kind == IdentityKind::Guest && !access.guests {
        return Err(ErrorCode::GuestNotAllowed);
    }
    let is_member = identity.groups.iter().any(|group| access.groups.contains(group));
    if access.public || is_member { Ok(()) } else { Err(ErrorCode::AccessDenied) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(kind: IdentityKind, groups: &[&str]) -> Identity {
        let groups = groups.iter().map(|&group| group.to_owned()).collect();
        Identity { user: User::from_subject("alice"), groups, kind }
    }

    fn access(public: bool, guests: bool) -> Access {
        Access { public, guests, groups: vec!["crew".into()] }
    }

    #[test]
    fn members_enter_a_closed_world_and_others_do_not() {
        let closed = access(false, true);
        assert_eq!(may_enter(&closed, &identity(IdentityKind::Known, &["crew"])), Ok(()));
        assert_eq!(
            may_enter(&closed, &identity(IdentityKind::Known, &["press"])),
            Err(ErrorCode::AccessDenied)
        );
        assert_eq!(
            may_enter(&closed, &identity(IdentityKind::Guest, &[])),
            Err(ErrorCode::AccessDenied)
        );
    }

    #[test]
    fn a_guest_needs_a_world_that_admits_guests() {
        let refusal = may_enter(&access(true, false), &identity(IdentityKind::Guest, &[]));
        assert_eq!(refusal, Err(ErrorCode::GuestNotAllowed));
        assert_eq!(may_enter(&access(true, true), &identity(IdentityKind::Guest, &[])), Ok(()));
    }

    #[test]
    fn a_ban_without_a_world_holds_everywhere() {
        let main: WorldId = "wld_main".parse().unwrap();
        let other: WorldId = "wld_other".parse().unwrap();
        let alice = User::from_subject("alice");
        let ban = |world: Option<&WorldId>| Ban {
            id: BanId::from_unique("1"),
            user: alice.clone(),
            world: world.cloned(),
            reason: String::new(),
            at: Timestamp::default(),
            by: String::new(),
        };
        assert!(ban(None).holds(&alice, &other));
        assert!(ban(Some(&main)).holds(&alice, &main));
        assert!(!ban(Some(&main)).holds(&alice, &other));
        assert!(!ban(None).holds(&User::from_subject("bob"), &main));
    }
}
