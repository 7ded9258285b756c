//! What is measured. Counted here as it happens; what stands at a moment is gathered when it is
//! asked for.

mod gather;

use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

pub(crate) use gather::gather;

/// The names of all metrics, without the prefix `lifeboat_`; counters get the suffix `_total`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Name {
    Joins,
    HttpRequests,
    Pushes,
    FanoutSeconds,
    SlowReaders,
    CatalogRevision,
    StoreUp,
    Sessions,
    SeatsUsed,
    SeatsTotal,
    Worlds,
    Servers,
    FailoversOpen,
    EventReaders,
}

impl Name {
    /// The name on the wire, without prefix.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Joins => "joins",
            Self::HttpRequests => "http_requests",
            Self::Pushes => "pushes",
            Self::FanoutSeconds => "force_disconnect_fanout_seconds",
            Self::SlowReaders => "event_readers_dropped",
            Self::CatalogRevision => "catalog_revision",
            Self::StoreUp => "store_up",
            Self::Sessions => "sessions",
            Self::SeatsUsed => "seats_used",
            Self::SeatsTotal => "seats_total",
            Self::Worlds => "worlds",
            Self::Servers => "servers",
            Self::FailoversOpen => "failovers_open",
            Self::EventReaders => "event_readers",
        }
    }

    /// What it says.
    const fn help(self) -> &'static str {
        match self {
            Self::Joins => "Joins by outcome: placed, or the code of the refusal",
            Self::HttpRequests => "Answered requests by route, method and status",
            Self::Pushes => "Frames pushed to clients, by type",
            Self::FanoutSeconds => "From a failover's commit to the frame written to a socket",
            Self::SlowReaders => "Event streams that were closed because their reader was too slow",
            Self::CatalogRevision => "The revision that this node serves from",
            Self::StoreUp => "Whether the store answers: 1, or 0",
            Self::Sessions => "Sessions with an open channel, by world",
            Self::SeatsUsed => "Seats taken, held or reserved, by world",
            Self::SeatsTotal => "Seats of the running deployment, by world",
            Self::Worlds => "Worlds by phase",
            Self::Servers => "Game servers by phase",
            Self::FailoversOpen => "Failovers whose people are still being moved",
            Self::EventReaders => "Open event streams",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Outcome {
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    method: String,
    route: String,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Pushed {
    frame: &'static str,
}

/// What is counted as it happens.
pub(crate) struct Metrics {
    registry: Mutex<Registry>,
    joins: Family<Outcome, Counter>,
    requests: Family<Answered, Counter>,
    pushes: Family<Pushed, Counter>,
    fanout: Histogram,
    slow_readers: Counter,
}

impl Metrics {
    /// Metrics at zero.
    pub(crate) fn new() -> Self {
        let mut registry = Registry::with_prefix("lifeboat");
        let metrics = Self {
            joins: Family::default(),
            requests: Family::default(),
            pushes: Family::default(),
            // 0.5 ms to 16 s.
            fanout: Histogram::new(exponential_buckets(0.0005, 2.0, 16)),
            slow_readers: Counter::default(),
            registry: Mutex::default(),
        };
        let mut add = |name: Name, metric: Box<dyn Registers>| metric.register(&mut registry, name);
        add(Name::Joins, Box::new(metrics.joins.clone()));
        add(Name::HttpRequests, Box::new(metrics.requests.clone()));
        add(Name::Pushes, Box::new(metrics.pushes.clone()));
        add(Name::FanoutSeconds, Box::new(metrics.fanout.clone()));
        add(Name::SlowReaders, Box::new(metrics.slow_readers.clone()));
        Self { registry: Mutex::new(registry), ..metrics }
    }

    /// Counts a join: `placed`, or the code of the refusal.
    pub(crate) fn joined(&self, outcome: &'static str) {
        self.joins.get_or_create(&Outcome { outcome }).inc();
    }

    /// Counts an answered request. `route` is the template, never the address itself.
    pub(crate) fn answered(&self, method: &str, route: &str, status: u16) {
        let labels = Answered { method: method.to_owned(), route: route.to_owned(), status };
        self.requests.get_or_create(&labels).inc();
    }

    /// Counts frames pushed to clients.
    pub(crate) fn pushed(&self, frame: &'static str, count: u64) {
        self.pushes.get_or_create(&Pushed { frame }).inc_by(count);
    }

    /// Notes how long after the commit a client was told to leave.
    pub(crate) fn fanned_out(&self, after: Duration) {
        self.fanout.observe(after.as_secs_f64());
    }

    /// Counts a reader of events that was too slow.
    pub(crate) fn reader_dropped(&self) {
        self.slow_readers.inc();
    }

    /// Everything counted, as text without its end.
    fn counted(&self) -> Result<String, std::fmt::Error> {
        let registry = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
        let mut text = String::new();
        prometheus_client::encoding::text::encode_registry(&mut text, &registry)?;
        Ok(text)
    }
}

/// A metric that can be registered under a name of ours.
trait Registers {
    fn register(self: Box<Self>, registry: &mut Registry, name: Name);
}

impl<M: prometheus_client::registry::Metric> Registers for M {
    fn register(self: Box<Self>, registry: &mut Registry, name: Name) {
        registry.register(name.as_str(), name.help(), *self);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_counted_name_begins_with_the_program_s() {
        let metrics = Metrics::new();
        metrics.joined("placed");
        metrics.answered("GET", "/api/worlds/{id}", 200);
        metrics.fanned_out(Duration::from_millis(3));
        let text = metrics.counted().unwrap();
        assert!(text.contains("lifeboat_joins_total{outcome=\"placed\"} 1"), "{text}");
        assert!(text.contains(
            "lifeboat_http_requests_total{method=\"GET\",route=\"/api/worlds/{id}\",status=\"200\"} 1"
        ));
        assert!(text.contains("lifeboat_force_disconnect_fanout_seconds_count 1"));
        let names = text.lines().filter(|line| !line.starts_with('#'));
        assert!(names.into_iter().all(|line| line.starts_with("lifeboat_")));
    }
}
