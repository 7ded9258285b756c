//! Placeholder until the coarse simulation is written.
