//! The same over TLS: what the channels cost to open, to keep and to write to.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use rustls::crypto::aws_lc_rs;
use rustls::{ClientConfig, RootCertStore};
use serde_json::json;
use tempfile::TempDir;

use crate::figures::{Better, Report};
use crate::rig::Rig;
use crate::subject::Lifeboat;
use crate::{crowd, joins, machine};

const SESSIONS: usize = 10_000;
const CALM: Duration = Duration::from_millis(500);

/// The order to leave to 10,000 channels over TLS.
pub(crate) fn measure(program: &Path, report: &mut Report) -> Result<()> {
    let folder = TempDir::new()?;
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
    let (chain, key) = (folder.path().join("chain.pem"), folder.path().join("key.pem"));
    fs::write(&chain, made.cert.pem())?;
    fs::write(&key, made.signing_key.serialize_pem())?;
    let address = free_address()?;
    let (listen, chain, key) =
        (address.to_string(), chain.display().to_string(), key.display().to_string());
    let url = format!("https://localhost:{}", address.port());
    let flags = [
        ["--tls-listen", &listen],
        ["--tls-certificate", &chain],
        ["--tls-key", &key],
        ["--public-url", &url],
    ];
    let subject = Lifeboat::start_with(program, flags.as_flattened())?;
    let world = subject.world("Bench")?;
    let mut rig = Rig::new()?;
    let tokens = joins::join(&mut rig, &subject, &world, SESSIONS, "{}")?;
    let empty = machine::resident(subject.pid())?;
    rig.secure(address, trusting(made.cert.der().clone())?);
    let before = machine::cpu(subject.pid())?;
    let filled = crowd::fill(&mut rig, address, crowd::channels(&tokens), false)?;
    let opened = machine::cpu(subject.pid())?.saturating_sub(before);
    crowd::rest(&mut rig, CALM)?;
    let n = f64::from(u32::try_from(SESSIONS)?);
    let resident = (machine::resident(subject.pid())? - empty) / n / 1024.0;
    let us = |cpu: Duration| cpu.as_secs_f64() * 1e6 / n;

    let path = format!("/api/worlds/{world}/live-config/increment");
    let raise = json!({ "path": "/game/ForceDisconnect/AllClients" });
    let raise = subject.operator.request("POST", &path, &raise);
    let before = machine::cpu(subject.pid())?;
    let times = crowd::push(&mut rig, subject.address, &raise, "forceDisconnect", SESSIONS)?;
    let pushed = machine::cpu(subject.pid())?.saturating_sub(before);

    let mut add = |what: &str, unit, value| {
        report.add(&format!("TLS, {SESSIONS} sessions: {what}"), unit, Better::Less, value);
    };
    add("channels opened", "s", filled.as_secs_f64());
    add("server CPU a channel opened", "us", us(opened));
    add("resident memory per session", "KiB", resident);
    add("fan-out, last client", "ms", times.last());
    add("fan-out, server CPU a push", "us", us(pushed));
    Ok(())
}

fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

fn trusting(root: rustls::pki_types::CertificateDer<'static>) -> Result<Arc<ClientConfig>> {
    let mut roots = RootCertStore::empty();
    roots.add(root)?;
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}
