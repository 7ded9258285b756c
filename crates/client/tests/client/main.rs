//! The SDK and the fleet over real sockets, against a control plane and game servers made for it.

#![expect(clippy::unwrap_used, reason = "what fails here fails its test")]

mod fake;
mod fleet;
mod sdk;
