/** The frames of the session channel: one JSON object a text frame, with its `type` in it. */

import type { JoinAnswer } from "../types.js";

export const SUBPROTOCOL = "lifeboat.v1";
export const TOKEN_SUBPROTOCOL_PREFIX = "token.";

export const closeCode = {
  shutdown: 1001,
  badToken: 4001,
  expired: 4002,
  replaced: 4003,
  kicked: 4004,
  slow: 4008,
  protocol: 4009,
} as const;

export type RejoinReason =
  | "failover"
  | "failback"
  | "rejoin"
  | "serverReplaced"
  | "deploymentEnded";

export type ByeReason = "shutdown" | "replaced" | "kicked" | "expired" | "slow";

export interface Rejoin {
  leaveAfterMs: number;
  rejoinAfterMs: number;
  reason: RejoinReason;
}

export interface LiveConfigValues {
  game: Record<string, unknown>;
  project: Record<string, unknown>;
}

export type ServerFrame =
  | {
      type: "hello";
      session: string;
      revision: number;
      allClients: number;
      liveConfig: LiveConfigValues;
      heartbeatSeconds: number;
      rejoin?: Rejoin | null;
      /** Whether the server takes `reopen` on this channel. */
      reopens?: boolean;
    }
  | { type: "liveConfig"; revision: number; changes: Record<string, unknown> }
  | ({ type: "forceDisconnect"; allClients: number } & Rejoin & {
        failover?: string | null;
        message?: string | null;
      })
  | ({ type: "placement" } & JoinAnswer)
  | { type: "hold" }
  | { type: "message"; text: string }
  | { type: "progress"; over: number; present: number }
  | { type: "tokens"; ticket: string; sessionToken: string }
  | { type: "ping" }
  | { type: "error"; code: string; detail: string; retryAfterMs?: number | null }
  | { type: "bye"; reason: ByeReason; retryAfterMs?: number | null }
  | { type: "unknown" };

export type ClientFrame =
  | {
      type: "state";
      state: "loading" | "connecting" | "inWorld";
      world?: string;
      server?: string;
      cause?: string;
      sinceMs?: number;
    }
  /**
   * The channel begins anew, over the connection that is open anyway, with the token that a join
   * gave. A `hello` is the answer; what comes before it is still of the channel so far.
   */
  | { type: "reopen"; sessionToken: string }
  | { type: "pong" }
  | { type: "leave" };

type Fields = Record<string, unknown>;

const isObject = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const isText = (value: unknown): value is string => typeof value === "string";
const isCount = (value: unknown): value is number =>
  typeof value === "number" && Number.isFinite(value) && value >= 0;
const isWait = (value: unknown) => value === undefined || value === null || isCount(value);
const isRejoin = (value: unknown) =>
  isObject(value) && isCount(value.leaveAfterMs) && isCount(value.rejoinAfterMs);

/** Which fields the machine relies on, by type. */
const checks: Record<string, (frame: Fields) => boolean> = {
  hello: (frame) =>
    isObject(frame.liveConfig) &&
    (frame.rejoin === undefined || frame.rejoin === null || isRejoin(frame.rejoin)),
  liveConfig: (frame) => isObject(frame.changes),
  forceDisconnect: isRejoin,
  placement: (frame) =>
    [frame.world, frame.server, frame.endpoint, frame.ticket, frame.sessionToken, frame.sessionUrl]
      .every(isText) && isCount(frame.revision),
  hold: () => true,
  message: (frame) => isText(frame.text),
  progress: (frame) => isCount(frame.over) && isCount(frame.present),
  tokens: (frame) => isText(frame.ticket) && isText(frame.sessionToken),
  ping: () => true,
  error: (frame) => isWait(frame.retryAfterMs),
  bye: (frame) => isText(frame.reason) && isWait(frame.retryAfterMs),
};

/**
 * Reads a text frame. A type that this version does not know is `unknown`, which still counts as a
 * sign of life; what is no frame at all is null, to be ignored.
 */
export function readFrame(text: string): ServerFrame | null {
  let frame: unknown;
  try {
    frame = JSON.parse(text);
  } catch {
    return null;
  }
  if (!isObject(frame) || !isText(frame.type)) return null;
  if (!Object.hasOwn(checks, frame.type)) return { type: "unknown" };
  return checks[frame.type]?.(frame) ? (frame as unknown as ServerFrame) : null;
}
