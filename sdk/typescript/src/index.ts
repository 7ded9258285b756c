export {
  Client,
  type ClientEvents,
  type ClientOptions,
  type ConnectGame,
  type GameHandlers,
  type GameSpot,
} from "./client.js";
export type { Socket, SocketClass } from "./channel.js";
export { type Environment, pageEnvironment } from "./environment.js";
export type { JoinFailure } from "./join.js";
export { withChanges } from "./live-values.js";
export type { EndReason, ErrorCode, Status } from "./machine/index.js";
export type { components, operations, paths } from "./openapi.js";
export type { JoinAnswer, JoinRequest, LaunchMode, Problem, Streaming } from "./types.js";
