//! The figures of a million clients, gateway by gateway and together.

use std::fmt;
use std::time::Duration;

use super::Plan;

/// Bytes of one ledger row as it is kept.
const ROW_BYTES: usize = 330;
/// Bytes of a placement with its two signed tokens.
const PLACEMENT_BYTES: usize = 1_900;

/// What happened at one gateway.
#[derive(Debug, Clone, Default)]
pub(super) struct Part {
    pub(super) people: usize,
    /// When each order was written, in milliseconds after the commit.
    pub(super) told_ms: Vec<u32>,
    /// When each client landed, in milliseconds after the commit.
    pub(super) landed_ms: Vec<u32>,
    pub(super) dark_ms: Vec<u32>,
    pub(super) orders_out: usize,
    pub(super) placements_out: usize,
    pub(super) joins_in: usize,
    pub(super) channels_opened: usize,
    pub(super) frames_in: usize,
    pub(super) bytes_out: usize,
    pub(super) commits: usize,
    pub(super) rows_kept: usize,
    /// Time of this machine that the desk took altogether.
    pub(super) desk_work: Duration,
    /// Time that it took to give everybody an order and a slot.
    pub(super) orders_work: Duration,
}

/// All gateways together.
#[derive(Debug)]
pub struct Report {
    pub(super) plan: Plan,
    pub(super) took: Duration,
    parts: Vec<Part>,
}

impl Report {
    pub(super) const fn new(plan: Plan) -> Self {
        Self { plan, took: Duration::ZERO, parts: Vec::new() }
    }

    pub(super) fn add(&mut self, part: Part) {
        self.parts.push(part);
    }

    /// How many clients arrived.
    #[must_use]
    pub fn landed(&self) -> usize {
        self.parts.iter().map(|part| part.landed_ms.len()).sum()
    }

    /// Clients of all gateways.
    #[must_use]
    pub fn people(&self) -> usize {
        self.parts.iter().map(|part| part.people).sum()
    }

    /// How many were told, and how many have landed, at each tenth of a second after the commit.
    pub(super) fn curves(&self) -> (Vec<usize>, Vec<usize>) {
        let curve = |times: fn(&Part) -> &Vec<u32>| {
            let all = || self.parts.iter().flat_map(times);
            let bins = all().max().map_or(0, |max| max / 100 + 1);
            let mut counts = vec![0usize; usize::try_from(bins).unwrap_or(0)];
            for ms in all() {
                counts[usize::try_from(ms / 100).unwrap_or(0)] += 1;
            }
            let mut sum = 0;
            counts
                .iter()
                .map(|count| {
                    sum += count;
                    sum
                })
                .collect()
        };
        (curve(|part| &part.told_ms), curve(|part| &part.landed_ms))
    }

    fn quantiles(&self, times: fn(&Part) -> &Vec<u32>) -> [u32; 3] {
        let mut all: Vec<u32> = self.parts.iter().flat_map(|part| times(part).clone()).collect();
        all.sort_unstable();
        let at = |share: usize| all.get((all.len().max(1) - 1) * share / 100).copied();
        [50, 99, 100].map(|share| at(share).unwrap_or(0))
    }

    /// The least, the middle and the most of something over the gateways.
    fn spread(&self, of: impl Fn(&Part) -> usize) -> [usize; 3] {
        let mut all: Vec<usize> = self.parts.iter().map(of).collect();
        all.sort_unstable();
        let last = all.len().max(1) - 1;
        [0, last / 2, last].map(|at| all.get(at).copied().unwrap_or(0))
    }

    /// Rejoins in the busiest second.
    fn busiest_second(&self) -> usize {
        let (_, landed) = self.curves();
        let before = |at: usize| at.checked_sub(10).map_or(0, |at| landed[at]);
        (0..landed.len()).map(|at| landed[at] - before(at)).max().unwrap_or(0)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Plan { gateways, worlds, .. } = self.plan;
        let (told, landed) =
            (self.quantiles(|part| &part.told_ms), self.quantiles(|part| &part.landed_ms));
        let dark = self.quantiles(|part| &part.dark_ms);
        writeln!(f, "{} clients, {gateways} gateways, {worlds} worlds", self.people())?;
        writeln!(f, "landed                {}", self.landed())?;
        writeln!(f, "told, ms              p50 {}  p99 {}  last {}", told[0], told[1], told[2])?;
        writeln!(
            f,
            "landed, ms            p50 {}  p99 {}  last {}",
            landed[0], landed[1], landed[2]
        )?;
        writeln!(f, "dark, ms              p50 {}  p99 {}  max {}", dark[0], dark[1], dark[2])?;
        writeln!(f, "busiest second        {} landings", self.busiest_second())?;
        writeln!(f, "per gateway           least / middle / most")?;
        let lines: [(&str, [usize; 3]); 9] = [
            ("orders written", self.spread(|part| part.orders_out)),
            ("placements pushed", self.spread(|part| part.placements_out)),
            ("joins answered", self.spread(|part| part.joins_in)),
            ("channels opened", self.spread(|part| part.channels_opened)),
            ("frames read", self.spread(|part| part.frames_in)),
            (
                "KiB written",
                self.spread(|part| (part.bytes_out + part.placements_out * PLACEMENT_BYTES) / 1024),
            ),
            ("ledger writes", self.spread(|part| part.commits)),
            ("ledger KiB", self.spread(|part| part.rows_kept * ROW_BYTES / 1024)),
            (
                "desk, ms of a core",
                self.spread(|part| {
                    usize::try_from(part.desk_work.as_millis()).unwrap_or(usize::MAX)
                }),
            ),
        ];
        for (name, [least, middle, most]) in lines {
            writeln!(f, "  {name:<19} {least} / {middle} / {most}")?;
        }
        let orders =
            self.spread(|part| usize::try_from(part.orders_work.as_micros()).unwrap_or(usize::MAX));
        writeln!(f, "  {:<19} {} / {} / {}", "orders, µs", orders[0], orders[1], orders[2])?;
        write!(f, "simulated in {:.1?}", self.took)
    }
}
