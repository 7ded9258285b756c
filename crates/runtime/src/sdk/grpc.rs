//! The SDK over gRPC, on a loopback port that only this one server was told. The same state as
//! over HTTP, in the types of the proto files.

mod beta;
mod convert;

use std::pin::Pin;
use std::sync::Arc;

use futures::{Stream, StreamExt};
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::transport::Server;
use tonic::{Code, Request, Response, Status, Streaming};

use super::error::SdkError;
use super::stream;
use crate::health::Moment;
use crate::limits::{SDK_BODY_BYTES_MAX, SDK_CALLS_MAX};
use crate::live_server::LiveServer;
use proto::sdk_server::{Sdk, SdkServer};
use proto::{Duration, Empty, GameServer, KeyValue};

/// The stable part of the contract.
#[expect(unreachable_pub, clippy::allow_attributes, reason = "made by the build from sdk.proto")]
pub(crate) mod proto {
    tonic::include_proto!("agones.dev.sdk");
}

/// Serves the SDK of one server until its endpoints are closed.
pub(crate) async fn serve(listener: TcpListener, server: Arc<LiveServer>) {
    let face = Face { server: Arc::clone(&server) };
    let stable = SdkServer::new(face.clone()).max_decoding_message_size(SDK_BODY_BYTES_MAX);
    let beta = beta::service(face).max_decoding_message_size(SDK_BODY_BYTES_MAX);
    let served = Server::builder()
        .concurrency_limit_per_connection(SDK_CALLS_MAX)
        .add_service(stable)
        .add_service(beta)
        .serve_with_incoming_shutdown(TcpListenerStream::new(listener), server.closed());
    if let Err(error) = served.await {
        let server_id = server.record().server.as_str();
        tracing::warn!(server.id = server_id, %error, "the SDK over gRPC has ended");
    }
}

/// One server's SDK as gRPC calls it.
#[derive(Debug, Clone)]
pub(super) struct Face {
    server: Arc<LiveServer>,
}

type Answer<T> = Result<Response<T>, Status>;

fn done() -> Answer<Empty> {
    Ok(Response::new(Empty {}))
}

impl From<SdkError> for Status {
    fn from(error: SdkError) -> Self {
        Self::new(Code::from(error.kind.grpc_code()), error.message)
    }
}

#[tonic::async_trait]
impl Sdk for Face {
    type WatchGameServerStream = Pin<Box<dyn Stream<Item = Result<GameServer, Status>> + Send>>;

    async fn ready(&self, _request: Request<Empty>) -> Answer<Empty> {
        let now = Moment::now();
        self.server.change(now, |sdk| sdk.ready(now.at));
        done()
    }

    async fn allocate(&self, _request: Request<Empty>) -> Answer<Empty> {
        let now = Moment::now();
        self.server.change(now, |sdk| sdk.allocate(now.at));
        done()
    }

    async fn shutdown(&self, _request: Request<Empty>) -> Answer<Empty> {
        self.server.change(Moment::now(), |sdk| sdk.shutdown());
        done()
    }

    async fn health(&self, request: Request<Streaming<Empty>>) -> Answer<Empty> {
        let mut beats = request.into_inner();
        loop {
            let beat = tokio::select! {
                beat = beats.message() => beat?,
                () = self.server.closed() => None,
            };
            match beat {
                Some(Empty {}) => self.server.beat(Moment::now()),
                None => return done(),
            }
        }
    }

    async fn get_game_server(&self, _request: Request<Empty>) -> Answer<GameServer> {
        Ok(Response::new(convert::game_server(&self.server)))
    }

    async fn watch_game_server(
        &self,
        _request: Request<Empty>,
    ) -> Answer<Self::WatchGameServerStream> {
        let versions = self.server.versions();
        let objects = stream::values(Arc::clone(&self.server), versions, |server, _version| {
            convert::game_server(server)
        })?;
        Ok(Response::new(Box::pin(objects.map(Ok))))
    }

    async fn set_label(&self, request: Request<KeyValue>) -> Answer<Empty> {
        let KeyValue { key, value } = request.into_inner();
        self.server.change(Moment::now(), |sdk| sdk.set_label(&key, &value))?;
        done()
    }

    async fn set_annotation(&self, request: Request<KeyValue>) -> Answer<Empty> {
        let KeyValue { key, value } = request.into_inner();
        self.server.change(Moment::now(), |sdk| sdk.set_own_annotation(&key, &value))?;
        done()
    }

    async fn reserve(&self, request: Request<Duration>) -> Answer<Empty> {
        let now = Moment::now();
        let seconds = request.into_inner().seconds;
        self.server.change(now, |sdk| sdk.reserve(seconds, now.at))?;
        done()
    }
}
