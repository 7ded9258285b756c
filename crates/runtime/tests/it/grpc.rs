//! The SDK over gRPC, as the SDKs of Agones call it.

#[expect(
    unreachable_pub,
    clippy::allow_attributes,
    reason = "made by the build from the proto files"
)]
mod proto {
    pub(crate) mod stable {
        tonic::include_proto!("agones.dev.sdk");
    }
    pub(crate) mod beta {
        tonic::include_proto!("agones.dev.sdk.beta");
    }
}

use lifeboat_runtime::{Adoption, LocalRuntime, Runtime, SdkState, ServerHealth, StartedServer};
use proto::beta::sdk_client::SdkClient as BetaClient;
use proto::beta::{AddListValueRequest, CounterUpdateRequest, List, UpdateCounterRequest};
use proto::beta::{GetListRequest, UpdateListRequest};
use proto::stable::sdk_client::SdkClient;
use proto::stable::{Duration, Empty, KeyValue};
use tokio::time::timeout;
use tonic::Code;
use tonic::transport::{Channel, Endpoint};

use crate::support::{Fixture, PATIENCE, Sdk};

async fn channel(record: &StartedServer) -> Channel {
    let port = record.sdk_grpc_port.unwrap();
    Endpoint::from_shared(format!("http://127.0.0.1:{port}")).unwrap().connect().await.unwrap()
}

#[tokio::test]
async fn both_faces_show_one_state() {
    let fixture = Fixture::new();
    let record = fixture.script("grpc", "exec sleep 60").await;
    let mut sdk = SdkClient::new(channel(&record).await);
    let mut watch = sdk.watch_game_server(Empty {}).await.unwrap().into_inner();
    sdk.ready(Empty {}).await.unwrap();
    sdk.health(futures::stream::iter([Empty {}, Empty {}])).await.unwrap();
    let pair = KeyValue { key: "map".into(), value: "garden".into() };
    sdk.set_label(pair.clone()).await.unwrap();
    sdk.set_annotation(pair).await.unwrap();
    sdk.reserve(Duration { seconds: 0 }).await.unwrap();
    let reserved = async {
        loop {
            let now = watch.message().await.unwrap().unwrap();
            let status = now.status.unwrap();
            if status.state == "Reserved" {
                return (now.object_meta.unwrap(), status);
            }
        }
    };
    let (meta, status) = timeout(PATIENCE, reserved).await.unwrap();
    assert_eq!(meta.labels["agones.dev/sdk-map"], "garden");
    assert_eq!(status.ports[0].port, i32::from(record.game_port));
    assert_eq!(status.counters["rooms"].capacity, 10);
    let shown = Sdk::of(&record).ok("GET", "/gameserver", "").await;
    assert_eq!(shown["status"]["state"], "Reserved");
    let now = fixture.observe(&record.server);
    assert_eq!((now.state, now.health), (SdkState::Reserved, ServerHealth::Healthy));

    fixture.runtime.kill(&record.server).await.unwrap();
    assert!(timeout(PATIENCE, watch.message()).await.is_ok(), "the stream ends with the server");
}

#[tokio::test]
async fn counters_and_lists_are_changed_and_refused() {
    let fixture = Fixture::new();
    let record = fixture.script("grpc_beta", "exec sleep 60").await;
    let mut sdk = BetaClient::new(channel(&record).await);
    let update = |count_diff| UpdateCounterRequest {
        counter_update_request: Some(CounterUpdateRequest {
            name: "rooms".into(),
            capacity: Some(20),
            count_diff,
            count: None,
        }),
    };
    let rooms = sdk.update_counter(update(4)).await.unwrap().into_inner();
    assert_eq!((rooms.count, rooms.capacity), (5, 20));
    assert_eq!(sdk.update_counter(update(99)).await.unwrap_err().code(), Code::OutOfRange);

    let name = "players".to_owned();
    let add = AddListValueRequest { name: name.clone(), value: "ses_1".into() };
    sdk.add_list_value(add.clone()).await.unwrap();
    assert_eq!(sdk.add_list_value(add).await.unwrap_err().code(), Code::AlreadyExists);
    let mask = |path: &str| Some(prost_types::FieldMask { paths: vec![path.into()] });
    let list = List { name: name.clone(), capacity: 7, values: Vec::new() };
    let only_capacity =
        UpdateListRequest { list: Some(list.clone()), update_mask: mask("capacity") };
    let players = sdk.update_list(only_capacity).await.unwrap().into_inner();
    assert_eq!((players.capacity, players.values.as_slice()), (7, &["ses_1".to_owned()][..]));
    let wrong = UpdateListRequest { list: Some(list), update_mask: mask("nonsense") };
    assert_eq!(sdk.update_list(wrong).await.unwrap_err().code(), Code::InvalidArgument);
    let none = GetListRequest { name: "none".into() };
    assert_eq!(sdk.get_list(none).await.unwrap_err().code(), Code::NotFound);
}

#[tokio::test]
async fn an_adopted_server_finds_it_at_the_same_port() {
    let mut fixture = Fixture::new();
    let record = fixture.script("grpc_adopted", "exec sleep 60").await;
    SdkClient::new(channel(&record).await).ready(Empty {}).await.unwrap();
    fixture.runtime.detach().await;
    fixture.runtime = LocalRuntime::open(fixture.config.clone()).unwrap();
    assert_eq!(fixture.runtime.adopt(record.clone()).await.unwrap(), Adoption::Adopted);
    let mut sdk = SdkClient::new(channel(&record).await);
    let shown = sdk.get_game_server(Empty {}).await.unwrap().into_inner();
    assert_eq!(shown.status.unwrap().state, "Ready");
}
