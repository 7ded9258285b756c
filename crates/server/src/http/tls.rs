//! The certificate of the TLS listener, read again when its files change.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use thiserror::Error;
use tokio::sync::watch;

use crate::app::stopped;
use crate::config::Tls;

/// How often is looked whether the files changed.
const RELOAD_PERIOD: Duration = Duration::from_secs(30);

/// Why a certificate cannot be used.
#[derive(Debug, Error)]
pub enum CertificateError {
    /// A file cannot be read.
    #[error("{} cannot be read", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// A file is no PEM file with what is needed in it.
    #[error("{} has no {needed} as PEM", path.display())]
    Malformed {
        /// Which.
        path: PathBuf,
        /// What was looked for.
        needed: &'static str,
        /// What is wrong.
        source: rustls::pki_types::pem::Error,
    },
    /// The certificate and the key do not belong together, or are of no use.
    #[error("the certificate and its key cannot be used")]
    Unusable(#[from] rustls::Error),
}

/// What connections are secured with, as of the last look at the files.
#[derive(Debug)]
pub(crate) struct Certificate {
    files: Tls,
    current: watch::Sender<Arc<ServerConfig>>,
}

impl Certificate {
    /// Reads the files.
    pub(crate) fn load(files: Tls) -> Result<Self, CertificateError> {
        let current = watch::Sender::new(read(&files)?);
        Ok(Self { files, current })
    }

    /// What the next connection is secured with.
    pub(crate) fn current(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.current.borrow())
    }

    /// Reads the files again whenever they have changed, until `shutdown`. Files that cannot be
    /// used leave things as they are.
    pub(crate) async fn keep(&self, mut shutdown: watch::Receiver<bool>) {
        let mut known = self.changed_at();
        loop {
            tokio::select! {
                () = tokio::time::sleep(RELOAD_PERIOD) => {}
                () = stopped(&mut shutdown) => return,
            }
            let changed = self.changed_at();
            if changed == known {
                continue;
            }
            match read(&self.files) {
                Ok(next) => {
                    tracing::info!("the certificate was read again");
                    self.current.send_replace(next);
                    known = changed;
                }
                Err(error) => {
                    tracing::warn!(%error, "the changed certificate cannot be used; the old one stays");
                }
            }
        }
    }

    fn changed_at(&self) -> [Option<SystemTime>; 2] {
        let time = |path: &Path| fs::metadata(path).and_then(|file| file.modified()).ok();
        [time(&self.files.certificate), time(&self.files.key)]
    }
}

fn read(files: &Tls) -> Result<Arc<ServerConfig>, CertificateError> {
    let malformed = |path: &Path, needed| {
        let path = path.to_owned();
        move |source| CertificateError::Malformed { path, needed, source }
    };
    let chain = CertificateDer::pem_slice_iter(&bytes(&files.certificate)?)
        .collect::<Result<Vec<_>, _>>()
        .map_err(malformed(&files.certificate, "certificate"))?;
    let key = PrivateKeyDer::from_pem_slice(&bytes(&files.key)?)
        .map_err(malformed(&files.key, "private key"))?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    // A crowd that comes back resumes its sessions instead of having a signature made for each.
    config.ticketer = aws_lc_rs::Ticketer::new()?;
    config.send_tls13_tickets = 1;
    Ok(Arc::new(config))
}

fn bytes(path: &Path) -> Result<Vec<u8>, CertificateError> {
    fs::read(path).map_err(|source| CertificateError::Unreadable { path: path.to_owned(), source })
}
