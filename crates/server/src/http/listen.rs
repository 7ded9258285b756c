//! The listening socket and its connections.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{Notify, watch};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tower::Service as _;

use crate::app::stopped;
use crate::http::tls::Certificate;

/// Connections that may wait to be accepted: a crowd that comes back at once must not meet a
/// retransmission timer.
const BACKLOG: u32 = 4_096;
/// Time that a client has for the TLS handshake, and then to send the head of a request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(15);
/// Wait after the system refused a connection, such as for want of descriptors.
const ACCEPT_RETRY: Duration = Duration::from_millis(50);

/// The address of the other end of a connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub(crate) SocketAddr);

/// Binds the listening socket.
pub(crate) fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Serves `router` until `shutdown` says so; with a certificate, over TLS.
pub(crate) async fn serve(
    listener: TcpListener,
    certificate: Option<Arc<Certificate>>,
    router: Router,
    mut shutdown: watch::Receiver<bool>,
) {
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    let config = certificate.as_deref().map(Certificate::current);
                    tokio::spawn(connection(stream, peer, config, router.clone()));
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection cannot be accepted");
                    tokio::time::sleep(ACCEPT_RETRY).await;
                }
            },
            () = stopped(&mut shutdown) => return,
        }
    }
}

async fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    config: Option<Arc<ServerConfig>>,
    router: Router,
) {
    // Frames are small and wanted at once.
    let _ = stream.set_nodelay(true);
    let Some(config) = config else { return answer(stream, peer, router).await };
    match timeout(HEAD_TIMEOUT, TlsAcceptor::from(config).accept(stream)).await {
        Ok(Ok(stream)) => answer(stream, peer, router).await,
        Ok(Err(error)) => tracing::debug!(%error, "a TLS handshake failed"),
        Err(_) => tracing::debug!("a TLS handshake was not finished in time"),
    }
}

async fn answer<S>(stream: S, peer: SocketAddr, router: Router)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let begun = Arc::new(Notify::new());
    let beginning = Arc::clone(&begun);
    // A layer would copy every route for each connection.
    let service = service_fn(move |mut request: http::Request<Incoming>| {
        beginning.notify_one();
        request.extensions_mut().insert(Peer(peer));
        router.clone().call(request)
    });
    let mut builder = Builder::new(TokioExecutor::new()).http1_only();
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT);
    let served = builder.serve_connection_with_upgrades(TokioIo::new(stream), service);
    let mut served = pin!(served);
    // The library's own timeout begins with the first byte, so whoever never says anything would
    // hold its descriptor for ever.
    let served = tokio::select! {
        served = &mut served => served,
        first = timeout(HEAD_TIMEOUT, begun.notified()) => match first {
            Ok(()) => served.await,
            Err(_) => return tracing::debug!("a connection did not say anything in time"),
        },
    };
    if let Err(error) = served {
        tracing::debug!(%error, "a connection ended badly");
    }
}
