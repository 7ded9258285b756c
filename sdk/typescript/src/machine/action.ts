/** What goes into the client's state machine and what comes out of it. */

import type { JoinAnswer, JoinRequest } from "../types.js";
import type { ErrorCode } from "./codes.js";
import type { ClientFrame, ServerFrame } from "./frame.js";

/** Everything that can wake the machine. */
export type Input =
  | { input: "start" }
  | { input: "joined"; answer: JoinAnswer }
  /** `code` is null when the server could not be reached. */
  | { input: "joinFailed"; code: ErrorCode | null; retryAfterMs: number | null }
  | { input: "frame"; frame: ServerFrame }
  /** `code` is null when there was no close frame. */
  | { input: "channelClosed"; code: number | null }
  | { input: "gameConnected" }
  | { input: "gameLost" }
  | { input: "timer" }
  | { input: "leave" };

/** What the caller has to do. */
export type Action =
  | { action: "join"; request: JoinRequest }
  /** In place of any other channel. */
  | { action: "openChannel"; url: string; token: string }
  /** Its end is not reported back. */
  | { action: "closeChannel" }
  | { action: "send"; frame: ClientFrame }
  | { action: "connectGame"; endpoint: string; ticket: string }
  /** Its end is not reported back. */
  | { action: "disconnectGame" }
  | { action: "show"; status: Status }
  /** The text is data: show it as text. */
  | { action: "showMessage"; text: string }
  /** How far the failover is that the user waits in. */
  | { action: "showProgress"; over: number; present: number }
  /** New values by JSON Pointer; the whole as `/game` and `/project` at each hello. */
  | { action: "liveConfig"; changes: Record<string, unknown> };

/**
 * Where the user is, for display. Times are milliseconds of the clock that the machine is given;
 * the client tells them as milliseconds since the epoch.
 */
export type Status =
  | { status: "joining" }
  /** On the loading screen until a time, then asks again unless it is called before. */
  | { status: "waiting"; until: number | null; code: ErrorCode | null }
  | { status: "connecting"; world: string; server: string }
  | { status: "inWorld"; world: string; server: string }
  | { status: "refused"; code: ErrorCode }
  | { status: "ended"; reason: EndReason };

export type EndReason = "left" | "replaced" | "kicked";
