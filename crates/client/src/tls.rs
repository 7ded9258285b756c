//! Encryption: rustls on ring, trusting the certificates that the system trusts.

use std::sync::{Arc, LazyLock};

use hyper_rustls::{ConfigBuilderExt as _, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use rustls::ClientConfig;
use tokio_tungstenite::Connector;

/// Made once: reading the system's certificates takes milliseconds.
static CONFIG: LazyLock<ClientConfig> = LazyLock::new(|| {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("ring speaks the default versions");
    match builder.clone().with_native_roots() {
        Ok(builder) => builder.with_no_client_auth(),
        Err(error) => {
            tracing::warn!(error = &error as &dyn std::error::Error, "no certificates found");
            builder.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth()
        }
    }
});

/// HTTP over TLS where the URL says so.
pub(crate) fn over(plain: HttpConnector) -> HttpsConnector<HttpConnector> {
    HttpsConnectorBuilder::new()
        .with_tls_config(CONFIG.clone())
        .https_or_http()
        .enable_http1()
        .wrap_connector(plain)
}

/// WebSockets over TLS where the URL says so.
pub(crate) fn for_sockets() -> Connector {
    static SHARED: LazyLock<Arc<ClientConfig>> = LazyLock::new(|| Arc::new(CONFIG.clone()));
    Connector::Rustls(Arc::clone(&SHARED))
}
