//! The server: listens, lets people in, ticks, reports, and says bye.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_tungstenite::tungstenite::http::Uri;

use crate::connection::{self, House};
use crate::door::Addressee;
use crate::keys::{KeyRing, http_client};
use crate::limits::{CLOSE_TIMEOUT, CONNECTIONS_MAX, LISTEN_BACKLOG, SEND_BUFFER_BYTES};
use crate::report::Reports;
use crate::room::Room;
use crate::sdk::Sdk;
use crate::settings::PlazaSettings;

/// Wait after the system refused to give a further connection, as for want of descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Why a server could not run.
#[derive(Debug, Error)]
pub enum PlazaError {
    /// Nobody can listen at that address.
    #[error("cannot listen at {address}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// There is no way to call the SDK endpoint.
    #[error("cannot make an HTTP client")]
    Http(#[source] reqwest::Error),
    /// The address of the keys is none.
    #[error("`{url}` is not a URL to fetch keys from")]
    JwksUrl {
        /// What was given.
        url: String,
    },
}

/// A server that listens, but does not serve yet.
#[derive(Debug)]
pub struct Plaza {
    listener: TcpListener,
    address: SocketAddr,
    http: reqwest::Client,
    settings: PlazaSettings,
    house: Arc<House>,
}

/// Runs a server until `shutdown` completes; then everyone is told, and it returns.
///
/// # Errors
/// When it cannot start. Once it serves, nothing ends it but `shutdown`.
pub async fn run(
    settings: PlazaSettings,
    shutdown: impl Future<Output = ()>,
) -> Result<(), PlazaError> {
    Plaza::listen(settings)?.serve(shutdown).await;
    Ok(())
}

impl Plaza {
    /// Listens; connections wait from now on.
    ///
    /// # Errors
    /// When the address is taken, or not this machine's.
    pub fn listen(settings: PlazaSettings) -> Result<Self, PlazaError> {
        let url_is_good = settings.jwks_url.parse::<Uri>().is_ok_and(|url| url.host().is_some());
        if !url_is_good {
            return Err(PlazaError::JwksUrl { url: settings.jwks_url });
        }
        let address = settings.listen;
        let failed = |source| PlazaError::Listen { address, source };
        let listener = listen(address).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let room = Room::new(settings.server.to_string(), settings.map);
        let addressee =
            Addressee { server: settings.server.clone(), deployment: settings.deployment.clone() };
        let house = House { room: Arc::new(room), keys: KeyRing::default(), addressee };
        let http = http_client().map_err(PlazaError::Http)?;
        Ok(Self { listener, address, http, settings, house: Arc::new(house) })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `shutdown` completes; then everyone is told, and at most two seconds later it
    /// returns.
    pub async fn serve(self, shutdown: impl Future<Output = ()>) {
        let Self { listener, address, http, settings, house } = self;
        let PlazaSettings { world, deployment, server, map, .. } = &settings;
        tracing::info!(
            world.id = %world, deployment.id = %deployment, server.id = %server,
            map = map.name(), %address, "plaza is open"
        );
        let room = &house.room;
        let connections = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        let reports = Reports::new(Sdk::new(http.clone(), settings.sdk_port), room.clone());
        tokio::select! {
            () = shutdown => {}
            () = let_in(&listener, &house, &connections) => {}
            () = tick(room) => {}
            () = reports.keep() => {}
            () = house.keys.keep(&http, &settings.jwks_url) => {}
        }
        drop(listener);
        room.close();
        let everyone = u32::try_from(CONNECTIONS_MAX).unwrap_or(u32::MAX);
        match timeout(CLOSE_TIMEOUT, connections.acquire_many(everyone)).await {
            Ok(_) => tracing::info!("plaza is closed"),
            Err(_) => tracing::info!("plaza is closed; some did not hang up in time"),
        }
    }
}

fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    // Accepted sockets inherit both. Small frames go out at once.
    socket.set_send_buffer_size(SEND_BUFFER_BYTES)?;
    socket.set_nodelay(true)?;
    socket.bind(address)?;
    socket.listen(LISTEN_BACKLOG)
}

async fn let_in(listener: &TcpListener, house: &Arc<House>, connections: &Arc<Semaphore>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let Ok(permit) = connections.clone().try_acquire_owned() else {
                    tracing::warn!(limit = CONNECTIONS_MAX, "too many connections; one hung up on");
                    continue;
                };
                let house = house.clone();
                tokio::spawn(async move {
                    connection::serve(stream, house).await;
                    drop(permit);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn tick(room: &Room) {
    let mut next = Instant::now();
    loop {
        next = (next + room.tick()).max(Instant::now());
        sleep_until(next).await;
    }
}
