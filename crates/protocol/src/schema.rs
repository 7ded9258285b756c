//! Shapes of the domain's types for the OpenAPI document, which the domain knows nothing of.

use serde::Serialize;
use utoipa::ToSchema;

/// A base version: a number, or as the guide writes it, such as `V37`.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = BaseVersion)]
#[expect(dead_code, reason = "only its shape is used")]
pub(crate) enum BaseVersionShape {
    Number(u32),
    Text(String),
}

/// How clients are launched into a world.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Streaming)]
pub(crate) struct StreamingShape {
    launch_mode: LaunchModeShape,
}

/// Where a client opens.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
#[schema(as = LaunchMode)]
#[expect(dead_code, reason = "only its shape is used")]
pub(crate) enum LaunchModeShape {
    SameTab,
    NewTab,
    Embedded,
    Native,
}
