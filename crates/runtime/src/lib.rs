//! Launches game servers and watches them. This crate executes and observes; when a server is
//! started, replaced or stopped is decided elsewhere.
//!
//! [`Runtime`] is what the control plane knows. [`LocalRuntime`] runs servers as processes of this
//! machine, gives each an endpoint of the Agones SDK contract of its own, and finds them again
//! after a restart of Lifeboat: nothing that a server holds (its output, its ports, its parent)
//! makes its life depend on ours.
//!
//! Levels, not edges: [`Runtime::observe`] always tells the whole truth, and an event of
//! [`Runtime::subscribe`] only says that it is worth a look.

pub mod event;
pub mod health;
pub mod limits;
pub mod local;
pub mod runtime;
pub mod sdk;

mod files;
mod launch;
mod live_server;
mod output;
mod process;
mod registry;
mod supervisor;

pub use event::{Exit, RuntimeEvent, ServerHealth, ServerObservation};
pub use local::{LocalConfig, LocalRuntime};
pub use runtime::{
    AdoptError, Adoption, Runtime, ServerSpec, StartError, StartedServer, StopError, UnknownServer,
};
pub use sdk::state::{Counter, List, SdkState};
