use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::access::{Ban, IdentityKind};
use crate::catalog::{CatalogChange, LiveEntry};
use crate::deployment::{Server, ServerPhase};
use crate::ids::{BanId, DeploymentId, ServerId, User};
use crate::live_config::LiveConfig;
use crate::phase::Phase;
use crate::time::Timestamp;
use crate::world::{World, WorldSpec, tests::spec};

fn world_id(name: &str) -> WorldId {
    WorldId::from_unique(name)
}

fn world(name: &str, spec: WorldSpec) -> CatalogChange {
    let id = world_id(name);
    let deployment = Some(DeploymentId::from_unique(name));
    let created_at = Timestamp::default();
    let world = World {
        id: id.clone(),
        spec,
        standby_for: None,
        standby: None,
        mirror: false,
        deployment,
        created_at,
    };
    CatalogChange::World(id, Some(world))
}

fn deployment(name: &str, world: &str, phase: Phase, version: u32) -> CatalogChange {
    let id = DeploymentId::from_unique(name);
    let server = Server {
        id: ServerId::from_unique(name),
        phase: ServerPhase::Ready,
        endpoint: None,
        started_at: Timestamp::default(),
        process: None,
    };
    let mut build = spec().build;
    build.base_version = BaseVersion::new(version);
    let deployment = Deployment {
        id: id.clone(),
        world: world_id(world),
        phase,
        message: String::new(),
        build,
        started_at: Timestamp::default(),
        ends_at: Timestamp::default(),
        ended_at: None,
        launch_context: Some(LaunchContextId::from_unique(name)),
        seats: 500,
        seats_per_server: 500,
        joins_per_second_per_server: 50.0,
        servers_wanted: 1,
        servers: vec![server],
        losses: Vec::new(),
    };
    CatalogChange::Deployment(id, Some(deployment))
}

fn redirect(from: &str, to: &str, pin: &str, launch_context: &str) -> CatalogChange {
    let game = json!({ "Failover": {
        "OverrideWorldId": if to.is_empty() { String::new() } else { format!("wld_{to}") },
        "OverrideDeploymentId": pin,
        "OverrideLaunchContextId": launch_context,
    } });
    let config = LiveConfig { game: game.as_object().unwrap().clone(), ..LiveConfig::default() };
    let live = LiveEntry::new(1, Timestamp::default(), String::new(), config);
    CatalogChange::Live(world_id(from), Some(live))
}

fn closed() -> WorldSpec {
    let mut spec = spec();
    spec.access.public = false;
    spec
}

/// Main and standby, both Active; the standby is closed to the public.
fn pair(changes: impl IntoIterator<Item = CatalogChange>) -> Catalog {
    let both = [
        world("main", spec()),
        deployment("main", "main", Phase::Active, 38),
        world("standby", closed()),
        deployment("standby", "standby", Phase::Active, 38),
    ];
    Catalog::default().with(1, both.into_iter().chain(changes))
}

fn guest() -> Identity {
    Identity { user: User::guest("1"), groups: Vec::new(), kind: IdentityKind::Guest }
}

/// Asks for `requested` as a guest and says where it led: the world and its deployment, or the
/// code.
fn ask(catalog: &Catalog, requested: &str, version: u32) -> String {
    match route(catalog, &world_id(requested), &guest(), Some(BaseVersion::new(version))) {
        Ok(route) => format!("{} {}", route.world.id, route.deployment.id),
        Err(refusal) => refusal.code.to_string(),
    }
}

#[test]
fn without_an_override_people_land_where_they_asked() {
    assert_eq!(ask(&pair([]), "main", 38), "wld_main dep_main");
    assert_eq!(ask(&pair([]), "nowhere", 38), "world_not_found");
}

#[test]
fn the_closed_door_of_a_standby_opens_only_to_who_was_redirected() {
    let catalog = pair([redirect("main", "standby", "", "")]);
    assert_eq!(ask(&catalog, "main", 38), "wld_standby dep_standby");
    assert_eq!(ask(&catalog, "standby", 38), "access_denied");
}

#[test]
fn a_failed_over_world_redirects_in_every_phase() {
    for phase in [Phase::Inactive, Phase::Starting, Phase::Active, Phase::Stopping, Phase::Error] {
        let catalog =
            pair([redirect("main", "standby", "", ""), deployment("main", "main", phase, 38)]);
        assert_eq!(ask(&catalog, "main", 38), "wld_standby dep_standby", "{phase:?}");
    }
}

#[test]
fn a_world_that_is_not_active_says_so_and_when_to_ask_again() {
    for phase in [Phase::Inactive, Phase::Starting, Phase::Stopping, Phase::Error] {
        let catalog = pair([deployment("main", "main", phase, 38)]);
        let refusal = route(&catalog, &world_id("main"), &guest(), None).unwrap_err();
        assert_eq!(refusal, Refusal::for_now(ErrorCode::WorldNotActive, NOT_ACTIVE_RETRY));
        let redirected = pair([
            redirect("main", "standby", "", ""),
            deployment("standby", "standby", phase, 38),
        ]);
        assert_eq!(ask(&redirected, "main", 38), "target_not_active");
    }
}

