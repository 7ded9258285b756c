//! The TLS listener: the API, the session channel and its pushes over it.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;

use futures::SinkExt as _;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::guest::{frame, join_patiently};
use crate::server::{Server, text};

/// A certificate for `localhost`, in files.
struct Certificate {
    folder: TempDir,
    root: CertificateDer<'static>,
}

impl Certificate {
    fn new() -> Self {
        let folder = TempDir::new().expect("a folder for the certificate");
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("made");
        let write = |name: &str, pem: String| std::fs::write(folder.path().join(name), pem);
        write("certificate.pem", made.cert.pem()).expect("written");
        write("key.pem", made.signing_key.serialize_pem()).expect("written");
        Self { folder, root: made.cert.der().clone() }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    async fn connect(&self, to: SocketAddr) -> TlsStream<TcpStream> {
        let mut roots = RootCertStore::empty();
        roots.add(self.root.clone()).expect("a certificate");
        let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_root_certificates(roots)
            .with_no_client_auth();
        let stream = TcpStream::connect(to).await.expect("it listens");
        let name = ServerName::try_from("localhost").expect("a name");
        let connector = TlsConnector::from(Arc::new(config));
        connector.connect(name, stream).await.expect("the handshake succeeds")
    }
}

fn free_port() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("bound")
}

type Channel = WebSocketStream<TlsStream<TcpStream>>;

async fn open_channel(certificate: &Certificate, to: SocketAddr, placed: &Value) -> Channel {
    let mut request = text(&placed["sessionUrl"]).into_client_request().expect("an address");
    let protocols = format!("lifeboat.v1, token.{}", text(&placed["sessionToken"]));
    request.headers_mut().insert("Sec-WebSocket-Protocol", protocols.parse().expect("a header"));
    let stream = certificate.connect(to).await;
    client_async(request, stream).await.expect("the upgrade always succeeds").0
}

#[tokio::test(flavor = "multi_thread")]
async fn the_channel_works_over_tls_from_the_hello_to_the_order_to_leave() {
    let (certificate, secured) = (Certificate::new(), free_port());
    let address = format!("https://localhost:{}", secured.port());
    let (chain, key) = (certificate.path("certificate.pem"), certificate.path("key.pem"));
    let flags = [
        ["--tls-listen", &secured.to_string()],
        ["--tls-certificate", &chain],
        ["--tls-key", &key],
        ["--public-url", &address],
    ];
    let server = Server::start_with(flags.as_flattened()).await;
    let world = server.active_world(json!({ "name": "Main Stage" })).await;

    let mut api = certificate.connect(secured).await;
    let request = "GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    api.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = String::new();
    // How the server ends the connection is its own affair.
    let _ = api.read_to_string(&mut answer).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");

    let placed = join_patiently(&server.api.anonymous(), &world, &json!({})).await;
    let url = text(&placed["sessionUrl"]);
    assert_eq!(url, format!("wss://localhost:{}/session", secured.port()));
    let mut channel = open_channel(&certificate, secured, &placed).await;
    let hello = frame(&mut channel, "hello").await;
    assert_eq!(hello["session"], placed["session"]);
    let in_world = json!({ "type": "state", "state": "inWorld", "world": world });
    channel.send(Message::text(in_world.to_string())).await.expect("open");

    let path = format!("/api/worlds/{world}/live-config");
    let change = json!({ "project": { "Stage": { "Title": "Encore" } } });
    server.api.patch(&path, change).await.expect(200);
    let pushed = frame(&mut channel, "liveConfig").await;
    assert_eq!(pushed["changes"]["/project/Stage/Title"], "Encore");

    let raise = json!({ "path": "/game/ForceDisconnect/AllClients" });
    server.api.post(&format!("{path}/increment"), raise).await.expect(200);
    let order = frame(&mut channel, "forceDisconnect").await;
    assert_eq!(order["allClients"], 1);
}

#[test]
fn a_certificate_without_its_key_is_refused_with_the_remedy() {
    let refused = |flags: &[&str]| {
        let data = TempDir::new().expect("a folder");
        let output = std::process::Command::new(crate::server::lifeboat())
            .args(["serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(data.path())
            .args(flags)
            .output()
            .expect("it runs");
        assert!(!output.status.success(), "{output:?}");
        String::from_utf8(output.stderr).expect("text")
    };
    let alone = refused(&["--tls-listen", "127.0.0.1:0"]);
    assert!(alone.contains("`tls_certificate` and `tls_key` together"), "{alone}");
    let missing = Path::new("missing.pem").display().to_string();
    let https = ["--public-url", "https://localhost"];
    let files =
        ["--tls-listen", "127.0.0.1:0", "--tls-certificate", &missing, "--tls-key", &missing];
    assert!(refused(&files).contains("public_url"), "the name is missing");
    let unread = refused(&[&files[..], &https[..]].concat());
    assert!(unread.contains("missing.pem cannot be read"), "{unread}");
}
