//! What stands at this moment.

use std::collections::BTreeMap;

use lifeboat_core::phase::Phase;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::{encode_eof, encode_registry};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::{Name, Registers as _};
use crate::app::App;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfWorld {
    world: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct InPhase {
    phase: String,
}

/// Every metric in the Prometheus text format.
pub(crate) async fn gather(app: &App) -> Result<String, std::fmt::Error> {
    let store_up = app.store.health().await.is_ok();
    let mut registry = Registry::with_prefix("lifeboat");
    let catalog = app.catalog();
    single(&mut registry, Name::StoreUp, usize::from(store_up));
    single(&mut registry, Name::CatalogRevision, usize::try_from(catalog.revision).unwrap_or(0));
    single(&mut registry, Name::EventReaders, app.events.readers());
    let open = catalog.failovers().filter(|record| record.phase.is_open()).count();
    single(&mut registry, Name::FailoversOpen, open);
    worlds(app, &mut registry);
    servers(app, &mut registry);
    let mut text = app.metrics.counted()?;
    encode_registry(&mut text, &registry)?;
    encode_eof(&mut text)?;
    Ok(text)
}

fn gauge(value: usize) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn single(registry: &mut Registry, name: Name, value: usize) {
    let metric: Gauge = Gauge::default();
    metric.set(gauge(value));
    Box::new(metric).register(registry, name);
}

fn worlds(app: &App, registry: &mut Registry) {
    let catalog = app.catalog();
    let sessions = Family::<OfWorld, Gauge>::default();
    let seats_used = Family::<OfWorld, Gauge>::default();
    let seats_total = Family::<OfWorld, Gauge>::default();
    let mut phases: BTreeMap<String, usize> = BTreeMap::new();
    for world in catalog.worlds() {
        *phases.entry(format!("{:?}", catalog.phase(&world.id))).or_default() += 1;
        let crowd = app.gateway.desk().crowd(&world.id);
        let label = OfWorld { world: world.id.to_string() };
        let deployment = catalog.current_deployment(&world.id);
        let seats =
            deployment.filter(|one| one.phase != Phase::Inactive).map_or(0, |one| one.seats);
        sessions.get_or_create(&label).set(gauge(crowd.connected));
        seats_used.get_or_create(&label).set(gauge(crowd.seats_used));
        seats_total.get_or_create(&label).set(i64::from(seats));
    }
    Box::new(sessions).register(registry, Name::Sessions);
    Box::new(seats_used).register(registry, Name::SeatsUsed);
    Box::new(seats_total).register(registry, Name::SeatsTotal);
    by_phase(registry, Name::Worlds, phases);
}

fn servers(app: &App, registry: &mut Registry) {
    let mut phases: BTreeMap<String, usize> = BTreeMap::new();
    for server in app.catalog().deployments().flat_map(|deployment| &deployment.servers) {
        *phases.entry(format!("{:?}", server.phase)).or_default() += 1;
    }
    by_phase(registry, Name::Servers, phases);
}

fn by_phase(registry: &mut Registry, name: Name, counts: BTreeMap<String, usize>) {
    let metric = Family::<InPhase, Gauge>::default();
    for (phase, count) in counts {
        metric.get_or_create(&InPhase { phase }).set(gauge(count));
    }
    Box::new(metric).register(registry, name);
}
