//! The settings of `lifeboat serve`.

mod file;

use std::net::SocketAddr;
use std::path::PathBuf;

pub use file::{ConfigError, DEFAULT, Layer};

/// How to run the control plane.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where to listen; port 0 lets the system choose.
    pub listen: SocketAddr,
    /// Where to listen with TLS too, and by which certificate.
    pub tls: Option<Tls>,
    /// The data directory.
    pub data: PathBuf,
    /// The store: `sqlite` in the data directory, or `memory`, which forgets everything.
    pub store: StoreKind,
    /// A folder with mods besides the built-in one.
    pub mods: Option<PathBuf>,
    /// The address under which clients and operators reach this installation; by default where it
    /// listens.
    pub public_url: Option<String>,
    /// The host that clients reach game servers at.
    pub advertise_host: String,
    /// Origins whose pages may join, besides our own.
    pub cors_origins: Vec<String>,
    /// What becomes of a lost server.
    pub restart_policy: RestartPolicy,
    /// Whether game servers end with the control plane.
    pub servers_on_stop: ServersOnStop,
    /// Who may read the metrics.
    pub metrics: MetricsAccess,
    /// Threads that hold session channels.
    pub gateway_threads: u16,
    /// Whether many frames are given to the system in one call, where it allows that.
    pub io_uring: bool,
    /// Issuers of players' tokens besides the built-in one.
    pub issuers: Vec<Issuer>,
    /// The text that a started server prints for operators goes here: off while tests run.
    pub greeting: Greeting,
}

/// Listening with TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// Where to listen; port 0 lets the system choose.
    pub listen: SocketAddr,
    /// The certificate and those between it and the authority, as PEM.
    pub certificate: PathBuf,
    /// Its private key, as PEM.
    pub key: PathBuf,
}

/// Which store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreKind {
    /// A database file in the data directory.
    Sqlite,
    /// In memory only.
    Memory,
}

/// What becomes of a lost server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RestartPolicy {
    /// It is replaced, with backoff and at most three times in ten minutes.
    OnFailure,
    /// Its deployment is in Error at once.
    Never,
}

/// What becomes of game servers when the control plane stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServersOnStop {
    /// They run on and are found again.
    Leave,
    /// They are stopped too.
    Stop,
}

/// Who may read the metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricsAccess {
    /// Whoever has a viewer's key.
    Viewers,
    /// Everyone.
    Open,
}

/// Whether the addresses and the first key are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Greeting {
    /// On standard output.
    Print,
    /// Not at all.
    Silent,
}

/// Somebody whose tokens say who a player is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issuer {
    /// The claim `iss` of its tokens.
    pub name: String,
    /// Its public keys: a JWKS document as text.
    pub jwks: String,
    /// The audience that its tokens have to name, if any.
    pub audience: Option<String>,
}