#[test]
fn a_pinned_deployment_that_has_ended_is_passed_over_for_the_active_one() {
    let catalog = pair([
        redirect("main", "standby", "dep_old", ""),
        deployment("old", "standby", Phase::Inactive, 38),
    ]);
    assert_eq!(ask(&catalog, "main", 38), "wld_standby dep_standby");
    let alive = pair([
        redirect("main", "standby", "dep_old", ""),
        deployment("old", "standby", Phase::Active, 38),
    ]);
    assert_eq!(ask(&alive, "main", 38), "wld_standby dep_old");
}

#[test]
fn base_versions_have_to_be_the_same() {
    assert_eq!(ask(&pair([]), "main", 39), "base_version_mismatch");
    assert!(route(&pair([]), &world_id("main"), &guest(), None).is_ok());
}

#[test]
fn clients_of_37_get_the_launch_context_of_the_override_and_newer_ones_none() {
    let old = |changes: Vec<CatalogChange>| {
        let versions = [
            deployment("main", "main", Phase::Active, 37),
            deployment("standby", "standby", Phase::Active, 37),
        ];
        let catalog = pair(versions.into_iter().chain(changes));
        route(&catalog, &world_id("main"), &guest(), Some(BaseVersion::new(37)))
            .unwrap()
            .launch_context
            .map(|id| id.to_string())
    };
    assert_eq!(old(vec![]).as_deref(), Some("lc_main"));
    assert_eq!(old(vec![redirect("main", "standby", "", "")]).as_deref(), Some("lc_standby"));
    assert_eq!(old(vec![redirect("main", "standby", "", "lc_other")]).as_deref(), Some("lc_other"));
    assert_eq!(
        old(vec![redirect("main", "standby", "dep_gone", "lc_of_gone")]).as_deref(),
        Some("lc_standby")
    );
    // The standby was launched again since; its deployment of before had a context of its own.
    let ended = deployment("before", "standby", Phase::Inactive, 37);
    let changes = vec![ended, redirect("main", "standby", "", "lc_before")];
    assert_eq!(old(changes).as_deref(), Some("lc_standby"));
    let newer = route(&pair([]), &world_id("main"), &guest(), None).unwrap();
    assert_eq!(newer.launch_context, None);
}

#[test]
fn an_old_client_without_any_launch_context_is_refused() {
    let mut change = deployment("main", "main", Phase::Active, 37);
    if let CatalogChange::Deployment(_, Some(deployment)) = &mut change {
        deployment.launch_context = None;
    }
    assert_eq!(ask(&pair([change]), "main", 37), "launch_context_required");
}

#[test]
fn a_chain_is_followed_to_its_end_and_a_cycle_is_refused() {
    let third = [world("third", closed()), deployment("third", "third", Phase::Active, 38)];
    let chain = pair(
        third
            .into_iter()
            .chain([redirect("main", "standby", "", ""), redirect("standby", "third", "", "")]),
    );
    assert_eq!(ask(&chain, "main", 38), "wld_third dep_third");
    let cycle = pair([redirect("main", "standby", "", ""), redirect("standby", "main", "", "")]);
    assert_eq!(ask(&cycle, "main", 38), "override_cycle");
}

#[test]
fn a_ban_at_the_target_holds_for_who_was_redirected() {
    let ban = Ban {
        id: BanId::from_unique("1"),
        user: guest().user,
        world: Some(world_id("standby")),
        reason: String::new(),
        at: Timestamp::default(),
        by: String::new(),
    };
    let catalog =
        pair([redirect("main", "standby", "", ""), CatalogChange::Ban(ban.id.clone(), Some(ban))]);
    assert_eq!(ask(&catalog, "main", 38), "banned");
}

const PHASES: [Phase; 5] =
    [Phase::Inactive, Phase::Starting, Phase::Active, Phase::Stopping, Phase::Error];

proptest! {
    /// Any overrides among six worlds in any phases: routing always ends, never leads to a world
    /// that itself redirects, and never to a deployment that takes nobody.
    #[test]
    fn whoever_is_routed_can_enter(
        overrides in prop::collection::vec(prop::option::of(0usize..6), 6),
        phases in prop::collection::vec(0usize..5, 6),
        requested in 0usize..6,
    ) {
        let mut changes = Vec::new();
        for number in 0..6 {
            let name = format!("w{number}");
            changes.push(world(&name, spec()));
            changes.push(deployment(&name, &name, PHASES[phases[number]], 38));
            if let Some(to) = overrides[number] {
                changes.push(redirect(&name, &format!("w{to}"), "", ""));
            }
        }
        let catalog = Catalog::default().with(1, changes);
        match route(&catalog, &world_id(&format!("w{requested}")), &guest(), None) {
            Ok(route) => {
                prop_assert!(catalog.override_of(&route.world.id).is_none());
                prop_assert!(route.deployment.takes_people());
                prop_assert_eq!(&route.deployment.world, &route.world.id);
                prop_assert_eq!(route.hops > 0, overrides[requested].is_some());
            }
            Err(refusal) => prop_assert!(refusal.retry_after.is_some()),
        }
    }
}
