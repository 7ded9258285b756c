//! The listening socket and its connections.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use lifeboat_gateway::{Gateway, Secrecy, Upgraded};
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{Notify, watch};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tower::Service as _;

use crate::app::stopped;
use crate::http::handover::{Handover, KeepsAnswer};
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
    // Frames are small and wanted at once. Accepted sockets inherit it.
    socket.set_nodelay(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// What answers requests, and what takes session channels.
#[derive(Clone)]
pub(crate) struct Service {
    pub(crate) router: Router,
    pub(crate) gateway: Arc<Gateway>,
}

/// A socket of an HTTP connection.
trait Socket: AsyncRead + AsyncWrite + Unpin + Send + 'static {
    /// The bare socket, with what stands between it and its bytes.
    fn into_channel(self) -> io::Result<(std::net::TcpStream, Secrecy)>;

    /// Ends it as its protocol wants it. The socket itself is closed when it is dropped.
    fn end(self) -> impl Future<Output = ()> + Send;
}

impl Socket for TcpStream {
    fn into_channel(self) -> io::Result<(std::net::TcpStream, Secrecy)> {
        Ok((self.into_std()?, Secrecy::Plain))
    }

    async fn end(self) {}
}

impl Socket for TlsStream<TcpStream> {
    fn into_channel(self) -> io::Result<(std::net::TcpStream, Secrecy)> {
        let (stream, tls) = self.into_inner();
        Ok((stream.into_std()?, Secrecy::Tls(Box::new(tls))))
    }

    async fn end(mut self) {
        // Whoever is gone already needs no goodbye.
        let _ = timeout(HEAD_TIMEOUT, self.shutdown()).await;
    }
}

/// Serves until `shutdown` says so; with a certificate, over TLS.
pub(crate) async fn serve(
    listener: TcpListener,
    certificate: Option<Arc<Certificate>>,
    service: Service,
    mut shutdown: watch::Receiver<bool>,
) {
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    let config = certificate.as_deref().map(Certificate::current);
                    tokio::spawn(connection(stream, peer, config, service.clone()));
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
    service: Service,
) {
    // Both ways are large and only one is taken, so neither is a part of the task from the start.
    let Some(config) = config else { return Box::pin(answer(stream, peer, service)).await };
    let handshake = Box::pin(TlsAcceptor::from(config).accept(stream));
    match timeout(HEAD_TIMEOUT, handshake).await {
        Ok(Ok(stream)) => Box::pin(answer(stream, peer, service)).await,
        Ok(Err(error)) => tracing::debug!(%error, "a TLS handshake failed"),
        Err(_) => tracing::debug!("a TLS handshake was not finished in time"),
    }
}

async fn answer<S: Socket>(stream: S, peer: SocketAddr, Service { router, gateway }: Service) {
    let begun = Arc::new(Notify::new());
    let handover = Handover::default();
    let (beginning, offered) = (Arc::clone(&begun), handover.clone());
    let stream = KeepsAnswer::new(stream, handover.clone());
    // A layer would copy every route for each connection.
    let service = service_fn(move |mut request: http::Request<Incoming>| {
        beginning.notify_one();
        request.extensions_mut().insert(Peer(peer));
        request.extensions_mut().insert(offered.clone());
        router.clone().call(request)
    });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT);
    let mut http = builder.serve_connection(TokioIo::new(stream), service);
    // The library's own timeout begins with the first byte, so whoever never says anything would
    // hold its descriptor for ever.
    let served = tokio::select! {
        served = poll_fn(|cx| http.poll_without_shutdown(cx)) => served,
        first = timeout(HEAD_TIMEOUT, begun.notified()) => match first {
            Ok(()) => poll_fn(|cx| http.poll_without_shutdown(cx)).await,
            Err(_) => return tracing::debug!("a connection did not say anything in time"),
        },
    };
    if let Err(error) = served {
        return tracing::debug!(%error, "a connection ended badly");
    }
    let parts = http.into_parts();
    let (socket, answer) = parts.io.into_inner().into_parts();
    let Some(token) = handover.taken() else { return socket.end().await };
    match socket.into_channel() {
        Ok((stream, secrecy)) => {
            let early = parts.read_buf.to_vec();
            gateway.take(Upgraded { stream, secrecy, answer, early }, token);
        }
        Err(error) => tracing::debug!(%error, "a client went away during the handshake"),
    }
}
