//! The closed list of error codes: one table of every code with its HTTP status and its title.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! error_codes {
    ($($(#[$doc:meta])* $variant:ident = $text:literal, $status:literal, $title:literal;)+) => {
        /// Why something was refused or failed; the same word in problem documents, error frames,
        /// readiness rules, logs and metrics.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum ErrorCode {
            $($(#[$doc])* $variant,)+
        }

        impl ErrorCode {
            /// Every code there is, in alphabetical order.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The code as it stands in answers.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }

            /// The HTTP status that goes with it.
            #[must_use]
            pub const fn status(self) -> u16 {
                match self { $(Self::$variant => $status,)+ }
            }

            /// A short sentence that is the same at each occurrence.
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self { $(Self::$variant => $title,)+ }
            }
        }
    };
}

error_codes! {
    /// The user is not a member of the world's access groups.
    AccessDenied = "access_denied", 403, "You may not enter this world";
    /// The world takes no more joins at this moment.
    AdmissionPaced = "admission_paced", 503, "It is not your turn yet";
    /// The user is banned.
    Banned = "banned", 403, "You are banned";
    /// Client and target are of different base versions.
    BaseVersionMismatch = "base_version_mismatch", 409, "Client and world are of different base versions";
    /// A request that the program cannot read.
    BadRequest = "bad_request", 400, "The request cannot be read";
    /// The body is larger than the limit.
    BodyTooLarge = "body_too_large", 413, "The body is too large";
    /// A counter would fall.
    CounterDecreased = "counter_decreased", 422, "Counters only grow";
    /// A counter would grow by too much at once.
    CounterJump = "counter_jump", 422, "The counter would grow by too much at once";
    /// A request that cannot be answered across sites.
    CsrfRefused = "csrf_refused", 403, "The request does not come from the dashboard";
    /// A drill was asked for while people are in one of the worlds.
    DrillBlocked = "drill_blocked", 409, "A drill is not possible now";
    /// A failover of this world is blocked by rules.
    FailoverBlocked = "failover_blocked", 409, "The failover is blocked";
    /// The failover was put on hold by an operator.
    FailoverHeld = "failover_held", 503, "The move is on hold";
    /// Another failover of the world is in progress.
    FailoverInProgress = "failover_in_progress", 409, "Another failover is in progress";
    /// The failover's phase does not allow this.
    FailoverState = "failover_state", 409, "The failover's phase does not allow this";
    /// The world does not admit guests.
    GuestNotAllowed = "guest_not_allowed", 403, "This world does not admit guests";
    /// A request that came again was carried out the first time, and its answer is lost.
    IdempotencyDone = "idempotency_done", 409, "It was carried out already";
    /// The idempotency key was used with another body.
    IdempotencyMismatch = "idempotency_mismatch", 422, "The idempotency key was used with another request";
    /// A precondition header does not hold.
    IfMatchFailed = "if_match_failed", 412, "It was changed in the meantime";
    /// A bug of the program; never provoked by input.
    Internal = "internal", 500, "The program failed";
    /// Main or target needs a launch context and none is known.
    LaunchContextRequired = "launch_context_required", 409, "A launch context is required";
    /// A limit of the installation is reached.
    LimitReached = "limit_reached", 409, "A limit is reached";
    /// The method is not allowed for this address.
    MethodNotAllowed = "method_not_allowed", 405, "The method is not allowed here";
    /// A name that is taken.
    NameTaken = "name_taken", 409, "The name is taken";
    /// Nothing is failed over.
    NotFailedOver = "not_failed_over", 409, "Nothing is failed over";
    /// The thing does not exist.
    NotFound = "not_found", 404, "It does not exist";
    /// The overrides would lead in a circle.
    OverrideCycle = "override_cycle", 422, "The overrides lead in a circle";
    /// The pinned deployment is not an active one of the target world.
    OverrideDeploymentMismatch = "override_deployment_mismatch", 409, "The deployment is not an active one of the target world";
    /// A deployment or launch context without a world.
    OverrideIncomplete = "override_incomplete", 422, "The override lacks its world";
    /// The launch context is not the target deployment's.
    OverrideLaunchContextMismatch = "override_launch_context_mismatch", 422, "The launch context is not the target deployment's";
    /// A world that would redirect to itself.
    OverrideSelf = "override_self", 422, "A world cannot redirect to itself";
    /// The target world is not Active.
    OverrideTargetNotActive = "override_target_not_active", 409, "The target world is not active";
    /// The target world does not exist.
    OverrideTargetNotFound = "override_target_not_found", 422, "The target world does not exist";
    /// A frame or request that the protocol does not allow.
    ProtocolError = "protocol_error", 400, "The peer broke the protocol";
    /// Too many requests.
    RateLimited = "rate_limited", 429, "Too many requests";
    /// A force without a reason.
    ReasonRequired = "reason_required", 422, "A reason is required";
    /// The caller's role does not allow this.
    RoleRequired = "role_required", 403, "Your role does not allow this";
    /// A value breaks its schema.
    SchemaViolation = "schema_violation", 422, "A value breaks its schema";
    /// The session ended.
    SessionExpired = "session_expired", 401, "The session has expired";
    /// The world has a standby already.
    StandbyExists = "standby_exists", 409, "The world has a standby already";
    /// The world has no standby.
    StandbyMissing = "standby_missing", 409, "The world has no standby";
    /// The store is out of reach; reads and joins go on from memory.
    StoreUnavailable = "store_unavailable", 503, "The store is out of reach";
    /// The world that people are sent to is not ready.
    TargetNotActive = "target_not_active", 503, "The backup world is not ready yet";
    /// No key, or a key or token that is not valid.
    Unauthorized = "unauthorized", 401, "A valid key or token is required";
    /// A key that the schema does not have.
    UnknownKey = "unknown_key", 422, "The key is unknown";
    /// A body of another media type.
    UnsupportedMediaType = "unsupported_media_type", 415, "The media type is not supported";
    /// A value breaks a rule.
    ValidationFailed = "validation_failed", 422, "A value breaks a rule";
    /// The world redirects and the launch does not say what becomes of that.
    WorldFailedOver = "world_failed_over", 409, "The world is failed over";
    /// The world has no free seat.
    WorldFull = "world_full", 503, "The world is full";
    /// The world takes part in an override or runs.
    WorldInUse = "world_in_use", 409, "The world is in use";
    /// The world is not Active.
    WorldNotActive = "world_not_active", 503, "The world is not running";
    /// The world does not exist.
    WorldNotFound = "world_not_found", 404, "The world does not exist";
    /// The world does not run.
    WorldNotRunning = "world_not_running", 409, "The world is not running";
    /// The world runs.
    WorldRunning = "world_running", 409, "The world is running";
    /// The write lost its race several times.
    WriteContended = "write_contended", 503, "Others are writing the same thing";
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_in_the_docs_has_every_code_with_its_status() {
        let docs = include_str!("../../../docs/errors.md");
        for code in ErrorCode::ALL {
            let row = format!("| `{code}` | {} |", code.status());
            assert!(docs.contains(&row), "docs/errors.md lacks {row}");
        }
        let rows = docs.lines().filter(|line| line.starts_with("| `")).count();
        assert_eq!(rows, ErrorCode::ALL.len(), "docs/errors.md has rows of codes that are gone");
    }

    #[test]
    fn the_serialised_form_is_the_table_s() {
        for code in ErrorCode::ALL {
            let json = serde_json::to_string(code).unwrap();
            assert_eq!(json, format!("\"{code}\""));
        }
    }
}
