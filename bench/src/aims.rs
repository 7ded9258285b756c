//! What the figures have to reach at least, and what is striven for.

/// The aims of one figure, in its unit.
pub(crate) struct Aim {
    name: &'static str,
    pub(crate) must: f64,
    pub(crate) strive: f64,
}

/// The aims of the figure of this name, if it has any.
pub(crate) fn of(name: &str) -> Option<&'static Aim> {
    AIMS.iter().find(|aim| aim.name == name)
}

const fn aim(name: &'static str, must: f64, strive: f64) -> Aim {
    Aim { name, must, strive }
}

/// What a client costs in the largest crowd, compared with the smallest.
pub(crate) const GROWTH: &str = "server CPU a push in the largest crowd, ratio to the smallest";

const AIMS: [Aim; 14] = [
    aim("fan-out to 10000, last client, ratio to bare", 1.3, 1.1),
    aim("fan-out to 1000, server CPU a push", 7.0, 5.6),
    aim("fan-out to 5000, server CPU a push", 7.0, 5.6),
    aim("fan-out to 10000, server CPU a push", 7.0, 5.6),
    aim("fan-out to 19000, server CPU a push", 7.0, 5.6),
    aim("fan-out to 10000, first client", 5.0, 2.0),
    aim("resident memory per session at 10000", 3.0, 1.5),
    aim("10000 idle sessions, heartbeats every 15 s", 2.0, 1.0),
    aim("joins per second and core of the server", 15_000.0, 30_000.0),
    aim("evacuation of 9800 by placements, last in world, ratio to bare", 2.5, 1.5),
    aim("evacuation of 9800 by join, last in world, ratio to bare", 3.0, 2.0),
    aim("live config change to 18000 sessions, last client", 0.3, 0.15),
    aim("18000 new sessions: joined, channel open", 3.0, 1.5),
    aim(GROWTH, 1.2, 1.05),
];
