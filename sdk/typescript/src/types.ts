/**
 * The shapes that go over HTTP to and from players. Written by hand after the contract, one
 * interface for each schema of `/api/openapi.json`, so that a generated file can take its place.
 */

export type LaunchMode = "same-tab" | "new-tab" | "embedded" | "native";

export interface Streaming {
  launchMode: LaunchMode;
}

/** What a client says of itself at each join. */
export interface ClientInfo {
  /** Its base version; the target's is assumed when null. */
  baseVersion: number | string | null;
  /** A word for what it is, such as `browser`. */
  kind: string | null;
  /** What it understands beyond a join; `placement` is all there is. */
  accepts: string[];
}

/** `POST /api/worlds/{id}/join`. */
export interface JoinRequest {
  client: ClientInfo;
  /** The session token of an earlier join: keeps user, session, seat and ledger line. */
  previous: string | null;
  /** The answer must not come from a state older than this revision. */
  minRevision: number | null;
}

/** The answer to a join. Everything but `requestedWorld` is of the world placed in. */
export interface JoinAnswer {
  session: string;
  user: string;
  requestedWorld: string;
  world: string;
  deployment: string;
  launchContext: string | null;
  redirected: boolean;
  previousAccepted: boolean;
  server: string;
  endpoint: string;
  streaming: Streaming;
  allClients: number;
  revision: number;
  /** For the game server, good for minutes. */
  ticket: string;
  /** For the session channel and later joins, good for hours. */
  sessionToken: string;
  sessionUrl: string;
}

/** An RFC 9457 problem document. */
export interface Problem {
  type: string;
  title: string;
  status: number;
  detail: string;
  code: string;
  errors?: { path: string; code: string; message: string }[];
  retryAfterMs?: number;
  [member: string]: unknown;
}
