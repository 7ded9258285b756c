//! What a call of the SDK can be refused for.

use thiserror::Error;

/// The kind of a refusal: a code of gRPC and what it is over HTTP. Agones promises these codes in
/// its description and answers code 2 in fact; game servers cannot rely on either.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SdkErrorKind {
    /// The call is malformed.
    InvalidArgument,
    /// There is no such counter, list, value or path.
    NotFound,
    /// The value is in the list.
    AlreadyExists,
    /// A limit of Lifeboat is reached.
    ResourceExhausted,
    /// A bound of the counter or list would be left.
    OutOfRange,
    /// The path does not take this method.
    Unimplemented,
}

impl SdkErrorKind {
    /// The code of gRPC.
    #[must_use]
    pub fn grpc_code(self) -> i32 {
        match self {
            Self::InvalidArgument => 3,
            Self::NotFound => 5,
            Self::AlreadyExists => 6,
            Self::ResourceExhausted => 8,
            Self::OutOfRange => 11,
            Self::Unimplemented => 12,
        }
    }

    /// The status over HTTP, as gRPC's gateway translates the code.
    #[must_use]
    pub fn http_status(self) -> u16 {
        match self {
            Self::InvalidArgument | Self::OutOfRange => 400,
            Self::NotFound => 404,
            Self::AlreadyExists => 409,
            Self::ResourceExhausted => 429,
            Self::Unimplemented => 501,
        }
    }
}

/// A refused call of the SDK.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct SdkError {
    /// What kind of refusal it is.
    pub kind: SdkErrorKind,
    /// Which rule was broken, for the author of the game server.
    pub message: String,
}

impl SdkError {
    pub(crate) fn invalid(message: String) -> Self {
        Self { kind: SdkErrorKind::InvalidArgument, message }
    }

    pub(crate) fn not_found(message: String) -> Self {
        Self { kind: SdkErrorKind::NotFound, message }
    }

    pub(crate) fn unknown(what: &str, name: &str) -> Self {
        let shown: String = name.chars().take(64).collect();
        Self::not_found(format!("{what} {shown} is not declared for this server"))
    }

    pub(crate) fn already_exists(message: String) -> Self {
        Self { kind: SdkErrorKind::AlreadyExists, message }
    }

    pub(crate) fn out_of_range(message: String) -> Self {
        Self { kind: SdkErrorKind::OutOfRange, message }
    }

    pub(crate) fn exhausted(message: String) -> Self {
        Self { kind: SdkErrorKind::ResourceExhausted, message }
    }

    pub(crate) fn unimplemented(message: String) -> Self {
        Self { kind: SdkErrorKind::Unimplemented, message }
    }
}
