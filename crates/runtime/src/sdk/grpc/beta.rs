//! Counters and lists over gRPC.

use tonic::{Request, Response, Status};

use super::{Answer, Face};
use crate::health::Moment;
use crate::sdk::error::SdkError;
use crate::sdk::state::{self, CounterUpdate, ListUpdate};
use proto::sdk_server::{Sdk, SdkServer};
use proto::{
    AddListValueRequest, Counter, GetCounterRequest, GetListRequest, List, RemoveListValueRequest,
    UpdateCounterRequest, UpdateListRequest,
};

/// The beta part of the contract.
#[expect(unreachable_pub, clippy::allow_attributes, reason = "made by the build from beta.proto")]
mod proto {
    tonic::include_proto!("agones.dev.sdk.beta");
}

/// The service over one server's SDK.
pub(super) fn service(face: Face) -> SdkServer<Face> {
    SdkServer::new(face)
}

fn counter(name: String, counter: state::Counter) -> Counter {
    Counter { name, count: counter.count, capacity: counter.capacity }
}

fn list(name: &str, list: &state::List) -> List {
    List { name: name.into(), capacity: list.capacity, values: list.values.to_vec() }
}

fn missing(field: &str) -> Status {
    Status::invalid_argument(format!("{field} is missing"))
}

/// What of a list the mask selects; without a mask everything, as in Agones.
fn masked(sent: List, mask: Option<Vec<String>>) -> Result<ListUpdate, SdkError> {
    let mut update = ListUpdate::default();
    let paths = mask.unwrap_or_else(|| vec!["capacity".into(), "values".into()]);
    let mut values = Some(sent.values);
    for path in paths {
        match path.as_str() {
            "capacity" => update.capacity = Some(sent.capacity),
            "values" => update.values = update.values.or_else(|| values.take()),
            "name" => {}
            _ => return Err(SdkError::invalid("the mask names no field of a list".into())),
        }
    }
    Ok(update)
}

#[tonic::async_trait]
impl Sdk for Face {
    async fn get_counter(&self, request: Request<GetCounterRequest>) -> Answer<Counter> {
        let name = request.into_inner().name;
        let found = self.server.read(|sdk| sdk.counter(&name))?;
        Ok(Response::new(counter(name, found)))
    }

    async fn update_counter(&self, request: Request<UpdateCounterRequest>) -> Answer<Counter> {
        let sent = request.into_inner().counter_update_request;
        let sent = sent.ok_or_else(|| missing("counterUpdateRequest"))?;
        let update = CounterUpdate {
            capacity: sent.capacity,
            count: sent.count,
            difference: sent.count_diff,
        };
        let changed =
            self.server.change(Moment::now(), |sdk| sdk.update_counter(&sent.name, update))?;
        Ok(Response::new(counter(sent.name, changed)))
    }

    async fn get_list(&self, request: Request<GetListRequest>) -> Answer<List> {
        let name = request.into_inner().name;
        let found = self.server.read(|sdk| sdk.list(&name).map(|found| list(&name, found)))?;
        Ok(Response::new(found))
    }

    async fn update_list(&self, request: Request<UpdateListRequest>) -> Answer<List> {
        let UpdateListRequest { list: sent, update_mask } = request.into_inner();
        let sent = sent.ok_or_else(|| missing("list"))?;
        let name = sent.name.clone();
        let update = masked(sent, update_mask.map(|mask| mask.paths))?;
        let changed = self.server.change(Moment::now(), |sdk| {
            sdk.update_list(&name, update).map(|changed| list(&name, changed))
        })?;
        Ok(Response::new(changed))
    }

    async fn add_list_value(&self, request: Request<AddListValueRequest>) -> Answer<List> {
        let AddListValueRequest { name, value } = request.into_inner();
        let changed = self.server.change(Moment::now(), |sdk| {
            sdk.add_to_list(&name, &value).map(|changed| list(&name, changed))
        })?;
        Ok(Response::new(changed))
    }

    async fn remove_list_value(&self, request: Request<RemoveListValueRequest>) -> Answer<List> {
        let RemoveListValueRequest { name, value } = request.into_inner();
        let changed = self.server.change(Moment::now(), |sdk| {
            sdk.remove_from_list(&name, &value).map(|changed| list(&name, changed))
        })?;
        Ok(Response::new(changed))
    }
}
