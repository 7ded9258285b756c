//! What is known of a pair of worlds now.

use lifeboat_core::catalog::Catalog;
use lifeboat_core::ids::WorldId;
use lifeboat_core::readiness::{self, PairFacts, Readiness, Side};

use crate::app::App;

/// Whether `standby`, or the world's own standby, would do for `main`.
pub(crate) fn readiness_of(
    app: &App,
    catalog: &Catalog,
    main: &WorldId,
    standby: Option<&WorldId>,
) -> Option<Readiness> {
    let world = catalog.world(main)?;
    let standby = standby.or(world.standby.as_ref());
    let desk = app.gateway.desk();
    let connected_in_main = desk.crowd(main).connected;
    let seats_used_at_standby = standby.map_or(0, |standby| desk.crowd(standby).seats_used);
    drop(desk);
    let facts = PairFacts {
        main: side(app, catalog, main)?,
        standby: standby.and_then(|standby| side(app, catalog, standby)),
        stands_in_for: world
            .standby_for
            .as_ref()
            .and_then(|one| catalog.world(one))
            .map(|one| &**one),
        connected_in_main,
        seats_used_at_standby,
        last_drill_at: standby.and_then(|standby| catalog.last_drill(main, standby)?.finished_at),
    };
    Some(readiness::check(&facts, app.now()))
}

/// One of the two worlds.
pub(super) fn side<'a>(app: &'a App, catalog: &'a Catalog, id: &WorldId) -> Option<Side<'a>> {
    let world = catalog.world(id)?;
    let deployment = catalog.current_deployment(id);
    Some(Side {
        world,
        deployment: deployment.map(|deployment| &**deployment),
        live: catalog.live(id).map(|live| &**live),
        rules: app.mods.rules(&world.spec.build).map(|rules| &**rules),
        hung_servers: deployment.map_or(0, |deployment| app.hung_servers(deployment)),
    })
}
