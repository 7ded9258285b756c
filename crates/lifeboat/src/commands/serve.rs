//! `lifeboat serve`: the control plane.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::{ArgAction, Args, ValueEnum};
use lifeboat_server::{Config, DEFAULT, Layer};

use crate::commands::plaza::asked_to_end;
use crate::exit::Outcome;
use crate::ui;

/// How the control plane runs.
#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// Where to listen, else 127.0.0.1:7400; port 0 is the system's choice.
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// Where to listen with TLS too; needs `--tls-certificate`, `--tls-key` and `--public-url`.
    #[arg(long, value_name = "ADDRESS")]
    tls_listen: Option<SocketAddr>,
    /// The certificate chain, a PEM file; read again when it changes.
    #[arg(long, value_name = "FILE")]
    tls_certificate: Option<PathBuf>,
    /// The certificate's private key, a PEM file.
    #[arg(long, value_name = "FILE")]
    tls_key: Option<PathBuf>,
    /// Where state is kept: `sqlite`, the default, in the data directory, or `memory`.
    #[arg(long, value_name = "STORE")]
    store: Option<String>,
    /// The folder of mods, besides the built-in one.
    #[arg(long, value_name = "DIR")]
    mods: Option<PathBuf>,
    /// The address under which clients reach this control plane.
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
    /// A site whose pages may join worlds; give it again for more.
    #[arg(long = "cors-origin", value_name = "URL", action = ArgAction::Append)]
    cors_origins: Vec<String>,
    /// Whether a lost server is replaced (the default), or its world goes into Error at once.
    #[arg(long, value_enum)]
    restart_policy: Option<RestartPolicy>,
    /// Stop the servers along with the control plane, instead of leaving them running.
    #[arg(long)]
    stop_servers: bool,
    /// Show the metrics without a key.
    #[arg(long)]
    open_metrics: bool,
    /// A file with settings; options given here come before it.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print the default configuration file, which documents every setting, and end.
    #[arg(long)]
    default_config: bool,
}

/// What becomes of a lost server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum RestartPolicy {
    /// It is replaced.
    OnFailure,
    /// Its world goes into Error.
    Never,
}

impl ServeArgs {
    /// What was said on the command line; the rest is decided by the file and the default.
    fn layer(&self, data: Option<&Path>) -> Layer {
        let restart_policy = self.restart_policy.map(|policy| match policy {
            RestartPolicy::OnFailure => "on-failure".to_owned(),
            RestartPolicy::Never => "never".to_owned(),
        });
        Layer {
            listen: self.listen,
            tls_listen: self.tls_listen,
            tls_certificate: self.tls_certificate.clone(),
            tls_key: self.tls_key.clone(),
            data: data.map(Path::to_owned),
            store: self.store.clone(),
            mods: self.mods.clone(),
            public_url: self.public_url.clone(),
            cors_origins: Some(self.cors_origins.clone()).filter(|origins| !origins.is_empty()),
            restart_policy,
            stop_servers: self.stop_servers.then_some(true),
            open_metrics: self.open_metrics.then_some(true),
            ..Layer::default()
        }
    }
}

/// Runs the control plane until it is asked to end.
///
/// # Errors
/// When it cannot begin.
pub(crate) async fn run(args: ServeArgs, data: Option<&Path>) -> anyhow::Result<Outcome> {
    if args.default_config {
        ui::answer(DEFAULT.trim_end())?;
        return Ok(Outcome::Done);
    }
    let config = Config::from_layers(args.layer(data), args.config.as_deref())?;
    lifeboat_server::run(config, asked_to_end()?).await?;
    Ok(Outcome::Done)
}
