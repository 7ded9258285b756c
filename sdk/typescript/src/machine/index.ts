export type { Action, EndReason, Input, Status } from "./action.js";
export { type ErrorCode, errorCode, errorCodes, isFinal } from "./codes.js";
export {
  type ByeReason,
  type ClientFrame,
  type LiveConfigValues,
  type RejoinReason,
  type ServerFrame,
  SUBPROTOCOL,
  TOKEN_SUBPROTOCOL_PREFIX,
  closeCode,
  readFrame,
} from "./frame.js";
export { Machine } from "./machine.js";
