import type { components } from "../openapi.js";

/** One of the closed list of error codes. */
export type ErrorCode = components["schemas"]["ErrorCode"];

/** The HTTP status of each error code, as in the Rust crate's `core::code`. */
export const errorCodes = {
  access_denied: 403,
  admission_paced: 503,
  banned: 403,
  base_version_mismatch: 409,
  bad_request: 400,
  body_too_large: 413,
  counter_decreased: 422,
  counter_jump: 422,
  csrf_refused: 403,
  drill_blocked: 409,
  failover_blocked: 409,
  failover_held: 503,
  failover_in_progress: 409,
  failover_state: 409,
  guest_not_allowed: 403,
  idempotency_done: 409,
  idempotency_mismatch: 422,
  if_match_failed: 412,
  internal: 500,
  launch_context_required: 409,
  limit_reached: 409,
  method_not_allowed: 405,
  name_taken: 409,
  not_failed_over: 409,
  not_found: 404,
  override_cycle: 422,
  override_deployment_mismatch: 409,
  override_incomplete: 422,
  override_launch_context_mismatch: 422,
  override_self: 422,
  override_target_not_active: 409,
  override_target_not_found: 422,
  protocol_error: 400,
  rate_limited: 429,
  reason_required: 422,
  role_required: 403,
  schema_violation: 422,
  session_expired: 401,
  standby_exists: 409,
  standby_missing: 409,
  store_unavailable: 503,
  target_not_active: 503,
  unauthorized: 401,
  unknown_key: 422,
  unsupported_media_type: 415,
  validation_failed: 422,
  world_failed_over: 409,
  world_full: 503,
  world_in_use: 409,
  world_not_active: 503,
  world_not_found: 404,
  world_not_running: 409,
  world_running: 409,
  write_contended: 503,
} as const satisfies Record<ErrorCode, number>;

/** Reads a code of a problem document; one that this version does not know is none. */
export function errorCode(value: unknown): ErrorCode | null {
  return typeof value === "string" && Object.hasOwn(errorCodes, value) ? (value as ErrorCode) : null;
}

/**
 * Whether a refusal with this code ends a join: the ledger counts the client as refused, and the
 * client asks no more. Any other helps by waiting, if only for an operator to mend something or
 * for the player to sign in again. What a code is elsewhere does not matter: as the answer to a
 * join, `override_cycle` waits to be cleared.
 */
export function isFinal(code: ErrorCode): boolean {
  return [403, 404, 409].includes(errorCodes[code]);
}
